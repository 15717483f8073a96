package rules

import (
	"fmt"
	"strings"
	"time"
)

// Render writes reports for a terminal, as `gateway rules test` prints them; took is how long the tests ran. lang is "zh"
// or "en"; the last line is the same in both, for scripts.
func Render(reports []TestReport, took time.Duration, lang string) string {
	w := reportWords[0:3]
	if lang == "en" {
		w = reportWords[3:6]
	}
	var b strings.Builder
	passed, failed := 0, 0
	for _, r := range reports {
		passed, failed = passed+r.Passed, failed+r.Failed
		if r.Failed == 0 {
			fmt.Fprintf(&b, "%s  ✓ %d\n", r.File, r.Passed)
			continue
		}
		fmt.Fprintf(&b, "%s\n", r.File)
		for _, p := range r.Problems {
			fmt.Fprintf(&b, "  ✗ %s\n", p.Error())
		}
		for _, t := range r.Results {
			t.render(&b, r.File, w)
		}
	}
	if lang == "zh" {
		fmt.Fprintf(&b, "%d 通过，%d 失败，%.2f s\n", passed, failed, took.Seconds())
	} else {
		fmt.Fprintf(&b, "%.2f s\n", took.Seconds())
	}
	fmt.Fprintf(&b, "%d passed, %d failed\n", passed, failed)
	return b.String()
}

// reportWords head the columns of a failure, in Chinese and English.
var reportWords = [...]string{"字段", "期望", "实际", "field", "expected", "actual"}

func (t TestResult) render(b *strings.Builder, file string, head []string) {
	if len(t.Failures) == 0 {
		fmt.Fprintf(b, "  ✓ %s\n", t.Name)
		return
	}
	fmt.Fprintf(b, "  ✗ %s  %s:%d\n", pad(t.Name, 46), file, t.Failures[0].Line)
	widths := [...]int{width(head[0]), width(head[1])}
	for _, f := range t.Failures {
		widths[0], widths[1] = max(widths[0], width(f.Field)), max(widths[1], width(f.Expected))
	}
	row := func(field, expected, actual string) {
		fmt.Fprintf(b, "      %s  %s  %s\n", pad(field, widths[0]), pad(expected, widths[1]), actual)
	}
	row(head[0], head[1], head[2])
	for _, f := range t.Failures {
		row(f.Field, f.Expected, f.Actual)
		fmt.Fprintf(b, "        ← %s:%d %s", file, f.Line, f.At)
		if f.Note != "" {
			fmt.Fprintf(b, "  %s", f.Note)
		}
		b.WriteByte('\n')
	}
}

// width counts columns of a terminal: Han and other wide runes take two.
func width(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x1100 && r <= 0x115F || r >= 0x2E80 && r <= 0xFFDC && (r < 0xD800 || r > 0xF8FF) || r >= 0x1F300 && r <= 0x1FAFF {
			n++
		}
	}
	return n
}

func pad(s string, columns int) string { return s + strings.Repeat(" ", max(columns-width(s), 0)) }

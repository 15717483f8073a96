package charging

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Table is the report for people, no wider than 120 columns: what became of each class over all sampling intervals. With
// more, also by interval and by what went wrong on the line, and sessions to look at again.
func (r *Report) Table(more bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d sessions from seed %d, %.0f h at the socket, played in %.0f s\n\n", r.Sessions, r.Seed, r.Hours, r.Seconds)
	fmt.Fprintf(&b, "%-20s %8s  %-6s", "class", "sessions", "rule")
	fmt.Fprintf(&b, columns, "due", "detected", "graver", "missed", "unseen", "false", "delay median / worst")
	for _, t := range r.Classes {
		r.class(&b, t)
	}
	healthy, lied, severe := 0, 0, 0
	for _, t := range r.Classes {
		if t.Healthy {
			healthy, lied, severe = healthy+t.Sessions, lied+t.False, severe+t.FalseA
		}
	}
	fmt.Fprintf(&b, "\n✓ healthy: of %d sessions %d have a false alarm, %d one of severity A\n", healthy, lied, severe)
	if more {
		r.more(&b)
	}
	b.WriteString(legend)
	return b.String()
}

const columns = " %5s %9s %7s %7s %7s %6s  %s\n"

// class writes the lines of a class, one for each statement that was due or told.
func (r *Report) class(b *strings.Builder, t Total) {
	name := t.Name
	if t.Healthy {
		name += " ✓"
	}
	head := fmt.Sprintf("%-20s %8d", name, t.Sessions)
	for _, row := range r.Summary {
		if string(row.Class) == t.Name {
			fmt.Fprintf(b, "%s  %-6s", head, row.Rule)
			row.write(b)
			head = fmt.Sprintf("%-20s %8s", "", "")
		}
	}
	if strings.HasPrefix(head, name) {
		fmt.Fprintf(b, "%s  nothing due, nothing told\n", head)
	}
}

func (row *Row) write(b *strings.Builder) {
	delay := ""
	if row.Detected > 0 {
		delay = short(row.DelayMidS) + " / " + short(row.DelayMaxS)
	}
	if row.OverMaxS != 0 {
		delay = fmt.Sprintf("%-13s full + %s / %s", delay, short(row.OverMidS), short(row.OverMaxS))
	}
	fmt.Fprintf(b, " %5d %9d %7d %7d %7d %6d  %s\n", row.Due, row.Detected, row.Graver, row.Missed, row.Unknowable, row.False, delay)
}

// more writes what only those look at who mend rules.
func (r *Report) more(b *strings.Builder) {
	fmt.Fprintf(b, "\n%-20s %8s  %-6s", "class", "every", "rule")
	fmt.Fprintf(b, columns, "due", "detected", "graver", "missed", "unseen", "false", "delay median / worst")
	for _, row := range r.Rows {
		fmt.Fprintf(b, "%-20s %7.0fs  %-6s", row.Class, row.EveryS, row.Rule)
		row.write(b)
	}
	fmt.Fprintf(b, "\n%-20s %8s  %-6s", "trouble", "sessions", "hours")
	fmt.Fprintf(b, columns, "due", "detected", "graver", "missed", "unseen", "false", "")
	for _, t := range r.Troubles {
		fmt.Fprintf(b, "%-20s %8d  %-6.0f", t.Name, t.Sessions, t.Hours)
		fmt.Fprintf(b, " %5d %9d %7d %7d %7d %6d\n", t.Due, t.Detected, t.Graver, t.Missed, t.Unknowable, t.False)
	}
	for _, k := range slices.Sorted(maps.Keys(r.Others)) {
		fmt.Fprintf(b, "not judged: %s: %d\n", k, r.Others[k])
	}
	b.WriteString("\nLook again with -class … -seed … -sampling … -trace:\n")
	for _, e := range r.Examples {
		fmt.Fprintf(b, "  %-7s %-6s -class %s -seed %d -sampling %.0fs   %s, %s, at %s\n", e.What, e.Rule, e.Class, e.Seed, e.EveryS, e.Pack, e.Trouble, short(e.AtS))
	}
}

const legend = `
due: true beyond doubt, and a perfect observer of the same samples could know. graver: not told, because something
graver was told before it was due. unseen: true, but not to be known from the samples. false: told, and not true. The
delay counts from the truth by the words; it is negative where the engine spoke while it may have been true. full +:
after the battery began to take more than it holds. -v: by sampling interval, and sessions to look at again.
`

// short is a time as somebody would say it: from ten minutes on, seconds do not matter.
func short(s float64) string {
	d := time.Duration(s) * time.Second
	if d.Abs() < 10*time.Minute {
		return d.String()
	}
	return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
}

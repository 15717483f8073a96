package charging

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Table is the report for people.
func (r *Report) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d sessions from seed %d, %.0f h of charging in %.1f s (%.1f h/ms)\n\n", r.Sessions, r.Seed, r.Hours, r.Seconds, r.Hours/r.Seconds/1000)
	fmt.Fprintf(&b, "%-20s %-6s %6s %5s %9s %7s %7s %7s %6s   %-17s %s\n", "class", "rule", "every", "due", "detected", "graver", "missed", "unseen", "false", "delay mid/max", "past full mid/max")
	for _, row := range r.Rows {
		delay, over := "", ""
		if row.Detected > 0 {
			delay = short(row.DelayMidS) + " / " + short(row.DelayMaxS)
		}
		if row.OverMaxS != 0 {
			over = short(row.OverMidS) + " / " + short(row.OverMaxS)
		}
		fmt.Fprintf(&b, "%-20s %-6s %5.0fs %5d %9d %7d %7d %7d %6d   %-17s %s\n", row.Class, row.Rule, row.EveryS, row.Due, row.Detected, row.Graver, row.Missed, row.Unknowable, row.False, delay, over)
	}
	totals(&b, "class", r.Classes)
	totals(&b, "trouble", r.Troubles)
	for _, k := range slices.Sorted(maps.Keys(r.Others)) {
		fmt.Fprintf(&b, "not judged: %s: %d\n", k, r.Others[k])
	}
	b.WriteString("\nExamples (-class … -seed … -sampling … -trace):\n")
	for _, e := range r.Examples {
		fmt.Fprintf(&b, "  %-7s %-6s -class %s -seed %d -sampling %.0fs   %s, %s, at %s\n", e.What, e.Rule, e.Class, e.Seed, e.EveryS, e.Pack, e.Trouble, short(e.AtS))
	}
	b.WriteString(legend)
	return b.String()
}

func totals(b *strings.Builder, of string, list []Total) {
	fmt.Fprintf(b, "\n%-20s %8s %7s %6s %9s %7s %7s %7s %15s %8s\n", of, "sessions", "hours", "due", "detected", "graver", "missed", "unseen", "false alarm in", "grave A")
	for _, t := range list {
		name := t.Name
		if t.Healthy {
			name += " ✓"
		}
		fmt.Fprintf(b, "%-20s %8d %7.0f %6d %9d %7d %7d %7d %15d %8d\n", name, t.Sessions, t.Hours, t.Due, t.Detected, t.Graver, t.Missed, t.Unknowable, t.False, t.FalseA)
	}
}

const legend = `
due: true beyond doubt, and a perfect observer of the same samples could know; graver: not told because something graver
was, before it was due; unseen: true, but not to be known from the samples; false: told, and not true. The delay counts from
the truth by the words; it is negative where the engine spoke while it may have been true. ✓ healthy classes.
`

func short(s float64) string {
	return (time.Duration(s) * time.Second).String()
}

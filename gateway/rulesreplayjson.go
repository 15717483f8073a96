package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/rules"
)

// replayJSON is a replay for scripts.
type replayJSON struct {
	From     time.Time         `json:"from"`
	To       time.Time         `json:"to"`
	TookMs   float64           `json:"took_ms"`
	Points   int               `json:"points"`
	Samples  uint64            `json:"samples"` // with those of the time before that is not reported
	Records  uint64            `json:"records"`
	Bytes    int64             `json:"bytes"`
	Holes    []rules.Hole      `json:"holes"`
	Recorded *int              `json:"recorded,omitempty"` // alerts that the gateway told at the time
	Outcomes int               `json:"outcomes"`
	Outside  int               `json:"outcomes_of_other_times"`
	Sets     []setJSON         `json:"sets"` // compared with first, if any
	Diff     *rules.ReplayDiff `json:"diff,omitempty"`
}

type setJSON struct {
	Name   string              `json:"name"`
	Report *rules.ReplayReport `json:"report"`
	Missed []missedJSON        `json:"missed"` // closed alerts that the set does not have
}

type missedJSON struct {
	Alert   string `json:"alert"`
	Outcome string `json:"outcome"`
}

func (r *replayed) json() replayJSON {
	out := replayJSON{From: r.from.UTC(), To: r.to.UTC(), TookMs: milliseconds(r.took), Points: r.stats.Points, Samples: r.stats.Samples,
		Records: r.stats.Records, Bytes: r.stats.Bytes, Holes: r.holes(), Outcomes: r.outcomes, Outside: r.outside}
	if n := len(r.recorded); r.log {
		out.Recorded = &n
	}
	for i := range r.sets {
		p := &r.sets[i]
		s := setJSON{Name: p.name, Report: &p.report, Missed: []missedJSON{}}
		for _, m := range p.missed {
			s.Missed = append(s.Missed, missedJSON{m.Alert, m.Outcome})
		}
		out.Sets = append(out.Sets, s)
	}
	if before := r.compared(); before != nil {
		d := rules.Compare(before.report, r.last().report)
		out.Diff = &d
	}
	return out
}

// grouped writes 1,935,360.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// signed writes a difference, with a real minus.
func signed(n int) string {
	switch {
	case n > 0:
		return "+" + strconv.Itoa(n)
	case n < 0:
		return "−" + strconv.Itoa(-n)
	}
	return "0"
}

func signedDelay(d time.Duration) string {
	switch {
	case d > 0:
		return "+" + short(d)
	case d < 0:
		return "−" + short(-d)
	}
	return "0 s"
}

// delay writes ms; a dash of none.
func delay(ms *int64) string {
	if ms == nil {
		return "—"
	}
	return short(time.Duration(*ms) * time.Millisecond)
}

// short writes a duration as 1.9 s, 62 s, 4 min 12 s, 3 h 5 min.
func short(d time.Duration) string {
	switch {
	case d > 0 && d < 100*time.Millisecond:
		return fmt.Sprintf("%d ms", max(1, d.Milliseconds()))
	case d < 10*time.Second:
		return strings.TrimSuffix(strconv.FormatFloat(d.Seconds(), 'f', 1, 64), ".0") + " s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < 2*time.Hour:
		return strings.TrimSuffix(fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60), " 0 s")
	}
	return strings.TrimSuffix(fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60), " 0 min")
}

// length writes a span: 7 days, 3.5 days, or as short does.
func length(lang config.Language, d time.Duration) string {
	if d < 24*time.Hour {
		return short(d)
	}
	return strings.TrimSuffix(strconv.FormatFloat(d.Hours()/24, 'f', 1, 64), ".0") + speaker(lang)(" 天", " days")
}

package restarts

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/rules"
)

// judge holds what was served, what the logs tell and what the cloud has against each other.
func (p *proof) judge(ctx context.Context) error {
	e, err := p.inspect(ctx)
	if err != nil {
		return err
	}
	r := p.result
	r.Kept = len(e.kept)
	for _, v := range e.twice {
		r.wrong(&r.Doubled, "%s count %d was kept twice", v.device, v.count)
	}
	for _, gap := range e.gaps {
		r.wrong(&r.Gaps, "%s", gap)
	}
	served := map[value]bool{}
	used := map[string]bool{}
	for _, m := range p.meters {
		for _, a := range m.served {
			served[value{m.id, a.count}] = true
		}
		if extra(m.id) {
			continue // not the gateway's all the time
		}
		seen := p.seen(m, e.kept)
		p.spells(m.id, seen, e.alerts, used)
	}
	r.Served = len(served)
	for v := range e.kept {
		if !served[v] {
			r.wrong(&r.Phantom, "%s count %d was never served", v.device, v.count)
		}
	}
	for id, events := range e.alerts {
		if events[0].Rule == "WATCH" && !used[id] && fired(events) > 0 {
			r.wrong(&r.Stray, "%s fired and nothing was the matter", id)
		}
		if events[0].Rule == "SEVERE" && fired(events) != 1 {
			r.wrong(&r.Doubled, "%s was told %d times", id, fired(events))
		}
		if events[0].Rule == rules.ActionRule {
			r.wrong(&r.Failed, "%s", id)
		}
		for _, ev := range events {
			if ev.State == rules.Firing && p.under(ev.At, 0) {
				r.Fired++
			}
		}
	}
	return p.delivered(ctx, e)
}

// under says whether a moment lies in a restart, or not longer before one than given.
func (p *proof) under(t time.Time, before time.Duration) bool {
	return slices.ContainsFunc(p.restarts, func(s span) bool { return t.After(s.from.Add(-before)) && t.Before(s.to) })
}

// crossed says whether there was a restart between two moments.
func (p *proof) crossed(from, to time.Time) bool {
	return slices.ContainsFunc(p.restarts, func(s span) bool { return s.from.Before(to) && s.to.After(from) })
}

// seen are the answers that the gateway made readings of, with its own times. Others must have been under way at a restart.
func (p *proof) seen(m *meter, kept map[value]time.Time) (seen []answer) {
	for i, a := range m.served {
		at, known := kept[value{m.id, a.count}]
		switch {
		case known:
			if n := len(seen); n > 0 && p.crossed(seen[n-1].at, at) {
				p.result.GapMs = max(p.result.GapMs, at.Sub(seen[n-1].at).Milliseconds())
			}
			seen = append(seen, answer{at, a.count, a.power})
		case p.under(a.at, cut):
			p.result.Cut++
		case i == len(m.served)-1: // under way at the stop
		case slices.ContainsFunc(p.asked, func(s span) bool { return a.at.After(s.from) && a.at.Before(s.to) }):
		default:
			p.result.wrong(&p.result.Lost, "%s count %d of %s is in no record", m.id, a.count, clock(a.at))
		}
	}
	return seen
}

// spells judges each time in which a meter showed too much.
func (p *proof) spells(id string, seen []answer, alerts map[string][]rules.AlertEvent, used map[string]bool) {
	for i := 0; i < len(seen); i++ {
		if seen[i].power != much {
			continue
		}
		from := i
		for i < len(seen) && seen[i].power == much {
			i++
		}
		if i == len(seen) {
			return // the proof ended within it
		}
		due := slices.IndexFunc(seen[from:i], func(a answer) bool { return a.at.Sub(seen[from].at) >= hold })
		s := spell{id: id, since: seen[from].at, end: seen[i].at}
		if due >= 0 {
			s.due = seen[from+due].at
		}
		p.spell(s, alerts, used)
	}
}

// A spell is a time in which a meter showed too much, as the gateway has seen it.
type spell struct {
	id              string
	since, due, end time.Time // due zero: it was seen for less than the hold time
}

func (s spell) String() string {
	return fmt.Sprintf("%s from %s to %s", s.id, clock(s.since), clock(s.end))
}

func (p *proof) spell(s spell, alerts map[string][]rules.AlertEvent, used map[string]bool) {
	r := p.result
	var told []rules.AlertEvent
	ids := 0
	for id, events := range alerts {
		if ev := events[0]; ev.Subject == s.id && ev.Rule == "WATCH" && !ev.Since.Before(s.since.Add(-time.Millisecond)) && ev.Since.Before(s.end) {
			told, ids, used[id] = append(told, events...), ids+1, true
		}
	}
	fires := fired(told)
	if ids > 1 || fires > 1 {
		r.wrong(&r.Doubled, "%s: %d alerts, told %d times", s, ids, fires)
	}
	if !s.due.IsZero() {
		r.Timers++
		if p.crossed(s.since, s.due) {
			r.Hit++
		}
	}
	switch {
	case fires == 0 && !s.due.IsZero():
		r.wrong(&r.Missing, "%s: no alert, due %s", s, clock(s.due))
	case fires > 0 && s.end.Sub(s.since) < hold:
		r.wrong(&r.Stray, "%s: an alert after less than the hold time", s)
	case fires > 0:
		p.timing(s, told)
	}
}

// timing judges when an alert was told and when it ended. A restart may come between the reading and the word.
func (p *proof) timing(s spell, told []rules.AlertEvent) {
	r := p.result
	ended := 0
	for _, ev := range told {
		if ev.State == rules.Resolved {
			ended++
		}
		if ev.State != rules.Firing {
			continue
		}
		if d := ev.Since.Sub(s.since); d > time.Millisecond || ev.At.Sub(s.since) < hold-time.Millisecond {
			r.wrong(&r.Stray, "%s: since %s, told %s", s, clock(ev.Since), clock(ev.At))
		}
		if s.due.IsZero() {
			continue
		}
		waited := ev.At.Sub(s.due)
		if p.crossed(s.due.Add(-time.Second), ev.At) {
			waited -= time.Duration(r.PauseMs) * time.Millisecond
		}
		if r.LateMs = max(r.LateMs, waited.Milliseconds()); waited > late {
			r.wrong(&r.Late, "%s: due %s, told %s", s, clock(s.due), clock(ev.At))
		}
	}
	if ended != 1 {
		r.wrong(&r.Missing, "%s: ended %d times", s, ended)
	}
}

func fired(events []rules.AlertEvent) (n int) {
	for _, ev := range events {
		if ev.State == rules.Firing {
			n++
		}
	}
	return n
}

func clock(t time.Time) string { return t.Local().Format("15:04:05.000") }

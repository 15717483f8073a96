package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// What Engine.Explain answers when there is nothing to explain.
var (
	ErrNoRule    = errors.New("there is no such rule")
	ErrNoSubject = errors.New("the rule judges no such subject")
)

// An Explanation is what a rule sees in a subject, and what it makes of it.
type Explanation struct {
	Rule, Version string
	Title         Text
	Subject       string
	At            time.Time
	Shadow        bool
	Alert         string // the alert that is open; "": nothing is wrong
	State         State
	Level         int
	Since         time.Time
	Why           []Text  // as in AlertEvent, of all rungs
	Traces        []Trace // evaluations that were kept, oldest first
}

// A Trace is one evaluation of a rule that has been kept.
type Trace struct {
	At      time.Time
	Changed bool  // it changed the alert; otherwise it is that of the last tick that did not
	State   State // after it
	Level   int
	Why     []Text
}

// Explain says why a rule's alert for a subject is there, or why it is not, as things are at now. It changes nothing. The error is
// ErrNoRule or ErrNoSubject. An action that failed (ActionRule) is no condition: its event says all.
func (e *Engine) Explain(id, subject string, now time.Time) (Explanation, error) {
	if !slices.ContainsFunc(e.rules, func(r *rule) bool { return r.text.ID == id }) {
		return Explanation{}, fmt.Errorf("explain %s: %w", id, ErrNoRule)
	}
	s, a := e.byID().alert(subject, id)
	if a == nil {
		return Explanation{}, fmt.Errorf("explain %s for %s: %w", id, subject, ErrNoSubject)
	}
	f := e.see(s, now.UnixMilli())
	f.maxAge = e.maxAge(s, a.rule)
	f.windows = slices.Clone(s.windows) // asking a window moves it on
	for i := range f.windows {
		f.windows[i].ring = slices.Clone(f.windows[i].ring)
	}
	x := Explanation{Rule: id, Version: a.rule.version, Title: a.rule.text.Title, Subject: subject, At: now, Shadow: a.rule.mode == ShadowMode,
		Alert: a.ID, State: a.State, Level: a.Level}
	if a.State != "" {
		x.Since = time.UnixMilli(a.Since).UTC()
	}
	vals := make([]float64, a.rule.width())
	a.rule.record(f, vals)
	x.Why = e.report(s, a, f, vals)
	if a.trail != nil {
		x.Traces = e.traces(s, a)
	}
	f.windows = s.windows
	return x, nil
}

func (e *Engine) traces(s *subject, a *alert) []Trace {
	var all []Trace
	add := func(t *trace, changed bool) {
		tell := teller{e: e, s: s, a: a, vals: t.vals}
		tell.change(t)
		all = append(all, Trace{At: time.UnixMilli(t.at).UTC(), Changed: changed, State: t.state, Level: t.level, Why: tell.bounded()})
	}
	for i := range a.trail.changes {
		add(&a.trail.changes[i], true)
	}
	if a.trail.still.at != 0 {
		add(&a.trail.still, false)
	}
	slices.SortStableFunc(all, func(a, b Trace) int { return a.At.Compare(b.At) })
	return all
}

// why is what an event says of the evaluation that made it. Should saying it go wrong, the event goes without: the alert matters more.
func (e *Engine) why(s *subject, a *alert, t *trace, f *frame) (said []Text) {
	defer func() {
		if recover() != nil {
			said = nil
		}
	}()
	tell := teller{e: e, s: s, a: a, vals: t.vals, f: f}
	tell.change(t)
	return tell.bounded()
}

// report is the whole rule as it stands now.
func (e *Engine) report(s *subject, a *alert, f *frame, vals []float64) []Text {
	tell := teller{e: e, s: s, a: a, vals: vals, f: f}
	tell.betters()
	for i := range a.timers {
		g, t := a.rule.at(i), a.timers[i]
		if len(a.timers) > 1 {
			truth := vals[0]
			if p := a.rule.part(&g.expr, vals); len(p) > 0 {
				truth = p[0]
			}
			tell.add("", fmt.Sprintf("第 %d 级（%s）", i, g.severity), fmt.Sprintf("rung %d (%s)", i, g.severity), truth)
		}
		indent := strings.Repeat("  ", min(1, len(a.timers)-1))
		tell.condition(&g.expr, indent)
		if t.Since != 0 {
			tell.wait(indent, Text{"已成立 %s，要求 %s", "true for %s of %s"}, f.now-t.Since, g.hold.ms(f))
		}
		if a.State == Firing && g.clear != nil {
			tell.plain(indent, "恢复条件：", "to clear:")
			tell.condition(g.clear, indent+"  ")
		}
		if a.State == Firing && i == 0 && a.rule.text.Latch {
			tell.plain(indent, "闩锁：要人在现场复位才结束", "latched: it ends when a person resets it on site")
		}
		if a.State == Firing && t.Clear != 0 {
			tell.wait(indent, Text{"恢复已保持 %s，要求 %s", "clear for %s of %s"}, f.now-t.Clear, g.clearFor.ms(f))
		}
	}
	return tell.bounded()
}

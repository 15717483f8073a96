package rules

import "slices"

// trailLength is how many changes of an alert are remembered with all that its rule saw.
const trailLength = 8

// A trail is the last evaluations of an alert: those that changed it, and the last at a tick that did not while it was open. An
// alert that was never open has none. It is not in a snapshot: the events log has the changes.
type trail struct {
	changes []trace // oldest first
	still   trace   // vals are reused; at 0: there is none
}

// A trace is one evaluation: every value that the rule saw (rule.record).
type trace struct {
	at    int64 // ms
	state State
	level int
	held  int64 // ms: for how long the condition, or the one for clearing, had been true
	vals  []float64
}

// changed writes down an evaluation that changed the alert.
func (a *alert) changed(state State, f *frame) *trace {
	if a.trail == nil {
		a.trail = &trail{}
	}
	t := a.trail
	var vals []float64
	if len(t.changes) == trailLength {
		vals = t.changes[0].vals
		t.changes = slices.Delete(t.changes, 0, 1)
	} else {
		vals = make([]float64, a.rule.width())
	}
	a.rule.record(f, vals)
	t.changes = append(t.changes, trace{f.now, state, a.Level, a.held(state, f), vals})
	return &t.changes[len(t.changes)-1]
}

// stayed writes down one that changed nothing. Only the first of an alert allocates.
func (a *alert) stayed(f *frame) {
	if a.trail == nil {
		a.trail = &trail{}
	}
	t := &a.trail.still
	if t.vals == nil {
		t.vals = make([]float64, a.rule.width())
	}
	t.at, t.state, t.level, t.held = f.now, a.State, a.Level, a.held(a.State, f)
	a.rule.record(f, t.vals)
}

// held is for how long what an alert waits for has been true: to fire, or to end.
func (a *alert) held(state State, f *frame) int64 {
	since := a.timers[a.Level].Since
	switch state {
	case Pending:
		since = a.timers[a.waiting()].Since
	case Cancelled:
		since = a.Since
	case Resolved:
		since = a.timers[0].Clear
	}
	if since == 0 {
		return 0
	}
	return max(0, f.now-since)
}

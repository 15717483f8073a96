package rules

import (
	"math"
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// evidence is every value that the rule looks at; for a rule about a charge, all of the session.
func (e *Engine) evidence(r *rule, f *frame) []Evidence {
	var all []Evidence
	for _, name := range r.uses.points {
		s := &f.slots[slices.Index(e.layout.points[r.kind.name], name)]
		all = append(all, f.proof(s, name, r.kind.point(name).unit))
	}
	for _, m := range r.uses.parts {
		all = append(all, m.proof(f))
	}
	if len(r.uses.session) == 0 {
		return all
	}
	power := f.proof(&f.slots[socketPower], "power", "W")
	if !slices.Contains(r.uses.points, "power") {
		all = append(all, power)
	}
	for _, v := range sessionValues() {
		ev := measure{name: v.name, typ: v.typ, get: v.get}.proof(f)
		if ev.Quality != device.Good {
			ev.Reason = power.Reason
		}
		all = append(all, ev)
	}
	return all
}

// proof is a point as the frame sees it: a value too old has none, for the reason that it was not read.
func (f *frame) proof(s *slot, name, unit string) Evidence {
	if s.seen == 0 || f.stale(s) {
		return Evidence{Name: name, Unit: unit, Value: math.NaN(), Quality: device.Bad, Reason: device.NotRead}
	}
	return Evidence{Name: name, Unit: unit, Value: s.val, Quality: s.q, Reason: s.why}
}

// looked is since when an alert's rule has looked at its inputs: its hold or clear time, the longest window of its rung, the
// charge that it judges. It is zero when the rule looks at nothing but the moment.
func (a *alert) looked(s *subject, state State, f *frame) time.Time {
	from, over, session := f.now, time.Duration(0), false
	g := a.rule.at(a.Level)
	switch t := a.timers[a.Level]; {
	case state == Pending, state == Cancelled:
		from = a.Since
	case state == Firing && g.hold.ms(f) > 0 && t.Since != 0:
		from = t.Since
	case state == Resolved && a.timers[0].Clear != 0:
		from = a.timers[0].Clear
	}
	programs := []*program{&g.expr, g.clear}
	if state == Resolved {
		programs = []*program{&a.rule.expr, a.rule.clear}
	}
	for _, p := range programs {
		if p == nil {
			continue
		}
		session = session || len(p.uses.session) > 0
		for _, m := range p.uses.parts {
			over = max(over, m.over)
		}
	}
	from -= over.Milliseconds()
	if session && s.sess != nil && s.sess.Active {
		from = min(from, s.sess.Begin)
	}
	if from >= f.now {
		return time.Time{}
	}
	return time.UnixMilli(from).UTC()
}

package rules

import (
	"math"
	"slices"

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

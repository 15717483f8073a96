package rules

import (
	"fmt"
	"slices"
)

// forbids checks what an alert keeps others from writing. What rules command is the safe side, and no rule may forbid that.
func (b *builder) forbids(path string, texts []forbidText) {
	for i := range texts {
		f, path := &texts[i], fmt.Sprintf("%s.forbid[%d]", path, i)
		k, p := b.target(path, &f.Of, &f.Kind, f.Point)
		switch {
		case k == nil || p == nil:
		case p.command == nil:
			b.fail(path+".point", fmt.Sprintf("nobody may write to %s.%s, so there is nothing to forbid", k.name, p.name), "")
		case slices.Contains(p.command, f.Value):
			b.fail(path+".value", fmt.Sprintf("%s.%s = %s is the safe side, and nothing may forbid that", k.name, p.name, formatNumber(f.Value)), interlock(k.name))
		}
	}
}

// forbids are the writes that a rung keeps others from, as far as a device's profile allows them at all.
func (s *subject) forbids(g *rung) []Action {
	if g.mode != Armed {
		return nil
	}
	var writes []Action
	for _, f := range g.forbids {
		writes = append(writes, s.targets(actionText{Of: f.Of, Kind: f.Kind, Point: f.Point, Value: f.Value})...)
	}
	return writes
}

// Forbidden are the firing alerts that forbid a write, in the order of devices and rules.
func (e *Engine) Forbidden(write Action) []string {
	var alerts []string
	for _, s := range e.subjects {
		for _, a := range s.alerts {
			if a.State == Firing && slices.Contains(a.forbids(), write) {
				alerts = append(alerts, a.ID)
			}
		}
	}
	return alerts
}

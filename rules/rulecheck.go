package rules

import (
	"fmt"
	"maps"
	"slices"
)

// quantities reads the parameters, with a site's own values in place of the shipped ones.
func (b *builder) quantities(own map[string]Param) {
	r := b.rule
	for _, name := range slices.Sorted(maps.Keys(r.text.Params)) {
		path := ".params." + name
		q, ok := b.quantity(path, r.text.Params[name])
		switch {
		case !ok:
		case r.kind.point(name) != nil || slices.Contains(reserved(), name) || !idForm.MatchString(name):
			b.fail(path, fmt.Sprintf("a parameter cannot be named %q", name), "names of points, session, baseline, zone, site and emergency are taken")
		}
		r.params[name] = q
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		path := ".override.params." + name
		shipped, known := r.params[name]
		if !known {
			b.fail(path, fmt.Sprintf("rule %s has no parameter %q", r.text.ID, name), nearest(name, slices.Sorted(maps.Keys(r.params))))
			continue
		}
		q, ok := b.quantity(path, own[name])
		switch {
		case !ok:
		case q.typ != shipped.typ:
			b.fail(path, fmt.Sprintf("%s is %s, and must be %s", name, q.typ, shipped.typ), "as shipped: "+r.text.Params[name].String())
		default:
			r.params[name] = q
		}
	}
}

// reserved are the names that mean something in every expression.
func reserved() []string { return []string{"session", "baseline", "zone", "site", "emergency"} }

// unused warns of parameters that change nothing.
func (b *builder) unused() {
	if len(b.mistakes) > 0 { // a condition that could not be read uses nothing
		return
	}
	for _, name := range slices.Sorted(maps.Keys(b.rule.params)) {
		if !slices.Contains(b.rule.uses.params, name) {
			b.warn(".params."+name, fmt.Sprintf("parameter %q is not used", name), "")
		}
	}
}

package rules

import (
	"fmt"
	"math"
	"slices"
)

// Most rules are quiet for nearly every reading, and most say so by one comparison with a constant. A guard is what a
// condition needs to be true: that one of some sources is in one of some ranges. So a reading is looked up among the limits
// of all rules at once, and only rules whose guard lets it through are run (watch.go). A guard may be too wide, never too narrow.

// A source is a number of a subject that rules compare with constants.
type source struct {
	key  string
	get  numFn
	mask uint64
	age  int64 // ms: values up to this age count while it is asked. The widest view there is: forever, or for silence none
}

// forever is an age that no value reaches.
const forever = math.MaxInt64 / 4

// A bound is a range of values with both its ends.
type bound struct{ low, high float64 }

// A need is that a source is in one of some ranges.
type need struct {
	source int
	ranges []bound
}

// A guard is the needs of which one must be met. Nil: there is no guard, the condition must always be run.
type guard []need

// eitherOf is the guard of "a or b".
func eitherOf(a, b guard) guard {
	if a == nil || b == nil {
		return nil
	}
	return append(slices.Clone(a), b...)
}

// bothOf is the guard of "a and b". One of the two is enough, and people write what matters first; where the other speaks of
// the same source, both count.
func bothOf(a, b guard) guard {
	if a == nil {
		return b
	}
	if len(b) != 1 {
		return a
	}
	both := slices.Clone(a)
	for i, n := range both {
		if n.source == b[0].source {
			both[i].ranges = meet(n.ranges, b[0].ranges)
		}
	}
	return both
}

// meet is what two lists of ranges have in common.
func meet(a, b []bound) []bound {
	var common []bound
	for _, x := range a {
		for _, y := range b {
			if low, high := max(x.low, y.low), min(x.high, y.high); low <= high {
				common = append(common, bound{low, high})
			}
		}
	}
	return common
}

// source gives a kind's source its place.
func (l *layout) source(kind string, s source) int {
	i := slices.IndexFunc(l.sources[kind], func(o source) bool { return o.key == s.key })
	if i < 0 {
		i = len(l.sources[kind])
		l.sources[kind] = append(l.sources[kind], s)
	}
	return i
}

// read gives a node the key under which others that say the same are known, and the slots that it looks at.
func (n node) read(key string, mask uint64) node {
	n.key, n.mask = key, mask
	return n
}

// silence marks a node that says more the longer a value is missing: asked without patience, it says no less than any rule sees.
func (n node) silence() node {
	n.from = true
	return n
}

// joined gives a node that is made of others a key, if they have one. What picks the first known of several has none: which it
// picks hangs on how old a rule lets a value be.
func (n node) joined(op string, parts ...node) node {
	n.fixed = true
	for _, p := range parts {
		n.fixed = n.fixed && p.fixed
		if p.fixed {
			p.key = fmt.Sprint(p.num(&frame{}), "/", p.num(&frame{emergency: true}))
		}
		if p.key == "" || p.from || p.span != nil {
			n.key, n.fixed = "", false
			return n
		}
		n.key += op + "(" + p.key + ")"
		n.mask |= p.mask
	}
	return n
}

// guardOf is the place of a node among the sources of its kind; false when it cannot be one.
func (c *compiler) guardOf(n node) (place int, ok bool) {
	if n.key == "" || n.fixed || c.inside == "window" { // what a window looks at guards nothing
		return 0, false
	}
	get := n.num
	if get == nil {
		get = asNumber(n.cond)
	}
	age := int64(forever)
	if n.from {
		age = 0
	}
	return c.scope.layout.source(c.scope.kind.name, source{n.key, get, n.mask, age}), true
}

// guards gives a condition that is a source itself its guards.
func (c *compiler) guards(n node) node {
	place, ok := c.guardOf(n)
	if !ok {
		return n
	}
	n.when, n.unless = guard{{place, []bound{{1, 1}}}}, guard{{place, []bound{{0, 0}}}}
	if n.from {
		n.unless = nil
	}
	return n.limits()
}

// limits notes all the limits of a condition that is one comparison: both guards together, or it hangs on more than them.
func (n node) limits() node {
	if n.when != nil && n.unless != nil {
		n.celled, n.edges = true, append(slices.Clone(n.when), n.unless...)
	}
	return n
}

// limitsOf notes those of a condition that is made of others.
func (n node) limitsOf(parts ...node) node {
	n.celled = true
	for _, p := range parts {
		n.celled = n.celled && p.celled
		n.edges = append(n.edges, p.edges...)
	}
	return n
}

// constants are a node's values in both modes of the site; false when it is no constant.
func (n node) constants() (low, high float64, ok bool) {
	if !n.fixed {
		return 0, 0, false
	}
	a, b := n.num(&frame{}), n.num(&frame{emergency: true})
	return min(a, b), max(a, b), !math.IsNaN(a) && !math.IsNaN(b)
}

// guarded gives a comparison its guards.
func (c *compiler) guarded(out node, op string, l, r node) node {
	if l.fixed {
		l, r, op = r, l, flipped(op)
	}
	low, high, constant := r.constants()
	if !constant {
		return out
	}
	place, ok := c.guardOf(l)
	if !ok {
		return out
	}
	for _, side := range []struct {
		op string
		to *guard
	}{{op, &out.when}, {opposite(op), &out.unless}} {
		if l.from && side.op != ">" && side.op != ">=" { // of silence only the longest is known
			continue
		}
		if ranges := compared(side.op, low, high); ranges != nil {
			*side.to = guard{{place, ranges}}
		}
	}
	if low != high { // the mode moves the limit: what is one cell in both is none
		return out
	}
	return out.limits()
}

// spanGuards gives a comparison of a count its guard: it is true only when the end of its bounds that says the least makes it so.
func (c *compiler) spanGuards(out node, op string, l, r node) node {
	if l.span == nil {
		l, r, op = r, l, flipped(op)
	}
	span := l.span
	end := node{key: l.key + op[:1], mask: l.mask}
	switch op {
	case ">", ">=":
		end.num = func(f *frame) float64 { low, _ := span(f); return low }
	case "<", "<=":
		end.num = func(f *frame) float64 { _, high := span(f); return high }
	default:
		return out
	}
	out.when = c.guarded(node{}, op, end, r).when
	return out
}

// compared are the ranges of x for "x op c", for a constant between low and high; nil when they are no help.
func compared(op string, low, high float64) []bound {
	inf := math.Inf(1)
	switch {
	case op == ">" || op == ">=":
		return []bound{{low, inf}}
	case op == "<" || op == "<=":
		return []bound{{-inf, high}}
	case op == "==":
		return []bound{{low, high}}
	case low == high: // !=
		return []bound{{-inf, math.Nextafter(low, -inf)}, {math.Nextafter(low, inf), inf}}
	}
	return nil
}

func flipped(op string) string {
	if to, ok := map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}[op]; ok {
		return to
	}
	return op
}

func opposite(op string) string {
	return map[string]string{"<": ">=", "<=": ">", ">": "<=", ">=": "<", "==": "!=", "!=": "=="}[op]
}

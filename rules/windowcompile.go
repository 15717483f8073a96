package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
)

// A measure is a part of an expression that stands in the evidence by its own text: "avg(power, 5m)".
type measure struct {
	name string
	typ  typ
	get  numFn
	over time.Duration // of a window; 0: the value of the moment
}

// windowed is a function over the last so long: avg(power, 5m).
func (c *compiler) windowed(n *ast.CallNode, name string) node {
	if len(n.Arguments) != 2 {
		hint := name + "(x, 5m) over time"
		if slices.Contains([]string{"avg", "min", "max", "count"}, name) {
			hint += ", " + name + groupExample(name) + " over other devices"
		}
		return c.fail(n, name+" takes a value and a length of time", hint)
	}
	if c.inside == "window" {
		return c.fail(n, "a window cannot look into another window", "give the outer one as the rule's for:, or make two conditions")
	}
	outer := *c
	c.inside, c.mask, c.slots, c.uses.params = "window", 0, nil, nil
	x := c.build(n.Arguments[0])
	spec := &windowSpec{mask: c.mask, slots: c.slots, ring: name != "changed", rises: name == "count"}
	params := c.uses.params
	c.inside, c.mask, c.slots, c.uses.params = outer.inside, outer.mask|c.mask, append(outer.slots, c.slots...), outer.uses.params
	for _, p := range params {
		c.uses.add(&c.uses.params, p)
	}
	length, ok := c.length(n.Arguments[1])
	switch {
	case !ok || x.isBroken():
		return broken()
	case name == "count" && x.typ.class != boolean:
		return c.fail(n.Arguments[0], fmt.Sprintf("count needs a condition, and this is %s", x.typ), "count(power > 10, 30m)")
	case name != "count" && name != "changed" && x.typ.class == boolean:
		return c.fail(n.Arguments[0], name+" needs a number, and this is a condition", "count(…, 30m) says how often it became true")
	case spec.mask == 0:
		return c.fail(n.Arguments[0], "a window needs a point or a session value to look at", name+"(power, 5m), for example")
	}
	spec.length = length
	if spec.x = x.num; x.typ.class == boolean {
		spec.x = asNumber(x.cond)
	}
	text := c.text(n)
	spec.key = c.windowKey(spec, text, params)
	i := c.scope.layout.window(c.scope.kind.name, spec)
	out := windowNode(name, i, x.typ)
	get := out.num
	if get == nil {
		get = asNumber(out.cond)
	}
	c.uses.measure(measure{text, out.typ, get, time.Duration(length) * time.Millisecond})
	out = out.read(name+" "+spec.key, spec.mask|timeBit)
	out.window = i + 1
	if out.cond != nil {
		return c.guards(out)
	}
	return out
}

// windowNode is what a function answers from a window.
func windowNode(name string, i int, t typ) node {
	t.any = false
	switch name {
	case "avg":
		return node{typ: t, num: func(f *frame) float64 { return f.windows[i].avg(f) }}
	case "min":
		return node{typ: t, num: func(f *frame) float64 { return f.windows[i].min(f) }}
	case "max":
		return node{typ: t, num: func(f *frame) float64 { return f.windows[i].max(f) }}
	case "slope":
		return node{typ: perHour(t), num: func(f *frame) float64 { return f.windows[i].slope(f) }}
	case "delta":
		return node{typ: t, num: func(f *frame) float64 { return f.windows[i].delta(f) }}
	case "changed":
		return node{typ: typ{class: boolean}, cond: func(f *frame) tri { return f.windows[i].hasChanged(f) }}
	}
	return counted(func(f *frame) (low, high float64) { return f.windows[i].rises(f) })
}

// counted is a number of which only the bounds may be known. Where nobody asks for them, it is unknown unless they meet.
func counted(span spanFn) node {
	return node{span: span, num: func(f *frame) float64 {
		low, high := span(f)
		if low != high {
			return math.NaN()
		}
		return low
	}}
}

// asNumber is 0 or 1 for a condition, and NaN when it is unknown.
func asNumber(cond condFn) numFn {
	return func(f *frame) float64 {
		switch cond(f) {
		case yes:
			return 1
		case no:
			return 0
		}
		return math.NaN()
	}
}

// windowKey is the same for windows that hold the same.
func (c *compiler) windowKey(spec *windowSpec, text string, params []string) string {
	arg := text[strings.IndexByte(text, '(')+1 : strings.LastIndexByte(text, ',')]
	key := fmt.Sprintf("%s over %d", arg, spec.length)
	switch {
	case spec.rises:
		key = "rises of " + key
	case !spec.ring:
		key = "changes of " + key
	}
	for _, p := range params {
		q := c.scope.params[p]
		key += fmt.Sprintf(" %s=%v/%v", p, q.value, q.urgent)
	}
	return key
}

// window gives each window that a kind's rules use its place; equal ones share it.
func (l *layout) window(kind string, spec *windowSpec) int {
	i := slices.IndexFunc(l.windows[kind], func(s *windowSpec) bool { return s.key == spec.key })
	if i < 0 {
		i = len(l.windows[kind])
		l.windows[kind] = append(l.windows[kind], spec)
	}
	return i
}

// text is how a call is written, from its name to its closing bracket, with its spaces made even.
func (c *compiler) text(n *ast.CallNode) string {
	from := n.Callee.Location().From
	depth, to := 0, from
	for to < len(c.source) {
		r := c.source[to]
		to++
		if r == '(' {
			depth++
		}
		if r == ')' {
			if depth--; depth == 0 {
				break
			}
		}
	}
	s := strings.Join(strings.Fields(string(c.source[from:to])), " ")
	return strings.NewReplacer("( ", "(", " )", ")", " ,", ",").Replace(strings.ReplaceAll(strings.ReplaceAll(s, ", ", ","), ",", ", "))
}

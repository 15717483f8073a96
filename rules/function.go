package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/linshao/linshao/configs"
)

// functionNames are all functions of the language, windows and groups of devices among them.
func functionNames() []string {
	return []string{
		"unknown", "absent_for", "first_known", "abs", "least", "most", "since", "alarms",
		"avg", "min", "max", "slope", "delta", "count", "changed", "sum", "any", "all",
	}
}

// call is a function with its arguments.
func (c *compiler) call(n *ast.CallNode) node {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok {
		return c.fail(n, "there is no such function", "functions: "+strings.Join(functionNames(), " "))
	}
	if len(n.Arguments) > 0 && isGroup(n.Arguments[0]) && slices.Contains(functionNames(), callee.Value) {
		return c.grouped(n, callee.Value)
	}
	switch callee.Value {
	case "sum", "any", "all":
		return c.fail(n, callee.Value+" counts over other devices", callee.Value+groupExample(callee.Value))
	case "unknown", "absent_for":
		return c.absence(n, callee.Value)
	case "first_known":
		return c.firstKnown(n)
	case "abs":
		return c.abs(n)
	case "least", "most":
		return c.extreme(n, callee.Value == "most")
	case "since":
		return c.since(n)
	case "alarms":
		return c.alarms(n)
	case "avg", "min", "max", "slope", "delta", "count", "changed":
		return c.windowed(n, callee.Value)
	}
	hint := "functions: " + strings.Join(functionNames(), " ")
	if near := configs.Nearest(callee.Value, functionNames()); near != "" {
		hint = fmt.Sprintf("did you mean %q?", near)
	}
	return c.fail(n, "there is no such function", hint)
}

// absence is unknown(point) or absent_for(point): the two that see a missing value as a fact.
func (c *compiler) absence(n *ast.CallNode, name string) node {
	var arg *ast.IdentifierNode
	if len(n.Arguments) == 1 {
		arg, _ = n.Arguments[0].(*ast.IdentifierNode)
	}
	if arg == nil {
		return c.fail(n, name+" takes the name of one point", name+"(level), for example")
	}
	p := c.scope.kind.point(arg.Value)
	if p == nil {
		return c.fail(arg, fmt.Sprintf("a %s has no point %q", c.scope.kind.name, arg.Value), c.nearest(arg.Value))
	}
	i := c.point(p.name)
	if name == "absent_for" {
		return node{typ: typ{class: duration}, num: func(f *frame) float64 { return f.absent(i) }}.read("absent_for "+p.name, slotBit(i)).silence()
	}
	out := node{typ: typ{class: boolean}, cond: func(f *frame) tri { return truth(math.IsNaN(f.value(i))) }}
	return c.guards(out.read("unknown "+p.name, slotBit(i)).silence())
}

// numbers builds the arguments of a function that takes numbers of one type.
func (c *compiler) numbers(n *ast.CallNode, name string, least, most int) ([]numFn, typ, bool) {
	if len(n.Arguments) < least || len(n.Arguments) > most {
		c.fail(n, fmt.Sprintf("%s takes %s", name, howMany(least, most)), "")
		return nil, typ{}, false
	}
	var fns []numFn
	t := typ{any: true}
	for i, arg := range n.Arguments {
		x := c.build(arg)
		if x.isBroken() {
			return nil, typ{}, false
		}
		if x.typ.class == boolean {
			c.fail(arg, fmt.Sprintf("%s needs numbers, and this is a condition", name), "")
			return nil, typ{}, false
		}
		if i == 0 {
			t = x.typ
		}
		joined, ok := same(t, x.typ)
		if !ok {
			c.fail(arg, fmt.Sprintf("%s joins %s with %s", name, t, x.typ), "")
			return nil, typ{}, false
		}
		t, fns = joined, append(fns, x.num)
	}
	return fns, t, true
}

func howMany(least, most int) string {
	switch {
	case least == most && least == 1:
		return "one number"
	case least == most:
		return fmt.Sprintf("%d numbers", least)
	}
	return fmt.Sprintf("%d to %d numbers", least, most)
}

func (c *compiler) abs(n *ast.CallNode) node {
	fns, t, ok := c.numbers(n, "abs", 1, 1)
	if !ok {
		return broken()
	}
	x := fns[0]
	return node{typ: t, num: func(f *frame) float64 { return math.Abs(x(f)) }}
}

// extreme is least(a, b) or most(a, b): unknown when one of them is.
func (c *compiler) extreme(n *ast.CallNode, most bool) node {
	fns, t, ok := c.numbers(n, n.Callee.String(), 2, 8)
	if !ok {
		return broken()
	}
	pick := func(a, b float64) float64 { return min(a, b) } // min and max of Go answer NaN when one is
	if most {
		pick = func(a, b float64) float64 { return max(a, b) }
	}
	return node{typ: t, num: func(f *frame) float64 {
		v := fns[0](f)
		for _, x := range fns[1:] {
			v = pick(v, x(f))
		}
		return v
	}}
}

// firstKnown is the first of its numbers that is known: a learned value, and behind it a fixed one.
func (c *compiler) firstKnown(n *ast.CallNode) node {
	fns, t, ok := c.numbers(n, "first_known", 1, 8)
	if !ok {
		return broken()
	}
	return node{typ: t, num: func(f *frame) float64 {
		for _, x := range fns {
			if v := x(f); !math.IsNaN(v) {
				return v
			}
		}
		return math.NaN()
	}}
}

// since is how long ago the date in a label of the device was. A date to come is unknown: either it or the clock is wrong.
func (c *compiler) since(n *ast.CallNode) node {
	const hint = "since(label.installed), for example"
	if len(n.Arguments) != 1 {
		return c.fail(n, "since takes one label", hint)
	}
	arg, ok := n.Arguments[0].(*ast.MemberNode)
	if !ok {
		return c.fail(n, "since takes one label", hint)
	}
	owner, ok1 := arg.Node.(*ast.IdentifierNode)
	field, ok2 := arg.Property.(*ast.StringNode)
	switch {
	case !ok1 || !ok2 || owner.Value != "label":
		return c.fail(n, "since takes one label", hint)
	case slices.Contains(groupKinds(), c.scope.kind.name):
		return c.fail(n, "a "+c.scope.kind.name+" has no labels", "")
	}
	i := c.scope.layout.label(c.scope.kind.name, field.Value)
	return node{typ: typ{class: duration}, num: func(f *frame) float64 {
		if f.labels[i] == 0 || f.labels[i] > f.now {
			return math.NaN()
		}
		return seconds(f.now - f.labels[i])
	}}
}

// flag is a label as a condition: true where it says "true", false where it says anything else or is not there. What a label says
// is never unknown.
func (c *compiler) flag(n ast.Node, name string) node {
	if slices.Contains(groupKinds(), c.scope.kind.name) {
		return c.fail(n, "a "+c.scope.kind.name+" has no labels", "")
	}
	i := c.scope.layout.flag(c.scope.kind.name, name)
	return node{typ: typ{class: boolean}, cond: func(f *frame) tri { return truth(f.flags[i]) }}
}

// groupKinds are the kinds that are no devices: they have no points of their own.
func groupKinds() []string { return []string{kindZone, kindSite} }

// alarms is how many alerts of the site began firing within a length of time.
func (c *compiler) alarms(n *ast.CallNode) node {
	if c.scope.kind.name != kindSite {
		return c.fail(n, "only the site counts its alarms", "kind: site")
	}
	if len(n.Arguments) != 1 {
		return c.fail(n, "alarms takes a length of time", "alarms(10m)")
	}
	over, ok := c.length(n.Arguments[0])
	if !ok {
		return broken()
	}
	return node{typ: typ{}, num: func(f *frame) float64 {
		if f.alarms == nil {
			return math.NaN()
		}
		return f.alarms(over)
	}}
}

// The shortest and the longest window, in seconds.
const (
	shortestWindow = 1
	longestWindow  = 7 * 86400
)

// length is how far a window reaches back, in ms. It must not change while the engine runs.
func (c *compiler) length(n ast.Node) (ms int64, ok bool) {
	const hint = "write it out, such as 5m, or name a parameter that is a duration"
	name, isName := n.(*ast.IdentifierNode)
	if !isName {
		c.fail(n, "the length of a window must be fixed", hint)
		return 0, false
	}
	v, literal := c.syntax.durations[n.Location().From]
	if !literal {
		q, param := c.scope.params[name.Value]
		switch {
		case !param:
			c.fail(n, "the length of a window must be fixed", hint)
			return 0, false
		case q.typ.class != duration:
			c.fail(n, fmt.Sprintf("the length of a window is a duration, and %s is %s", name.Value, q.typ), "5m, for example")
			return 0, false
		case q.value != q.urgent:
			c.fail(n, fmt.Sprintf("the length of a window must be fixed, and %s is another in emergency mode", name.Value), "two parameters, and: emergency and … or not emergency and …")
			return 0, false
		}
		c.uses.add(&c.uses.params, name.Value)
		v = q.value
	}
	if v < shortestWindow || v > longestWindow {
		c.fail(n, fmt.Sprintf("a window of %s is out of range", formatDuration(v, en)), "1s to 7d")
		return 0, false
	}
	return int64(v * 1000), true
}

// groupExample shows how a function is called over other devices.
func groupExample(name string) string {
	if name == "count" || name == "any" || name == "all" {
		return "(zone.gas, level > 5)"
	}
	return "(zone.socket.power)"
}

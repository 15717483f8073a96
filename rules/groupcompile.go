package rules

import (
	"fmt"
	"slices"

	"github.com/expr-lang/expr/ast"
)

// isGroup says whether a function's argument names other devices: zone.gas, site.socket.power.
func isGroup(n ast.Node) bool {
	for {
		switch m := n.(type) {
		case *ast.MemberNode:
			n = m.Node
		case *ast.IdentifierNode:
			return m.Value == kindZone || m.Value == kindSite
		default:
			return false
		}
	}
}

// grouped is a function over the devices of one kind in the zone or the site: sum(zone.socket.power), count(zone.gas, level > 5).
func (c *compiler) grouped(n *ast.CallNode, name string) node {
	example := name + groupExample(name)
	path, ok := memberPath(n.Arguments[0])
	switch {
	case c.inside == "group":
		return c.fail(n, "a group cannot count over another group", "make two conditions")
	case c.inside == "window":
		return c.fail(n, "a window cannot look at a group", "give the time as the rule's for:")
	case !slices.Contains([]string{"sum", "avg", "min", "max", "count", "any", "all"}, name):
		return c.fail(n, name+" does not count over other devices", "sum avg min max count any all do")
	case !ok || len(path) < 2 || len(path) > 3:
		return c.fail(n.Arguments[0], "a group is zone or site and a kind of device", example)
	case c.scope.kind.name == kindSite && path[0] == kindZone:
		return c.fail(n.Arguments[0], "the site is in no zone", "site."+path[1]+", or kind: zone")
	case c.scope.kind.name == kindIncident:
		return c.fail(n.Arguments[0], "an incident has no zone", "")
	}
	member := kindNamed(path[1])
	if member == nil || slices.Contains(append(groupKinds(), kindIncident), path[1]) {
		return c.fail(n.Arguments[0], fmt.Sprintf("unknown kind %q of devices", path[1]), nearest(path[1], memberKinds()))
	}
	takesCond := name == "count" || name == "any" || name == "all"
	if takesCond && (len(path) != 2 || len(n.Arguments) != 2) || !takesCond && len(path)+len(n.Arguments) != 4 {
		return c.fail(n, name+" over other devices takes "+map[bool]string{true: "their kind and a condition", false: "one value of theirs"}[takesCond], example)
	}
	x, inner := c.theirs(n, member, path)
	if x.isBroken() {
		return broken()
	}
	if isCond := x.typ.class == boolean; isCond != takesCond {
		return c.fail(n.Arguments[len(n.Arguments)-1], fmt.Sprintf("%s over other devices does not go with %s", name, x.typ), example)
	}
	return c.groupNode(n, name, x, &groupSpec{
		site: path[0] == kindSite, kind: member.name, cond: takesCond, mask: inner.mask, points: inner.uses.points,
	}, inner.uses.params)
}

// memberPath is the words of zone.socket.power.
func memberPath(n ast.Node) ([]string, bool) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return []string{n.Value}, true
	case *ast.MemberNode:
		field, ok := n.Property.(*ast.StringNode)
		path, ok2 := memberPath(n.Node)
		if !ok || !ok2 || n.Optional {
			return nil, false
		}
		return append(path, field.Value), true
	}
	return nil, false
}

// memberKinds are the kinds that can be counted over.
func memberKinds() []string {
	return slices.DeleteFunc(kindNames(), func(k string) bool { return k == kindZone || k == kindSite || k == kindIncident })
}

// theirs builds what is asked of each member, with the words of its kind.
func (c *compiler) theirs(n *ast.CallNode, member *kind, path []string) (node, *compiler) {
	inner := &compiler{scope: c.scope, syntax: c.syntax, source: c.source, inside: "group"}
	inner.scope.kind = member
	var x node
	if len(path) == 2 {
		x = inner.build(n.Arguments[1])
	} else if p := member.point(path[2]); p != nil {
		i := inner.point(p.name)
		x = node{typ: unitType(p.unit), num: func(f *frame) float64 { return f.value(i) }}
	} else {
		hint := nearest(path[2], member.pointNames())
		x = inner.fail(n.Arguments[0].(*ast.MemberNode).Property, fmt.Sprintf("a %s has no point %q", member.name, path[2]), hint)
	}
	c.errs = append(c.errs, inner.errs...)
	for _, p := range inner.uses.params {
		c.uses.add(&c.uses.params, p)
	}
	return x, inner
}

// groupNode is what a function answers from a group.
func (c *compiler) groupNode(n *ast.CallNode, name string, x node, spec *groupSpec, params []string) node {
	if spec.mask == 0 {
		return c.fail(n.Arguments[len(n.Arguments)-1], "this asks nothing of the devices", "name a point of theirs")
	}
	if spec.x = x.num; spec.cond {
		spec.x = asNumber(x.cond)
	}
	text := c.text(n)
	spec.key = text[len(name):]
	for _, p := range params {
		q := c.scope.params[p]
		spec.key += fmt.Sprintf(" %s=%v/%v", p, q.value, q.urgent)
	}
	if spec.celled = x.celled; spec.celled {
		spec.guards = x.edges
	}
	i := c.scope.layout.group(spec)
	if c.mask |= groupBit; spec.kind == c.scope.kind.name {
		c.mask |= spec.mask
	}
	t := x.typ
	t.any = false
	var out node
	switch name {
	case "sum":
		out = node{typ: t, num: func(f *frame) float64 { return f.groups[i].numbers().sum }}
	case "avg":
		out = node{typ: t, num: func(f *frame) float64 { return f.groups[i].avg() }}
	case "min":
		out = node{typ: t, num: func(f *frame) float64 { return f.groups[i].numbers().low }}
	case "max":
		out = node{typ: t, num: func(f *frame) float64 { return f.groups[i].numbers().high }}
	case "any":
		out = node{typ: t, cond: func(f *frame) tri { return f.groups[i].any() }}
	case "all":
		out = node{typ: t, cond: func(f *frame) tri { return f.groups[i].all() }}
	default:
		out = counted(func(f *frame) (low, high float64) { return f.groups[i].trues() })
	}
	get := out.num
	if get == nil {
		get = asNumber(out.cond)
	}
	c.uses.groups = append(c.uses.groups, spec)
	c.uses.measure(measure{text, out.typ, get, 0})
	mask := uint64(allBits)
	if slices.Contains(groupKinds(), c.scope.kind.name) { // they have no slots: the bits are those of groups
		mask = slotBit(i) | timeBit
		c.mask |= slotBit(i)
	}
	out = out.read(name+" "+spec.key, mask)
	out.group = i + 1
	if out.cond != nil {
		return c.guards(out)
	}
	return out
}

// group gives each group its place; equal ones share it.
func (l *layout) group(spec *groupSpec) int {
	i := slices.IndexFunc(l.groups, func(s *groupSpec) bool { return s.key == spec.key && s.cond == spec.cond })
	if i < 0 {
		i = len(l.groups)
		l.groups = append(l.groups, spec)
	}
	return i
}

// counts says whether rules count over devices of a kind.
func (l *layout) counts(kind string) bool {
	return slices.ContainsFunc(l.groups, func(s *groupSpec) bool { return s.kind == kind })
}

package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/linshao/linshao/configs"
)

type (
	numFn  func(*frame) float64 // NaN: unknown. Durations are seconds
	condFn func(*frame) tri
)

// A node is a compiled part of an expression.
type node struct {
	typ  typ
	num  numFn  // of numbers and durations
	cond condFn // of conditions
}

// A scope says what the names of an expression mean.
type scope struct {
	kind   *kind
	params map[string]quantity
	slot   func(point string) int // where the engine keeps the point
}

// A compiler turns one tree into closures, and gathers all its mistakes.
type compiler struct {
	scope  scope
	syntax syntax
	errs   []exprError
	uses   uses
}

// uses are the inputs of an expression, in the order in which they appear.
type uses struct {
	points  []string
	session []string
	params  []string
}

func (u *uses) add(list *[]string, name string) {
	if !slices.Contains(*list, name) {
		*list = append(*list, name)
	}
}

// A program is a checked condition, ready to run.
type program struct {
	cond condFn
	uses uses
}

// compile checks a condition and builds its closures. The names' meaning is fixed here; running it only follows pointers.
func compile(text string, sc scope) (program, []exprError) {
	syntax, e := parse(text)
	if e != nil {
		return program{}, []exprError{*e}
	}
	c := &compiler{scope: sc, syntax: syntax}
	n := c.build(syntax.root)
	if len(c.errs) == 0 && n.typ.class != boolean {
		c.fail(syntax.root, fmt.Sprintf("the expression is %s, not a condition", n.typ), "compare it with something, such as level > 5")
	}
	if len(c.errs) > 0 {
		return program{}, c.errs
	}
	return program{n.cond, c.uses}, nil
}

// broken stands for a part with a mistake that has been told: whatever it meets tells nothing more.
func broken() node {
	return node{typ: typ{any: true}, num: func(*frame) float64 { return 0 }, cond: func(*frame) tri { return maybe }}
}

func (n node) isBroken() bool { return n.num != nil && n.cond != nil }

func (c *compiler) fail(at ast.Node, message, hint string) node {
	c.errs = append(c.errs, exprError{at.Location().From, message, hint})
	return broken()
}

func constant(v float64) numFn { return func(*frame) float64 { return v } }

func (c *compiler) build(n ast.Node) node {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return node{typ: typ{any: true}, num: constant(float64(n.Value))}
	case *ast.FloatNode:
		return node{typ: typ{any: true}, num: constant(n.Value)}
	case *ast.BoolNode:
		t := truth(n.Value)
		return node{typ: typ{class: boolean}, cond: func(*frame) tri { return t }}
	case *ast.IdentifierNode:
		return c.name(n)
	case *ast.MemberNode:
		return c.member(n)
	case *ast.UnaryNode:
		return c.unary(n)
	case *ast.BinaryNode:
		return c.binary(n)
	case *ast.CallNode:
		return c.call(n)
	case *ast.BuiltinNode:
		return c.fail(n, fmt.Sprintf("there is no function %s", n.Name), functionsHint)
	case *ast.StringNode, *ast.BytesNode:
		return c.fail(n, "texts have no place in a condition", "a state is compared with its number: status == 2")
	}
	return c.fail(n, "this is not part of the rule language", languageHint)
}

const (
	languageHint  = "and or not == != < <= > >= + - * / ( ), points, params, session.…, 15s, unknown(x), absent_for(x)"
	functionsHint = "unknown(point) and absent_for(point)"
)

func (c *compiler) name(n *ast.IdentifierNode) node {
	if v, ok := c.syntax.durations[n.Location().From]; ok {
		return node{typ: typ{class: duration}, num: constant(v)}
	}
	if q, ok := c.scope.params[n.Value]; ok {
		c.uses.add(&c.uses.params, n.Value)
		return node{typ: q.typ, num: constant(q.value)}
	}
	if p := c.scope.kind.point(n.Value); p != nil {
		c.uses.add(&c.uses.points, p.name)
		i := c.scope.slot(p.name)
		return node{typ: unitType(p.unit), num: func(f *frame) float64 { return f.value(i) }}
	}
	return c.fail(n, fmt.Sprintf("unknown name %q", n.Value), c.nearest(n.Value))
}

func (c *compiler) nearest(word string) string {
	known := c.scope.kind.pointNames()
	for name := range c.scope.params {
		known = append(known, name)
	}
	if c.scope.kind.name == "socket" {
		known = append(known, sessionNames()...)
	}
	slices.Sort(known)
	if near := configs.Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "known here: " + strings.Join(known, " ")
}

// member is a value of the charging session, or of those before it: session.energy, baseline.peak.
func (c *compiler) member(n *ast.MemberNode) node {
	owner, ok1 := n.Node.(*ast.IdentifierNode)
	field, ok2 := n.Property.(*ast.StringNode)
	if !ok1 || !ok2 || owner.Value != "session" && owner.Value != "baseline" || n.Optional {
		return c.fail(n, "only session and baseline have values inside", "session.energy, for example")
	}
	name := owner.Value + "." + field.Value
	v := sessionValueNamed(name)
	switch {
	case c.scope.kind.name != "socket":
		return c.fail(owner, "only a socket has a charging session", "kind: socket")
	case v == nil:
		return c.fail(owner, fmt.Sprintf("unknown name %q", name), c.nearest(name))
	}
	c.uses.add(&c.uses.session, name)
	get := v.get
	if v.typ.class == boolean {
		return node{typ: v.typ, cond: func(f *frame) tri {
			switch b := get(f); {
			case math.IsNaN(b):
				return maybe
			case b != 0:
				return yes
			}
			return no
		}}
	}
	return node{typ: v.typ, num: get}
}

// call is unknown(point) or absent_for(point): the two that see a missing value as a fact.
func (c *compiler) call(n *ast.CallNode) node {
	callee, ok := n.Callee.(*ast.IdentifierNode)
	if !ok || callee.Value != "unknown" && callee.Value != "absent_for" {
		hint := functionsHint
		if ok {
			if near := configs.Nearest(callee.Value, []string{"unknown", "absent_for"}); near != "" {
				hint = fmt.Sprintf("did you mean %q?", near)
			}
		}
		return c.fail(n, "there is no such function", hint)
	}
	var arg *ast.IdentifierNode
	if len(n.Arguments) == 1 {
		arg, _ = n.Arguments[0].(*ast.IdentifierNode)
	}
	if arg == nil {
		return c.fail(n, callee.Value+" takes the name of one point", callee.Value+"(level), for example")
	}
	p := c.scope.kind.point(arg.Value)
	if p == nil {
		return c.fail(arg, fmt.Sprintf("a %s has no point %q", c.scope.kind.name, arg.Value), c.nearest(arg.Value))
	}
	c.uses.add(&c.uses.points, p.name)
	i := c.scope.slot(p.name)
	if callee.Value == "absent_for" {
		return node{typ: typ{class: duration}, num: func(f *frame) float64 { return f.absent(i) }}
	}
	return node{typ: typ{class: boolean}, cond: func(f *frame) tri { return truth(math.IsNaN(f.value(i))) }}
}

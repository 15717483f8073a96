package rules

import (
	"fmt"
	"math"

	"github.com/expr-lang/expr/ast"
)

func (c *compiler) unary(n *ast.UnaryNode) node {
	x := c.build(n.Node)
	if x.isBroken() {
		return x
	}
	switch n.Operator {
	case "not", "!":
		if x.typ.class != boolean {
			return c.fail(n, fmt.Sprintf("not needs a condition, and this is %s", x.typ), "put brackets: not (a == b)")
		}
		f := x.cond
		return node{typ: x.typ, cond: func(fr *frame) tri { return f(fr).not() }, when: x.unless, unless: x.when}.limitsOf(x)
	case "-", "+":
		if x.typ.class == boolean {
			return c.fail(n, n.Operator+" needs a number, and this is a condition", "")
		}
		if n.Operator == "+" {
			return x
		}
		f := x.num
		return node{typ: x.typ, num: func(fr *frame) float64 { return -f(fr) }}.joined("-", x)
	}
	return c.fail(n, fmt.Sprintf("operator %s is not part of the rule language", n.Operator), languageHint)
}

func (c *compiler) binary(n *ast.BinaryNode) node {
	l, r := c.build(n.Left), c.build(n.Right)
	if l.isBroken() || r.isBroken() {
		return broken()
	}
	switch n.Operator {
	case "and", "&&", "or", "||":
		return c.logic(n, l, r)
	case "==", "!=", "<", "<=", ">", ">=":
		return c.compare(n, l, r)
	case "+", "-", "*", "/":
		return c.arithmetic(n, l, r)
	}
	return c.fail(n, fmt.Sprintf("operator %s is not part of the rule language", n.Operator), languageHint)
}

func (c *compiler) logic(n *ast.BinaryNode, l, r node) node {
	for _, part := range []node{l, r} {
		if part.typ.class != boolean {
			return c.fail(n, fmt.Sprintf("%s joins conditions, and this is %s", n.Operator, part.typ), "write out the comparison: a > 1 and b > 1")
		}
	}
	a, b := l.cond, r.cond
	if n.Operator == "and" || n.Operator == "&&" {
		return node{typ: l.typ, cond: func(f *frame) tri {
			x := a(f)
			if x == no {
				return no
			}
			return x.and(b(f))
		}, when: bothOf(l.when, r.when), unless: eitherOf(l.unless, r.unless)}.limitsOf(l, r)
	}
	return node{typ: l.typ, cond: func(f *frame) tri {
		x := a(f)
		if x == yes {
			return yes
		}
		return x.or(b(f))
	}, when: eitherOf(l.when, r.when), unless: bothOf(l.unless, r.unless)}.limitsOf(l, r)
}

// same says whether two values can be compared or added, and what they are then.
func same(a, b typ) (typ, bool) {
	switch {
	case a.class != b.class:
		return a, false
	case a.class != number || a.unit == b.unit:
		a.any = a.any && b.any
		return a, true
	case a.any:
		return b, true
	case b.any:
		return a, true
	}
	return a, false
}

// differ tells why two values do not go together.
func (c *compiler) differ(n *ast.BinaryNode, verb string, l, r node) node {
	hint := ""
	if l.typ.class == duration && r.typ.any || r.typ.class == duration && l.typ.any {
		hint = "write a duration with its unit: 60s, 2h"
	}
	return c.fail(n, fmt.Sprintf("cannot %s %s with %s", verb, l.typ, r.typ), hint)
}

func (c *compiler) compare(n *ast.BinaryNode, l, r node) node {
	t, ok := same(l.typ, r.typ)
	if !ok {
		return c.differ(n, "compare", l, r)
	}
	out := typ{class: boolean}
	if t.class == boolean {
		return c.compareConditions(n, l.cond, r.cond)
	}
	if l.span != nil || r.span != nil {
		return c.spanGuards(node{typ: out, cond: compareSpans(n.Operator, l.bounds(), r.bounds())}, n.Operator, l, r)
	}
	a, b := l.num, r.num
	var test func(x, y float64) bool
	switch n.Operator {
	case "==":
		test = func(x, y float64) bool { return x == y }
	case "!=":
		test = func(x, y float64) bool { return x != y }
	case "<":
		test = func(x, y float64) bool { return x < y }
	case "<=":
		test = func(x, y float64) bool { return x <= y }
	case ">":
		test = func(x, y float64) bool { return x > y }
	default:
		test = func(x, y float64) bool { return x >= y }
	}
	return c.guarded(node{typ: out, cond: func(f *frame) tri {
		x, y := a(f), b(f)
		if math.IsNaN(x) || math.IsNaN(y) {
			return maybe
		}
		return truth(test(x, y))
	}}, n.Operator, l, r)
}

// bounds of a number: those of a count, or twice the same.
func (n node) bounds() spanFn {
	if n.span != nil {
		return n.span
	}
	x := n.num
	return func(f *frame) (low, high float64) {
		v := x(f)
		return v, v
	}
}

// compareSpans compares what is only known to lie between bounds: it decides as soon as no value within them could decide
// otherwise.
func compareSpans(op string, l, r spanFn) condFn {
	switch op {
	case ">", ">=": // a > b is b < a
		l, r = r, l
	}
	return func(f *frame) tri {
		al, ah := l(f)
		bl, bh := r(f)
		if math.IsNaN(al) || math.IsNaN(ah) || math.IsNaN(bl) || math.IsNaN(bh) {
			return maybe
		}
		switch op {
		case "<", ">":
			return decided(ah < bl, al >= bh)
		case "<=", ">=":
			return decided(ah <= bl, al > bh)
		case "==":
			return decided(al == bh && ah == bl, ah < bl || al > bh)
		}
		return decided(ah < bl || al > bh, al == bh && ah == bl)
	}
}

func decided(surely, never bool) tri {
	switch {
	case surely:
		return yes
	case never:
		return no
	}
	return maybe
}

func (c *compiler) compareConditions(n *ast.BinaryNode, a, b condFn) node {
	if n.Operator != "==" && n.Operator != "!=" {
		return c.fail(n, fmt.Sprintf("conditions have no order for %s", n.Operator), "")
	}
	equal := n.Operator == "=="
	return node{typ: typ{class: boolean}, cond: func(f *frame) tri {
		x, y := a(f), b(f)
		if x == maybe || y == maybe {
			return maybe
		}
		return truth((x == y) == equal)
	}}
}

func (c *compiler) arithmetic(n *ast.BinaryNode, l, r node) node {
	if l.typ.class == boolean || r.typ.class == boolean {
		return c.fail(n, fmt.Sprintf("%s needs numbers, and one side is a condition", n.Operator), "")
	}
	t, ok := resultType(n.Operator, l.typ, r.typ)
	if !ok {
		verb := map[string]string{"+": "add", "-": "subtract", "*": "multiply", "/": "divide"}[n.Operator]
		return c.differ(n, verb, l, r)
	}
	a, b := l.num, r.num
	switch n.Operator {
	case "+":
		return node{typ: t, num: func(f *frame) float64 { return finite(a(f) + b(f)) }}.joined(n.Operator, l, r)
	case "-":
		return node{typ: t, num: func(f *frame) float64 { return finite(a(f) - b(f)) }}.joined(n.Operator, l, r)
	case "*":
		return node{typ: t, num: func(f *frame) float64 { return finite(a(f) * b(f)) }}.joined(n.Operator, l, r)
	}
	return node{typ: t, num: func(f *frame) float64 {
		y := b(f)
		if y == 0 { // no answer, so unknown: infinity would make "> limit" true
			return math.NaN()
		}
		return finite(a(f) / y)
	}}.joined(n.Operator, l, r)
}

// finite makes an overflow unknown: it is no answer, and would make "> limit" true.
func finite(v float64) float64 {
	if math.IsInf(v, 0) {
		return math.NaN()
	}
	return v
}

// resultType is the type of an arithmetic result; false when the units do not allow it.
func resultType(op string, l, r typ) (typ, bool) {
	plain := func(t typ) bool { return t.class == number && t.unit == "" }
	switch op {
	case "*":
		if plain(l) {
			r.any = l.any && r.any
			return r, true
		}
		l.any = false
		return l, plain(r)
	case "/":
		if plain(r) {
			l.any = l.any && r.any
			return l, true
		}
		_, ok := same(l, r)
		return typ{}, ok && !l.any && !r.any
	}
	return same(l, r)
}

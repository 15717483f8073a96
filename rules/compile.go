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
	spanFn func(*frame) (low, high float64) // a count, of which only bounds may be known
)

// A node is a compiled part of an expression.
type node struct {
	typ  typ
	num  numFn  // of numbers and durations
	span spanFn // of counts, beside num

	key  string // of a count, and mask: as of a source
	mask uint64

	fixed  bool   // the same for every subject at all times, but for the mode
	from   bool   // the source says no less than what any rule sees, and maybe more
	when   guard  // what must be met for the condition to be true
	unless guard  // and for it to be false
	celled bool   // it is nothing but comparisons of sources with constants,
	edges  guard  // and these are all the limits
	cond   condFn // of conditions
	window int    // 1 + the window that it answers from; 0: none
	group  int    // 1 + the group, likewise
}

// A scope says what the names of an expression mean.
type scope struct {
	kind   *kind
	params map[string]quantity
	layout *layout
}

func (sc scope) slot(point string) int { return sc.layout.slot(sc.kind.name, point) }

// A compiler turns one tree into closures, and gathers all its mistakes.
type compiler struct {
	scope  scope
	syntax syntax
	errs   []exprError
	uses   uses
	mask   uint64 // the slots whose readings can change what it says
	slots  []int  // the same, one by one
	inside string // "window" or "group" while their arguments are built
	source []rune
	built  map[ast.Node]built // nil: nobody will ask
}

// uses are the inputs of an expression, in the order in which they appear.
type uses struct {
	points  []string
	session []string
	params  []string
	parts   []measure // windows, and groups of devices
	groups  []*groupSpec
}

func (u *uses) add(list *[]string, name string) {
	if !slices.Contains(*list, name) {
		*list = append(*list, name)
	}
}

func (u *uses) measure(m measure) {
	if !slices.ContainsFunc(u.parts, func(have measure) bool { return have.name == m.name }) {
		u.parts = append(u.parts, m)
	}
}

// join takes what another part of the rule looks at.
func (u *uses) join(o uses) {
	for _, name := range o.points {
		u.add(&u.points, name)
	}
	for _, name := range o.session {
		u.add(&u.session, name)
	}
	for _, name := range o.params {
		u.add(&u.params, name)
	}
	for _, m := range o.parts {
		u.measure(m)
	}
	u.groups = append(u.groups, o.groups...)
}

// A program is a checked condition, ready to run.
type program struct {
	cond condFn
	uses uses
	mask uint64 // the slots whose readings can change what it says
	when guard

	root  clause // the same, to be explained
	width int    // how many values its parts have
}

// compile checks a condition and builds its closures. The names' meaning is fixed here; running it only follows pointers.
func compile(text string, sc scope) (program, []exprError) {
	syntax, e := parse(text)
	if e != nil {
		return program{}, []exprError{*e}
	}
	c := &compiler{scope: sc, syntax: syntax, source: []rune(text), built: map[ast.Node]built{}}
	n := c.build(syntax.root)
	if len(c.errs) == 0 && n.typ.class != boolean {
		c.fail(syntax.root, fmt.Sprintf("the expression is %s, not a condition", n.typ), "compare it with something, such as level > 5")
	}
	if len(c.errs) > 0 {
		return program{}, c.errs
	}
	p := program{cond: n.cond, uses: c.uses, mask: c.mask | timeBit, when: n.when}
	p.root, p.width = c.clause(syntax.root, 0)
	return p, nil
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

func (c *compiler) construct(n ast.Node) node {
	switch n := n.(type) {
	case *ast.IntegerNode:
		return node{typ: typ{any: true}, num: constant(float64(n.Value)), fixed: true}
	case *ast.FloatNode:
		return node{typ: typ{any: true}, num: constant(n.Value), fixed: true}
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
		return c.fail(n, fmt.Sprintf("there is no function %s", n.Name), "functions: "+strings.Join(functionNames(), " "))
	case *ast.StringNode, *ast.BytesNode:
		return c.fail(n, "texts have no place in a condition", "a state is compared with its number: status == 2")
	}
	return c.fail(n, "this is not part of the rule language", languageHint)
}

const languageHint = "and or not == != < <= > >= + - * / ( ), points, params, session.…, 15s, emergency, functions such as avg(power, 5m)"

func (c *compiler) name(n *ast.IdentifierNode) node {
	if v, ok := c.syntax.durations[n.Location().From]; ok {
		return node{typ: typ{class: duration}, num: constant(v), fixed: true}
	}
	if q, ok := c.scope.params[n.Value]; ok {
		if c.scope.kind.point(n.Value) != nil { // of another kind than the rule's, whose points no parameter is named after
			return c.fail(n, fmt.Sprintf("%s is a parameter, and a point of a %s", n.Value, c.scope.kind.name), "another name for the parameter")
		}
		c.uses.add(&c.uses.params, n.Value)
		return node{typ: q.typ, num: q.get(), fixed: true}
	}
	if p := c.scope.kind.point(n.Value); p != nil {
		i := c.point(p.name)
		return node{typ: unitType(p.unit), num: func(f *frame) float64 { return f.value(i) }}.read(p.name, slotBit(i))
	}
	if n.Value == "emergency" && c.inside == "" {
		return node{typ: typ{class: boolean}, cond: func(f *frame) tri { return truth(f.emergency) }}
	}
	if n.Value == "emergency" {
		return c.fail(n, "emergency has no place in a window or a group", "emergency and …")
	}
	return c.fail(n, fmt.Sprintf("unknown name %q", n.Value), c.nearest(n.Value))
}

// point notes that the expression looks at a point of its subject, and answers its slot.
func (c *compiler) point(name string) int {
	c.uses.add(&c.uses.points, name)
	i := c.scope.slot(name)
	c.mask |= slotBit(i)
	c.slots = append(c.slots, i)
	return i
}

func (c *compiler) nearest(word string) string {
	known := append(c.scope.kind.pointNames(), "emergency")
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
	if ok1 && ok2 && owner.Value == "label" && !n.Optional {
		return c.flag(n, field.Value)
	}
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
	c.mask |= socketBits
	c.slots = append(c.slots, socketPower)
	if v.typ.class == boolean {
		return c.guards(node{typ: v.typ, cond: isTrue(v.get)}.read(name, socketBits|timeBit))
	}
	return node{typ: v.typ, num: v.get}.read(name, socketBits|timeBit)
}

// isTrue makes a condition of a number: 0 is false, NaN unknown, all else true.
func isTrue(get numFn) condFn {
	return func(f *frame) tri {
		switch v := get(f); {
		case math.IsNaN(v):
			return maybe
		case v != 0:
			return yes
		}
		return no
	}
}

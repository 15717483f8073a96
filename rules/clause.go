package rules

import (
	"math"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"

	"github.com/linshao/linshao/drivers/device"
)

// A clause is a part of an expression together with what it was compiled to, so that people can be told what it saw. Nobody
// walks the clauses to judge: they are asked when something is to be explained.
type clause struct {
	op     string // "and", "or", "not", a comparison, an operator of arithmetic; "" for the rest
	text   string // of a name or a call, as it is written
	fixed  bool   // a number that is written out: it has no value beside its text
	node   node
	slots  []int // whose readings it looks at
	states []Text
	kids   []clause
	at     int // where its values begin among those of its program
}

// A built is what a compiler made of a part of an expression.
type built struct {
	node  node
	slots []int
}

// build compiles a part, and remembers what it became.
func (c *compiler) build(n ast.Node) node {
	from := len(c.slots)
	out := c.construct(n)
	if c.built != nil {
		c.built[n] = built{out, slices.Clone(c.slots[min(from, len(c.slots)):])}
	}
	return out
}

// clause is a part of an expression that has been built whole. at is where its values begin; it answers where they end.
func (c *compiler) clause(n ast.Node, at int) (clause, int) {
	b := c.built[n]
	k := clause{node: b.node, slots: b.slots, at: at}
	var parts []ast.Node
	switch n := n.(type) {
	case *ast.UnaryNode:
		if n.Operator == "+" {
			return c.clause(n.Node, at)
		}
		k.op, parts = strings.ReplaceAll(n.Operator, "!", "not"), []ast.Node{n.Node}
	case *ast.BinaryNode:
		k.op = n.Operator
		if word := map[string]string{"&&": "and", "||": "or"}[k.op]; word != "" {
			k.op = word
		}
		parts = []ast.Node{n.Left, n.Right}
		if k.op == "and" || k.op == "or" {
			parts = chain(n, n.Operator, nil)
		}
	case *ast.CallNode:
		k.text = c.text(n)
		if k.node.window == 0 && k.node.group == 0 {
			parts = n.Arguments
		}
	case *ast.IdentifierNode:
		_, k.fixed = c.syntax.durations[n.Location().From]
		k.text = n.Value
	case *ast.MemberNode:
		path, _ := memberPath(n)
		k.text = strings.Join(path, ".")
		if v := sessionValueNamed(k.text); v != nil {
			k.states = v.states
		}
	default:
		k.fixed = true
	}
	at += k.width()
	for _, part := range parts {
		if _, known := c.built[part]; known { // the argument of absent_for is a name, and no part of its own
			var kid clause
			kid, at = c.clause(part, at)
			k.kids = append(k.kids, kid)
		}
	}
	return k, at
}

// chain is all sides of a and b and c.
func chain(n ast.Node, op string, all []ast.Node) []ast.Node {
	if b, ok := n.(*ast.BinaryNode); ok && b.Operator == op {
		return chain(b.Right, op, chain(b.Left, op, all))
	}
	return append(all, n)
}

// width is how many values a clause has: what it answers, of a count both its bounds; of a window how much of it is known; of a group
// its members and how many of them are unknown.
func (k *clause) width() int {
	if k.fixed {
		return 0
	}
	w := 1
	if k.node.span != nil {
		w++
	}
	if k.node.window > 0 {
		w++
	}
	if k.node.group > 0 {
		w += 2
	}
	return w
}

// record writes down what a clause and its parts see. It allocates nothing.
func (k *clause) record(f *frame, vals []float64) {
	if k.fixed {
		return
	}
	i := k.at
	switch {
	case k.node.cond != nil:
		vals[i] = k.node.cond(f).number()
	case k.node.span != nil:
		vals[i], vals[i+1] = k.node.span(f)
		i++
	default:
		vals[i] = k.node.num(f)
	}
	if math.IsNaN(vals[k.at]) {
		vals[k.at] = unknownFor(k.reason(f))
	}
	if k.node.window > 0 {
		i++
		vals[i] = f.windows[k.node.window-1].known(f)
	}
	if k.node.group > 0 {
		g := f.groups[k.node.group-1]
		vals[i+1], vals[i+2] = float64(len(g.parts)), 0
		for _, v := range g.parts {
			if math.IsNaN(v) {
				vals[i+2]++
			}
		}
	}
	for j := range k.kids {
		k.kids[j].record(f, vals)
	}
}

// reason is why the first of the readings that a clause looks at has no value.
func (k *clause) reason(f *frame) device.Reason {
	for _, i := range k.slots {
		s := &f.slots[i]
		switch {
		case s.seen == 0 || f.stale(s):
			return device.NotRead
		case math.IsNaN(s.val):
			return s.why
		}
	}
	return device.ReasonNone
}

// A NaN has room for why it is none.
const plainNaN = 0x7FF8000000000000

func unknownFor(r device.Reason) float64 { return math.Float64frombits(plainNaN | uint64(r)) }

// reasonIn is the reason that unknownFor put into a NaN.
func reasonIn(v float64) device.Reason { return device.Reason(math.Float64bits(v)) }

// number is 0, 1, or NaN for unknown.
func (t tri) number() float64 {
	switch t {
	case yes:
		return 1
	case no:
		return 0
	}
	return math.NaN()
}

// known is how much of a window is known, 0 to 1.
func (w *window) known(f *frame) float64 {
	if !w.spec.ring {
		w.advance(f.now + w.behind)
		if math.IsNaN(w.last) {
			return 0
		}
		return min(1, max(0, float64(w.at-w.from)/float64(w.spec.length)))
	}
	s := w.total(f)
	return min(1, float64(s.cover)/float64(w.spec.length))
}

// width is how many values the parts of a rule have.
func (r *rule) width() int {
	n := 0
	for p := range r.programs() {
		n += p.width
	}
	return n
}

// programs are all conditions of a rule: of each rung its own and the one for clearing.
func (r *rule) programs() func(yield func(*program) bool) {
	return func(yield func(*program) bool) {
		for i := 0; i <= len(r.ladder); i++ {
			g := r.at(i)
			if !yield(&g.expr) || g.clear != nil && !yield(g.clear) {
				return
			}
		}
	}
}

// record writes down what all parts of a rule see.
func (r *rule) record(f *frame, vals []float64) {
	at := 0
	for i := 0; i <= len(r.ladder); i++ {
		g := r.at(i)
		g.expr.root.record(f, vals[at:at+g.expr.width])
		at += g.expr.width
		if g.clear != nil {
			g.clear.root.record(f, vals[at:at+g.clear.width])
			at += g.clear.width
		}
	}
}

// part is what of a rule's values belongs to one of its conditions.
func (r *rule) part(p *program, vals []float64) []float64 {
	at := 0
	for q := range r.programs() {
		if q == p {
			return vals[at : at+q.width]
		}
		at += q.width
	}
	return nil
}

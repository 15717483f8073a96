package tree

import (
	"slices"
	"strings"

	"github.com/linshao/linshao/rules"
)

// item is a row of the file on its way into the tree.
type item struct {
	row     row
	line    line
	refused bool
}

// plan is what an import would do.
type plan struct {
	replace  bool
	items    []*item
	nodes    map[string]*item   // of the file, by id
	kids     map[string][]*item // rows of the file, by the node that they need
	have     []line             // of the database, in the order of its walk
	old      map[string]line    // the same by key
	problems []Problem
}

func newPlan(f *File, have []Node, replace bool) *plan {
	p := &plan{replace: replace, nodes: map[string]*item{}, kids: map[string][]*item{}, old: map[string]line{}, problems: slices.Clone(f.problems)}
	for _, n := range have {
		for _, l := range n.lines() {
			p.have = append(p.have, l)
			p.old[l.key()] = l
		}
	}
	check, first := newChecker(), map[string]*item{}
	for _, r := range f.rows {
		it := &item{row: r, refused: r.broken}
		var problems []Problem
		if it.line, problems = check.check(r); !r.broken {
			p.problems = append(p.problems, problems...)
			it.refused = len(problems) > 0
		}
		p.items = append(p.items, it)
		p.kids[it.line[cParent]] = append(p.kids[it.line[cParent]], it)
		if was := first[it.line.key()]; it.refused {
			if id := it.line[cID]; it.line.node() && id != "" && p.nodes[id] == nil {
				p.nodes[id] = it // those below it are told that it was left out
			}
		} else if was != nil {
			p.refuse(it, cName, text("与第 %d 行重复", "the same as in line %d", was.row.line))
		} else {
			first[it.line.key()] = it
			if it.line.node() {
				p.nodes[it.line[cID]] = it
			}
		}
	}
	for p.parents() || p.cycles() || p.sites() || p.patrols() { // each refusal may make others wrong
	}
	for i := range p.problems {
		p.problems[i] = f.placed(p.problems[i])
	}
	slices.SortStableFunc(p.problems, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Col - b.Col
	})
	return p
}

func (p *plan) refuse(it *item, c column, t rules.Text) {
	l, col := it.row.at(c)
	it.refused = true
	p.problems = append(p.problems, Problem{l, col, t})
}

// stays answers the line of a node as it will be after the import; ok is false when there will be none.
func (p *plan) stays(id string) (l line, ok bool) {
	if it := p.nodes[id]; it != nil && !it.refused {
		return it.line, true
	}
	if p.replace {
		return line{}, false
	}
	l, ok = p.old[NodeRecord+"\x00"+id]
	return l, ok
}

// parents refuses what hangs on a node that will not be there, and all below that.
func (p *plan) parents() bool {
	some := false
	todo := slices.Clone(p.items)
	for len(todo) > 0 {
		it := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		parent := it.line[cParent]
		if it.refused || parent == "" {
			continue
		}
		if _, ok := p.stays(parent); ok {
			continue
		}
		if above := p.nodes[parent]; above != nil {
			p.refuse(it, cParent, text("它的上级 %q（第 %d 行）没有被采用", "its parent %q (line %d) is not taken", parent, above.row.line))
		} else {
			p.refuse(it, cParent, text("没有编号为 %q 的节点", "there is no node %q", parent))
		}
		some = true
		if it.line.node() {
			todo = append(todo, p.kids[it.line[cID]]...)
		}
	}
	return some
}

// cycles refuses nodes that are above themselves.
func (p *plan) cycles() bool {
	const under, done = 1, 2
	state, some := map[string]int{}, false
	for _, it := range p.items {
		if it.refused || !it.line.node() {
			continue
		}
		var way []string
		id := it.line[cID]
		for id != "" && state[id] == 0 {
			state[id] = under
			way = append(way, id)
			l, _ := p.stays(id)
			id = l[cParent]
		}
		if id != "" && state[id] == under {
			ring := way[slices.Index(way, id):]
			for _, on := range ring {
				if n := p.nodes[on]; n != nil && !n.refused {
					p.refuse(n, cParent, text("节点绕成了圈：%[1]s", "nodes in a circle: %[1]s", strings.Join(short(ring), " → ")))
					some = true
				}
			}
		}
		for _, id := range way {
			state[id] = done
		}
	}
	return some
}

func short(ids []string) []string {
	if len(ids) > 5 {
		return append(slices.Clone(ids[:5]), "…")
	}
	return ids
}

// sites refuses nodes that want a site of another.
func (p *plan) sites() bool {
	of, some := map[string]string{}, false
	for _, l := range p.have {
		if it := p.nodes[l[cID]]; l.node() && !p.replace && (it == nil || it.refused) {
			for s := range strings.FieldsSeq(l[cSites]) {
				of[s] = l[cID]
			}
		}
	}
	for _, it := range p.items {
		if it.refused || !it.line.node() {
			continue
		}
		for s := range strings.FieldsSeq(it.line[cSites]) {
			if other := of[s]; other != "" && other != it.line[cID] {
				p.refuse(it, cSites, text("站点 %q 已经挂在节点 %q 上", "site %q hangs on node %q", s, other))
				some = true
				break
			}
			of[s] = it.line[cID]
		}
	}
	return some
}

// removed are the lines of the database that a replacing file lacks; those of a node before the node itself.
func (p *plan) removed() []line {
	if !p.replace {
		return nil
	}
	keep := map[string]bool{}
	for _, it := range p.items {
		keep[it.line.key()] = true
	}
	var out []line
	for _, l := range slices.Backward(p.have) {
		if !keep[l.key()] {
			out = append(out, l)
		}
	}
	return out
}

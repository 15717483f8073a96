// Package tree knows who answers for a site: a tree of nodes of any depth with free kinds, from the street through
// communities and grids to compounds and buildings, with dedicated grids (专属网格) beside them. A node has an owner and a
// deputy (AB 角), contacts, emergency teams, resources and a roster of shifts; sites hang on nodes. People fill it from CSV or YAML files, the
// API and the command line read it. It promises that an import is whole or names each line it left out, that the same file
// twice changes nothing, and that what is exported can be imported again.
package tree

import (
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/org/shift"
)

// A Person answers for something.
type Person struct {
	Name  string `json:"name"`
	Phone string `json:"phone,omitempty"`
}

// A HandOver is the time in which the deputy stands in for the owner: days such as 2026-11-20, both included.
type HandOver struct {
	From string `json:"from"`
	To   string `json:"to,omitempty" doc:"absent: until further notice"`
}

// Records of a file: a node, or an entry or a shift of one.
const (
	NodeRecord     = "node"
	ContactRecord  = "contact"
	TeamRecord     = "team"
	ResourceRecord = "resource"
	ShiftRecord    = "shift"
	PatrolRecord   = "patrol"
	PointRecord    = "point"
)

// A NodeEntry is a contact, an emergency team or a resource of a node. No two of a node are of the same record, kind and name.
type NodeEntry struct {
	Record   string `json:"record" enum:"contact,team,resource"`
	Kind     string `json:"kind" doc:"role of a contact, kind of a team or of a resource; free words"`
	Name     string `json:"name"`
	Phone    string `json:"phone,omitempty"`
	Position string `json:"position,omitempty" doc:"where it is, in people's words"`
	Stock    int    `json:"stock,omitempty" doc:"how many there are of a resource"`
}

// A Duty says who is responsible now.
type Duty struct {
	Person
	As   string `json:"as" enum:"owner,deputy"`
	Node string `json:"node" doc:"the node whose owner or deputy it is: the asked one or one above it"`
}

// A Node is one place of the tree.
type Node struct {
	ID          string        `json:"id"`
	Parent      string        `json:"parent,omitempty"`
	Depth       int           `json:"depth" doc:"0: a root of this answer"`
	Kind        string        `json:"kind" doc:"街道, 社区, 网格, 小区, 楼栋 …; free words"`
	Name        string        `json:"name"`
	Dedicated   bool          `json:"dedicated,omitempty" doc:"a dedicated grid (专属网格)"`
	Sites       []string      `json:"sites,omitempty" doc:"ids of the sites that hang on it"`
	Owner       *Person       `json:"owner,omitempty"`
	Deputy      *Person       `json:"deputy,omitempty"`
	HandOver    *HandOver     `json:"handover,omitempty"`
	Entries     []NodeEntry   `json:"entries,omitempty"`
	Shifts      []shift.Shift `json:"shifts,omitempty" doc:"the roster of the node"`
	Patrols     []Patrol      `json:"patrols,omitempty" doc:"rounds that are walked here"`
	Responsible *Duty         `json:"responsible,omitempty" doc:"absent: nobody is named here or above"`
}

// Mask hides the middle of a phone number; a service number such as 119 or 12345 is nobody's own and stays.
func Mask(phone string) string {
	r := []rune(phone)
	switch {
	case len(r) <= 6:
		return phone
	case len(r) < 11:
		return string(r[:2]) + strings.Repeat("*", len(r)-4) + string(r[len(r)-2:])
	}
	return string(r[:3]) + strings.Repeat("*", len(r)-7) + string(r[len(r)-4:])
}

// Masked answers the nodes with every phone number masked.
func Masked(nodes []Node) []Node {
	hide := func(p *Person) *Person {
		if p == nil {
			return nil
		}
		return &Person{p.Name, Mask(p.Phone)}
	}
	out := slices.Clone(nodes)
	for i := range out {
		n := &out[i]
		n.Owner, n.Deputy, n.Entries = hide(n.Owner), hide(n.Deputy), slices.Clone(n.Entries)
		n.Shifts = slices.Clone(n.Shifts)
		for j := range n.Shifts {
			n.Shifts[j].Phone = Mask(n.Shifts[j].Phone)
		}
		for j := range n.Entries {
			n.Entries[j].Phone = Mask(n.Entries[j].Phone)
		}
		if n.Responsible != nil {
			d := *n.Responsible
			d.Phone = Mask(d.Phone)
			n.Responsible = &d
		}
	}
	return out
}

// Responsible answers who is responsible on a day (2006-01-02) for the last node of a path from the root: its deputy while
// a hand-over lasts, else its owner; without either, the same of the node above. Nil: nobody is named on the whole path.
func Responsible(path []Node, day string) *Duty {
	for _, n := range slices.Backward(path) {
		if d := n.own(day); d != nil {
			return d
		}
	}
	return nil
}

func (n Node) own(day string) *Duty {
	h := n.HandOver
	if n.Deputy != nil && h != nil && h.From <= day && (h.To == "" || day <= h.To) {
		return &Duty{*n.Deputy, "deputy", n.ID}
	}
	if n.Owner != nil {
		return &Duty{*n.Owner, "owner", n.ID}
	}
	return nil
}

// Assign fills who is responsible for each node on a day. The nodes stand in the order of Subtree; above is the path to the
// first one's parent.
func Assign(above, nodes []Node, day string) {
	top := Responsible(above, day)
	of := make(map[string]*Duty, len(nodes))
	for i := range nodes {
		n := &nodes[i]
		if n.Responsible = n.own(day); n.Responsible == nil {
			if n.Responsible = top; n.Depth > 0 {
				n.Responsible = of[n.Parent]
			}
		}
		of[n.ID] = n.Responsible
	}
}

// ordered puts nodes in the order of a walk: each before those below it, siblings by id. Roots are those whose parent is not
// among them.
func ordered(nodes []Node) []Node {
	slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(b.ID, a.ID) }) // the stack turns them round
	known, below := make(map[string]bool, len(nodes)), map[string][]Node{}
	for _, n := range nodes {
		known[n.ID] = true
	}
	var stack []Node
	for _, n := range nodes {
		if known[n.Parent] {
			below[n.Parent] = append(below[n.Parent], n)
		} else {
			stack = append(stack, n)
		}
	}
	out := make([]Node, 0, len(nodes))
	for len(stack) > 0 {
		n := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		out = append(out, n)
		for _, child := range below[n.ID] {
			child.Depth = n.Depth + 1
			stack = append(stack, child)
		}
	}
	return out
}

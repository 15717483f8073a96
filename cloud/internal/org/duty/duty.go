// Package duty says who is on duty at a node in a role, from the rosters of package tree, the mode that is in force, and
// hand-overs between people (交接班). It promises an answer for every instant: who has a shift here, else who has one above,
// else who answers for the place.
package duty

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// Why somebody is on duty.
const (
	AsShift    = "shift"
	AsHandOver = "handover" // of a shift, or besides it
	AsOwner    = "owner"
	AsDeputy   = "deputy"
	AsFallback = "fallback" // for what nobody manages (双无)
	AsDesk     = "desk"     // a number of the street's desk, which is nobody's own
)

// A Holder is somebody on duty.
type Holder struct {
	tree.Person
	Role  string `json:"role,omitempty" doc:"absent: none, as of owners and deputies"`
	As    string `json:"as" enum:"shift,handover,owner,deputy,fallback,desk"`
	Node  string `json:"node" doc:"whose roster or owner it is: the asked node or one above it"`
	Until int64  `json:"until,omitempty" doc:"when the shift ends, Unix ms"`
}

// Masked answers people with their phone numbers masked.
func Masked(people []Holder) []Holder {
	out := slices.Clone(people)
	for i := range out {
		out[i].Phone = tree.Mask(out[i].Phone)
	}
	return out
}

// OnDuty answers who is on duty at a node in a role at a time, whose location is the zone of shifts that have none of their
// own. With an empty role every role counts. Without a shift at the node, the one above it is asked, up to the root; without
// any, those who answer for the node: its own owner or deputy, the nearest contact with the role 兜底 or fallback, the
// owner or deputy above. Empty without an error: there is nobody at all. An unknown node: org.ErrUnknown.
func OnDuty(ctx context.Context, q db.Querier, node, role string, at time.Time) ([]Holder, error) {
	path, err := tree.Path(ctx, q, node)
	if err != nil {
		return nil, err
	}
	return onPath(ctx, q, path, role, at)
}

// OnDutyFor answers the same for a site. Of a site that hangs on no node nobody is on duty.
func OnDutyFor(ctx context.Context, q db.Querier, site, role string, at time.Time) ([]Holder, error) {
	path, err := tree.PathOf(ctx, q, site)
	if errors.Is(err, org.ErrUnknown) {
		return []Holder{}, nil
	}
	if err != nil {
		return nil, err
	}
	return onPath(ctx, q, path, role, at)
}

func onPath(ctx context.Context, q db.Querier, path []tree.Node, role string, at time.Time) ([]Holder, error) {
	leaf := path[len(path)-1]
	m, err := tree.ModeOf(ctx, q, leaf.ID, at)
	if err != nil {
		return nil, err
	}
	given, err := handOvers(ctx, q, leaf.ID, at)
	if err != nil {
		return nil, err
	}
	for _, n := range slices.Backward(path) {
		if people := Rostered(n, given, role, m.Emergency, at); len(people) > 0 {
			return people, nil
		}
	}
	return fallback(path, at), nil
}

// Rostered answers who has a shift at one node, without those above it. In emergency mode the shifts of that mode count; a
// role that has none then keeps its ordinary ones, so that nobody leaves a post that nobody else has taken.
func Rostered(n tree.Node, given []Relief, role string, emergency bool, at time.Time) []Holder {
	var out, ordinary []Holder
	posted := map[string]bool{} // roles that somebody has in the mode
	for _, s := range n.Shifts {
		until, on := s.On(at)
		if !on || role != "" && s.Role != role {
			continue
		}
		p := Holder{tree.Person{Name: s.Name, Phone: s.Phone}, s.Role, AsShift, n.ID, until.UnixMilli()}
		switch {
		case s.Counts(emergency):
			out = append(out, p)
			posted[s.Role] = true
		case emergency:
			ordinary = append(ordinary, p)
		}
	}
	for _, p := range ordinary {
		if !posted[p.Role] {
			out = append(out, p)
		}
	}
	for _, h := range given {
		if h.Node == n.ID && (role == "" || h.Role == role) && h.From <= at.UnixMilli() && at.UnixMilli() < h.Until {
			out = h.apply(out)
		}
	}
	return tidy(out)
}

// tidy names each person of a role once, until the later end.
func tidy(people []Holder) []Holder {
	var out []Holder
	for _, p := range people {
		i := slices.IndexFunc(out, func(o Holder) bool { return o.Role == p.Role && o.Person == p.Person })
		if i < 0 {
			out = append(out, p)
		} else {
			out[i].Until = max(out[i].Until, p.Until)
		}
	}
	return out
}

// fallback answers who stands in when no roster names anybody.
func fallback(path []tree.Node, at time.Time) []Holder {
	day := at.Format(time.DateOnly)
	leaf := path[len(path)-1:]
	as := func(d *tree.Duty) []Holder {
		return []Holder{{Person: d.Person, As: d.As, Node: d.Node}}
	}
	if d := tree.Responsible(leaf, day); d != nil {
		return as(d)
	}
	for _, n := range slices.Backward(path) {
		for _, e := range n.Entries {
			if e.Record == tree.ContactRecord && (e.Kind == "兜底" || e.Kind == "fallback") {
				return []Holder{{Person: tree.Person{Name: e.Name, Phone: e.Phone}, As: AsFallback, Node: n.ID}}
			}
		}
	}
	if d := tree.Responsible(path, day); d != nil {
		return as(d)
	}
	return []Holder{}
}

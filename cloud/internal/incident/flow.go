package incident

import (
	"context"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// LimitsOf answers how long each step of an incident may take, in ms, by what must follow; halved in an emergency.
func (s *Service) LimitsOf(ctx context.Context, q db.Querier, in Incident) (map[string]int64, error) {
	half, err := s.emergency(ctx, q, &in)
	if err != nil {
		return nil, err
	}
	out := map[string]int64{}
	for due, d := range s.cfg.Limits[in.Severity] {
		if half {
			d /= 2
		}
		out[due] = d.Milliseconds()
	}
	return out, nil
}

// Commanders answers who answers for an incident at each whistle, the first one first.
func (s *Service) Commanders(ctx context.Context, q db.Querier, in Incident) ([]Answers, error) {
	out := []Answers{}
	for in.Whistle = 1; in.Whistle <= mostRung; in.Whistle++ {
		a, err := s.Answers(ctx, q, in)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

// Assignees answers to whom an incident can be handed: accounts that may handle it, the nodes above its place from the
// nearest on with their teams, and what hangs beside them on the root, such as departments.
func (s *Service) Assignees(ctx context.Context, q db.Querier, in Incident) ([]Assignee, error) {
	people, err := s.holders(ctx, q, &in, auth.Take)
	if err != nil {
		return nil, err
	}
	out := []Assignee{}
	for _, u := range people {
		out = append(out, Assignee{Kind: "person", ID: u.Name, Name: u.Name})
	}
	path, err := Path(ctx, q, in)
	if err != nil || len(path) == 0 {
		return out, err
	}
	for _, n := range slices.Backward(path) {
		for _, e := range n.Entries {
			if e.Record == tree.TeamRecord {
				out = append(out, Assignee{Kind: "team", ID: n.ID + "/" + e.Name, Name: e.Name})
			}
		}
	}
	nodes, err := tree.Subtree(ctx, q, path[0].ID)
	if err != nil {
		return nil, err
	}
	node := func(n tree.Node) Assignee {
		return Assignee{Kind: "node", ID: n.ID, Name: strings.TrimSpace(n.Kind + " " + n.Name)}
	}
	for _, n := range slices.Backward(path) {
		out = append(out, node(n))
	}
	for _, n := range nodes {
		if n.Parent == path[0].ID && !slices.ContainsFunc(path, func(p tree.Node) bool { return p.ID == n.ID }) {
			out = append(out, node(n))
		}
	}
	return out, nil
}

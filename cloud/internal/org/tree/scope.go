package tree

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/db"
)

// A Scope is a part of the street: everything, or some nodes with all below them. The zero Scope holds nothing.
type Scope struct {
	all   bool
	nodes []string
}

// Everywhere is the whole street, also sites that hang on no node.
func Everywhere() Scope { return Scope{all: true} }

// Below is some nodes and all below them.
func Below(nodes ...string) Scope { return Scope{nodes: nodes} }

// All says that a scope is the whole street.
func (s Scope) All() bool { return s.all }

// Sites answers an SQL condition that a column holds a site of the scope, with the condition's arguments.
func (s Scope) Sites(column string) (condition string, args []any) {
	return s.in(column, `SELECT s.site FROM part JOIN node_sites s ON s.node = part.id`)
}

// Nodes answers an SQL condition that a column holds a node of the scope, with the condition's arguments.
func (s Scope) Nodes(column string) (condition string, args []any) {
	return s.in(column, `SELECT id FROM part`)
}

// Around answers an SQL condition that a column holds a node of the scope or one above it, with the condition's arguments.
func (s Scope) Around(column string) (condition string, args []any) {
	condition, args = s.Nodes(column)
	if s.all || len(s.nodes) == 0 {
		return condition, args
	}
	return `(` + condition + ` OR ` + column + ` IN (WITH RECURSIVE part(id) AS (SELECT id FROM nodes WHERE id IN (` + strings.Repeat(", ?", len(args))[2:] + `)
		UNION SELECT a.id FROM nodes n JOIN part p ON n.id = p.id JOIN nodes a ON a.id = n.parent) SELECT id FROM part))`, append(args, args...)
}

func (s Scope) in(column, of string) (string, []any) {
	if s.all {
		return "1 = 1", nil
	}
	if len(s.nodes) == 0 {
		return "1 = 0", nil
	}
	args := make([]any, len(s.nodes))
	for i, n := range s.nodes {
		args[i] = n
	}
	marks := strings.Repeat(", ?", len(args))[2:]
	return column + ` IN (WITH RECURSIVE part(id) AS (SELECT id FROM nodes WHERE id IN (` + marks + `)
		UNION SELECT n.id FROM nodes n JOIN part p ON n.parent = p.id) ` + of + `)`, args
}

// SitesBelow answers the sites on some nodes and on all below them.
func SitesBelow(ctx context.Context, q db.Querier, nodes ...string) (map[string]bool, error) {
	in, args := Below(nodes...).Nodes("node")
	return set(ctx, q, `SELECT site FROM node_sites WHERE `+in, args...)
}

// NodesBelow answers some nodes and all below them.
func NodesBelow(ctx context.Context, q db.Querier, nodes ...string) (map[string]bool, error) {
	in, args := Below(nodes...).Nodes("id")
	return set(ctx, q, `SELECT id FROM nodes WHERE `+in, args...)
}

func set(ctx context.Context, q db.Querier, query string, args ...any) (map[string]bool, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list what lies below nodes: %w", err)
	}
	defer rows.Close()
	out := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("list what lies below nodes: %w", err)
		}
		out[id] = true
	}
	return out, rows.Err()
}

// Visible answers those of all nodes that lie in the scope, whole, and with them the nodes above, of which there is the
// name alone.
func (s Scope) Visible(all []Node) []Node {
	if s.all {
		return all
	}
	parent, inside := map[string]string{}, map[string]bool{}
	for _, n := range all {
		parent[n.ID] = n.Parent
	}
	above := map[string]bool{}
	for _, n := range all {
		for id, steps := n.ID, 0; id != "" && steps <= len(all); id, steps = parent[id], steps+1 {
			if slices.Contains(s.nodes, id) {
				inside[n.ID] = true
				break
			}
		}
		for id := n.Parent; inside[n.ID] && id != "" && !above[id]; id = parent[id] {
			above[id] = true
		}
	}
	var out []Node
	for _, n := range all {
		switch {
		case inside[n.ID]:
			out = append(out, n)
		case above[n.ID]:
			out = append(out, Node{ID: n.ID, Parent: n.Parent, Depth: n.Depth, Kind: n.Kind, Name: n.Name, Dedicated: n.Dedicated})
		}
	}
	return out
}

// From answers a node and all below it; each node stands before those below it.
func From(nodes []Node, id string) []Node {
	below, depth := map[string]bool{}, 0
	var out []Node
	for _, n := range nodes {
		if n.ID == id {
			depth = n.Depth
		}
		if n.ID == id || below[n.Parent] {
			below[n.ID] = true
			n.Depth -= depth
			out = append(out, n)
		}
	}
	return out
}

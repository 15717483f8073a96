package tree

import "strings"

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

package auth

import (
	"context"
	"fmt"
	"slices"

	"github.com/linshao/linshao/cloud/internal/db"
)

// Holders answers the accounts that hold a right at a place, which is the nodes from the root to it, by name.
func Holders(ctx context.Context, q db.Querier, r Right, nodes []string) ([]User, error) {
	rows, err := q.QueryContext(ctx, `SELECT name, role, node FROM grants ORDER BY name, node, role`)
	if err != nil {
		return nil, fmt.Errorf("list grants: %w", err)
	}
	defer rows.Close()
	var out []User
	for rows.Next() {
		var name string
		var g Grant
		if err := rows.Scan(&name, &g.Role, &g.Node); err != nil {
			return nil, fmt.Errorf("list grants: %w", err)
		}
		one := User{Name: name, Grants: []Grant{g}}
		if below, all := one.Where(r); !all && !slices.ContainsFunc(below, func(n string) bool { return slices.Contains(nodes, n) }) {
			continue
		}
		if n := len(out); n > 0 && out[n-1].Name == name {
			out[n-1].Grants = append(out[n-1].Grants, g)
			continue
		}
		one.Role = g.Role
		out = append(out, one)
	}
	return out, rows.Err()
}

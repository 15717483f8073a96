package auth

import (
	"context"
	"fmt"
	"slices"

	"github.com/linshao/linshao/cloud/internal/db"
)

// Holders answers the accounts that hold a right at a place, which is the nodes from the root to it, by name.
func Holders(ctx context.Context, q db.Querier, r Right, nodes []string) ([]User, error) {
	rows, err := q.QueryContext(ctx, `SELECT name, role FROM users ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	defer rows.Close()
	var out []User
	for rows.Next() {
		var u User
		if err := rows.Scan(&u.Name, &u.Role); err != nil {
			return nil, fmt.Errorf("list users: %w", err)
		}
		u.Grants = []Grant{{Role: u.Role}}
		if below, all := u.Where(r); all || slices.ContainsFunc(below, func(n string) bool { return slices.Contains(nodes, n) }) {
			out = append(out, u)
		}
	}
	return out, rows.Err()
}

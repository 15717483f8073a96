package auth

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// ErrMore: somebody would give a right that he does not hold there himself, or touch an account that has one.
var ErrMore = errors.New("more rights than one's own")

// maxGrants bounds what one user has.
const maxGrants = 100

// String is a grant as people write it: role, or role@node.
func (g Grant) String() string {
	if g.Node == "" {
		return g.Role
	}
	return g.Role + "@" + g.Node
}

// ParseGrant reads role or role@node.
func ParseGrant(s string) (Grant, error) {
	role, node, at := strings.Cut(s, "@")
	g := Grant{Role: role, Node: node}
	if !slices.Contains(Roles(), role) {
		return Grant{}, fmt.Errorf("role %q: use one of %s", role, strings.Join(Roles(), ", "))
	}
	if at && node == "" || len(node) > 80 {
		return Grant{}, fmt.Errorf("grant %q: after @ stands the id of a node, of at most 80 bytes", s)
	}
	return g, nil
}

// grantsText is a list of grants for the audit.
func grantsText(gs []Grant) string {
	var out []string
	for _, g := range gs {
		out = append(out, g.String())
	}
	return strings.Join(out, " ")
}

// Widest answers the role of the grants that has the most rights; empty without a grant.
func Widest(gs []Grant) string {
	widest := ""
	for _, g := range gs {
		if n, m := len(RightsOf(g.Role)), len(RightsOf(widest)); n > m || n == m && slices.Index(Roles(), g.Role) > slices.Index(Roles(), widest) {
			widest = g.Role
		}
	}
	return widest
}

// GrantsOf answers the grants of a user, by node and role; none of an unknown one.
func GrantsOf(ctx context.Context, q db.Querier, name string) ([]Grant, error) {
	rows, err := q.QueryContext(ctx, `SELECT role, node FROM grants WHERE name = ? ORDER BY node, role`, name)
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	defer rows.Close()
	var out []Grant
	for rows.Next() {
		var g Grant
		if err := rows.Scan(&g.Role, &g.Node); err != nil {
			return nil, fmt.Errorf("read grants: %w", err)
		}
		out = append(out, g)
	}
	return out, rows.Err()
}

// checked answers the grants without doubles, each of a known role and node.
func checked(ctx context.Context, q db.Querier, gs []Grant) ([]Grant, error) {
	gs = slices.Clone(gs)
	slices.SortFunc(gs, func(a, b Grant) int { return cmp.Or(strings.Compare(a.Node, b.Node), strings.Compare(a.Role, b.Role)) })
	gs = slices.Compact(gs)
	if len(gs) > maxGrants {
		return nil, &BadError{fmt.Sprintf("有 %d 项授权，最多 %d 项", len(gs), maxGrants), fmt.Sprintf("%d grants: use at most %d", len(gs), maxGrants)}
	}
	for _, g := range gs {
		if !slices.Contains(Roles(), g.Role) {
			return nil, &BadError{fmt.Sprintf("没有角色 %q：可用的有 %s", g.Role, strings.Join(Roles(), "、")), fmt.Sprintf("role %q: use one of %s", g.Role, strings.Join(Roles(), ", "))}
		}
		if g.Node == "" {
			continue
		}
		_, err := tree.Path(ctx, q, g.Node)
		if errors.Is(err, org.ErrUnknown) {
			return nil, &BadError{fmt.Sprintf("组织树中没有节点 %q：cloud org tree 列出全部，cloud org import 导入", g.Node),
				fmt.Sprintf("the organisation has no node %q: cloud org tree shows all, cloud org import brings them in", g.Node)}
		}
		if err != nil {
			return nil, err
		}
	}
	return gs, nil
}

// Console may give every right: who works on the cloud's machine owns its database anyway.
func Console() User {
	var all []Grant
	for _, role := range Roles() {
		all = append(all, Grant{Role: role})
	}
	return User{Name: "console", Role: "console", Grants: all}
}

// Covers says whether a user may give grants: holds every right of the grants, and Manage, wherever they give them.
func Covers(ctx context.Context, q db.Querier, u User, gs []Grant) (bool, error) {
	for _, g := range gs {
		ok, err := holds(ctx, q, u, g.Node, append(RightsOf(g.Role), Manage))
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

// holds says whether a user holds rights at a node and all below it. A node that no longer exists lies nowhere: there only
// who holds them everywhere does.
func holds(ctx context.Context, q db.Querier, u User, node string, rights []Right) (bool, error) {
	var path []tree.Node
	if node != "" {
		var err error
		if path, err = tree.Path(ctx, q, node); err != nil && !errors.Is(err, org.ErrUnknown) {
			return false, err
		}
	}
	for _, r := range rights {
		nodes, all := u.Where(r)
		if !all && !slices.ContainsFunc(path, func(n tree.Node) bool { return slices.Contains(nodes, n.ID) }) {
			return false, nil
		}
	}
	return true, nil
}

// setGrants replaces what a user has.
func setGrants(ctx context.Context, tx *sql.Tx, name string, gs []Grant) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM grants WHERE name = ?`, name); err != nil {
		return fmt.Errorf("set grants of %s: %w", name, err)
	}
	for _, g := range gs {
		if _, err := tx.ExecContext(ctx, `INSERT INTO grants (name, role, node) VALUES (?, ?, ?)`, name, g.Role, g.Node); err != nil {
			return fmt.Errorf("set grants of %s: %w", name, err)
		}
	}
	return nil
}

// without answers the grants of a that are not in b.
func without(a, b []Grant) []Grant {
	return slices.DeleteFunc(slices.Clone(a), func(g Grant) bool { return slices.Contains(b, g) })
}

// oneNode is the node that all of the grants name; empty when there is not just one.
func oneNode(gs []Grant) string {
	if len(gs) == 0 || slices.ContainsFunc(gs, func(g Grant) bool { return g.Node != gs[0].Node }) {
		return ""
	}
	return gs[0].Node
}

package tree

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
)

// Parts of the tree that a question is about: a node and all below it (without a node: everything), or all above a node.
const (
	down = `WITH RECURSIVE part(id) AS (SELECT id FROM nodes WHERE id = ? OR (? = '' AND parent = '')
		UNION SELECT n.id FROM nodes n JOIN part p ON n.parent = p.id) `
	up = `WITH RECURSIVE part(id) AS (SELECT id FROM nodes WHERE id = ? OR id = ?
		UNION SELECT a.id FROM nodes n JOIN part p ON n.id = p.id JOIN nodes a ON a.id = n.parent) `
)

// Subtree answers a node and all below it, each before those below it and siblings by id; with an empty id, the whole tree.
// An unknown node: org.ErrUnknown.
func Subtree(ctx context.Context, q db.Querier, id string) ([]Node, error) {
	nodes, err := load(ctx, q, down, id)
	if err != nil {
		return nil, err
	}
	if len(nodes) == 0 && id != "" {
		return nil, fmt.Errorf("node %q: %w", id, org.ErrUnknown)
	}
	return nodes, nil
}

// Path answers the nodes from the root to the one with the id, both included. An unknown node: org.ErrUnknown.
func Path(ctx context.Context, q db.Querier, id string) ([]Node, error) {
	nodes, err := load(ctx, q, up, id)
	if err != nil {
		return nil, err
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("node %q: %w", id, org.ErrUnknown)
	}
	return nodes, nil
}

// PathOf answers the nodes from the root to the one on which a site hangs. When it hangs on none: org.ErrUnknown.
func PathOf(ctx context.Context, q db.Querier, site string) ([]Node, error) {
	var node string
	err := q.QueryRowContext(ctx, `SELECT node FROM node_sites WHERE site = ?`, site).Scan(&node)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("node of site %q: %w", site, org.ErrUnknown)
	}
	if err != nil {
		return nil, fmt.Errorf("find node of site %s: %w", site, err)
	}
	return Path(ctx, q, node)
}

// ResponsibleFor answers who is responsible for a site at a time, whose location says which day it is. Nil without an
// error: nobody is named on its path. A site that hangs on no node: org.ErrUnknown.
func ResponsibleFor(ctx context.Context, q db.Querier, site string, at time.Time) (*Duty, error) {
	path, err := PathOf(ctx, q, site)
	if err != nil {
		return nil, err
	}
	return Responsible(path, at.Format(time.DateOnly)), nil
}

// With answers a subtree in which who is responsible at a time is filled in.
func With(ctx context.Context, q db.Querier, id string, at time.Time) ([]Node, error) {
	nodes, err := Subtree(ctx, q, id)
	if err != nil {
		return nil, err
	}
	var above []Node
	if id != "" {
		if above, err = Path(ctx, q, id); err != nil {
			return nil, err
		}
	}
	Assign(above, nodes, at.Format(time.DateOnly))
	return nodes, nil
}

func load(ctx context.Context, q db.Querier, part, id string) ([]Node, error) {
	var nodes []Node
	place := map[string]int{}
	err := each(ctx, q, part+`SELECT n.id, n.parent, n.kind, n.name, n.dedicated, n.owner, n.owner_phone, n.deputy, n.deputy_phone, n.handover_from, n.handover_to
		FROM part JOIN nodes n ON n.id = part.id`, id, func(rows *sql.Rows) error {
		var l line
		var dedicated bool
		if err := rows.Scan(&l[cID], &l[cParent], &l[cKind], &l[cName], &dedicated, &l[cOwner], &l[cOwnerPhone], &l[cDeputy], &l[cDeputyPhone], &l[cFrom], &l[cTo]); err != nil {
			return err
		}
		n := l.toNode()
		n.Dedicated = dedicated
		place[n.ID] = len(nodes)
		nodes = append(nodes, n)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read nodes: %w", err)
	}
	err = each(ctx, q, part+`SELECT s.node, s.site FROM part JOIN node_sites s ON s.node = part.id`, id, func(rows *sql.Rows) error {
		var node, site string
		err := rows.Scan(&node, &site)
		if i, ok := place[node]; ok {
			nodes[i].Sites = append(nodes[i].Sites, site)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read sites of nodes: %w", err)
	}
	err = each(ctx, q, part+`SELECT e.node, e.record, e.kind, e.name, e.phone, e.position, e.stock FROM part JOIN node_entries e ON e.node = part.id`, id, func(rows *sql.Rows) error {
		var node string
		var e NodeEntry
		err := rows.Scan(&node, &e.Record, &e.Kind, &e.Name, &e.Phone, &e.Position, &e.Stock)
		if i, ok := place[node]; ok {
			nodes[i].Entries = append(nodes[i].Entries, e)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read entries of nodes: %w", err)
	}
	if err := loadShifts(ctx, q, part, id, nodes, place); err != nil {
		return nil, err
	}
	if err := loadPatrols(ctx, q, part, id, nodes, place); err != nil {
		return nil, err
	}
	for i := range nodes {
		slices.Sort(nodes[i].Sites)
		slices.SortFunc(nodes[i].Entries, byWord)
	}
	return ordered(nodes), nil
}

func each(ctx context.Context, q db.Querier, query, id string, row func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, id, id)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// A writer changes the tree within a transaction. Its statements are prepared once: an import has thousands of lines.
type writer struct {
	tx                                                                                                    *sql.Tx
	node, noSites, site, entry, shift, noNode, noEntry, noEntries, noShift, noShifts, noPatrols, noPoints *sql.Stmt
}

func newWriter(ctx context.Context, tx *sql.Tx) (*writer, error) {
	w := &writer{tx: tx}
	for _, s := range []struct {
		to  **sql.Stmt
		sql string
	}{
		{&w.node, `INSERT INTO nodes (id, parent, kind, name, dedicated, owner, owner_phone, deputy, deputy_phone, handover_from, handover_to)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET parent = excluded.parent, kind = excluded.kind, name = excluded.name,
			dedicated = excluded.dedicated, owner = excluded.owner, owner_phone = excluded.owner_phone, deputy = excluded.deputy,
			deputy_phone = excluded.deputy_phone, handover_from = excluded.handover_from, handover_to = excluded.handover_to`},
		{&w.noSites, `DELETE FROM node_sites WHERE node = ?`},
		{&w.site, `INSERT INTO node_sites (site, node) VALUES (?, ?) ON CONFLICT (site) DO UPDATE SET node = excluded.node`},
		{&w.entry, `INSERT INTO node_entries (node, record, kind, name, phone, position, stock) VALUES (?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (node, record, kind, name) DO UPDATE SET phone = excluded.phone, position = excluded.position, stock = excluded.stock`},
		{&w.noNode, `DELETE FROM nodes WHERE id = ?`},
		{&w.noEntry, `DELETE FROM node_entries WHERE node = ? AND record = ? AND kind = ? AND name = ?`},
		{&w.noEntries, `DELETE FROM node_entries WHERE node = ?`},
		{&w.shift, putShift},
		{&w.noShift, `DELETE FROM shifts WHERE node = ? AND role = ? AND name = ? AND mode = ? AND days = ? AND hours = ?`},
		{&w.noShifts, `DELETE FROM shifts WHERE node = ?`},
		{&w.noPatrols, `DELETE FROM patrol_plans WHERE node = ?`},
		{&w.noPoints, `DELETE FROM patrol_points WHERE node = ?`},
	} {
		stmt, err := tx.PrepareContext(ctx, s.sql)
		if err != nil {
			return nil, fmt.Errorf("prepare import: %w", err)
		}
		*s.to = stmt // ends with the transaction
	}
	return w, nil
}

// put writes a line. Only the sites of a node that it has or had are touched.
func (w *writer) put(ctx context.Context, l, was line) error {
	if l[cRecord] == PatrolRecord || l[cRecord] == PointRecord {
		return putPatrolLine(ctx, w.tx, l)
	}
	if l[cRecord] == ShiftRecord {
		_, err := w.shift.ExecContext(ctx, l[cParent], l[cKind], l[cName], l[cMode], l[cDays], l[cHours], l[cPhone], l[cZone])
		return err
	}
	if !l.node() {
		_, err := w.entry.ExecContext(ctx, l[cParent], l[cRecord], l[cKind], l[cName], l[cPhone], l[cPosition], number(l[cStock]))
		return err
	}
	n := l.toNode()
	if _, err := w.node.ExecContext(ctx, n.ID, n.Parent, n.Kind, n.Name, n.Dedicated, l[cOwner], l[cOwnerPhone], l[cDeputy], l[cDeputyPhone], l[cFrom], l[cTo]); err != nil {
		return err
	}
	if l[cSites] == was[cSites] {
		return nil
	}
	if _, err := w.noSites.ExecContext(ctx, n.ID); err != nil {
		return err
	}
	for _, site := range n.Sites {
		if _, err := w.site.ExecContext(ctx, site, n.ID); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) remove(ctx context.Context, l line) error {
	if l[cRecord] == PatrolRecord || l[cRecord] == PointRecord {
		return removePatrolLine(ctx, w.tx, l)
	}
	if l[cRecord] == ShiftRecord {
		_, err := w.noShift.ExecContext(ctx, l[cParent], l[cKind], l[cName], l[cMode], l[cDays], l[cHours])
		return err
	}
	if !l.node() {
		_, err := w.noEntry.ExecContext(ctx, l[cParent], l[cRecord], l[cKind], l[cName])
		return err
	}
	for _, s := range []*sql.Stmt{w.noSites, w.noEntries, w.noShifts, w.noPatrols, w.noPoints, w.noNode} {
		if _, err := s.ExecContext(ctx, l[cID]); err != nil {
			return err
		}
	}
	return nil
}

package tree

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// A Mode is how a node works at a time: ordinary (平) or emergency (急). A node is in emergency when it, or one above it, is:
// what was ordered above is not undone below.
type Mode struct {
	Emergency bool   `json:"emergency"`
	ID        int64  `json:"-"`
	Node      string `json:"node,omitempty" doc:"where the emergency was begun: this node or one above it"`
	From      int64  `json:"from,omitempty" doc:"Unix ms"`
	Until     int64  `json:"until,omitempty" doc:"when it ends by itself, Unix ms"`
	Who       string `json:"who,omitempty"`
	Reason    string `json:"reason,omitempty"`
}

// ModeOf answers the mode of a node at a time; of several emergencies the one that lasts longest. An unknown node is in
// ordinary mode.
func ModeOf(ctx context.Context, q db.Querier, node string, at time.Time) (Mode, error) {
	m, err := mode(ctx, q, up, at, node, node)
	if err != nil {
		return Mode{}, fmt.Errorf("read mode of node %s: %w", node, err)
	}
	return m, nil
}

// EmergencyAt says whether a site was, is or is planned to be in emergency mode at a time. A site that hangs on no node never is.
func EmergencyAt(ctx context.Context, q db.Querier, site string, at time.Time) (bool, error) {
	m, err := mode(ctx, q, `WITH RECURSIVE part(id) AS (SELECT node FROM node_sites WHERE site = ?
		UNION SELECT a.id FROM nodes n JOIN part p ON n.id = p.id JOIN nodes a ON a.id = n.parent) `, at, site)
	if err != nil {
		return false, fmt.Errorf("read mode of site %s: %w", site, err)
	}
	return m.Emergency, nil
}

func mode(ctx context.Context, q db.Querier, part string, at time.Time, args ...any) (Mode, error) {
	m := Mode{Emergency: true}
	err := q.QueryRowContext(ctx, part+`SELECT m.id, m.node, m.from_ms, m.until_ms, m.who, m.reason FROM part JOIN modes m ON m.node = part.id
		WHERE m.from_ms <= ? AND m.until_ms > ? ORDER BY m.until_ms DESC, m.id LIMIT 1`, append(args, at.UnixMilli(), at.UnixMilli())...).
		Scan(&m.ID, &m.Node, &m.From, &m.Until, &m.Who, &m.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		return Mode{}, nil
	}
	return m, err
}

package mode

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/timer"
)

// Kinds of timers.
const (
	beginTimer = "mode_begin"
	endTimer   = "mode_end"
)

// Effects are what happens by itself: a planned emergency begins, and one ends.
func (s *Service) Effects() map[string]timer.Effect {
	by := func(kind string) timer.Effect {
		return func(ctx context.Context, tx *sql.Tx, subject string, due time.Time) error {
			return s.byItself(ctx, tx, kind, subject, due)
		}
	}
	return map[string]timer.Effect{beginTimer: by(Begun), endTimer: by(Expired)}
}

// byItself writes down what has come to pass: which mode is in force follows from the times alone.
func (s *Service) byItself(ctx context.Context, tx *sql.Tx, kind, subject string, due time.Time) error {
	id, err := strconv.ParseInt(subject, 10, 64)
	if err != nil {
		return fmt.Errorf("timer of a mode: %w", err)
	}
	c := Change{Kind: kind, At: due.UnixMilli()}
	err = tx.QueryRowContext(ctx, `SELECT node, from_ms, until_ms, reason FROM modes WHERE id = ?`, id).Scan(&c.Node, &c.From, &c.Until, &c.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // its node was removed
	}
	if err != nil {
		return fmt.Errorf("read mode %d: %w", id, err)
	}
	return s.change(ctx, tx, c)
}

func (s *Service) change(ctx context.Context, tx *sql.Tx, c Change) error {
	if err := tx.QueryRowContext(ctx, `INSERT INTO mode_changes (node, kind, at, from_ms, until_ms, who, reason) VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id`,
		c.Node, c.Kind, c.At, c.From, c.Until, c.Who, c.Reason).Scan(&c.ID); err != nil {
		return fmt.Errorf("keep change of mode of %s: %w", c.Node, err)
	}
	for _, hook := range s.cfg.Hooks {
		if err := hook(ctx, tx, c); err != nil {
			return fmt.Errorf("follow change of mode of %s: %w", c.Node, err)
		}
	}
	return audit.Add(ctx, tx, audit.Entry{At: time.UnixMilli(c.At), Act: "mode." + c.Kind, Kind: "node", About: c.Node, Node: c.Node,
		Detail: map[string]string{"from": stamp(c.From), "until": stamp(c.Until), "reason": c.Reason}})
}

func stamp(ms int64) string { return time.UnixMilli(ms).UTC().Format(time.RFC3339) }

// Timeline answers the newest changes that concern a node, its own and those of the nodes above, newest first.
func Timeline(ctx context.Context, q db.Querier, node string, limit int) ([]Change, error) {
	rows, err := q.QueryContext(ctx, `WITH RECURSIVE part(id) AS (SELECT id FROM nodes WHERE id = ?
		UNION SELECT a.id FROM nodes n JOIN part p ON n.id = p.id JOIN nodes a ON a.id = n.parent)
		SELECT c.id, c.node, c.kind, c.at, c.from_ms, c.until_ms, c.who, c.reason FROM part JOIN mode_changes c ON c.node = part.id ORDER BY c.id DESC LIMIT ?`, node, limit)
	if err != nil {
		return nil, fmt.Errorf("read modes of node %s: %w", node, err)
	}
	defer rows.Close()
	out := []Change{}
	for rows.Next() {
		var c Change
		if err := rows.Scan(&c.ID, &c.Node, &c.Kind, &c.At, &c.From, &c.Until, &c.Who, &c.Reason); err != nil {
			return nil, fmt.Errorf("read mode: %w", err)
		}
		out = append(out, c)
	}
	return out, rows.Err()
}

// Planned answers the emergency of the node itself that is under way or planned; nil: none.
func (s *Service) Planned(ctx context.Context, q db.Querier, node string) (*Change, error) {
	m, err := s.open(ctx, q, node, s.cfg.Now())
	if err != nil || m == nil {
		return nil, err
	}
	c := &Change{Node: node, Kind: Begun, From: m.From, Until: m.Until, Who: m.Who, Reason: m.Reason}
	if m.From > s.cfg.Now().UnixMilli() {
		c.Kind = Planned
	}
	return c, nil
}

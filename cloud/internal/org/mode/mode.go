// Package mode switches parts of the street between ordinary and emergency mode (平急转换). An emergency of a node holds for
// all below it, may be planned ahead, and ends by itself or by a person, whichever is first; every change is kept, with who
// and why. Package tree answers which mode is in force; others that must act on a change are told inside its transaction.
package mode

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/timer"
)

// Kinds of changes.
const (
	Planned = "planned" // an emergency will begin
	Begun   = "begun"
	Moved   = "moved"   // it begins or ends at another time than was said
	Ended   = "ended"   // by a person, perhaps before it had begun
	Expired = "expired" // by itself
)

// A Change is one entry of a node's timeline of modes.
type Change struct {
	ID     int64  `json:"id"`
	Node   string `json:"node" doc:"the node, with all below it"`
	Kind   string `json:"kind" enum:"planned,begun,moved,ended,expired"`
	At     int64  `json:"at" doc:"Unix ms"`
	From   int64  `json:"from"`
	Until  int64  `json:"until"`
	Who    string `json:"who,omitempty" doc:"absent: by itself"`
	Reason string `json:"reason,omitempty"`
}

// Emergency says whether the node is in emergency mode after the change, as far as this emergency goes.
func (c Change) Emergency() bool {
	return c.Kind == Begun || c.Kind == Moved && c.From <= c.At && c.At < c.Until
}

// A Hook is told of a change inside its transaction: what must follow from it, follows or the change does not happen.
type Hook func(ctx context.Context, tx *sql.Tx, c Change) error

// Config is what a Service needs.
type Config struct {
	DB    *db.DB
	Hooks []Hook
	Now   func() time.Time
}

// A Service switches modes.
type Service struct{ cfg Config }

// New makes a service.
func New(cfg Config) *Service { return &Service{cfg} }

// An Order says how a node is to work.
type Order struct {
	Node        string
	Emergency   bool
	From, Until time.Time // of an emergency; the zero From is now, the zero Until a day later
	Who, Reason string
}

// Limits of an emergency: who means longer says so again.
const (
	usual  = 24 * time.Hour
	most   = 30 * 24 * time.Hour // longest
	before = 30 * 24 * time.Hour // planned that long ahead at most
)

// Switch follows an order and answers the mode that is in force then. An emergency where one is under way or planned moves
// that one; ordinary mode ends both. An *org.Refusal: the order makes no sense.
func (s *Service) Switch(ctx context.Context, o Order) (tree.Mode, error) {
	now := s.cfg.Now()
	if o.From.IsZero() || o.From.Before(now) {
		o.From = now
	}
	if o.Until.IsZero() {
		o.Until = o.From.Add(usual)
	}
	switch {
	case o.Emergency && o.Reason == "":
		return tree.Mode{}, org.Refuse("请写明转为急时的原因", "say why: an emergency has a reason")
	case o.Emergency && !o.Until.After(o.From):
		return tree.Mode{}, org.Refuse("结束时间要晚于开始时间", "it must end after its begin")
	case o.Emergency && (o.From.Sub(now) > before || o.Until.Sub(o.From) > most):
		return tree.Mode{}, org.Refuse("急时最多提前 30 天安排，最长 30 天；到期前可以延长", "an emergency is planned 30 days ahead at most and lasts 30 days at most; it can be prolonged")
	}
	var m tree.Mode
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		open, err := s.open(ctx, tx, o.Node, now)
		if err != nil {
			return err
		}
		if o.Emergency {
			err = s.begin(ctx, tx, o, open, now)
		} else {
			err = s.end(ctx, tx, o, open, now)
		}
		if err == nil {
			m, err = tree.ModeOf(ctx, tx, o.Node, now)
		}
		return err
	})
	return m, err
}

// open answers the emergency of the node itself that is under way or planned; nil: none.
func (s *Service) open(ctx context.Context, q db.Querier, node string, now time.Time) (*tree.Mode, error) {
	m := &tree.Mode{Node: node}
	err := q.QueryRowContext(ctx, `SELECT id, from_ms, until_ms, who, reason FROM modes WHERE node = ? AND until_ms > ? ORDER BY until_ms DESC LIMIT 1`,
		node, now.UnixMilli()).Scan(&m.ID, &m.From, &m.Until, &m.Who, &m.Reason)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read mode of node %s: %w", node, err)
	}
	return m, nil
}

func (s *Service) begin(ctx context.Context, tx *sql.Tx, o Order, open *tree.Mode, now time.Time) error {
	kind, from, until := Begun, o.From.UnixMilli(), o.Until.UnixMilli()
	if o.From.After(now) {
		kind = Planned
	}
	var id int64
	switch {
	case open == nil:
		if err := tx.QueryRowContext(ctx, `INSERT INTO modes (node, from_ms, until_ms, who, reason) VALUES (?, ?, ?, ?, ?) RETURNING id`,
			o.Node, from, until, o.Who, o.Reason).Scan(&id); err != nil {
			return fmt.Errorf("begin emergency of node %s: %w", o.Node, err)
		}
	default:
		if id = open.ID; open.From <= now.UnixMilli() {
			kind, from = Moved, open.From // what has begun has begun
		} else if kind == Planned {
			kind = Moved
		}
		if _, err := tx.ExecContext(ctx, `UPDATE modes SET from_ms = ?, until_ms = ?, who = ?, reason = ? WHERE id = ?`, from, until, o.Who, o.Reason, id); err != nil {
			return fmt.Errorf("move emergency of node %s: %w", o.Node, err)
		}
	}
	subject := strconv.FormatInt(id, 10)
	if err := timer.Stop(ctx, tx, beginTimer, subject); err != nil {
		return err
	}
	if from > now.UnixMilli() {
		if err := timer.Set(ctx, tx, beginTimer, subject, time.UnixMilli(from)); err != nil {
			return err
		}
	}
	if err := timer.Set(ctx, tx, endTimer, subject, time.UnixMilli(until)); err != nil {
		return err
	}
	return s.change(ctx, tx, Change{Node: o.Node, Kind: kind, At: now.UnixMilli(), From: from, Until: until, Who: o.Who, Reason: o.Reason})
}

func (s *Service) end(ctx context.Context, tx *sql.Tx, o Order, open *tree.Mode, now time.Time) error {
	if open == nil {
		above, err := tree.ModeOf(ctx, tx, o.Node, now)
		if err != nil {
			return err
		}
		if above.Emergency {
			return org.Refuse("急时是上级 %s 下达的，只能在那里结束", "the emergency was ordered above, at %s, and is ended there", above.Node)
		}
		return nil
	}
	from, until := min(open.From, now.UnixMilli()), now.UnixMilli() // one that had not begun never was in force
	if open.From > now.UnixMilli() {
		from = until
	}
	if _, err := tx.ExecContext(ctx, `UPDATE modes SET from_ms = ?, until_ms = ? WHERE id = ?`, from, until, open.ID); err != nil {
		return fmt.Errorf("end emergency of node %s: %w", o.Node, err)
	}
	for _, kind := range []string{beginTimer, endTimer} {
		if err := timer.Stop(ctx, tx, kind, strconv.FormatInt(open.ID, 10)); err != nil {
			return err
		}
	}
	return s.change(ctx, tx, Change{Node: o.Node, Kind: Ended, At: now.UnixMilli(), From: from, Until: until, Who: o.Who, Reason: o.Reason})
}

// Package timer makes things happen at their time: a mode ends, an order is due, a duty check stayed unanswered. A timer is
// a row, never a goroutine's memory. Its effect runs in the transaction that deletes the row, so that a stop at any moment,
// or a second process on the same database, neither forgets an effect nor repeats one.
package timer

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// An Effect is what happens when a timer of its kind is due at a time, inside the transaction that ends the timer. It may
// set the timer anew. It may run again from its begin, as everything in db.Update.
type Effect func(ctx context.Context, tx *sql.Tx, subject string, due time.Time) error

// Set sets a timer, or moves the one of the same kind and subject.
func Set(ctx context.Context, tx *sql.Tx, kind, subject string, at time.Time) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO timers (kind, subject, due_at, try_at, tries) VALUES (?, ?, ?, ?, 0)
		ON CONFLICT (kind, subject) DO UPDATE SET due_at = excluded.due_at, try_at = excluded.try_at, tries = 0`, kind, subject, at.UnixMilli(), at.UnixMilli()); err != nil {
		return fmt.Errorf("set timer %s of %s: %w", kind, subject, err)
	}
	return nil
}

// Stop removes a timer, if there is one.
func Stop(ctx context.Context, tx *sql.Tx, kind, subject string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM timers WHERE kind = ? AND subject = ?`, kind, subject); err != nil {
		return fmt.Errorf("stop timer %s of %s: %w", kind, subject, err)
	}
	return nil
}

// Config is what a Service needs.
type Config struct {
	DB      *db.DB
	Effects map[string]Effect // by kind
	Fired   func()            // called after effects were committed; may be nil
	Now     func() time.Time
	Log     *slog.Logger
}

// A Service runs the effects of timers that are due.
type Service struct{ cfg Config }

// New makes a service; Run starts it.
func New(cfg Config) *Service { return &Service{cfg} }

const (
	lookEvery = time.Second
	roundMost = 200
	firstRest = 2 * time.Second // after an effect that failed
	lastRest  = 5 * time.Minute
)

// Run runs effects until ctx ends. A database that fails is asked again.
func (s *Service) Run(ctx context.Context) error {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		if err := s.Round(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("timers not looked for", "err", err, "retry_in", lookEvery)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// Round runs all that is due now, each in its own transaction. An effect that fails is logged and tried again later; it
// keeps no other from its turn. The error is the database's.
func (s *Service) Round(ctx context.Context) error {
	for {
		list, err := s.due(ctx)
		if err != nil || len(list) == 0 {
			return err
		}
		fired := false
		for _, t := range list {
			ran, err := s.run(ctx, t)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				s.cfg.Log.Error("a timer's effect failed", "kind", t.kind, "subject", t.subject, "tries", t.tries+1, "err", err)
				if err := s.rest(ctx, t); err != nil {
					return err
				}
			}
			fired = fired || ran
		}
		if fired && s.cfg.Fired != nil {
			s.cfg.Fired()
		}
		if len(list) < roundMost {
			return nil
		}
	}
}

type row struct {
	kind, subject string
	due, tries    int64
}

func (s *Service) due(ctx context.Context) ([]row, error) {
	kinds := slices.Sorted(maps.Keys(s.cfg.Effects))
	if len(kinds) == 0 {
		return nil, nil
	}
	args := []any{s.cfg.Now().UnixMilli()}
	for _, k := range kinds {
		args = append(args, k)
	}
	rows, err := s.cfg.DB.Reader().QueryContext(ctx, `SELECT kind, subject, due_at, tries FROM timers WHERE try_at <= ? AND kind IN (`+
		strings.Repeat(", ?", len(kinds))[2:]+`) ORDER BY try_at, kind, subject LIMIT `+fmt.Sprint(roundMost), args...)
	if err != nil {
		return nil, fmt.Errorf("list timers: %w", err)
	}
	defer rows.Close()
	var out []row
	for rows.Next() {
		var t row
		if err := rows.Scan(&t.kind, &t.subject, &t.due, &t.tries); err != nil {
			return nil, fmt.Errorf("read timer: %w", err)
		}
		out = append(out, t)
	}
	return out, rows.Err()
}

// run answers whether it was us who ended the timer.
func (s *Service) run(ctx context.Context, t row) (ran bool, err error) {
	err = s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		var err error
		if ran, err = db.Changed(tx.ExecContext(ctx, `DELETE FROM timers WHERE kind = ? AND subject = ? AND due_at = ?`, t.kind, t.subject, t.due)); err != nil || !ran {
			return err
		}
		return s.cfg.Effects[t.kind](ctx, tx, t.subject, time.UnixMilli(t.due))
	})
	return ran && err == nil, err
}

func (s *Service) rest(ctx context.Context, t row) error {
	next := s.cfg.Now().Add(min(firstRest<<min(t.tries, 10), lastRest)).UnixMilli()
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE timers SET try_at = ?, tries = tries + 1 WHERE kind = ? AND subject = ? AND due_at = ?`, next, t.kind, t.subject, t.due); err != nil {
			return fmt.Errorf("put off timer %s of %s: %w", t.kind, t.subject, err)
		}
		return nil
	})
}

package auth

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
)

// A name may be mistyped five times; then each wrong password doubles the pause, up to 15 minutes. An address, behind
// which there may be a whole office, is allowed thirty. What is counted is in the database: a restart forgives nobody, and
// several clouds count together.
const (
	nameFree    = 5
	addressFree = 30
	firstPause  = 2 * time.Second
	lastPause   = 15 * time.Minute
	forgetAfter = time.Hour
	maxLocks    = 10_000
)

func subjects(name, address string) (byName, byAddress string) {
	if len(name) > maxName {
		name = name[:maxName]
	}
	return "n " + name, "a " + address
}

// wait answers how long a name or an address must wait.
func (s *Service) wait(ctx context.Context, name, address string) (time.Duration, error) {
	byName, byAddress := subjects(name, address)
	var until int64
	err := s.db.Reader().QueryRowContext(ctx, `SELECT coalesce(max(until_ms), 0) FROM failures WHERE subject IN (?, ?)`, byName, byAddress).Scan(&until)
	if err != nil {
		return 0, fmt.Errorf("read wrong passwords: %w", err)
	}
	return max(0, time.UnixMilli(until).Sub(s.now())), nil
}

// wrong counts a wrong password.
func (s *Service) wrong(ctx context.Context, name, address string) error {
	byName, byAddress := subjects(name, address)
	return s.db.Update(ctx, func(tx *sql.Tx) error {
		now := s.now()
		if _, err := tx.ExecContext(ctx, `DELETE FROM failures WHERE last_ms < ?`, now.Add(-forgetAfter).UnixMilli()); err != nil {
			return fmt.Errorf("forget wrong passwords: %w", err)
		}
		if _, err := s.fail(ctx, tx, byAddress, addressFree, now); err != nil {
			return err
		}
		n, err := s.fail(ctx, tx, byName, nameFree, now)
		if err != nil || n != nameFree {
			return err
		}
		return audit.Add(ctx, tx, audit.Entry{At: now, Person: audit.Person{Name: name, Address: address}, Act: "user.lock", Kind: "user", About: name,
			Detail: map[string]string{"wrong_passwords": fmt.Sprint(n)}})
	})
}

// fail answers how many there were; who floods us with names is held by the pause of its address.
func (s *Service) fail(ctx context.Context, tx *sql.Tx, subject string, free int64, now time.Time) (n int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT n FROM failures WHERE subject = ?`, subject).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		var all int
		if err = tx.QueryRowContext(ctx, `SELECT count(*) FROM failures`).Scan(&all); err == nil && all >= maxLocks {
			return 0, nil
		}
	}
	if err != nil {
		return 0, fmt.Errorf("count wrong passwords: %w", err)
	}
	n++
	until := int64(0)
	if over := n - free; over >= 0 {
		until = now.Add(min(firstPause<<min(over, 20), lastPause)).UnixMilli()
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO failures (subject, n, last_ms, until_ms) VALUES (?, ?, ?, ?)
		ON CONFLICT (subject) DO UPDATE SET n = excluded.n, last_ms = excluded.last_ms, until_ms = excluded.until_ms`, subject, n, now.UnixMilli(), until); err != nil {
		return 0, fmt.Errorf("count wrong passwords: %w", err)
	}
	return n, nil
}

// forgive forgets the wrong passwords of a name.
func forgive(ctx context.Context, tx *sql.Tx, name string) (bool, error) {
	byName, _ := subjects(name, "")
	res, err := tx.ExecContext(ctx, `DELETE FROM failures WHERE subject = ?`, byName)
	if err != nil {
		return false, fmt.Errorf("forget wrong passwords: %w", err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

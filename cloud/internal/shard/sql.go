package shard

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/wire"
)

// clock is the database's own, in ms, not that of the transaction's begin.
const clock = `CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)`

// Check proves inside a transaction that a gateway is this worker's. Its error is ErrNotMine, or the database's.
func (w *Worker) Check(ctx context.Context, tx *sql.Tx, gateway string) error {
	return w.Prove(ctx, tx, []string{gateway})
}

// Prove is Check of many gateways. It costs one statement.
func (w *Worker) Prove(ctx context.Context, tx *sql.Tx, gateways []string) error {
	want := map[string]int64{}
	for _, gateway := range gateways {
		name := wire.Shard(gateway)
		token, ok := w.token(name)
		if !ok {
			return ErrNotMine
		}
		want[name] = token
	}
	if len(want) == 0 {
		return nil
	}
	names := slices.Sorted(maps.Keys(want))
	args := []any{w.cfg.ID}
	for _, name := range names {
		args = append(args, name)
	}
	rows, err := tx.QueryContext(ctx, `SELECT l.name, l.token FROM leases l JOIN workers w ON w.id = l.worker WHERE l.worker = ? AND w.until_ms > `+clock+
		fmt.Sprintf(` + %d AND l.name IN (%s)`, margin.Milliseconds(), marks(len(names))), args...)
	if err != nil {
		return fmt.Errorf("look for leases: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		var token int64
		if err := rows.Scan(&name, &token); err != nil {
			return fmt.Errorf("look for leases: %w", err)
		}
		if want[name] == token {
			delete(want, name)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("look for leases: %w", err)
	}
	if len(want) > 0 {
		w.wrong()
		return ErrNotMine
	}
	return nil
}

func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// renew tells the database that this worker lives, takes its fair share of the leases, and learns which they are.
func (w *Worker) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, renewEvery-time.Second)
	defer cancel()
	began := time.Now() // the validity begins later than this
	w.mu.Lock()
	before := w.life
	w.mu.Unlock()
	var held map[string]int64
	var life, first int64
	err := w.cfg.DB.Update(ctx, func(tx *sql.Tx) (err error) {
		if life, err = w.live(ctx, tx, before); err != nil {
			return err
		}
		if err := w.bury(ctx, tx); err != nil {
			return err
		}
		if err := w.take(ctx, tx); err != nil {
			return err
		}
		if held, err = w.read(ctx, tx); err != nil {
			return err
		}
		// Whoever has died is noticed in time, not up to five seconds later.
		err = tx.QueryRowContext(ctx, `SELECT coalesce(min(until_ms) - `+clock+`, ?) FROM workers WHERE id <> ? AND until_ms > `+clock, renewEvery.Milliseconds(), w.cfg.ID).Scan(&first)
		return wrap(err, "look for the next to die")
	})
	w.mu.Lock()
	w.next = renewEvery
	if err == nil {
		w.next = min(w.next, time.Duration(first)*time.Millisecond+rand.N(400*time.Millisecond))
	}
	w.mu.Unlock()
	if err != nil {
		return err
	}
	w.set(held, life, began.Add(validity-margin))
	return nil
}

// live renews this life, or begins one.
func (w *Worker) live(ctx context.Context, tx *sql.Tx, life int64) (int64, error) {
	until := clock + fmt.Sprintf(" + %d", validity.Milliseconds())
	renewed, err := db.Changed(tx.ExecContext(ctx, `UPDATE workers SET until_ms = `+until+` WHERE id = ? AND life = ? AND until_ms > `+clock, w.cfg.ID, life))
	if err != nil || renewed {
		return life, wrap(err, "renew leases")
	}
	var stored int64
	err = tx.QueryRowContext(ctx, `SELECT life FROM workers WHERE id = ?`, w.cfg.ID).Scan(&stored)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("look for this worker: %w", err)
	}
	if err == nil && life != 0 && stored != life {
		return 0, ErrReplaced
	}
	var others int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM workers WHERE id <> ? AND until_ms > `+clock+` AND (alone = 1 OR ? = 1)`, w.cfg.ID, w.cfg.Alone).Scan(&others); err != nil {
		return 0, fmt.Errorf("look for other workers: %w", err)
	}
	if others > 0 {
		return 0, ErrAlone
	}
	// A life of before, that was stopped or ended by a crash, has no lease any more.
	if err := w.drop(ctx, tx); err != nil {
		return 0, err
	}
	err = tx.QueryRowContext(ctx, `INSERT INTO workers (id, life, alone, until_ms) VALUES (?, ?, ?, `+until+`)
		ON CONFLICT (id) DO UPDATE SET life = excluded.life, alone = excluded.alone, until_ms = excluded.until_ms RETURNING life`,
		w.cfg.ID, rand.Int64(), w.cfg.Alone).Scan(&life)
	if err != nil {
		return 0, fmt.Errorf("begin life of worker: %w", err)
	}
	var values []any
	for n := range shards {
		values = append(values, fmt.Sprintf("%02x", n))
	}
	for _, duty := range w.cfg.Duties {
		values = append(values, duty)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO leases (name, worker, token) VALUES `+strings.TrimSuffix(strings.Repeat("(?, '', 0), ", len(values)), ", ")+
		` ON CONFLICT (name) DO NOTHING`, values...)
	return life, wrap(err, "make leases")
}

func (w *Worker) drop(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE leases SET worker = '', token = token + 1 WHERE worker = ?`, w.cfg.ID)
	return wrap(err, "give leases back")
}

const remembered = 24 * time.Hour // of a dead worker's row; it has no meaning but for people who look

// bury frees the leases of workers whose time is over.
func (w *Worker) bury(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM workers WHERE until_ms < `+clock+fmt.Sprintf(" - %d", remembered.Milliseconds())); err != nil {
		return fmt.Errorf("forget dead workers: %w", err)
	}
	_, err := tx.ExecContext(ctx, `UPDATE leases SET worker = '', token = token + 1
		WHERE worker <> '' AND worker NOT IN (SELECT id FROM workers WHERE until_ms > `+clock+`)`)
	return wrap(err, "free leases of dead workers")
}

// take takes every free duty, and free shards up to this worker's share. What is then missing it takes from those that
// have more than theirs: they go on until that moment, so that a gateway is nobody's for no longer than a subscription takes.
func (w *Worker) take(ctx context.Context, tx *sql.Tx) error {
	rows, err := tx.QueryContext(ctx, `SELECT w.id, l.name FROM workers w LEFT JOIN leases l ON l.worker = w.id AND length(l.name) = 2
		WHERE w.until_ms > `+clock+` ORDER BY w.id, l.name`)
	if err != nil {
		return fmt.Errorf("list workers: %w", err)
	}
	defer rows.Close()
	have := map[string][]string{}
	for rows.Next() {
		var id string
		var name sql.NullString
		if err := rows.Scan(&id, &name); err != nil {
			return fmt.Errorf("list workers: %w", err)
		}
		have[id] = append(have[id], name.String)
		if !name.Valid {
			have[id] = nil
		}
	}
	if err := rows.Close(); err != nil {
		return fmt.Errorf("list workers: %w", err)
	}
	free, err := w.free(ctx, tx)
	if err != nil {
		return err
	}
	share := (shards + len(have) - 1) / max(len(have), 1)
	var names []any
	want := share - len(have[w.cfg.ID])
	for _, name := range free {
		if len(name) != 2 {
			names = append(names, name)
		} else if want > 0 {
			names, want = append(names, name), want-1
		}
	}
	for _, id := range slices.Sorted(maps.Keys(have)) {
		for _, name := range have[id][min(share, len(have[id])):] {
			if want > 0 && id != w.cfg.ID {
				names, want = append(names, name), want-1
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	_, err = tx.ExecContext(ctx, `UPDATE leases SET worker = ?, token = token + 1 WHERE name IN (`+marks(len(names))+`)`, append([]any{w.cfg.ID}, names...)...)
	return wrap(err, "take leases")
}

func (w *Worker) free(ctx context.Context, tx *sql.Tx) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT name FROM leases WHERE worker = '' ORDER BY name`)
	if err != nil {
		return nil, fmt.Errorf("list free leases: %w", err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list free leases: %w", err)
		}
		if len(name) == 2 || slices.Contains(w.cfg.Duties, name) {
			out = append(out, name)
		}
	}
	return out, rows.Err()
}

func (w *Worker) read(ctx context.Context, tx *sql.Tx) (map[string]int64, error) {
	rows, err := tx.QueryContext(ctx, `SELECT name, token FROM leases WHERE worker = ?`, w.cfg.ID)
	if err != nil {
		return nil, fmt.Errorf("read leases: %w", err)
	}
	defer rows.Close()
	held := map[string]int64{}
	for rows.Next() {
		var name string
		var token int64
		if err := rows.Scan(&name, &token); err != nil {
			return nil, fmt.Errorf("read leases: %w", err)
		}
		held[name] = token
	}
	return held, rows.Err()
}

// release gives everything back, so that others need not wait.
func (w *Worker) release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, renewEvery)
	defer cancel()
	w.mu.Lock()
	life := w.life
	w.mu.Unlock()
	err := w.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		mine, err := db.Changed(tx.ExecContext(ctx, `DELETE FROM workers WHERE id = ? AND life = ?`, w.cfg.ID, life))
		if err != nil || !mine {
			return wrap(err, "end life of worker")
		}
		return w.drop(ctx, tx)
	})
	w.set(nil, 0, time.Time{})
	if err != nil { // they become free by themselves
		w.cfg.Log.Warn("leases not given back", "err", err)
	}
	return nil
}

func wrap(err error, act string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", act, err)
}

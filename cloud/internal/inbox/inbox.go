// Package inbox holds what has arrived and is not lost any more: the cursor of every stream, alert events, and the
// telemetry records that the series store does not have on its disk yet. Ingest fills it inside its transaction; Drain empties it
// into the series store and deletes only what that store has made durable.
package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/wire"
)

// A Cursor is how far one epoch of one stream of one gateway has arrived.
type Cursor struct {
	Gateway string
	Stream  uint32
	Epoch   uint64
	Cum     uint64 // every sequence up to it is here, or is known to be nowhere
	WallMs  int64  // time of the newest record, at first that of the epoch before; 0 before the first
}

// Find reads the cursor of an epoch; ok is false when no hello has named that epoch as the present one.
func Find(ctx context.Context, q db.Querier, c Cursor) (found Cursor, ok bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT cum, wall_ms FROM cursors WHERE gateway = ? AND stream = ? AND epoch = ? AND current = 1`,
		c.Gateway, c.Stream, int64(c.Epoch)).Scan(&c.Cum, &c.WallMs)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("read cursor of %s %s: %w", c.Gateway, wire.StreamName(c.Stream), err)
	}
	return c, true, nil
}

// Cum answers how far an epoch has arrived, whether it is the present one or not; 0 when it is unknown.
func Cum(ctx context.Context, q db.Querier, c Cursor) (uint64, error) {
	var cum int64
	err := q.QueryRowContext(ctx, `SELECT cum FROM cursors WHERE gateway = ? AND stream = ? AND epoch = ?`, c.Gateway, c.Stream, int64(c.Epoch)).Scan(&cum)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read cursor of %s %s: %w", c.Gateway, wire.StreamName(c.Stream), err)
	}
	return uint64(cum), nil
}

// Present lists the cursors of a gateway's present epochs.
func Present(ctx context.Context, q db.Querier, gateway string) ([]Cursor, error) {
	rows, err := q.QueryContext(ctx, `SELECT stream, epoch, cum, wall_ms FROM cursors WHERE gateway = ? AND current = 1 ORDER BY stream`, gateway)
	if err != nil {
		return nil, fmt.Errorf("read cursors of %s: %w", gateway, err)
	}
	defer rows.Close()
	var out []Cursor
	for rows.Next() {
		c := Cursor{Gateway: gateway}
		var epoch int64
		if err := rows.Scan(&c.Stream, &epoch, &c.Cum, &c.WallMs); err != nil {
			return nil, fmt.Errorf("read cursors of %s: %w", gateway, err)
		}
		c.Epoch = uint64(epoch)
		out = append(out, c)
	}
	return out, rows.Err()
}

// Begin makes an epoch the present one of its stream and answers its cursor. Replaced is true when the stream had
// another epoch before: whatever of that one had not arrived is lost unless the gateway was decommissioned.
func Begin(ctx context.Context, tx *sql.Tx, c Cursor) (found Cursor, replaced bool, err error) {
	fail := func(err error) (Cursor, bool, error) {
		return c, false, fmt.Errorf("begin epoch of %s %s: %w", c.Gateway, wire.StreamName(c.Stream), err)
	}
	replaced, err = db.Changed(tx.ExecContext(ctx, `UPDATE cursors SET current = 0 WHERE gateway = ? AND stream = ? AND epoch <> ? AND current = 1`,
		c.Gateway, c.Stream, int64(c.Epoch)))
	if err != nil {
		return fail(err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO cursors (gateway, stream, epoch, cum, wall_ms, current) SELECT ?, ?, ?, 0, coalesce(max(wall_ms), 0), 1
		FROM cursors WHERE gateway = ? AND stream = ? ON CONFLICT (gateway, stream, epoch) DO UPDATE SET current = 1`,
		c.Gateway, c.Stream, int64(c.Epoch), c.Gateway, c.Stream); err != nil {
		return fail(err)
	}
	if found, _, err = Find(ctx, tx, c); err != nil {
		return fail(err)
	}
	return found, replaced, nil
}

// Save moves the cursor.
func Save(ctx context.Context, tx *sql.Tx, c Cursor) error {
	if _, err := tx.ExecContext(ctx, `UPDATE cursors SET cum = ?, wall_ms = ? WHERE gateway = ? AND stream = ? AND epoch = ? AND cum <= ?`,
		int64(c.Cum), c.WallMs, c.Gateway, c.Stream, int64(c.Epoch), int64(c.Cum)); err != nil {
		return fmt.Errorf("move cursor of %s %s: %w", c.Gateway, wire.StreamName(c.Stream), err)
	}
	return nil
}

// A Gap is a run of records that no longer exist.
type Gap struct {
	First, Last uint64 // both included
	Reason      string // as the gateway says; "rejected" or "parked" here; "missing" when the gateway gave none
}

// AddGap notes a gap in the stream and epoch of c.
func AddGap(ctx context.Context, tx *sql.Tx, c Cursor, g Gap) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO gaps (gateway, stream, epoch, first, last, reason) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (gateway, stream, epoch, first) DO UPDATE SET last = CASE WHEN excluded.last > gaps.last THEN excluded.last ELSE gaps.last END,
		reason = CASE WHEN gaps.reason = 'missing' THEN excluded.reason ELSE gaps.reason END`,
		c.Gateway, c.Stream, int64(c.Epoch), int64(g.First), int64(g.Last), g.Reason); err != nil {
		return fmt.Errorf("note gap of %s %s: %w", c.Gateway, wire.StreamName(c.Stream), err)
	}
	return nil
}

// SkipGaps moves a cursor over the gaps that begin right behind it, and notes in them the time of the record before.
func SkipGaps(ctx context.Context, tx *sql.Tx, c Cursor) (Cursor, error) {
	for {
		var first, last int64
		err := tx.QueryRowContext(ctx, `SELECT first, last FROM gaps WHERE gateway = ? AND stream = ? AND epoch = ? AND first <= ? AND last > ?
			ORDER BY last DESC LIMIT 1`, c.Gateway, c.Stream, int64(c.Epoch), int64(c.Cum+1), int64(c.Cum)).Scan(&first, &last)
		if errors.Is(err, sql.ErrNoRows) {
			return c, nil
		}
		if err == nil {
			_, err = tx.ExecContext(ctx, `UPDATE gaps SET from_ms = ? WHERE gateway = ? AND stream = ? AND epoch = ? AND first = ? AND from_ms IS NULL`,
				c.WallMs, c.Gateway, c.Stream, int64(c.Epoch), first)
		}
		if err != nil {
			return c, fmt.Errorf("skip gaps of %s %s: %w", c.Gateway, wire.StreamName(c.Stream), err)
		}
		c.Cum = uint64(last)
	}
}

// EndGaps notes the time of the first record behind a gap that the cursor has just passed.
func EndGaps(ctx context.Context, tx *sql.Tx, c Cursor, wallMs int64) error {
	if _, err := tx.ExecContext(ctx, `UPDATE gaps SET to_ms = ? WHERE gateway = ? AND stream = ? AND epoch = ? AND last = ? AND to_ms IS NULL`,
		wallMs, c.Gateway, c.Stream, int64(c.Epoch), int64(c.Cum)); err != nil {
		return fmt.Errorf("end gap of %s %s: %w", c.Gateway, wire.StreamName(c.Stream), err)
	}
	return nil
}

// TimeGap notes when the record of a gap of one was recorded: it is known, only not applied.
func TimeGap(ctx context.Context, tx *sql.Tx, c Cursor, wallMs int64) error {
	if _, err := tx.ExecContext(ctx, `UPDATE gaps SET from_ms = ?, to_ms = ? WHERE gateway = ? AND stream = ? AND epoch = ? AND first = ?`,
		wallMs, wallMs, c.Gateway, c.Stream, int64(c.Epoch), int64(c.Cum)); err != nil {
		return fmt.Errorf("time gap of %s %s: %w", c.Gateway, wire.StreamName(c.Stream), err)
	}
	return nil
}

// PutReadings stores a telemetry record until Drain has brought it to the series store.
func PutReadings(ctx context.Context, tx *sql.Tx, c Cursor, payload []byte) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO inbox (gateway, epoch, seq, payload) VALUES (?, ?, ?, ?)`,
		c.Gateway, int64(c.Epoch), int64(c.Cum), payload); err != nil {
		return fmt.Errorf("store readings of %s: %w", c.Gateway, err)
	}
	return nil
}

// PutEvent stores the record of an event. It answers false when the same record was stored before.
func PutEvent(ctx context.Context, tx *sql.Tx, c Cursor, payload []byte) (bool, error) {
	if payload == nil {
		payload = []byte{} // an event of a kind from the future may be empty; NULL it is not
	}
	fresh, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO events (gateway, stream, epoch, seq, wall_ms, payload) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (gateway, stream, epoch, seq) DO NOTHING`, c.Gateway, c.Stream, int64(c.Epoch), int64(c.Cum), c.WallMs, payload))
	if err != nil {
		return false, fmt.Errorf("store event of %s: %w", c.Gateway, err)
	}
	return fresh, nil
}

// Waiting counts the telemetry records that are not in the series store, by gateway. Those that are, but wait here until
// its disk has them, do not count.
func Waiting(ctx context.Context, q db.Querier) (map[string]int64, error) {
	rows, err := q.QueryContext(ctx, `SELECT i.gateway, count(*) FROM inbox i LEFT JOIN written w ON w.gateway = i.gateway
		WHERE i.id > coalesce(w.id, 0) GROUP BY i.gateway`)
	if err != nil {
		return nil, fmt.Errorf("count inbox: %w", err)
	}
	defer rows.Close()
	out := map[string]int64{}
	for rows.Next() {
		var gateway string
		var n int64
		if err := rows.Scan(&gateway, &n); err != nil {
			return nil, fmt.Errorf("count inbox: %w", err)
		}
		out[gateway] = n
	}
	return out, rows.Err()
}

// Backlog is the sum of Waiting.
func Backlog(ctx context.Context, q db.Querier) (int64, error) {
	waiting, err := Waiting(ctx, q)
	n := int64(0)
	for _, w := range waiting {
		n += w
	}
	return n, err
}

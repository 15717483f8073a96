package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/wire"
)

// ReasonParked is that of gaps whose record is here, but could not be applied.
const ReasonParked = "parked"

// ErrUnknown: there is no such parked record.
var ErrUnknown = errors.New("unknown parked record")

// Try counts that the record at c.Cum could not be applied, and answers how often that was.
func Try(ctx context.Context, tx *sql.Tx, c Cursor, at time.Time, why string) (n int, err error) {
	err = tx.QueryRowContext(ctx, `INSERT INTO tries (gateway, stream, epoch, seq, n, at, why) VALUES (?, ?, ?, ?, 1, ?, ?)
		ON CONFLICT (gateway, stream, epoch, seq) DO UPDATE SET n = tries.n + 1, begun = 0, at = excluded.at, why = excluded.why RETURNING n`,
		c.Gateway, c.Stream, int64(c.Epoch), int64(c.Cum), at.UnixMilli(), why).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count try of record %d of %s: %w", c.Cum, c.Gateway, err)
	}
	return n, nil
}

// Begun counts that applying the record at c.Cum begins, at least as the given number, and answers the count. Try or Ended
// end what began; when neither comes, the program ended in between.
func Begun(ctx context.Context, tx *sql.Tx, c Cursor, at time.Time, least int) (n int, err error) {
	err = tx.QueryRowContext(ctx, `INSERT INTO tries (gateway, stream, epoch, seq, n, at, why, begun) VALUES (?, ?, ?, ?, 0, ?, '', ?)
		ON CONFLICT (gateway, stream, epoch, seq) DO UPDATE SET begun = CASE WHEN tries.begun + 1 > excluded.begun THEN tries.begun + 1 ELSE excluded.begun END
		RETURNING begun`, c.Gateway, c.Stream, int64(c.Epoch), int64(c.Cum), at.UnixMilli(), least).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("note begin of record %d of %s: %w", c.Cum, c.Gateway, err)
	}
	return n, nil
}

// Begins answers how often applying the record at c.Cum was begun and did not end.
func Begins(ctx context.Context, q db.Querier, c Cursor) (n int, err error) {
	err = q.QueryRowContext(ctx, `SELECT begun FROM tries WHERE gateway = ? AND stream = ? AND epoch = ? AND seq = ?`,
		c.Gateway, c.Stream, int64(c.Epoch), int64(c.Cum)).Scan(&n)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read begins of record %d of %s: %w", c.Cum, c.Gateway, err)
	}
	return n, nil
}

// Ended notes that applying the record seq ended, and forgets the tries of all records up to the cursor.
func Ended(ctx context.Context, tx *sql.Tx, c Cursor, seq uint64) error {
	if err := Tried(ctx, tx, c); err != nil || seq <= c.Cum {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE tries SET begun = 0 WHERE gateway = ? AND stream = ? AND epoch = ? AND seq = ?`,
		c.Gateway, c.Stream, int64(c.Epoch), int64(seq)); err != nil {
		return fmt.Errorf("note end of record %d of %s: %w", seq, c.Gateway, err)
	}
	return nil
}

// Tried forgets the tries of a record that was applied or parked.
func Tried(ctx context.Context, tx *sql.Tx, c Cursor) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM tries WHERE gateway = ? AND stream = ? AND epoch = ? AND seq <= ?`,
		c.Gateway, c.Stream, int64(c.Epoch), int64(c.Cum)); err != nil {
		return fmt.Errorf("forget tries of %s: %w", c.Gateway, err)
	}
	return nil
}

// A Parked record could not be applied. The stream went on without it.
type Parked struct {
	ID        int64
	Gateway   string
	Stream    uint32
	Epoch     uint64
	Seq       uint64
	Type      uint32
	Boot      uint32
	Clock     uint32
	WallMs    int64
	MonoMs    uint64
	Payload   []byte
	Why       string
	At        time.Time // when it was parked
	AppliedAt time.Time // when it was applied after all; zero: it was not
}

// Record is what the gateway sent.
func (p Parked) Record() *wire.Record {
	return &wire.Record{Type: p.Type, Boot: p.Boot, Clock: p.Clock, WallMs: p.WallMs, MonoMs: p.MonoMs, Payload: p.Payload, Crc: wire.Checksum(p.Payload)}
}

// Park keeps a record aside.
func Park(ctx context.Context, tx *sql.Tx, p Parked) error {
	payload := p.Payload
	if payload == nil {
		payload = []byte{}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO parked_records (gateway, stream, epoch, seq, type, boot, clock, wall_ms, mono_ms, payload, why, at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (gateway, stream, epoch, seq) DO NOTHING`,
		p.Gateway, p.Stream, int64(p.Epoch), int64(p.Seq), p.Type, p.Boot, p.Clock, p.WallMs, int64(p.MonoMs), payload, p.Why, p.At.UnixMilli()); err != nil {
		return fmt.Errorf("park record %d of %s: %w", p.Seq, p.Gateway, err)
	}
	return Tried(ctx, tx, Cursor{Gateway: p.Gateway, Stream: p.Stream, Epoch: p.Epoch, Cum: p.Seq})
}

// Unpark notes that a parked record was applied after all; its gap is closed.
func Unpark(ctx context.Context, tx *sql.Tx, p Parked, now time.Time) error {
	_, err := tx.ExecContext(ctx, `UPDATE parked_records SET applied_at = ? WHERE id = ?`, now.UnixMilli(), p.ID)
	if err == nil {
		_, err = tx.ExecContext(ctx, `DELETE FROM gaps WHERE gateway = ? AND stream = ? AND epoch = ? AND first = ? AND last = ? AND reason = ?`,
			p.Gateway, p.Stream, int64(p.Epoch), int64(p.Seq), int64(p.Seq), ReasonParked)
	}
	if err != nil {
		return fmt.Errorf("unpark record %d: %w", p.ID, err)
	}
	return nil
}

const parkedColumns = `SELECT id, gateway, stream, epoch, seq, type, boot, clock, wall_ms, mono_ms, payload, why, at, applied_at FROM parked_records `

// ParkedRecord reads one; ErrUnknown when there is none of that id.
func ParkedRecord(ctx context.Context, q db.Querier, id int64) (Parked, error) {
	p, err := scanParked(q.QueryRowContext(ctx, parkedColumns+`WHERE id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return p, ErrUnknown
	}
	return p, err
}

// ParkedRecords lists those that are not applied, of one gateway or, when it is empty, of all; newest first.
func ParkedRecords(ctx context.Context, q db.Querier, gateway string, limit int) ([]Parked, error) {
	rows, err := q.QueryContext(ctx, parkedColumns+`WHERE (? = '' OR gateway = ?) AND applied_at = 0 ORDER BY id DESC LIMIT ?`, gateway, gateway, limit)
	if err != nil {
		return nil, fmt.Errorf("list parked records: %w", err)
	}
	defer rows.Close()
	out := []Parked{}
	for rows.Next() {
		p, err := scanParked(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

func scanParked(row interface{ Scan(dest ...any) error }) (Parked, error) {
	var p Parked
	var epoch, seq, mono, at, applied int64
	if err := row.Scan(&p.ID, &p.Gateway, &p.Stream, &epoch, &seq, &p.Type, &p.Boot, &p.Clock, &p.WallMs, &mono, &p.Payload, &p.Why, &at, &applied); err != nil {
		return p, fmt.Errorf("read parked record: %w", err)
	}
	p.Epoch, p.Seq, p.MonoMs, p.At = uint64(epoch), uint64(seq), uint64(mono), time.UnixMilli(at)
	if applied != 0 {
		p.AppliedAt = time.UnixMilli(applied)
	}
	return p, nil
}

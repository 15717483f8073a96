package org

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
)

// How well the time of a gateway's start is known.
const (
	TimeUnknown = 0
	TimeByCloud = 1 // by the cloud's clock when the hello came
	TimeByOwn   = 2 // by the gateway's own clock, once it was right
)

// A Boot is one start of a gateway and what real time it was then.
type Boot struct {
	Gateway  string
	Boot     uint32
	OffsetMs int64 // real time minus the gateway's monotonic time
	Quality  int
	StartMs  int64 // the same by the cloud's clock; 0: not said in a hello
	SkewMs   int64 // what to add to the gateway's own time at its newest hello
	ApartMs  int64 // the cloud's time minus the gateway's own at its newest hello, also of a clock that is said to be right
}

// sameStart is how far the cloud's idea of one start may move: clocks drift, and hellos wait on their way.
const sameStart = 10 * 60_000

// BootOf reads one start; ok is false when nothing is known of it.
func BootOf(ctx context.Context, q db.Querier, gateway string, boot uint32) (b Boot, ok bool, err error) {
	b = Boot{Gateway: gateway, Boot: boot}
	err = q.QueryRowContext(ctx, `SELECT offset_ms, quality, start_ms, skew_ms, coalesce(apart_ms, 0) FROM boots WHERE gateway = ? AND boot = ?`, gateway, boot).
		Scan(&b.OffsetMs, &b.Quality, &b.StartMs, &b.SkewMs, &b.ApartMs)
	if errors.Is(err, sql.ErrNoRows) {
		return b, false, nil
	}
	if err != nil {
		return b, false, fmt.Errorf("read start %d of %s: %w", boot, gateway, err)
	}
	return b, b.Quality > TimeUnknown, nil
}

// Booted notes when a start was. What the gateway's own clock said is not replaced by what the cloud's says, unless it is
// another start with the same number: the gateway's disk was put back.
func Booted(ctx context.Context, tx *sql.Tx, b Boot) error {
	old, known, err := BootOf(ctx, tx, b.Gateway, b.Boot)
	if err != nil {
		return err
	}
	another := old.StartMs != 0 && b.StartMs != 0 && max(old.StartMs-b.StartMs, b.StartMs-old.StartMs) > sameStart
	if known && !another {
		if b.Quality < old.Quality {
			b.OffsetMs, b.Quality = old.OffsetMs, old.Quality
		}
		if b.StartMs == 0 { // learned from a record
			b.StartMs, b.SkewMs, b.ApartMs = old.StartMs, old.SkewMs, old.ApartMs
		}
	}
	var apart *int64
	if b.StartMs != 0 {
		apart = &b.ApartMs
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO boots (gateway, boot, offset_ms, quality, start_ms, skew_ms, apart_ms, untimed) VALUES (?, ?, ?, ?, ?, ?, ?, 0)
		ON CONFLICT (gateway, boot) DO UPDATE SET offset_ms = excluded.offset_ms, quality = excluded.quality, start_ms = excluded.start_ms, skew_ms = excluded.skew_ms, apart_ms = excluded.apart_ms`,
		b.Gateway, b.Boot, b.OffsetMs, b.Quality, b.StartMs, b.SkewMs, apart)
	return wrap(err, "note start of", b.Gateway)
}

// Untimed counts telemetry records of a start that kept a time which may be wrong, because nothing tells when it was.
func Untimed(ctx context.Context, tx *sql.Tx, gateway string, boot uint32, records int) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO boots (gateway, boot, offset_ms, quality, start_ms, skew_ms, untimed) VALUES (?, ?, 0, 0, 0, 0, ?)
		ON CONFLICT (gateway, boot) DO UPDATE SET untimed = boots.untimed + excluded.untimed`, gateway, boot, records)
	return wrap(err, "count untimed records of", gateway)
}

// PresentBoot reads the start that a gateway told of in its newest hello; its zero value when nothing is known of it.
func PresentBoot(ctx context.Context, q db.Querier, gateway string) (Boot, error) {
	b := Boot{Gateway: gateway}
	err := q.QueryRowContext(ctx, `SELECT b.boot, b.offset_ms, b.quality, b.start_ms, b.skew_ms FROM gateways g JOIN boots b ON b.gateway = g.id AND b.boot = g.boot
		WHERE g.id = ?`, gateway).Scan(&b.Boot, &b.OffsetMs, &b.Quality, &b.StartMs, &b.SkewMs)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return b, fmt.Errorf("read start of %s: %w", gateway, err)
	}
	return b, nil
}

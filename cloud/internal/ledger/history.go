package ledger

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/linshao/linshao/cloud/wire"
)

// Note keeps what an event says about the past: whether devices answered, which devices there were, when the gateway ran.
// Ingest calls it in its transaction, after the event was applied. atMs is the record's time.
func Note(ctx context.Context, tx *sql.Tx, gateway string, atMs int64, e *wire.Event) error {
	switch kind := e.GetKind().(type) {
	case *wire.Event_Device:
		d := kind.Device
		return exec(ctx, tx, `INSERT INTO device_states (gateway, device, at_ms, online, reason) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (gateway, device, at_ms) DO UPDATE SET online = excluded.online, reason = excluded.reason`,
			gateway, d.GetDevice(), d.GetAtMs(), flag(d.GetOnline()), d.GetReason()&0xff)
	case *wire.Event_Inventory:
		return members(ctx, tx, gateway, atMs, kind.Inventory)
	case *wire.Event_Boot:
		return Saw(ctx, tx, gateway, Seen{Boot: kind.Boot.GetBoot(), From: kind.Boot.GetAtMs(), To: kind.Boot.GetAtMs()})
	}
	return nil
}

// members opens and closes memberships so that they are those of the table devices.
func members(ctx context.Context, tx *sql.Tx, gateway string, at int64, inv *wire.Inventory) error {
	if err := exec(ctx, tx, `UPDATE memberships SET to_ms = ? WHERE gateway = ? AND to_ms IS NULL AND from_ms <= ?
		AND device NOT IN (SELECT id FROM devices WHERE gateway = ?)`, at, gateway, at, gateway); err != nil {
		return err
	}
	if err := exec(ctx, tx, `INSERT INTO memberships (gateway, device, from_ms, channel) SELECT d.gateway, d.id, CAST(? AS BIGINT), '' FROM devices d
		WHERE d.gateway = ? AND NOT EXISTS (SELECT 1 FROM memberships m WHERE m.gateway = d.gateway AND m.device = d.id AND m.to_ms IS NULL)
		ON CONFLICT (gateway, device, from_ms) DO UPDATE SET to_ms = NULL`, at, gateway); err != nil {
		return err
	}
	for _, d := range inv.GetDevices() {
		if err := exec(ctx, tx, `UPDATE memberships SET channel = ? WHERE gateway = ? AND device = ? AND to_ms IS NULL AND channel <> ?`,
			d.GetChannel(), gateway, d.GetId(), d.GetChannel()); err != nil {
			return err
		}
	}
	return nil
}

// Seen is what records say about one run of a gateway.
type Seen struct {
	Boot     uint32 // number of the run; 0: unknown, and nothing is noted
	From, To int64  // times of its first and last record, Unix ms
	Readings []Reported
}

// Reported are the readings of one record. They are looked at only when some are older than the run.
type Reported struct {
	Oldest int64                         // time of the oldest, Unix ms
	Before func(ms int64) (int64, error) // time of the newest before the given one, Unix ms; 0: there is none
}

// Saw prolongs a run of a gateway. A gateway that was killed sends what it had on its disk in the next run: readings
// older than that run belong to the one before.
func Saw(ctx context.Context, tx *sql.Tx, gateway string, s Seen) error {
	if s.Boot == 0 {
		return nil
	}
	var from int64
	if err := tx.QueryRowContext(ctx, `INSERT INTO runs (gateway, boot, from_ms, to_ms) VALUES (?, ?, ?, ?) ON CONFLICT (gateway, boot) DO UPDATE SET
		from_ms = CASE WHEN excluded.from_ms < runs.from_ms THEN excluded.from_ms ELSE runs.from_ms END,
		to_ms = CASE WHEN excluded.to_ms > runs.to_ms THEN excluded.to_ms ELSE runs.to_ms END RETURNING from_ms`, gateway, s.Boot, s.From, s.To).Scan(&from); err != nil {
		return fmt.Errorf("note run %d of %s: %w", s.Boot, gateway, err)
	}
	before := int64(0)
	for _, r := range s.Readings {
		if r.Oldest >= from {
			continue
		}
		at, err := r.Before(from)
		if err != nil {
			return fmt.Errorf("look at readings of %s: %w", gateway, err)
		}
		before = max(before, at)
	}
	if before == 0 {
		return nil
	}
	return exec(ctx, tx, `UPDATE runs SET to_ms = ? WHERE gateway = ? AND to_ms < ? AND from_ms <= ?
		AND boot = (SELECT max(boot) FROM runs WHERE gateway = ? AND boot < ?)`, before, gateway, before, before, gateway, s.Boot)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

func exec(ctx context.Context, tx *sql.Tx, query string, args ...any) error {
	if _, err := tx.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("note history of gateway: %w", err)
	}
	return nil
}

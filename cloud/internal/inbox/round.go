package inbox

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// Bounds of one round.
const (
	roundReadings = 1 << 19 // about; 20 MB in memory, twice while the next one is read
	roundBytes    = 16 << 20
	roundRecords  = 4096
)

// record is a row of the inbox.
type record struct {
	id         int64
	gateway    string
	epoch, seq int64
	payload    []byte
	why        string // it cannot be read; empty: it can
}

// A round is records whose readings are written together.
type round struct {
	records  []record
	last     int64 // largest id looked at
	columns  []series.Column
	place    map[point]int
	readings int
	draft    draft
}

type point struct{ gateway, device, point string }

// next reads and decodes the oldest records behind an id that are ours; nil when there are none.
func (d *Drain) next(ctx context.Context, after int64) (*round, error) {
	r := &round{last: after, place: map[point]int{}}
	for {
		ids, more, err := d.list(ctx, r)
		if err != nil {
			return nil, err
		}
		full, err := d.fill(ctx, r, ids)
		if err != nil {
			return nil, err
		}
		if full || !more {
			break
		}
	}
	if len(r.records) == 0 {
		return nil, nil
	}
	return r, nil
}

// list answers the next records that are ours, without payload, and whether there are more behind them.
func (d *Drain) list(ctx context.Context, r *round) (ids []record, more bool, err error) {
	rows, err := d.cfg.DB.Reader().QueryContext(ctx, `SELECT id, gateway, epoch, seq FROM inbox WHERE id > ? ORDER BY id LIMIT ?`, r.last, roundRecords)
	if err != nil {
		return nil, false, fmt.Errorf("read inbox: %w", err)
	}
	defer rows.Close()
	n, last := 0, r.last
	for rows.Next() {
		var x record
		if err := rows.Scan(&x.id, &x.gateway, &x.epoch, &x.seq); err != nil {
			return nil, false, fmt.Errorf("read inbox: %w", err)
		}
		n, last = n+1, x.id
		if d.mine(x.gateway) && !d.isPending(x.id) {
			ids = append(ids, x)
		}
	}
	if len(ids) == 0 {
		r.last = last // all of it is somebody else's, or is written
	}
	return ids, n == roundRecords, rows.Err()
}

// fill reads and decodes records until the round is full.
func (d *Drain) fill(ctx context.Context, r *round, ids []record) (full bool, err error) {
	size := 0
	for _, x := range ids {
		if len(r.records) >= roundRecords || r.readings >= roundReadings || size >= roundBytes {
			return true, nil
		}
		r.last = x.id
		rows, err := d.cfg.DB.Reader().QueryContext(ctx, `SELECT gateway, epoch, seq, payload FROM inbox WHERE id = ?`, x.id)
		if err != nil {
			return false, fmt.Errorf("read inbox: %w", err)
		}
		if rows.Next() { // a worker that had the gateway before may have deleted it
			err = rows.Scan(&x.gateway, &x.epoch, &x.seq, &x.payload)
			size += len(x.payload)
			r.add(d.decoder, x)
		}
		if cerr := rows.Close(); err == nil {
			err = cerr
		}
		if err == nil {
			err = rows.Err()
		}
		if err != nil {
			return false, fmt.Errorf("read inbox: %w", err)
		}
	}
	return false, nil
}

// draft is what one record holds, before it is known that all of it can be read.
type draft struct {
	pieces []piece
	times  []int64
	values []float64
	status []byte
}

type piece struct {
	device, point string
	end           int // in the slices of the draft
	good          bool
}

// add decodes a record into the round. One that cannot be read leaves no reading behind.
func (r *round) add(dec *wire.Decoder, x record) {
	d := &r.draft
	d.pieces, d.times, d.values, d.status = d.pieces[:0], d.times[:0], d.values[:0], d.status[:0]
	_, err := dec.Columns(x.payload, func(c wire.Column, _ int) {
		d.times, d.values, d.status = append(d.times, c.Times...), append(d.values, c.Values...), append(d.status, c.Status...)
		d.pieces = append(d.pieces, piece{c.Device, c.Point, len(d.times), allGood(c.Status)})
	})
	if err != nil { // ingest has decoded it once, so the disk changed it
		x.why = err.Error()
		r.records = append(r.records, x)
		return
	}
	x.payload = nil
	r.records = append(r.records, x)
	r.readings += len(d.times)
	begin := 0
	for _, p := range d.pieces {
		c := series.Column{Times: d.times[begin:p.end], Values: d.values[begin:p.end]}
		if !p.good {
			c.Status = d.status[begin:p.end]
		}
		r.column(point{x.gateway, p.device, p.point}).AddAll(&c)
		begin = p.end
	}
}

// column of a point in this round.
func (r *round) column(p point) *series.Column {
	i, ok := r.place[p]
	if !ok {
		i = len(r.columns)
		r.place[p] = i
		r.columns = append(r.columns, series.Column{Gateway: p.gateway, Device: p.device, Point: p.point})
	}
	return &r.columns[i]
}

func allGood(status []byte) bool {
	for _, s := range status {
		if s != byte(device.Good)<<6 {
			return false
		}
	}
	return true
}

// finish deletes the records of rounds that the store has, and parks what it will never have.
func (d *Drain) finish(ctx context.Context, rounds ...*written) error {
	if err := d.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		for _, w := range rounds {
			if err := d.remove(ctx, tx, w); err != nil {
				return err
			}
		}
		// Identities of an empty table begin anew.
		if _, err := tx.ExecContext(ctx, `DELETE FROM written WHERE id > (SELECT coalesce(max(id), 0) FROM inbox)`); err != nil {
			return fmt.Errorf("forget what was written: %w", err)
		}
		return nil
	}); err != nil {
		return err
	}
	for _, w := range rounds {
		d.report(w)
	}
	return nil
}

// remove deletes the records of a round that are still ours. The others are written again by whoever has them now.
func (d *Drain) remove(ctx context.Context, tx *sql.Tx, w *written) error {
	rows := w.rows
	if d.cfg.Leases != nil {
		rows = slices.DeleteFunc(slices.Clone(rows), func(x row) bool { return !d.mine(x.gateway) })
	}
	if err := d.prove(ctx, tx, names(rows)); err != nil {
		return err
	}
	if w.refused != nil {
		for _, bad := range w.refused.Refusals {
			if !d.mine(bad.Gateway) {
				continue
			}
			if err := d.park(ctx, tx, bad); err != nil {
				return err
			}
		}
	}
	for _, x := range w.unreadable {
		if err := d.parkRecord(ctx, tx, x); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(rows, 200) {
		args := make([]any, len(chunk))
		for i, x := range chunk {
			args[i] = x.id
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM inbox WHERE id IN (?`+strings.Repeat(", ?", len(chunk)-1)+`)`, args...); err != nil {
			return fmt.Errorf("delete from inbox: %w", err)
		}
	}
	return nil
}

func (d *Drain) mine(gateway string) bool { return d.cfg.Leases == nil || d.cfg.Leases.Mine(gateway) }

// park keeps readings that the store refused.
func (d *Drain) park(ctx context.Context, tx *sql.Tx, bad series.Refusal) error {
	now := d.cfg.Now().UnixMilli()
	for i := range bad.Times {
		x := bad.Reading(i)
		value := sql.NullFloat64{Float64: x.Value, Valid: !math.IsNaN(x.Value) && !math.IsInf(x.Value, 0)}
		if _, err := tx.ExecContext(ctx, `INSERT INTO parked (at, gateway, device, point, time_ms, value, quality, why) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			now, bad.Gateway, bad.Device, bad.Point, bad.Times[i], value, int(x.Quality), bad.Why); err != nil {
			return fmt.Errorf("park reading of %s: %w", bad.Gateway, err)
		}
	}
	return nil
}

// parkRecord keeps a record that cannot be read any more.
func (d *Drain) parkRecord(ctx context.Context, tx *sql.Tx, x record) error {
	d.cfg.Log.Error("a stored record cannot be read any more; it is kept in table parked_records", "gateway", x.gateway, "seq", x.seq, "err", x.why)
	if _, err := tx.ExecContext(ctx, `INSERT INTO parked_records (gateway, stream, epoch, seq, type, boot, clock, wall_ms, mono_ms, payload, why, at)
		VALUES (?, ?, ?, ?, ?, 0, 0, 0, 0, ?, ?, ?) ON CONFLICT (gateway, stream, epoch, seq) DO NOTHING`, x.gateway, wire.StreamTelemetry, x.epoch, x.seq,
		wire.TypeReadings, x.payload, "stored, but cannot be read: "+x.why, d.cfg.Now().UnixMilli()); err != nil {
		return fmt.Errorf("park record of %s: %w", x.gateway, err)
	}
	return nil
}

package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// A Sink makes readings durable. When Write answers nil, they are; a *series.RefusedError names those that never will
// be, and then all others are. Any other error means: try again.
type Sink interface {
	Write(ctx context.Context, gateway string, rs []device.Reading) error
}

// DrainConfig is what a drain needs.
type DrainConfig struct {
	DB       *db.DB
	Sink     Sink
	Now      func() time.Time
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// A Drain empties the inbox into the series store.
type Drain struct {
	cfg     DrainConfig
	decoder *wire.Decoder
	wake    chan struct{}
	metrics drainMetrics
}

type drainMetrics struct {
	readings, parked, failures prometheus.Counter
}

// NewDrain makes a drain; Run starts it.
func NewDrain(cfg DrainConfig) (*Drain, error) {
	dec, err := wire.NewDecoder()
	if err != nil {
		return nil, fmt.Errorf("make decoder: %w", err)
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "linshao_inbox_" + name, Help: help})
		cfg.Registry.MustRegister(c)
		return c
	}
	return &Drain{cfg: cfg, decoder: dec, wake: make(chan struct{}, 1), metrics: drainMetrics{
		readings: counter("readings_total", "Readings brought to the series store."),
		parked:   counter("parked_total", "Readings that the series store refused for good; table parked says why."),
		failures: counter("write_failures_total", "Writes to the series store that will be repeated."),
	}}, nil
}

// Wake tells that the inbox has something new. It never blocks.
func (d *Drain) Wake() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

const (
	drainRecords = 64 // records of one round: at most 131,072 readings
	drainBytes   = 1 << 20
	firstBackoff = 500 * time.Millisecond
	lastBackoff  = 30 * time.Second
)

// Run drains until ctx ends. What it has not finished then, it repeats at the next start.
func (d *Drain) Run(ctx context.Context) error {
	backoff := firstBackoff
	for {
		more, err := d.Once(ctx)
		if ctx.Err() != nil {
			return nil
		}
		var wait <-chan time.Time
		switch {
		case err != nil:
			d.metrics.failures.Inc()
			d.cfg.Log.Warn("series store does not take readings; they wait in the inbox", "err", err, "retry_in", backoff)
			wait = time.After(backoff)
			backoff = min(2*backoff, lastBackoff)
		case more:
			backoff = firstBackoff
			continue
		default:
			backoff = firstBackoff
			wait = nil
		}
		if !d.pause(ctx, wait) {
			return nil
		}
	}
}

// pause waits for the time, or for something new when there is none to wait for.
func (d *Drain) pause(ctx context.Context, wait <-chan time.Time) bool {
	if wait != nil {
		select {
		case <-wait:
			return true
		case <-ctx.Done():
			return false
		}
	}
	select {
	case <-d.wake:
		return true
	case <-ctx.Done():
		return false
	}
}

type record struct {
	id      int64
	gateway string
	payload []byte
}

// Once brings the oldest records to the store and deletes them. It answers whether there may be more.
func (d *Drain) Once(ctx context.Context) (more bool, err error) {
	records, err := d.oldest(ctx)
	if err != nil || len(records) == 0 {
		return false, err
	}
	byGateway := map[string][]device.Reading{}
	for _, r := range records {
		rs, err := d.decoder.Readings(r.payload)
		if err != nil { // ingest has decoded it once, so the disk changed it
			d.cfg.Log.Error("a stored record cannot be read any more", "gateway", r.gateway, "id", r.id, "err", err)
			continue
		}
		byGateway[r.gateway] = append(byGateway[r.gateway], rs...)
	}
	refused := map[string]*series.RefusedError{}
	for gateway, rs := range byGateway {
		var bad *series.RefusedError
		if err := d.cfg.Sink.Write(ctx, gateway, rs); errors.As(err, &bad) {
			refused[gateway] = bad
		} else if err != nil {
			return false, fmt.Errorf("write %d readings of %s: %w", len(rs), gateway, err)
		}
		d.metrics.readings.Add(float64(len(rs)))
	}
	return true, d.finish(ctx, records, refused)
}

func (d *Drain) oldest(ctx context.Context) ([]record, error) {
	rows, err := d.cfg.DB.Reader().QueryContext(ctx, `SELECT id, gateway, payload FROM inbox ORDER BY id LIMIT ?`, drainRecords)
	if err != nil {
		return nil, fmt.Errorf("read inbox: %w", err)
	}
	defer rows.Close()
	var out []record
	size := 0
	for size < drainBytes && rows.Next() {
		var r record
		if err := rows.Scan(&r.id, &r.gateway, &r.payload); err != nil {
			return nil, fmt.Errorf("read inbox: %w", err)
		}
		size += len(r.payload)
		out = append(out, r)
	}
	return out, rows.Err()
}

func (d *Drain) finish(ctx context.Context, records []record, refused map[string]*series.RefusedError) error {
	return d.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		for gateway, bad := range refused {
			if err := d.park(ctx, tx, gateway, bad); err != nil {
				return err
			}
		}
		for _, r := range records {
			if _, err := tx.ExecContext(ctx, `DELETE FROM inbox WHERE id = ?`, r.id); err != nil {
				return fmt.Errorf("delete from inbox: %w", err)
			}
		}
		return nil
	})
}

func (d *Drain) park(ctx context.Context, tx *sql.Tx, gateway string, bad *series.RefusedError) error {
	d.metrics.parked.Add(float64(len(bad.Readings)))
	d.cfg.Log.Error("series store refused readings for good; they are kept in table parked", "gateway", gateway, "readings", len(bad.Readings), "why", bad.Why)
	for _, r := range bad.Readings {
		value := sql.NullFloat64{Float64: r.Value, Valid: !math.IsNaN(r.Value) && !math.IsInf(r.Value, 0)}
		if _, err := tx.ExecContext(ctx, `INSERT INTO parked (at, gateway, device, point, time_ms, value, quality, why) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
			d.cfg.Now().UnixMilli(), gateway, r.Device, r.Point, r.Time.UnixMilli(), value, int(r.Quality), bad.Why); err != nil {
			return fmt.Errorf("park reading of %s: %w", gateway, err)
		}
	}
	return nil
}

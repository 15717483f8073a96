package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/cloud/wire"
)

// A Sink makes readings durable. When Write answers nil, they are; a *series.RefusedError names those that never will
// be, and then all others are. Any other error means: try again.
type Sink interface {
	Write(ctx context.Context, columns []series.Column) error
}

// Leases say which gateways are this worker's when several share the database.
type Leases interface {
	// Mine says whether the gateway is this worker's as far as it knows.
	Mine(gateway string) bool
	// Prove fails unless the gateways are this worker's until the transaction ends.
	Prove(ctx context.Context, tx *sql.Tx, gateways []string) error
}

// DrainConfig is what a drain needs.
type DrainConfig struct {
	DB       *db.DB
	Sink     Sink
	Leases   Leases // nil: all gateways are ours
	Now      func() time.Time
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// A Drain empties the inbox into the series store, in rounds: many records are decoded once, grouped by point, written,
// made durable by one flush, and only then deleted. While one round is written the next one is read. A crash between
// writing and deleting repeats the round, which changes nothing.
type Drain struct {
	cfg     DrainConfig
	decoder *wire.Decoder
	wake    chan struct{}
	metrics drainMetrics
}

type drainMetrics struct {
	readings, parked, failures, rounds prometheus.Counter
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
		readings: counter("readings_total", "Readings brought to the series store and durable there."),
		parked:   counter("parked_total", "Readings that the series store refused for good; table parked says why."),
		failures: counter("write_failures_total", "Writes to the series store that will be repeated."),
		rounds:   counter("rounds_total", "Rounds of reading, writing and deleting."),
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
	firstBackoff = 500 * time.Millisecond
	lastBackoff  = 30 * time.Second
	roundPace    = 500 * time.Millisecond // rounds begin no faster unless the inbox is behind: each costs a flush
	restartAfter = 64                     // rounds; then the inbox is read from its beginning again
)

// Run drains until ctx ends. What it has not finished then, it repeats at the next start.
func (d *Drain) Run(ctx context.Context) error {
	backoff := firstBackoff
	for {
		began := time.Now()
		err := d.run(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			backoff = firstBackoff
			if !d.pause(ctx, time.Until(began.Add(roundPace)), true) {
				return nil
			}
			continue
		}
		d.metrics.failures.Inc()
		d.cfg.Log.Warn("series store does not take readings; they wait in the inbox", "err", err, "retry_in", backoff)
		if !d.pause(ctx, backoff, false) {
			return nil
		}
		backoff = min(2*backoff, lastBackoff)
	}
}

// pause waits for the time, and then for something new if it is to. It answers false when ctx has ended.
func (d *Drain) pause(ctx context.Context, wait time.Duration, news bool) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	if !news {
		return true
	}
	select {
	case <-d.wake:
		return true
	case <-ctx.Done():
		return false
	}
}

type read struct {
	round *round
	err   error
}

// run drains until the inbox is empty.
func (d *Drain) run(ctx context.Context) error {
	for {
		r, err := d.next(ctx, 0)
		if err != nil || r == nil {
			return err
		}
		for n := 0; r != nil; n++ {
			ahead := make(chan read, 1)
			// Identities of an empty table begin anew, and on PostgreSQL one may appear behind a larger one. So what
			// lies behind the last round is only followed for a while.
			if n < restartAfter {
				go func(after int64) {
					next, err := d.next(ctx, after)
					ahead <- read{next, err}
				}(r.last)
			} else {
				ahead <- read{}
			}
			err := d.bring(ctx, r)
			next := <-ahead
			if err = errors.Join(err, next.err); err != nil {
				return err
			}
			r = next.round
		}
	}
}

// Once brings one round to the store. It answers whether there may be more.
func (d *Drain) Once(ctx context.Context) (more bool, err error) {
	r, err := d.next(ctx, 0)
	if err != nil || r == nil {
		return false, err
	}
	return true, d.bring(ctx, r)
}

// bring writes a round and deletes its records.
func (d *Drain) bring(ctx context.Context, r *round) error {
	var refused *series.RefusedError
	if err := d.cfg.Sink.Write(ctx, r.columns); err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("write %d readings: %w", r.readings, err)
	}
	if err := d.finish(ctx, r, refused); err != nil {
		return err
	}
	d.metrics.readings.Add(float64(r.readings))
	d.metrics.rounds.Inc()
	if refused == nil {
		return nil
	}
	if refused.Warning != "" {
		d.cfg.Log.Error("look at the series store", "what", refused.Warning)
	}
	for _, bad := range refused.Refusals {
		d.metrics.parked.Add(float64(len(bad.Times)))
		d.cfg.Log.Error("series store refused readings for good; they are kept in table parked", "gateway", bad.Gateway, "device", bad.Device,
			"point", bad.Point, "readings", len(bad.Times), "why", bad.Why)
	}
	return nil
}

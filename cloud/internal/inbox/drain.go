package inbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/cloud/wire"
)

// A Sink makes readings durable. When Write answers nil, they are; a *series.RefusedError names those that never will
// be, and then all others are. Any other error means: try again. A Sink that is a series.Buffered as well is asked by
// Deliver instead.
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
// writing and deleting repeats the round, which changes nothing. A store that flushes later does not hold up the rounds:
// their records stay in the inbox, and of each a number in memory, until the store's receipt says that they are settled.
type Drain struct {
	cfg     DrainConfig
	decoder *wire.Decoder
	wake    chan struct{}
	metrics drainMetrics

	waiting []*written // rounds that are not settled, the oldest first
	looked  time.Time  // when the inbox was read from its beginning
	seen    int64      // largest id looked at since then

	mu      sync.Mutex
	pending map[int64]bool // records of the rounds that wait
}

type drainMetrics struct {
	readings, settled, again, parked, failures, rounds prometheus.Counter
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
	return &Drain{cfg: cfg, decoder: dec, wake: make(chan struct{}, 1), pending: map[int64]bool{}, metrics: drainMetrics{
		readings: counter("readings_total", "Readings brought to the series store."),
		settled:  counter("settled_total", "Readings that are on the disk of the series store, and not in the inbox any more."),
		again:    counter("again_total", "Records that are written again because the series store was started again."),
		parked:   counter("parked_total", "Readings that the series store refused for good; table parked says why."),
		failures: counter("write_failures_total", "Writes to the series store that will be repeated."),
		rounds:   counter("rounds_total", "Rounds of reading and writing."),
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
	restartAfter = 64                     // rounds; then it is seen whether to read the inbox from its beginning again
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

// pause waits for the time, and then, if it is to, for something new or until it is worth a look what is settled. It answers false when ctx has ended.
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
	var settle <-chan time.Time
	if len(d.waiting) > 0 {
		timer.Reset(settlePace)
		settle = timer.C
	}
	select {
	case <-d.wake:
		return true
	case <-settle:
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
	if err := d.settle(ctx); err != nil {
		return err
	}
	for {
		r, err := d.next(ctx, d.begin())
		if err != nil || r == nil {
			return err
		}
		for n := 0; r != nil; n++ {
			ahead := make(chan read, 1)
			if n < restartAfter {
				go func(after int64) {
					next, err := d.next(ctx, after)
					ahead <- read{next, err}
				}(r.last)
			} else {
				ahead <- read{}
			}
			err := d.bring(ctx, r)
			d.seen = max(d.seen, r.last)
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
	if err != nil {
		return false, err
	}
	if r == nil {
		return false, d.settle(ctx)
	}
	return true, d.bring(ctx, r)
}

// bring writes a round, and deletes the records of this one or of older ones if they are settled.
func (d *Drain) bring(ctx context.Context, r *round) error {
	receipt, err := d.write(ctx, r.columns)
	var refused *series.RefusedError
	if err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("write %d readings: %w", r.readings, err)
	}
	w := newWritten(r, refused, receipt)
	if receipt == nil {
		err = d.finish(ctx, w)
	} else {
		err = d.keep(ctx, w)
	}
	if err != nil {
		return err
	}
	d.metrics.readings.Add(float64(r.readings))
	d.metrics.rounds.Inc()
	if refused != nil && refused.Warning != "" {
		d.cfg.Log.Error("look at the series store", "what", refused.Warning)
	}
	if err := d.settle(ctx); err != nil {
		return err
	}
	for d.unparked() > roundReadings { // they are in memory, so there may not be more and more of them
		if !d.pause(ctx, settlePace, false) {
			return context.Cause(ctx)
		}
		if err := d.settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (d *Drain) write(ctx context.Context, columns []series.Column) (series.Receipt, error) {
	if b, ok := d.cfg.Sink.(series.Buffered); ok {
		return b.Deliver(ctx, columns)
	}
	return nil, d.cfg.Sink.Write(ctx, columns)
}

// report tells of a round whose records have left the inbox.
func (d *Drain) report(w *written) {
	d.metrics.settled.Add(float64(w.readings))
	if w.refused == nil {
		return
	}
	for _, bad := range w.refused.Refusals {
		d.metrics.parked.Add(float64(len(bad.Times)))
		d.cfg.Log.Error("series store refused readings for good; they are kept in table parked", "gateway", bad.Gateway, "device", bad.Device,
			"point", bad.Point, "readings", len(bad.Times), "why", bad.Why)
	}
}

// Package shard splits the gateways among the workers that share a PostgreSQL database: each shard, and each duty that
// only one may have, is leased to one worker at a time. It promises that no transaction of a worker that has lost a lease
// is committed, whatever its own clock says and however long it was stopped, and that a dead worker's leases are another's
// within 30 seconds. Ingest and the inbox prove their leases inside their transactions; the broker's subscription follows
// the shards. With SQLite, or with the embedded broker, there is one worker and nobody needs this package.
package shard

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/wire"
)

const (
	shards     = 256
	renewEvery = 5 * time.Second
	validity   = 20 * time.Second // after a renewal, by the database's clock; then the leases are anybody's
	// A worker proves a lease no later than this before the validity ends. A transaction that is then stopped before its
	// commit is rolled back by the server within the time, so none of it is left when the next worker takes over.
	margin = db.IdleLimit
)

// Errors of a worker.
var (
	ErrNotMine = errors.New("this gateway is another worker's")
	// ErrReplaced: another process runs with this worker's name, so this one must end.
	ErrReplaced = errors.New("another process has started with this one's data folder")
	// ErrAlone: readings are kept on one machine's disk, and another worker is there.
	ErrAlone = errors.New("several workers need a series store that all reach (series.kind influx or victoriametrics), but one of them has its own")
)

// Config is what a Worker needs.
type Config struct {
	DB       *db.DB
	ID       string   // the same in every life of this worker; see Identity
	Duties   []string // leased like shards, each to one worker
	Alone    bool     // there must be no other worker
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// A Worker holds leases.
type Worker struct {
	cfg   Config
	gauge prometheus.Gauge
	poke  chan struct{} // something shows that the leases have changed

	mu      sync.Mutex
	life    int64
	held    map[string]int64 // lease → token
	valid   time.Time        // until when held counts, by this machine's monotonic clock
	next    time.Duration    // how long after a renewal something is to be done
	changed chan struct{}    // closed when held changes
}

// New makes a worker; Run starts it.
func New(cfg Config) (*Worker, error) {
	if !cfg.DB.Postgres() {
		return nil, errors.New("make worker: leases need PostgreSQL")
	}
	w := &Worker{cfg: cfg, poke: make(chan struct{}, 1), held: map[string]int64{}, changed: make(chan struct{}), next: renewEvery,
		gauge: prometheus.NewGauge(prometheus.GaugeOpts{Name: "linshao_shards", Help: "Shards of gateways that are this worker's."})}
	cfg.Registry.MustRegister(w.gauge)
	return w, nil
}

// ID is the worker's name.
func (w *Worker) ID() string { return w.cfg.ID }

// Identity answers the name of the worker whose data is in a folder; it is made once and kept there.
func Identity(dir string) (string, error) {
	file := filepath.Join(dir, "worker")
	b, err := os.ReadFile(file)
	if id := strings.TrimSpace(string(b)); err == nil && id != "" {
		return id, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read name of worker: %w", err)
	}
	id := strings.ToLower(rand.Text()[:12])
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("keep name of worker: %w", err)
	}
	if err := os.WriteFile(file, []byte(id+"\n"), 0o600); err != nil { // lost in a power cut, another name does as well
		return "", fmt.Errorf("keep name of worker: %w", err)
	}
	return id, nil
}

// Run keeps leases until ctx ends, then gives them back. The error is ErrReplaced or ErrAlone; a database that fails is
// waited for, without leases.
func (w *Worker) Run(ctx context.Context) error {
	for {
		err := w.renew(ctx)
		switch {
		case ctx.Err() != nil:
			return w.release(context.WithoutCancel(ctx))
		case errors.Is(err, ErrReplaced), errors.Is(err, ErrAlone):
			w.set(nil, 0, time.Time{})
			return fmt.Errorf("keep leases: %w", err)
		case err != nil:
			w.cfg.Log.Warn("leases not renewed", "err", err)
			w.expire()
		}
		if !w.pause(ctx) {
			return w.release(context.WithoutCancel(ctx))
		}
	}
}

// pause waits for the next renewal. It answers false when ctx has ended.
func (w *Worker) pause(ctx context.Context) bool {
	w.mu.Lock()
	tick, over := time.NewTimer(w.next), time.NewTimer(time.Until(w.valid))
	w.mu.Unlock()
	defer tick.Stop()
	defer over.Stop()
	for {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
			return true
		case <-w.poke:
			return true
		case <-over.C:
			w.expire()
		}
	}
}

// set takes over what the database says.
func (w *Worker) set(held map[string]int64, life int64, valid time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before := len(w.held)
	same := before == len(held)
	for name, token := range held {
		same = same && w.held[name] == token
	}
	w.held, w.life, w.valid = held, life, valid
	if same {
		return
	}
	n := 0
	for name := range held {
		if len(name) == 2 {
			n++
		}
	}
	w.gauge.Set(float64(n))
	w.cfg.Log.Info("leases changed", "shards", n, "of", shards, "before", before, "now", len(held))
	close(w.changed)
	w.changed = make(chan struct{})
}

// expire drops leases that could not be renewed in time.
func (w *Worker) expire() {
	w.mu.Lock()
	life, over := w.life, !time.Now().Before(w.valid)
	w.mu.Unlock()
	if over {
		w.set(nil, life, time.Time{})
	}
}

// wrong asks for a look at the database: it has just told something else than what is held.
func (w *Worker) wrong() {
	select {
	case w.poke <- struct{}{}:
	default:
	}
}

// token answers that of a lease, if it is held as far as this worker knows.
func (w *Worker) token(name string) (int64, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	token, ok := w.held[name]
	return token, ok && time.Now().Before(w.valid)
}

// Mine says whether a gateway is this worker's as far as it knows.
func (w *Worker) Mine(gateway string) bool { return w.Has(wire.Shard(gateway)) }

// Has says whether a lease is this worker's as far as it knows.
func (w *Worker) Has(name string) bool {
	_, ok := w.token(name)
	return ok
}

// Shards answers the shards that are this worker's, and a channel that is closed when they may be others.
func (w *Worker) Shards() (held []string, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name := range w.held {
		if len(name) == 2 {
			held = append(held, name)
		}
	}
	slices.Sort(held)
	return held, w.changed
}

// Only runs a duty whenever it is this worker's, until ctx ends; run's context ends when the duty is lost. An error of run
// ends it.
func (w *Worker) Only(ctx context.Context, duty string, run func(context.Context) error) error {
	for {
		w.mu.Lock()
		_, held := w.held[duty]
		changed := w.changed
		w.mu.Unlock()
		if held {
			if err := w.while(ctx, duty, run); err != nil || ctx.Err() != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		}
	}
}

// while runs until the duty is lost or ctx ends. A run that has nothing to do may end before.
func (w *Worker) while(ctx context.Context, duty string, run func(context.Context) error) error {
	inner, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- run(inner) }()
	ended := false
	for {
		w.mu.Lock()
		_, held := w.held[duty]
		changed := w.changed
		w.mu.Unlock()
		if !held || ctx.Err() != nil {
			cancel()
			if ended {
				return nil
			}
			return <-done
		}
		select {
		case err := <-done:
			if err != nil {
				return err
			}
			ended = true
		case <-changed:
		case <-ctx.Done():
		}
	}
}

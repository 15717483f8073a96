package shard_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/shard"
	"github.com/linshao/linshao/cloud/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

// house is workers that share one database, each with connections of its own.
type house struct {
	t     *testing.T
	place *dbtest.Place
	db    *db.DB
}

func open(t *testing.T) *house {
	place := dbtest.Postgres(t)
	return &house{t, place, place.Open(t)}
}

func (h *house) worker(id string, alone bool) *shard.Worker {
	h.t.Helper()
	w, err := shard.New(shard.Config{DB: h.place.Open(h.t), ID: id, Duties: []string{"notify"}, Alone: alone, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	if err != nil {
		h.t.Fatal(err)
	}
	return w
}

func (h *house) renew(ws ...*shard.Worker) {
	h.t.Helper()
	for _, w := range ws {
		if err := w.Renew(h.t.Context()); err != nil {
			h.t.Fatalf("%s: %v", w.ID(), err)
		}
	}
}

// dead lets a worker's validity end, as when it does not renew for 20 s.
func (h *house) dead(id string) {
	h.t.Helper()
	if err := h.db.Update(h.t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(h.t.Context(), `UPDATE workers SET until_ms = 0 WHERE id = ?`, id)
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
}

// split checks that every shard is one worker's, and answers how many each has.
func (h *house) split(ws ...*shard.Worker) []int {
	h.t.Helper()
	owner := map[string]string{}
	var out []int
	for _, w := range ws {
		held, _ := w.Shards()
		out = append(out, len(held))
		for _, name := range held {
			if other := owner[name]; other != "" {
				h.t.Errorf("shard %s is both %s's and %s's", name, other, w.ID())
			}
			owner[name] = w.ID()
		}
	}
	if len(owner) != 256 {
		h.t.Errorf("%d shards are somebody's", len(owner))
	}
	return out
}

// check tries to change something for a gateway.
func (h *house) check(w *shard.Worker, gateway string) error {
	return h.db.Update(h.t.Context(), func(tx *sql.Tx) error { return w.Check(h.t.Context(), tx, gateway) })
}

// of is a gateway of a shard.
func of(name string) string {
	for n := 0; ; n++ {
		if gateway := fmt.Sprintf("gw-%d", n); wire.Shard(gateway) == name {
			return gateway
		}
	}
}

func TestSharesMoveWithTheWorkers(t *testing.T) {
	h := open(t)
	a, b, c := h.worker("a", false), h.worker("b", false), h.worker("c", false)
	h.renew(a)
	if got := h.split(a); !slices.Equal(got, []int{256}) || !a.Has("notify") {
		t.Error("one worker:", got)
	}
	all, _ := a.Shards()
	h.renew(b, a)
	if got := h.split(a, b); !slices.Equal(got, []int{128, 128}) || !a.Has("notify") || b.Has("notify") {
		t.Error("two workers:", got)
	}
	h.renew(c, a, b)
	if got := h.split(a, b, c); slices.Max(got) != 86 || slices.Min(got) != 84 {
		t.Error("three workers:", got)
	}
	moved := 0
	h.renew(a, b, c, a, b, c)
	for _, name := range all {
		if a.Has(name) {
			moved++
		}
	}
	if got := h.split(a, b, c); moved < 84 || slices.Max(got) != 86 {
		t.Error("leases wander though nothing happens:", got)
	}
	h.dead("a")
	h.renew(b, c, b)
	if got := h.split(b, c); !slices.Equal(got, []int{128, 128}) || b.Has("notify") == c.Has("notify") {
		t.Error("after a death:", got)
	}
	// The dead one was only stopped: what it believes is of no use, and it begins anew.
	held, _ := a.Shards()
	if len(held) == 0 {
		t.Fatal("a has noticed")
	}
	if err := h.check(a, of(held[0])); !errors.Is(err, shard.ErrNotMine) {
		t.Errorf("a lost lease proves itself: %v", err)
	}
	h.renew(a, b, c)
	if got := h.split(a, b, c); slices.Max(got) != 86 || slices.Min(got) != 84 {
		t.Error("after a return:", got)
	}
}

// Each way in which a lease is not ours any more ends in a refusal; so does a commit that comes too late.
func TestLostLeasesCommitNothing(t *testing.T) {
	h := open(t)
	a := h.worker("a", false)
	gateway := of("3f")
	if err := h.check(a, gateway); !errors.Is(err, shard.ErrNotMine) {
		t.Errorf("before the first renewal: %v", err)
	}
	h.renew(a)
	if err := h.check(a, gateway); err != nil || !a.Mine(gateway) {
		t.Error(err)
	}
	if err := h.db.Update(t.Context(), func(tx *sql.Tx) error {
		return a.Prove(t.Context(), tx, []string{of("00"), of("3f"), of("ff"), gateway})
	}); err != nil {
		t.Error(err)
	}
	// It proves its lease, is stopped for so long that another takes over, and goes on.
	b := h.worker("b", false)
	err := h.db.Update(t.Context(), func(tx *sql.Tx) error {
		if err := a.Check(t.Context(), tx, gateway); err != nil {
			return err
		}
		if _, err := tx.ExecContext(t.Context(), `INSERT INTO counters (name, value) VALUES ('late', 1)`); err != nil {
			return err
		}
		<-time.After(db.IdleLimit + 500*time.Millisecond)
		h.dead("a")
		h.renew(b)
		return nil
	})
	if err == nil {
		t.Error("committed after another worker took over")
	}
	if err := h.check(b, gateway); err != nil {
		t.Error(err)
	}
	if err := h.check(a, gateway); !errors.Is(err, shard.ErrNotMine) {
		t.Error(err)
	}
	h.renew(a)
	if err := h.db.Update(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(t.Context(), `UPDATE workers SET until_ms = until_ms - 15100`); err != nil {
			return err
		}
		return b.Check(t.Context(), tx, gateway)
	}); !errors.Is(err, shard.ErrNotMine) {
		t.Errorf("proved when there is no time left to commit: %v", err)
	}
	var late int
	if err := h.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM counters`).Scan(&late); err != nil || late != 0 {
		t.Errorf("%d rows of a lost lease: %v", late, err)
	}
}

// Nothing is proved of no gateways, such as when all of a round went to another worker.
func TestProveNothing(t *testing.T) {
	h := open(t)
	w := h.worker("a", false)
	h.renew(w)
	if err := h.db.Update(t.Context(), func(tx *sql.Tx) error { return w.Prove(t.Context(), tx, nil) }); err != nil {
		t.Error(err)
	}
}

// A second process with the same data folder takes over at once, and the first ends.
func TestSecondLifeOfAWorker(t *testing.T) {
	h := open(t)
	dir := t.TempDir()
	id, err := shard.Identity(dir)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := shard.Identity(dir); err != nil || again != id {
		t.Errorf("another name: %s, %v", again, err)
	}
	first, second := h.worker(id, false), h.worker(id, false)
	h.renew(first, second)
	h.split(second)
	if err := h.check(first, of("00")); !errors.Is(err, shard.ErrNotMine) {
		t.Errorf("the first still has a lease: %v", err)
	}
	if err := first.Run(t.Context()); !errors.Is(err, shard.ErrReplaced) {
		t.Errorf("the first goes on: %v", err)
	}
	h.renew(second)
	h.split(second)
}

func TestOneOwnStoreOneWorker(t *testing.T) {
	h := open(t)
	a, b, c := h.worker("a", true), h.worker("b", false), h.worker("c", true)
	h.renew(a)
	if err := b.Run(t.Context()); !errors.Is(err, shard.ErrAlone) {
		t.Errorf("beside one with its own store: %v", err)
	}
	h.dead("a")
	h.renew(b)
	if err := c.Run(t.Context()); !errors.Is(err, shard.ErrAlone) {
		t.Errorf("with its own store beside another: %v", err)
	}
}

// Run renews, gives back at its end, and a duty is run by one worker at a time.
func TestRunAndDuties(t *testing.T) {
	h := open(t)
	a, b := h.worker("a", false), h.worker("b", false)
	busy, turns := make(chan bool, 1), make(chan string, 2)
	duty := func(id string) func(context.Context) error {
		return func(ctx context.Context) error {
			select {
			case busy <- true:
			default:
				t.Error("two have the duty")
			}
			turns <- id
			<-ctx.Done()
			<-busy
			return nil
		}
	}
	run := func(w *shard.Worker) (stop func()) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 2)
		go func() { done <- w.Only(ctx, "notify", duty(w.ID())) }()
		keep, release := context.WithCancel(t.Context())
		go func() { done <- w.Run(keep) }()
		return func() {
			cancel()
			err := <-done
			release()
			if err = errors.Join(err, <-done); err != nil {
				t.Error(err)
			}
		}
	}
	stopA := run(a)
	if got := <-turns; got != "a" {
		t.Fatal(got)
	}
	stopB := run(b)
	stopA()
	select {
	case got := <-turns:
		if got != "b" {
			t.Error(got)
		}
	case <-time.After(15 * time.Second): // its next renewal is 5 s away at most
		t.Error("nobody took the duty over")
	}
	h.split(b)
	stopB()
	var n int
	if err := h.db.Reader().QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM workers) + (SELECT count(*) FROM leases WHERE worker <> '')`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d traces of workers that have ended: %v", n, err)
	}
}

func TestSQLiteHasNoWorkers(t *testing.T) {
	if _, err := shard.New(shard.Config{DB: dbtest.SQLite(t).Open(t)}); err == nil {
		t.Error("leases in SQLite")
	}
}

package ingest

import (
	"context"
	"database/sql"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// A change is what one message does to the database. It may run several times before it is committed, so it sets what it
// hands out anew in each run.
type change func(ctx context.Context, tx *sql.Tx) error

// group commits the changes of messages that wait at the same time in one transaction: what limits is how often the disk
// can be told to keep something, not how much. The first that comes commits for all that wait, then hands that duty on.
// What is small goes first, so that it waits for one transaction at most; of what is large each transaction takes some.
type group struct {
	db *db.DB

	mu    sync.Mutex
	lanes [2][]*waiter // small, large
	busy  bool
}

type waiter struct {
	fn     change
	weight int
	err    error
	turn   chan bool // true: commit for all that wait; false: done
}

const (
	small       = 4                // records of a change that goes first
	maxGroup    = 256              // small changes of one transaction
	maxRecords  = 256              // after which it takes no more large ones
	commitLimit = 30 * time.Second // of one transaction; it ends a database that hangs, not one that is slow
)

// do runs fn in a transaction, which fn may share with others; weight is its number of records. When it answers nil, the
// change survives a power cut; when it answers fn's own error, nothing of fn's is kept and the others' are not touched.
func (g *group) do(ctx context.Context, weight int, fn change) error {
	w := &waiter{fn: fn, weight: weight, turn: make(chan bool, 1)}
	lane := &g.lanes[0]
	if weight > small {
		lane = &g.lanes[1]
	}
	g.mu.Lock()
	*lane = append(*lane, w)
	lead := !g.busy
	g.busy = true
	g.mu.Unlock()
	if !lead && !<-w.turn {
		return w.err
	}
	list := g.pick()
	// The others did not come with this context, and shall not fail with it.
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitLimit)
	g.commit(work, list)
	cancel()
	g.mu.Lock()
	next := slices.Concat(g.lanes[0][:min(1, len(g.lanes[0]))], g.lanes[1][:min(1, len(g.lanes[1]))])
	g.busy = len(next) > 0
	g.mu.Unlock()
	if len(next) > 0 {
		next[0].turn <- true
	}
	for _, other := range list {
		if other != w {
			other.turn <- false
		}
	}
	return w.err
}

// pick takes what goes into the next transaction: the first of each lane are in it.
func (g *group) pick() []*waiter {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.lanes[0]), maxGroup)
	list := slices.Clone(g.lanes[0][:n])
	g.lanes[0] = slices.Delete(g.lanes[0], 0, n)
	records := 0
	for n = 0; n < len(g.lanes[1]) && records < maxRecords; n++ {
		records += g.lanes[1][n].weight
	}
	list = append(list, g.lanes[1][:n]...)
	g.lanes[1] = slices.Delete(g.lanes[1], 0, n)
	return list
}

func (g *group) commit(ctx context.Context, list []*waiter) {
	err := g.together(ctx, list)
	if err == nil {
		return
	}
	if len(list) == 1 || db.Transient(err) {
		for _, w := range list {
			w.err = err
		}
		return
	}
	// Somebody's mistake broke the transaction of all: each alone, so that it breaks only his own.
	for _, w := range list {
		if err := g.together(ctx, []*waiter{w}); err != nil {
			w.err = err
		}
	}
}

// together runs all changes in one transaction. An error means that none is kept.
func (g *group) together(ctx context.Context, list []*waiter) error {
	return g.db.Update(ctx, func(tx *sql.Tx) error {
		for _, w := range list {
			w.err = nil
			if len(list) == 1 {
				return guarded(func() error { return w.fn(ctx, tx) })
			}
			var fatal error
			if w.err, fatal = within(ctx, tx, "message", func() error { return w.fn(ctx, tx) }); fatal != nil {
				return fatal
			}
		}
		return nil
	})
}

// within runs fn under a savepoint. An error of fn's alone takes back what fn did, and the transaction goes on; with a
// fatal one it cannot.
func within(ctx context.Context, tx *sql.Tx, name string, fn func() error) (failed, fatal error) {
	if _, err := tx.ExecContext(ctx, "SAVEPOINT "+name); err != nil {
		return nil, fmt.Errorf("set savepoint: %w", err)
	}
	failed = guarded(fn)
	if failed != nil && (db.Transient(failed) || db.Conflict(failed)) {
		return failed, failed
	}
	end := "RELEASE SAVEPOINT "
	if failed != nil {
		end = "ROLLBACK TO SAVEPOINT "
	}
	if _, err := tx.ExecContext(ctx, end+name); err != nil {
		if failed != nil {
			return failed, failed // its mistake has broken the transaction; it is the one to be told of
		}
		return nil, fmt.Errorf("end savepoint: %w", err)
	}
	return failed, nil
}

// A panicError is a mistake of ours, caught.
type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// guarded answers a panic of fn as an error: one record must not end the process of all gateways.
func guarded(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &panicError{p, debug.Stack()}
		}
	}()
	return fn()
}

package app

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/linshao/linshao/cloud/internal/shard"
)

// dutyNotify is sending: a message that two send comes twice.
const dutyNotify = "notify"

// dutyTimers is running what is due: two that do it get into each other's way, no more.
const dutyTimers = "timers"

// openWorker makes this process one of several when others can share its work: they need the same database and a broker
// that all reach. Otherwise all of it is ours, and no lease is kept.
func (a *App) openWorker() error {
	if !a.db.Postgres() || a.cfg.MQTT.URL == "" {
		return nil
	}
	id, err := shard.Identity(a.cfg.Data)
	if err != nil {
		return err
	}
	a.worker, err = shard.New(shard.Config{DB: a.db, ID: id, Duties: []string{dutyNotify, dutyTimers}, Alone: a.cfg.Series.Kind == kindSQLite, Log: a.opt.Log, Registry: a.registry})
	return err
}

// withLeases keeps the leases from before run until after it: what run still stores while it stops must be ours. When
// they end first, for good, so does run.
func (a *App) withLeases(ctx context.Context, run func(context.Context) error) error {
	if a.worker == nil {
		return run(ctx)
	}
	keep, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	both, inner := errgroup.WithContext(ctx)
	both.Go(func() error { return a.worker.Run(keep) })
	both.Go(func() error {
		defer stop()
		return run(inner)
	})
	return both.Wait()
}

// notifies says whether this process may send.
func (a *App) notifies() bool { return a.worker == nil || a.worker.Has(dutyNotify) }

// send tells people and other platforms until ctx ends.
func (n notices) send(ctx context.Context) error {
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return n.a.notify.Run(ctx) })
	both.Go(func() error { return n.a.dock.Run(ctx) })
	return both.Wait()
}

// notices sends while that is this process's duty.
type notices struct{ a *App }

// Run sends until ctx ends.
func (n notices) Run(ctx context.Context) error {
	if n.a.worker == nil {
		return n.send(ctx)
	}
	return n.a.worker.Only(ctx, dutyNotify, n.send)
}

// elsewhere wakes the parts for which other workers have left something in the database.
type elsewhere struct{ a *App }

const lookEvery = time.Second // for notices of incidents that another worker has made

// Run wakes until ctx ends.
func (e elsewhere) Run(ctx context.Context) error {
	if e.a.worker == nil {
		<-ctx.Done()
		return nil
	}
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		_, changed := e.a.worker.Shards()
		e.a.drain.Wake() // with the gateways come the records that the worker before had not brought to the store
		for same := true; same; {
			select {
			case <-ctx.Done():
				return nil
			case <-changed:
				same = false
			case <-ticker.C:
				e.a.wake()
			}
		}
	}
}

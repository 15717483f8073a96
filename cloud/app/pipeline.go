package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/linshao/linshao/cloud/internal/series"
)

// stopLimit is how long requests may take to end when the cloud stops.
const stopLimit = 8 * time.Second

// Run connects the parts and runs them until ctx ends:
//
//	gateways → broker → ingest → database: inbox, events, incidents, notices   (one transaction a batch)
//	inbox → drain → series store → API
//	API → commands → broker → gateways; their word comes as an event
//	database → notify → people;   ingest → feed → hub → open pages
//	database → enroll → broker: whose certificate has ended is cut off
//	database → overdue → database: what nobody has taken or closed in time
//	database → deadlines → database: what is due, such as the end of an emergency
//	database → report → database: what figures are counted from
//	ingest → health → database: which devices can be trusted, and which gateways are silent
//
// It stops from the outside in: first the two ends that take something, then the parts behind them.
func (a *App) Run(ctx context.Context) error { return a.withLeases(ctx, a.run) }

func (a *App) run(ctx context.Context) error {
	inner, stopInner := context.WithCancel(context.WithoutCancel(ctx))
	defer stopInner()
	behind, inner := errgroup.WithContext(inner)
	for _, part := range []runner{a.drain, notices{a}, deadlines{a}, a.overdue, a.health, a.reports(), a.feed, a.ingest, a.commands, a.pushes, a.rollout, pruner{a}, elsewhere{a}, certificates{a}, a.keeper(), a.forgetting(), a.evidence, a.looks} {
		behind.Go(func() error { return part.Run(inner) })
	}
	ends, outer := errgroup.WithContext(ctx)
	ends.Go(func() error { return a.broker.Run(outer) })
	ends.Go(func() error { return a.serve(outer) })
	ends.Go(func() error { // a part behind that failed stops the ends
		select {
		case <-outer.Done():
			return nil
		case <-inner.Done():
			return context.Cause(inner)
		}
	})
	a.opt.Log.Info("cloud runs", "http", a.HTTP(), "mqtt", a.MQTT(), "series", a.cfg.Series.Kind)
	err := ends.Wait()
	stopInner()
	if e := behind.Wait(); e != nil {
		return e
	}
	return err
}

// serve answers requests until ctx ends, then lets those under way end.
func (a *App) serve(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		if a.cfg.HTTP.Cert != "" {
			done <- a.server.ServeTLS(a.listener, "", "") // its configuration knows the files
			return
		}
		done <- a.server.Serve(a.listener)
	}()
	select {
	case err := <-done:
		return fmt.Errorf("serve http: %w", err)
	case <-ctx.Done():
	}
	close(a.quit)
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()
	err := a.server.Shutdown(limit)
	if served := <-done; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("stop http: %w", err)
	}
	return nil
}

// pruner deletes what is older than the retention from the embedded store, which does not do it by itself.
type pruner struct{ a *App }

const pruneEvery = 6 * time.Hour

// Run prunes until ctx ends.
func (p pruner) Run(ctx context.Context) error {
	store, ok := p.a.store.(*series.SQLite)
	if !ok || p.a.cfg.Series.keep == 0 {
		<-ctx.Done()
		return nil
	}
	ticker := time.NewTicker(pruneEvery)
	defer ticker.Stop()
	for {
		if err := store.Prune(ctx, p.a.opt.Now().Add(-p.a.cfg.Series.keep)); err != nil && ctx.Err() == nil {
			p.a.opt.Log.Error("old readings not deleted", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

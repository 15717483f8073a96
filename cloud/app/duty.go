package app

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"time"

	"github.com/linshao/linshao/cloud/internal/org/duty"
	"github.com/linshao/linshao/cloud/internal/org/mode"
	"github.com/linshao/linshao/cloud/internal/org/order"
	"github.com/linshao/linshao/cloud/internal/timer"
)

// buildDuty builds the organisation at work, and the clock that makes its deadlines come to pass.
func (a *App) buildDuty(context.Context) error {
	a.modes = mode.New(mode.Config{DB: a.db, Now: a.opt.Now})
	effects := map[string]timer.Effect{}
	for _, of := range []map[string]timer.Effect{a.modes.Effects(), order.Effects(), a.events.Effects()} {
		maps.Copy(effects, of)
	}
	a.timers = timer.New(timer.Config{DB: a.db, Effects: effects, Fired: a.wake, Now: a.opt.Now, Log: a.opt.Log})
	return nil
}

// deadlines runs timers while that is this process's duty.
type deadlines struct{ a *App }

// Run runs timers until ctx ends.
func (d deadlines) Run(ctx context.Context) error {
	if d.a.worker == nil {
		return d.a.timers.Run(ctx)
	}
	return d.a.worker.Only(ctx, dutyTimers, d.a.timers.Run)
}

// OnDuty answers who is on duty at a node in a role, when at says so of the street's zone.
func OnDuty(ctx context.Context, cfg Config, node, role string, at func(*time.Location) (time.Time, error)) ([]duty.Holder, error) {
	when, err := at(cfg.zone)
	if err != nil {
		return nil, err
	}
	d, err := openDB(ctx, cfg, slog.Default(), userPatience)
	if err != nil {
		return nil, err
	}
	people, err := duty.OnDuty(ctx, d.Reader(), node, role, when)
	return people, errors.Join(err, d.Close())
}

package app

import (
	"context"
	"maps"

	"github.com/linshao/linshao/cloud/internal/org/mode"
	"github.com/linshao/linshao/cloud/internal/timer"
)

// buildDuty builds the organisation at work, and the clock that makes its deadlines come to pass.
func (a *App) buildDuty(context.Context) error {
	a.modes = mode.New(mode.Config{DB: a.db, Now: a.opt.Now})
	effects := map[string]timer.Effect{}
	for _, of := range []map[string]timer.Effect{a.modes.Effects(), a.events.Effects()} {
		maps.Copy(effects, of)
	}
	a.timers = timer.New(timer.Config{DB: a.db, Effects: effects, Fired: a.notify.Wake, Now: a.opt.Now, Log: a.opt.Log})
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

package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

const (
	watchdogMost  = 2 * time.Second        // between two feedings
	watchdogFirst = 200 * time.Millisecond // between two looks whether the gateway is ready
)

// A watchdog tells systemd that the gateway is ready, and goes on telling it that it lives: not from a goroutine that would do
// so whatever happens, but only while the safety loop ticks, the executor turns and no poller is stuck. When it stops, systemd
// kills the gateway and starts it anew.
type watchdog struct {
	ready func() bool
	fresh func() error
	log   *slog.Logger
	every time.Duration // 0: systemd does not ask for it
}

// newWatchdog reads what systemd asks for.
func (a *App) newWatchdog() *watchdog {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		a.cfg.Log.Error("watchdog", "error", err)
	}
	return &watchdog{ready: func() bool { return a.judge.beat.Load() > 0 }, fresh: a.fresh, log: a.cfg.Log, every: min(interval/4, watchdogMost)}
}

// fresh says what of the safety loop stands still.
func (a *App) fresh() error {
	if err := a.judge.within(guardStale); err != nil {
		return err
	}
	if age := a.executor.Age(); age > guardStale {
		return fmt.Errorf("actions have not turned for %v", age.Round(time.Second))
	}
	for _, p := range a.pollers {
		if err := p.Fresh(); err != nil {
			return err
		}
	}
	return nil
}

// run feeds until ctx ends.
func (w *watchdog) run(ctx context.Context) {
	tick := time.NewTicker(watchdogFirst)
	defer tick.Stop()
	ready, hungry := false, false
	for {
		select {
		case <-ctx.Done():
			if !errors.Is(context.Cause(ctx), errRestart) { // the next one goes on feeding
				w.notify(daemon.SdNotifyStopping)
			}
			return
		case <-tick.C:
		}
		err := w.fresh()
		switch {
		case err != nil && !hungry:
			w.log.Error("the watchdog is not fed", "why", err)
		case err == nil && !ready && w.ready():
			ready = true
			w.notify(daemon.SdNotifyReady)
			if w.every > 0 {
				tick.Reset(w.every)
			}
		case err == nil && ready && w.every > 0:
			w.notify(daemon.SdNotifyWatchdog)
		}
		hungry = err != nil
	}
}

// notify tells systemd; without systemd it does nothing.
func (w *watchdog) notify(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		w.log.Warn("tell systemd", "state", state, "error", err)
	}
}

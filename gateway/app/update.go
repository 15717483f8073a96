package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/update"
	"github.com/linshao/linshao/rules"
)

// ErrGivenUp says that a program on trial did not prove itself: the one before it is to be started.
var ErrGivenUp = errors.New("this program is given up, the next start is of the one before it")

// updateNews tells what became of the last update.
func (a *App) updateNews() {
	a.tellUpdate()
	if a.cfg.Update == nil {
		return
	}
	news, err := a.cfg.Update.News()
	if err != nil {
		a.cfg.Log.Error("read what became of the update", "error", err)
	}
	for _, text := range news {
		a.cfg.Log.Info("update", "news", text.EN)
		a.notice(wire.NoticeUpdate, "", "", rules.Text(text))
	}
}

// tryOut watches over the trial of this program until it is confirmed or given up.
func (a *App) tryOut(ctx context.Context) {
	if a.cfg.Update == nil {
		return
	}
	trial, err := a.cfg.Update.Trial()
	if err != nil {
		a.cfg.Log.Error("read the trial of the update", "error", err)
	}
	if trial == nil {
		return
	}
	tick := time.NewTicker(update.Look)
	defer tick.Stop()
	a.judgeTrial(ctx, trial, tick.C)
}

// judgeTrial looks at each tick.
func (a *App) judgeTrial(ctx context.Context, trial *update.Trial, ticks <-chan time.Time) {
	judge := update.Judge{Trial: trial}
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks:
			what, why := judge.See(now, a.wrong(), a.uplink.state())
			if what != "" && a.settleTrial(what, why) {
				return
			}
		}
	}
}

// wrong is what speaks against this program.
func (a *App) wrong() error {
	if a.judge.beat.Load() == 0 {
		return errors.New("the rules have not begun")
	}
	return a.fresh()
}

// settleTrial ends the trial; false when the disk did not take it: it is tried again.
func (a *App) settleTrial(what string, why update.Text) bool {
	if what == update.Confirmed {
		if err := a.cfg.Update.Confirm(); err != nil {
			a.cfg.Log.Error("confirm the update", "error", err)
			return false
		}
		a.updateNews()
		return true
	}
	if err := a.cfg.Update.GiveUp(why); err != nil {
		a.cfg.Log.Error("give the update up", "error", err)
		return false
	}
	a.cfg.Log.Error("the update is given up", "why", why.EN)
	if a.cfg.GiveUp != nil {
		a.cfg.GiveUp(fmt.Errorf("%w: %s", ErrGivenUp, why.EN))
	}
	return true
}

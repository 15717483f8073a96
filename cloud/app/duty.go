package app

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/duty"
	"github.com/linshao/linshao/cloud/internal/org/dutycheck"
	"github.com/linshao/linshao/cloud/internal/org/mode"
	"github.com/linshao/linshao/cloud/internal/org/order"
	"github.com/linshao/linshao/cloud/internal/org/patrol"
	"github.com/linshao/linshao/cloud/internal/org/window"
	"github.com/linshao/linshao/cloud/internal/timer"
)

// buildDuty builds the organisation at work, and the clock that makes its deadlines come to pass.
func (a *App) buildDuty(ctx context.Context) error {
	a.modes = mode.New(mode.Config{DB: a.db, Now: a.opt.Now})
	a.windows = window.New(window.Config{DB: a.db, Teller: a.notify, Now: a.opt.Now, Begun: a.snoozed, Ended: a.released})
	a.patrols = patrol.New(patrol.Config{DB: a.db, Teller: a.notify, Reports: findings{a.events}, Now: a.opt.Now, Zone: a.cfg.zone})
	a.checks = dutycheck.New(dutycheck.Config{DB: a.db, Teller: a.notify, Now: a.opt.Now, Zone: a.cfg.zone, Centre: a.answerCentre})
	if err := a.patrols.Begin(ctx); err != nil {
		return err
	}
	effects := map[string]timer.Effect{}
	for _, of := range []map[string]timer.Effect{a.modes.Effects(), a.windows.Effects(), order.Effects(a.notify), a.patrols.Effects(), a.checks.Effects(), a.events.Effects()} {
		maps.Copy(effects, of)
	}
	a.timers = timer.New(timer.Config{DB: a.db, Effects: effects, Fired: a.fired, Now: a.opt.Now, Log: a.opt.Log})
	return nil
}

// quiet says whether a site is under maintenance, or a device is snoozed.
func (a *App) quiet(ctx context.Context, q db.Querier, of incident.Place) (h incident.Hush, err error) {
	all, err := window.InForceAt(ctx, q, window.Window{Site: of.Site, Gateway: of.Gateway, Device: of.Device}, a.opt.Now())
	for _, w := range all {
		if w.Device == "" {
			h.Window = true
		} else {
			h.Snooze = &incident.Snooze{Until: w.Until, Who: w.Who}
		}
	}
	return h, err
}

// snoozed makes quiet what a device has told of.
func (a *App) snoozed(ctx context.Context, tx *sql.Tx, w window.Window) error {
	return a.events.Snooze(ctx, tx, placeOf(w), incident.Snooze{Until: w.Until, Who: w.Who}, w.Reason)
}

// released tells of what was kept quiet while a site was under maintenance or a device was snoozed.
func (a *App) released(ctx context.Context, tx *sql.Tx, w window.Window) error {
	_, err := a.events.Release(ctx, tx, placeOf(w))
	return err
}

func placeOf(w window.Window) incident.Place {
	return incident.Place{Site: w.Site, Gateway: w.Gateway, Device: w.Device}
}

// fired tells open pages and those who tell people that something has happened by itself.
func (a *App) fired() {
	a.feed.Org()
	a.wake()
}

// answerCentre lets a monitoring centre know that somebody answered, unless it was told already.
func (a *App) answerCentre(ctx context.Context, tx *sql.Tx, centre, who string) error {
	if err := a.dock.Answer(ctx, tx, centre, who); !errors.Is(err, org.ErrUnknown) {
		return err
	}
	return nil
}

// findings make incidents of what patrols find.
type findings struct{ events *incident.Service }

// Found implements the patrols' Reports.
func (f findings) Found(ctx context.Context, who, key string, p patrol.Finding) (string, error) {
	return f.events.Report(ctx, incident.Person{Name: who}, key, incident.Reporting{Kind: p.Kind, Text: p.Text, Severity: p.Severity, Node: p.Node, Place: p.Place, Photos: p.Photos, Source: incident.FromPerson})
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
	return with(ctx, cfg, func(d *db.DB) ([]duty.Holder, error) { return duty.OnDuty(ctx, d.Reader(), node, role, when) })
}

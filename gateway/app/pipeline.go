package app

import (
	"context"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/bus"
)

// Room between the stages, in slices of readings (one slice is one device read once).
const (
	roomSource    = 64
	roomRules     = 256
	roomTelemetry = 4096 // some 8 s of 500 devices at 1 s: as long as a slow card may be busy with itself
	roomPage      = 256
	roomHealth    = 1024
	roomOther     = 1024
)

// Limits of the shutdown. Together they stay below 10 s.
const (
	stopActions = 3 * time.Second // for actions under way
	stopUplink  = 2 * time.Second // for the last records to reach the cloud
)

// Run connects the parts, and is where a reading's way through the gateway is read:
//
//	register → poll → bus ┬→ rules → action → poll
//	                      ├→ telemetry log → uplink
//	                      ├→ local page
//	                      ├→ sensor health → bus
//	                      └→ Sparkplug B, to another broker
//	rules, action, poll → events log → uplink
//	uplink → command → action
//	rules → evidence (clips, stills, readings) → evidence log → uplink
//
// Only the pollers, the uplink, commands and the page watch ctx. Every stage between them ends when its input closes, so that what was
// read is also recorded. Run returns when everything has ended, within 10 s after ctx
// or a Restart.
func (a *App) Run(ctx context.Context) error {
	defer a.close()
	background := context.WithoutCancel(ctx)
	fieldCtx, stopField := context.WithCancel(background)
	defer stopField()
	upCtx, stopUp := context.WithCancel(background)
	defer stopUp()
	actCtx, stopAct := context.WithCancel(background)
	defer stopAct()

	var field, stages, actions, journal, ends sync.WaitGroup
	readings := make(chan []device.Reading, roomSource)
	b := bus.New()
	toRules := b.Subscribe(roomRules, false) // first: safety comes before the record
	toTelemetry := b.Subscribe(roomTelemetry, true)
	toPage := b.Subscribe(roomPage, true)
	toHealth := b.Subscribe(roomHealth, true)
	a.publish(fieldCtx, b, &stages)
	journal.Go(func() { a.journal.run(a.events) })
	a.announce()
	ends.Go(func() { a.end("uplink", a.runCloud(upCtx)) })
	ends.Go(func() { a.end("status page", a.page.Run(upCtx)) })
	actions.Go(func() { a.end("actions", a.executor.Run(actCtx)) })
	stages.Go(func() { a.judge.run(toRules.C) })
	stages.Go(func() { a.recorder.run(toTelemetry) })
	stages.Go(func() { a.latest.Run(toPage.C) })
	stages.Go(func() { a.sensors.Run(toHealth.C) })
	stages.Go(func() { b.Run(readings) })
	for _, p := range a.pollers {
		field.Go(func() { a.end("channel "+p.Channel(), p.Run(fieldCtx, readings)) })
	}
	field.Go(func() { a.health(fieldCtx, readings) })
	field.Go(func() { a.audit(fieldCtx, readings) })
	field.Go(func() { a.identities.Run(fieldCtx) })
	field.Go(func() { a.watchSensors(fieldCtx, readings) })
	for _, watch := range []func(context.Context){a.storage.watch, a.guard().run, a.reloads, a.tryOut, a.watchConfig, a.collect} {
		field.Go(func() { watch(fieldCtx) })
	}
	ends.Go(func() { a.end("control socket", a.runControl(upCtx)) })
	watchCtx, stopWatch := context.WithCancelCause(ctx)
	ends.Go(func() { a.newWatchdog().run(watchCtx) })
	a.cfg.Log.Info("gateway runs", "gateway", a.cfg.Site.Gateway, "version", a.cfg.Version, "boot", a.boot.Number,
		"channels", len(a.pollers), "devices", len(a.devices), "status", a.page.Addr())

	stopWatch(a.untilEnd(ctx))
	await(a.executor.Idle(), stopActions)
	stopField()
	field.Wait()
	close(a.recorder.stop)
	close(readings)
	stages.Wait()
	stopAct()
	actions.Wait()
	a.journal.close()
	journal.Wait()
	a.judge.saveLast()
	a.drain()
	stopUp()
	ends.Wait()
	return nil
}

// untilEnd waits until the gateway is to end, and answers why.
func (a *App) untilEnd(ctx context.Context) error {
	select {
	case <-ctx.Done():
		a.cfg.Log.Info("gateway stops")
		return ctx.Err()
	case <-a.again:
		a.cfg.Log.Info("gateway takes up its site anew")
		return errRestart
	}
}

// announce puts into the events log what every boot begins with, and says what cannot go well.
func (a *App) announce() {
	a.tellPlans()
	at := a.cfg.Now()
	a.journal.put(&wire.Event{Kind: &wire.Event_Boot{Boot: &wire.Boot{Boot: a.boot.Number, Version: a.cfg.Version, AtMs: at.UnixMilli(), PreviousEnd: a.boot.Previous}}})
	for _, part := range inventories(a.cfg.Site.Inventory) {
		a.journal.put(&wire.Event{Kind: &wire.Event_Inventory{Inventory: part}})
	}
	a.ruleNews()
	a.siteNews()
	a.updateNews()
	a.configNews()
}

// end logs how a part ended; the others go on: a page that cannot be served must not stop the safety loop.
func (a *App) end(part string, err error) {
	if err != nil {
		a.cfg.Log.Error("part ended", "part", part, "error", err)
	}
}

// await waits for a channel to close, but not for ever.
func await(done <-chan struct{}, limit time.Duration) {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
	}
}

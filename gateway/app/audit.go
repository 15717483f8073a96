package app

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/audit"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/poll"
	"github.com/linshao/linshao/gateway/internal/replay"
	"github.com/linshao/linshao/rules"
)

const (
	auditFile   = "audit.state"
	missedPoint = "missed_alarms" // of a gas detector's log
)

// tellsOfGas are the shipped rules that say that there is gas. What the others say of a detector, that it is old or lost, is no alarm.
func tellsOfGas(rule string) bool { return slices.Contains([]string{"R15", "R16", "R17", "R18"}, rule) }

// audit compares the logs of gas detectors with what the rules told, and reports the counts, until ctx ends.
func (a *App) audit(ctx context.Context, out chan<- []device.Reading) {
	if auditor, points := a.newAuditor(); auditor != nil {
		a.end("audit of gas detectors", auditor.Run(ctx, func() { out <- a.missed(auditor, points) }))
	}
}

// newAuditor answers nil for a site without such logs, and the points that it fills.
func (a *App) newAuditor() (*audit.Auditor, []device.Point) {
	var logs []audit.Log
	var points []device.Point
	for _, d := range a.devices {
		i := slices.IndexFunc(d.Points, func(p device.Point) bool {
			return p.Name == missedPoint && p.Register.Space == config.SpaceGateway
		})
		if i >= 0 && d.Kind == config.LogKind {
			logs = append(logs, audit.Log{Device: d.ID, Name: d.Name, Channel: d.Channel, Detector: d.Labels[config.DetectorLabel], Zone: d.Zone})
			points = append(points, d.Points[i])
		}
	}
	if len(logs) == 0 {
		return nil, nil
	}
	s := a.cfg.Site
	return audit.New(audit.Config{Logs: logs, Daily: s.Audit, Location: s.Location, Seed: s.Gateway, File: filepath.Join(s.Data, auditFile),
		Now: a.cfg.Now, Log: a.cfg.Log, Read: a.readLog, Busy: a.alarmed, Told: a.toldOfGas, Found: a.tellMissed}), points
}

// missed are the counts as readings.
func (a *App) missed(auditor *audit.Auditor, points []device.Point) []device.Reading {
	now, rs := a.cfg.Now(), make([]device.Reading, len(points))
	for i, p := range points {
		n, known := auditor.Count(p.Device)
		if rs[i] = device.Judge(p, float64(n), now); !known {
			rs[i] = device.BadReading(p, device.NotRead, now)
		}
	}
	return rs
}

func (a *App) readLog(ctx context.Context, l audit.Log, at device.Register) (device.Reading, error) {
	p := a.byKey[l.Device]
	if p == nil {
		return device.Reading{}, fmt.Errorf("read %s: %w", l.Device, poll.ErrNoPoint)
	}
	return p.ReadPlace(ctx, l.Device, at)
}

// alarmed says whether an alert of class A fires: the lines are then for what must be done about it.
func (a *App) alarmed(ctx context.Context) bool {
	active, err := a.judge.active(ctx)
	return err != nil || slices.ContainsFunc(active, func(e rules.AlertEvent) bool { return e.Severity == rules.SeverityA && e.State == rules.Firing })
}

// quiet is poll.ErrAlarm while an alert of class A fires on a device of a channel.
func (a *App) quiet(ctx context.Context, channel string) error {
	active, err := a.judge.active(ctx)
	if err != nil {
		return fmt.Errorf("ask the rules for alerts: %w", err)
	}
	for _, ch := range a.cfg.Site.Channels {
		if ch.ID != channel {
			continue
		}
		for _, e := range active {
			on := slices.ContainsFunc(ch.Devices, func(d device.Device) bool { return d.ID == e.Subject })
			if on && e.Severity == rules.SeverityA && e.State == rules.Firing && !e.Shadow {
				return fmt.Errorf("%w: %s (%s)", poll.ErrAlarm, e.Message.EN, e.Message.ZH)
			}
		}
	}
	return nil
}

// toldOfGas are the alerts of gas in the events log, and those that fire now.
func (a *App) toldOfGas(ctx context.Context, from, to time.Time) (all []audit.Told, known time.Time, err error) {
	if known, err = a.eventsSince(to); err != nil {
		return nil, known, err
	}
	recorded, err := replay.ReadEvents(a.cfg.Site.Data, from, to)
	if err != nil {
		return nil, known, err
	}
	for _, r := range recorded.Alerts {
		if tellsOfGas(r.Rule) {
			all = append(all, audit.Told{Subject: r.Subject, From: r.Since, To: r.End})
		}
	}
	active, err := a.judge.active(ctx)
	for _, e := range active {
		if tellsOfGas(e.Rule) && e.State == rules.Firing {
			all = append(all, audit.Told{Subject: e.Subject, From: e.Since})
		}
	}
	return all, known, err
}

// eventsSince is from when on the events log has everything; now when it has nothing.
func (a *App) eventsSince(now time.Time) (time.Time, error) {
	_, oldest, next := a.events.State()
	if oldest == 0 || oldest >= next {
		return now, nil
	}
	records, err := a.events.Read(oldest, 1)
	if err != nil || len(records) == 0 {
		return now, err
	}
	return time.UnixMilli(records[0].WallMs), nil
}

// tellMissed says which alarm was missed.
func (a *App) tellMissed(m audit.Missed) {
	noted, at := m.Recorded.In(a.cfg.Site.Location).Format("2006-01-02 15:04"), m.At.In(a.cfg.Site.Location).Format("15:04")
	text := &wire.Text{
		Zh: fmt.Sprintf("%s：探测器自己记下 %s 报警（按网关的钟约 %s），规则没有报过。", m.Log.Name, noted, at),
		En: fmt.Sprintf("%s: the detector noted an alarm at %s (about %s by the gateway's clock) of which no rule told.", m.Log.Name, noted, at),
	}
	a.journal.put(&wire.Event{Kind: &wire.Event_Notice{Notice: &wire.Notice{Kind: wire.NoticeMissedAlarm, Device: m.Log.Device, Channel: m.Log.Channel, Text: text, AtMs: m.At.UnixMilli()}}})
}

package app

import (
	"context"
	"fmt"
	"math"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// Now is what the gateway knows of its devices at a moment.
type Now struct {
	Running
	Readings []Value `json:"readings"`
	Alerts   []Alert `json:"alerts"`
}

// A Value is the last reading of a point.
type Value struct {
	Device  string         `json:"device"`
	Point   string         `json:"point"`
	Value   *float64       `json:"value"` // nil: it is none
	Quality device.Quality `json:"quality"`
	Reason  device.Reason  `json:"reason"`
	AtMs    int64          `json:"at_ms"`
}

// An Alert is one that fires.
type Alert struct {
	Alert    string `json:"alert"`
	Severity string `json:"severity"`
	ZH       string `json:"zh"`
	EN       string `json:"en"`
}

func (a *App) now(ctx context.Context) (Now, error) {
	a.settle(ctx)
	n := Now{Running: a.running()}
	for _, d := range a.devices {
		for _, p := range d.Points {
			r, ok := a.latest.Of(p.Key())
			if !ok {
				continue
			}
			v := Value{Device: r.Device, Point: r.Point, Quality: r.Quality, Reason: r.Reason, AtMs: r.Time.UnixMilli()}
			if !math.IsNaN(r.Value) && !math.IsInf(r.Value, 0) {
				v.Value = &r.Value
			}
			n.Readings = append(n.Readings, v)
		}
	}
	alerts, err := a.judge.active(ctx)
	if err != nil {
		return n, fmt.Errorf("ask the rules for alerts: %w", err)
	}
	for _, e := range alerts {
		if e.State == rules.Firing {
			n.Alerts = append(n.Alerts, Alert{e.Alert, string(e.Severity), e.Title.ZH + "：" + e.Message.ZH, e.Title.EN + ": " + e.Message.EN})
		}
	}
	return n, nil
}

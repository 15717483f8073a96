package app

import (
	"context"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/health"
	"github.com/linshao/linshao/gateway/internal/state"
	"github.com/linshao/linshao/rules"
)

const (
	sensorsFile  = "health.state"
	sensorsTick  = time.Minute
	sensorsSave  = 30 * time.Minute // some hundred KiB of a large site, on a card that wears
	sensorsBatch = 256              // readings in one slice
)

// recallSensors gives the watch what an earlier run knew. A file that cannot be used is put aside: the 24 hours begin anew.
func (a *App) recallSensors() {
	_, data, err := state.LoadSealed(filepath.Join(a.cfg.Site.Data, sensorsFile))
	if err == nil && data != nil {
		err = a.sensors.Restore(data)
	}
	if err != nil {
		a.cfg.Log.Warn("sensor health begins anew", "problem", err)
	}
}

// watchSensors tells every minute how far the devices can be trusted, until ctx ends.
func (a *App) watchSensors(ctx context.Context, out chan<- []device.Reading) {
	tick := time.NewTicker(sensorsTick)
	defer tick.Stop()
	saved := time.Now()
	for {
		select {
		case <-ctx.Done():
			a.saveSensors()
			return
		case <-tick.C:
		}
		now := a.cfg.Now()
		rs, notices := a.sensors.Tick(now)
		for len(rs) > 0 {
			n := min(len(rs), sensorsBatch)
			out <- rs[:n:n]
			rs = rs[n:]
		}
		for _, n := range notices {
			a.journal.put(sensorNotice(n, now))
		}
		if time.Since(saved) >= sensorsSave {
			a.saveSensors()
			saved = time.Now()
		}
	}
}

func sensorNotice(n health.Notice, at time.Time) *wire.Event {
	return &wire.Event{Kind: &wire.Event_Notice{Notice: &wire.Notice{Kind: wire.NoticeSensorHealth, Device: n.Device, Channel: n.Channel,
		Text: &wire.Text{Zh: n.Text.ZH, En: n.Text.EN}, AtMs: at.UnixMilli()}}}
}

func (a *App) saveSensors() {
	data, err := a.sensors.Memory()
	if err == nil {
		err = state.SaveSealed(filepath.Join(a.cfg.Site.Data, sensorsFile), a.cfg.Now(), data)
	}
	if err != nil {
		a.cfg.Log.Error("save sensor health", "error", err)
	}
}

// sensorHealth is what the local page shows of a device.
func (a *App) sensorHealth(id string) (score int, reasons []rules.Text, ok bool) {
	v, ok := a.sensors.Of(id)
	return v.Score, v.Reasons, ok
}

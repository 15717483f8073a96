package app

import (
	"context"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/status"
)

// health reports the gateway and its channels as devices among the others, and measures how busy the channels are. What changes
// on a channel is told within a second: the rules wait for it before they blame a device.
func (a *App) health(ctx context.Context, out chan<- []device.Reading) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for next := time.Now(); ; {
		full := !time.Now().Before(next)
		if full {
			next = next.Add(config.HealthEvery)
			a.measure()
			out <- a.self()
		}
		for _, l := range a.lines {
			if rs := l.readings(a.cfg.Now(), full); rs != nil {
				out <- rs
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// self are the readings of the gateway itself.
func (a *App) self() []device.Reading {
	now, telemetry, free := a.cfg.Now(), a.telemetry.Stats(), diskFree(a.cfg.Site.Data)
	a.pace.note(time.Now(), telemetry.Written)
	values := map[string]float64{
		"uptime":            math.Round(time.Since(a.started).Seconds()),
		"backlog_events":    float64(a.events.Stats().Backlog),
		"backlog_telemetry": float64(telemetry.Backlog),
		"disk_free":         free,
		"buffer_time":       bufferTime(telemetry, a.cfg.Site.Outbox.TelemetryQuota, free, a.pace.rate()),
	}
	var rs []device.Reading
	for _, p := range config.GatewayPoints() {
		if v := values[p.Name]; p.Name != "buffer_time" || !math.IsNaN(v) { // in its first minutes it cannot know, which is no fault
			rs = append(rs, device.Judge(p, v, now))
		}
	}
	return rs
}

// diskFree is the room on the file system of a folder, in MiB; NaN when it cannot be told.
func diskFree(dir string) float64 {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return math.NaN()
	}
	return math.Floor(float64(fs.Bavail) * float64(fs.Bsize) / (1 << 20))
}

// clockQuality says whether the wall clock can be trusted: the kernel knows whether something keeps it in step.
func clockQuality() uint32 {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	const unsynchronised = 5 // TIME_ERROR
	switch {
	case time.Now().Year() < 2025: // a clock without battery, before the first answer of a time server
		return wire.ClockUnknown
	case err != nil || state == unsynchronised:
		return wire.ClockLast
	}
	return wire.ClockSynced
}

// state is what the local page shows.
func (a *App) state() status.State {
	s := status.State{Started: a.started, Uplink: a.uplink.state(), Lost: a.recorder.lostReadings.Load()}
	s.LeftOut, s.Looking = a.running().LeftOut, a.looking()
	s.Degraded, s.Cause = a.storage.state()
	events, telemetry := a.events.Stats(), a.telemetry.Stats()
	s.Events = status.Backlog{Records: events.Backlog, Bytes: events.Bytes}
	s.Readings = status.Backlog{Records: telemetry.Backlog, Bytes: telemetry.Bytes}
	s.Channels = a.channels()
	return s
}

package app

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/linshao/linshao/gateway/internal/config"
)

// The demo's clock: how far before the start it begins, and how much faster it runs until it meets the present.
const (
	demoBegin = 7*time.Hour + 30*time.Minute
	demoWarp  = 600
)

// DemoClock is a clock that begins 7.5 hours before t0 and runs 600 times as fast until it meets the present, some 45 seconds
// after t0; from then on it is the present. The simulator's clock follows the same rule, so both agree without speaking.
func DemoClock(t0 time.Time) func() time.Time {
	return func() time.Time {
		now := time.Now()
		played := t0.Add(-demoBegin + demoWarp*max(0, now.Sub(t0)))
		if played.After(now) {
			return now
		}
		return played
	}
}

// DemoWall is the inverse of DemoClock: the system's time at a moment that the clock showed. Cameras film the one, alerts carry
// the other.
func DemoWall(t0 time.Time) func(stamp time.Time) time.Time {
	return func(stamp time.Time) time.Time {
		if wall := t0.Add((stamp.Sub(t0) + demoBegin) / demoWarp); wall.After(stamp) {
			return wall
		}
		return stamp
	}
}

// CheckDemo refuses a demo clock where it could stamp real readings or reach a real cloud: everything must be on loopback.
func CheckDemo(site *config.Site) error {
	for _, ch := range site.Channels {
		host, _, err := net.SplitHostPort(ch.Address)
		if ch.Driver == config.DriverModbusTCP && (err != nil || !config.Loopback(host)) {
			return fmt.Errorf("demo clock: channel %s is not on loopback", ch.ID)
		}
	}
	if site.Cloud.URL == "" {
		return nil
	}
	u, err := url.Parse(site.Cloud.URL)
	if err != nil || !config.Loopback(u.Hostname()) {
		return errors.New("demo clock: the cloud is not on loopback")
	}
	return nil
}

package poll

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Limits of the rest that a dead device is given.
const (
	deadAfter = 3 // silent reads in a row
	restMost  = time.Minute
)

// A unit is what is read in one go: the points of all devices that share an address and an interval. The ports of a charging
// station are devices of their own, but one unit.
type unit struct {
	address  string
	interval time.Duration
	devices  []string
	points   []device.Point
	doubt    func([]device.Reading) // judges reads by what came before; may be nil

	busy    atomic.Int64 // ns of the line's time
	stretch ratio

	due      time.Time     // next turn
	shift    time.Duration // of the turn after the first
	silent   int           // silent reads in a row
	rest     time.Duration
	restTo   time.Time // no read before; bad readings instead
	known    bool      // its state has been told
	isOnline bool
	reason   device.Reason
}

func unitsOf(devices []device.Device) []*unit {
	type place struct {
		address  string
		interval time.Duration
	}
	var units []*unit
	at := map[place]*unit{}
	for _, d := range devices {
		if len(d.Points) == 0 {
			continue
		}
		pl := place{d.Points[0].Address, d.Poll}
		u := at[pl]
		if u == nil {
			u = &unit{address: pl.address, interval: max(pl.interval, 10*time.Millisecond)}
			at[pl] = u
			units = append(units, u)
		}
		u.devices = append(u.devices, d.ID)
		if u.points == nil {
			u.points = d.Points // shared with the site: thousands of points are not held twice
			continue
		}
		u.points = append(slices.Clip(u.points), d.Points...)
	}
	return units
}

// bad are readings of all points of the unit, without a value.
func (u *unit) bad(why device.Reason, at time.Time) []device.Reading {
	rs := make([]device.Reading, len(u.points))
	for i, p := range u.points {
		rs[i] = device.BadReading(p, why, at)
	}
	return rs
}

// resting says whether the unit is left alone for now. It is read again a little early rather than an interval late.
func (u *unit) resting(now time.Time) bool { return now.Before(u.restTo.Add(-u.interval / 2)) }

// fail notes a silent read; true when the device counts as dead. Its rest doubles from one interval to a minute.
func (u *unit) fail(now time.Time) (dead bool) {
	u.silent++
	if u.silent < deadAfter {
		return false
	}
	if u.rest == 0 {
		u.rest = u.interval
	}
	u.rest = min(2*u.rest, max(restMost, u.interval))
	u.restTo = now.Add(u.rest)
	return true
}

func (u *unit) succeed() { u.silent, u.rest, u.restTo = 0, 0, time.Time{} }

// silent says whether none of the readings came from the device, and why. A device that refuses or reports a fault does answer.
func silent(rs []device.Reading) (why device.Reason, yes bool) {
	for _, r := range rs {
		if r.Quality != device.Bad {
			return 0, false
		}
		switch r.Reason {
		case device.Timeout, device.Corrupt, device.Mismatch, device.ChannelDown, device.AuthFailed, device.DriverCrashed:
			why = r.Reason
		case device.NotRead: // the driver gave up on the rest after a time-out
		default:
			return 0, false
		}
	}
	return why, why != device.ReasonNone
}

// offline tells that the unit's devices do not answer, once per change of state or reason.
func (p *Poller) offline(u *unit, why device.Reason) {
	if u.known && !u.isOnline && u.reason == why {
		return
	}
	u.known, u.isOnline, u.reason = true, false, why
	p.tell(u)
}

func (p *Poller) online(u *unit) {
	if u.known && u.isOnline {
		return
	}
	u.known, u.isOnline, u.reason = true, true, device.ReasonNone
	p.tell(u)
}

func (p *Poller) tell(u *unit) {
	p.cfg.Log.Info("device state", "channel", p.cfg.Channel.ID, "devices", u.devices, "online", u.isOnline, "reason", u.reason.String())
	if p.cfg.Changed == nil {
		return
	}
	at := p.cfg.Now()
	for _, d := range u.devices {
		p.cfg.Changed(Change{Device: d, Online: u.isOnline, Reason: u.reason, At: at})
	}
}

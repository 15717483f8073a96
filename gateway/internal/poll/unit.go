package poll

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// A unit is what is told in one go: the points of all devices that share an address and an interval. The ports of a charging
// station are devices of their own, but one unit.
type unit struct {
	interval time.Duration
	class    class // the first of its devices'
	devices  []string
	points   []device.Point
	doubt    func([]device.Reading) // judges reads by what came before; may be nil
	parts    []*part
	first    int          // the part with which the next turn begins
	busy     atomic.Int64 // ns of the line's time
	stretch  ratio

	quiet *time.Time    // of all units of the address: no request before, what is late must have been swallowed
	pause *time.Time    // the same, until the device has had the rest that its model needs
	due   time.Time     // next turn
	shift time.Duration // of the turn after the first
	began time.Time     // of the last turn in which it answered; zero: unknown, or not to be compared with
	asked time.Time     // when a request of it was over last
	turn  turn
	breaker
	known    bool // its state has been told
	isOnline bool
	reason   device.Reason
}

func unitsOf(devices []device.Device) []*unit {
	type place struct {
		address  string
		interval time.Duration
	}
	var units []*unit
	at, quiet, pause := map[place]*unit{}, map[string]*time.Time{}, map[string]*time.Time{}
	class := classes(devices)
	for _, d := range devices {
		if len(d.Points) == 0 {
			continue
		}
		pl := place{d.Points[0].Address, d.Poll}
		u := at[pl]
		if u == nil {
			if quiet[pl.address] == nil {
				quiet[pl.address], pause[pl.address] = new(time.Time), new(time.Time)
			}
			u = &unit{quiet: quiet[pl.address], pause: pause[pl.address], interval: max(pl.interval, 10*time.Millisecond), class: class[d.ID]}
			at[pl] = u
			units = append(units, u)
		}
		u.class = min(u.class, class[d.ID])
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

// lateness of a unit that is due, in intervals.
func (u *unit) lateness(now time.Time) float64 { return float64(now.Sub(u.due)) / float64(u.interval) }

// next sets the time of the turn after the one that is due. Who is a little late keeps to his place; who is late by half
// an interval begins anew, for lost time is not run after.
func (u *unit) next(now time.Time) {
	late := now.Sub(u.due)
	u.due = u.due.Add(u.interval + u.shift)
	u.shift = 0
	if late > u.interval/2 {
		u.due = now.Add(u.interval)
	}
}

// pass lets a turn go by that needs no request.
func (u *unit) pass(now time.Time) {
	u.due = u.due.Add(u.interval + u.shift)
	u.shift, u.began = 0, time.Time{}
	if now.Sub(u.due) > u.interval {
		u.due = now
	}
}

// measure notes how far the interval is stretched, over about ten turns.
func (u *unit) measure(now time.Time) {
	if !u.began.IsZero() {
		ran := float64(now.Sub(u.began)) / float64(u.interval)
		if before := u.stretch.get(); before > 0 {
			ran = before + (ran-before)/8
		}
		u.stretch.set(ran)
	}
	u.began = now
}

// silent says whether none of the readings came from the device, and why. A device that refuses or reports a fault does answer.
func silent(rs []device.Reading) (why device.Reason, yes bool) {
	for _, r := range rs {
		if r.Quality != device.Bad {
			return 0, false
		}
		switch r.Reason {
		case device.Timeout, device.Corrupt, device.Mismatch, device.ChannelDown, device.AuthFailed, device.DriverCrashed:
			why = r.Reason
		case device.NotRead, device.Unsupported: // the driver gave up on the rest after a time-out, or never asks for it
		default:
			return 0, false
		}
	}
	return why, why != device.ReasonNone
}

// lost says whether a request or its answer may have been lost on the line.
func lost(why device.Reason) bool {
	return why == device.Timeout || why == device.Corrupt || why == device.Mismatch
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

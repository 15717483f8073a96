package action

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Figures of configs/rules/SOURCES.md, and the interlocks.
const (
	attempts     = 3                      // until a person is needed
	attemptTime  = 3 * time.Second        // for one write and its confirmation
	lookAgain    = 200 * time.Millisecond // between two read-backs: a valve takes its time
	pauseBetween = 500 * time.Millisecond // before the next attempt, when one failed at once
	changeRest   = 30 * time.Second       // between two changes of one output, unless it moves toward safe
)

// An output is a point that may be written. Its worker alone uses the fields below queue.
type output struct {
	point   device.Point // without a name for one that may not be written
	kind    string
	queue   []job
	working bool

	changed time.Time // when it was last set to another value
	last    float64   // what it was set to
	written bool
}

// interlock says why an action must not be done; empty when it may.
func (o *output) interlock(v float64, now time.Time) string {
	switch safe, known := safeValue(o.kind, o.point.Name); {
	case o.point.Name == "":
		return "the point is not writable"
	case o.kind == "valve" && o.point.Name == "open" && v != 0:
		return "a gas valve is never opened remotely"
	case !o.point.Allows(v):
		return fmt.Sprintf("the profile does not allow the value %v", v)
	case known && v == safe: // never rate-limited
	case o.written && v != o.last && now.Sub(o.changed) < changeRest:
		return fmt.Sprintf("changed %v ago: at most one change in %v", now.Sub(o.changed).Round(time.Second), changeRest)
	}
	return ""
}

// safeValue is the value toward which an output may always be moved: sockets and relays off, gas shut, people warned, doors free.
func safeValue(kind, point string) (v float64, known bool) {
	switch kind + "." + point {
	case "socket.relay", "relay.relay", "meter.relay", "valve.open":
		return 0, true
	case "siren.on", "door.lock":
		return 1, true
	}
	return 0, false
}

// do carries out one job and records its intent and its result. Rest times run on the real clock.
func (x *Executor) do(ctx context.Context, o *output, j job) {
	v := j.action.Value
	if j.check && x.holds(ctx, o.point, v) {
		return
	}
	if why := o.interlock(v, time.Now()); why != "" {
		x.record(j, Refused, why, 0)
		return
	}
	x.record(j, Intent, "", 0)
	if !o.written || o.last != v {
		o.changed = time.Now()
	}
	o.written, o.last = true, v
	var err error
	for n := uint32(1); n <= attempts; n++ {
		if err = x.attempt(ctx, o.point, v); err == nil {
			x.record(j, Confirmed, "", n)
			return
		}
		if ctx.Err() != nil {
			x.record(j, Failed, "the gateway is stopping", n)
			return
		}
		x.cfg.Log.Warn("action attempt", "device", o.point.Device, "point", o.point.Name, "attempt", n, "error", err)
		if errors.Is(err, errors.ErrUnsupported) {
			x.record(j, Refused, "the driver cannot write this point", n)
			return
		}
		wait(ctx, pauseBetween)
	}
	if x.holds(ctx, o.point, v) { // a write whose answer was lost, or somebody's hand: what counts is how the output stands
		x.record(j, Confirmed, "", attempts)
		return
	}
	x.record(j, Failed, err.Error(), attempts)
}

// holds says whether an output reads as v.
func (x *Executor) holds(ctx context.Context, p device.Point, v float64) bool {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	r, err := x.cfg.Read(ctx, p.Key())
	return err == nil && r.Quality == device.Good && r.Value == v
}

// attempt writes, and reads back until the device shows the value or the time is over.
func (x *Executor) attempt(ctx context.Context, p device.Point, v float64) error {
	ctx, cancel := context.WithTimeout(ctx, attemptTime)
	defer cancel()
	if err := x.cfg.Write(ctx, p.Key(), v); err != nil {
		return err
	}
	var seen error // the last thing that was read; an expired read at the end says less
	for {
		r, err := x.cfg.Read(ctx, p.Key())
		switch {
		case err == nil && r.Quality == device.Good && r.Value == v:
			return nil
		case err == nil && r.Quality == device.Good:
			seen = fmt.Errorf("read back %v after writing %v", r.Value, v)
		case err == nil:
			seen = fmt.Errorf("read back: %s, %s", r.Quality, r.Reason)
		case seen == nil || ctx.Err() == nil:
			seen = fmt.Errorf("read back: %w", err)
		}
		if !wait(ctx, lookAgain) {
			return seen
		}
	}
}

// wait rests; false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

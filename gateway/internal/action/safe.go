package action

import (
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// A Setting is what the site says of one output.
type Setting struct {
	Safe    *Safe         // nil: nothing is done by itself
	Lockout time.Duration // how long a safety action keeps everybody but a person at the site from moving it back
}

// A Safe state is where an output goes when nobody judges what it does.
type Safe struct {
	Value   float64
	Start   bool          // when the gateway starts
	Failure bool          // while the rules do not run
	Stale   bool          // while what the rules need has had no good reading for After
	After   time.Duration // of Stale
}

// DefaultLockout is the lock-out of a kind where the site says nothing: R07 of the catalogue leaves a socket off for 10 min.
func DefaultLockout(kind string) time.Duration {
	if kind == "socket" {
		return 10 * time.Minute
	}
	return 0
}

// StaleInputs are the points without which rules cannot judge what a device does: for what protects a zone, the zone's gas
// detectors; for everything else, the device itself. Of each device the one point that says most.
func StaleInputs(all []device.Device, d device.Device) []device.Key {
	var keys []device.Key
	protects := d.Kind == kindValve || d.Kind == kindSiren || d.Kind == kindFan
	for _, other := range all {
		if protects && (d.Zone == "" || other.Zone != d.Zone || other.Kind != "gas") || !protects && other.ID != d.ID {
			continue
		}
		if k, ok := telling(other); ok {
			keys = append(keys, k)
		}
	}
	return keys
}

// telling is the point of a device that says most to rules.
func telling(d device.Device) (k device.Key, ok bool) {
	for _, name := range [...]string{"level", "power", "status", "fire", "contact"} {
		for _, p := range d.Points {
			if p.Name == name {
				return p.Key(), true
			}
		}
	}
	for _, p := range d.Points {
		if len(p.Writable) == 0 {
			return p.Key(), true
		}
	}
	return k, false
}

// Ids of the holds of safe states.
const (
	safeStart   = "safe-state/start"
	safeFailure = "safe-state/failure"
	safeStale   = "safe-state/stale"
)

// alertOf is the alert that a hold is of; empty for a safe state.
func alertOf(id string) string {
	switch id {
	case safeStart, safeFailure, safeStale:
		return ""
	}
	return id
}

// An input is a point that may grow stale.
type input struct {
	key  device.Key
	at   time.Time // of the last good reading, on the clock that stamps readings
	good time.Time // when it was noticed, on the real clock
}

// begin brings to their safe state the outputs that shall start in it. How each stands is read first.
func (x *Executor) begin() {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := time.Now()
	x.started, x.turned = now, now
	for _, o := range x.outputs {
		for _, in := range o.inputs {
			in.good = now
		}
		if o.setting != nil && o.setting.Start {
			x.toSafe(o, safeStart, "the gateway was started")
		}
		x.uphold(o) // what was held before the start
	}
}

func (x *Executor) toSafe(o *output, id, why string) {
	x.enqueue(o, &job{id: id, owner: Safety, reason: why, check: true, once: id == safeStart,
		action: rules.Action{Device: o.point.Device, Point: o.point.Name, Value: o.setting.Value}})
}

// Fail says that the rules do not run. Outputs with a safe state for that go there, and until Recover nothing is moved away
// from safe except by a person at the site.
func (x *Executor) Fail(why rules.Text) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failed != nil {
		return
	}
	x.failed = &why
	for _, o := range x.outputs {
		if o.setting != nil && o.setting.Failure {
			x.toSafe(o, safeFailure, why.EN)
		}
	}
}

// Recover says that the rules run again. Outputs stay as they are; they are no longer held.
func (x *Executor) Recover() {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.failed == nil {
		return
	}
	x.failed = nil
	for _, o := range x.outputs {
		x.drop(o, "", "", func(h *hold) bool { return h.id == safeFailure })
	}
}

// SetLockdown begins or ends a lock-down: doors are then released from afar only by a named person.
func (x *Executor) SetLockdown(on bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lockdown = on
}

// turn does what time alone changes: holds run out, inputs grow stale, counted refusals are told.
func (x *Executor) turn(now time.Time) {
	x.mu.Lock()
	kept := false
	still := now.Sub(x.turned) - turnEvery
	x.turned = now
	for _, o := range x.outputs {
		for _, in := range o.inputs {
			if still > turnLate { // the gateway stood still as a whole: nobody could have read anything
				in.good = in.good.Add(still)
			}
		}
		kept = kept || o.kept(now)
		x.drop(o, "", "its time is over", func(h *hold) bool { return !h.until.IsZero() && !now.Before(h.until) })
		x.watch(o, now)
		x.again(o, now)
	}
	if x.unsaved || kept && x.stepped(now) {
		x.changed()
	}
	x.mu.Unlock()
	x.tellMore(now)
}

// watch notices when an output's inputs grow stale, and when they are back.
func (x *Executor) watch(o *output, now time.Time) {
	if len(o.inputs) == 0 || x.cfg.Latest == nil {
		return
	}
	stale := ""
	for _, in := range o.inputs {
		if r, ok := x.cfg.Latest(in.key); ok && r.Quality == device.Good && !r.Time.Equal(in.at) {
			in.at, in.good = r.Time, now
		}
		if now.Sub(in.good) >= o.setting.After {
			stale = in.key.Device
		}
	}
	switch {
	case stale != "" && !o.stale:
		o.stale = true
		x.toSafe(o, safeStale, fmt.Sprintf("no good reading of %s for %v", stale, o.setting.After))
	case stale == "" && o.stale:
		o.stale = false
		x.drop(o, "", "", func(h *hold) bool { return h.id == safeStale })
	}
}

package action

import (
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// An alarm is what the executor keeps of a firing alert.
type alarm struct {
	level int
	gas   string // zone in which there is gas; empty: it is about something else
	keys  []device.Key
}

// A forbidden value of an output, while an alert fires.
type forbidden struct {
	alert string
	value float64
}

// Do takes an alert event. A firing alert's actions are queued, its outputs held and what it forbids refused until it ends. It
// never blocks. What a shadow rule would do is not done.
func (x *Executor) Do(e rules.AlertEvent) { x.hear(e, false) }

// Ensure takes an alert that fired before the gateway was started. What is still as it should be is left alone and not
// recorded: nothing is repeated blindly. What the alert holds and forbids counts at once.
func (x *Executor) Ensure(e rules.AlertEvent) { x.hear(e, true) }

// Adopt takes the alerts that are active now for all there are: those that fire are ensured, and what others held or forbade ends.
func (x *Executor) Adopt(active []rules.AlertEvent) {
	for _, e := range active {
		x.Ensure(e)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	for id := range x.firing {
		if !slices.ContainsFunc(active, func(e rules.AlertEvent) bool { return e.Alert == id && e.State == rules.Firing }) {
			x.fall(id)
		}
	}
}

func (x *Executor) hear(e rules.AlertEvent, check bool) {
	if e.Shadow {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	switch e.State {
	case rules.Firing:
		x.rise(e, check)
	case rules.Resolved, rules.Cancelled:
		x.fall(e.Alert)
	}
}

// rise takes a firing alert, or one that has moved on its rule's ladder.
func (x *Executor) rise(e rules.AlertEvent, check bool) {
	a := x.firing[e.Alert]
	if a == nil {
		a = &alarm{}
		x.firing[e.Alert] = a
	}
	if e.Level < a.level {
		x.allow(e.Alert)
	}
	a.level = e.Level
	if zone := x.gasZone(e); zone != "" {
		a.gas = zone
		x.recheck(refused("gas", "本区出现燃气告警", "gas alarm in the zone"), func(o *output) bool { return o.zone == zone && o.kind != kindSiren })
	}
	for _, f := range e.Forbids {
		x.forbid(e.Alert, f)
	}
	for _, act := range e.Actions {
		o := x.at(act)
		a.keys = append(a.keys, o.point.Key())
		if check && o.decided(&e, act) {
			o.holds = slices.DeleteFunc(o.holds, func(h hold) bool { return h.id == e.Alert })
			o.holds = append(o.holds, hold{owner: ownerOf(e.Severity), id: e.Alert, why: e.Title.EN, value: act.Value, since: time.Now(), stamp: e.At})
			continue
		}
		x.enqueue(o, &job{alert: e.Alert, id: e.Alert, owner: ownerOf(e.Severity), reason: e.Title.EN, action: act, check: check})
	}
}

// fall ends what a firing alert held and forbade.
func (x *Executor) fall(alert string) {
	a := x.firing[alert]
	if a == nil {
		return
	}
	delete(x.firing, alert)
	x.allow(alert)
	for _, k := range a.keys {
		if o := x.outputs[k]; o != nil {
			x.drop(o, "", "", func(h *hold) bool { return h.id == alert })
		}
	}
}

func (x *Executor) forbid(alert string, f rules.Action) {
	o := x.outputs[device.Key{Device: f.Device, Point: f.Point}]
	if o == nil || slices.Contains(o.forbidden, forbidden{alert, f.Value}) {
		return
	}
	o.forbidden = append(o.forbidden, forbidden{alert, f.Value})
	x.recheck(refused("forbidden", "告警 "+alert+" 期间禁止", "forbidden while alert "+alert+" fires"), func(other *output) bool { return other == o })
}

func (x *Executor) allow(alert string) {
	for _, o := range x.outputs {
		o.forbidden = slices.DeleteFunc(o.forbidden, func(f forbidden) bool { return f.alert == alert })
	}
}

// recheck ends what an interlock that has just come into force does not let be: moves under way, and claims to a value that is
// forbidden now.
func (x *Executor) recheck(why refusal, concerns func(*output) bool) {
	for _, o := range x.outputs {
		if !concerns(o) {
			continue
		}
		x.overrule(o, why)
		x.drop(o, "", why.why.EN, func(h *hold) bool { return !x.safe(o, h.value) && o.forbids(h.value) != "" })
	}
}

// forbids is the alert that forbids a value; empty when none does.
func (o *output) forbids(v float64) string {
	for _, f := range o.forbidden {
		if f.value == v {
			return f.alert
		}
	}
	return ""
}

// gasRules are the catalogue's rules that speak of gas or carbon monoxide in the air.
var gasRules = [...]string{"R15", "R16", "R17", "R18"}

// gasZone is the zone in which an alert says that there is gas: one of the catalogue's rules, a rule that shuts a gas valve, or
// one about a detector's level.
func (x *Executor) gasZone(e rules.AlertEvent) string {
	zone := e.Zone
	if zone == "" && x.zones[e.Subject] {
		zone = e.Subject // the alert of a whole zone
	}
	level := x.kinds[e.Subject] == "gas" && e.Limit != nil && e.Limit.Point == "level" && e.Limit.Above
	shuts := slices.ContainsFunc(e.Actions, func(a rules.Action) bool { return x.kinds[a.Device] == kindValve })
	if level || shuts || slices.Contains(gasRules[:], e.Rule) {
		return zone
	}
	return ""
}

// gasIn says whether an alert of gas fires in a zone, and which.
func (x *Executor) gasIn(zone string) (gas bool, alert string) {
	if zone == "" {
		return false, ""
	}
	for id, a := range x.firing {
		if a.gas == zone && (alert == "" || id < alert) {
			gas, alert = true, id
		}
	}
	return gas, alert
}

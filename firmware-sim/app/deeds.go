package app

import (
	"cmp"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/physics"
)

// A deed does an event to a thing; false when the thing is not of a kind that this can be done to.
type deed func(t *thing, e Event) bool

// deeds are all that can happen in a timeline or through the control port.
func deeds() map[string]deed {
	return map[string]deed{
		"plug":   plug,
		"unplug": func(t *thing, _ Event) bool { return t.socket != nil && do(t.socket.Unplug) },
		"leak":   func(t *thing, e Event) bool { return t.gas != nil && do(func() { t.gas.Leak(e.Rate) }) },
		"seal":   func(t *thing, _ Event) bool { return t.gas != nil && do(func() { t.gas.Leak(0) }) },
		"break":  func(t *thing, _ Event) bool { return t.gas != nil && do(func() { t.gas.Break(physics.SensorFault) }) },
		"repair": func(t *thing, _ Event) bool { return t.gas != nil && do(func() { t.gas.Break(physics.GasOK) }) },
		"open":   func(t *thing, _ Event) bool { return turn(t, true) },
		"close":  func(t *thing, _ Event) bool { return turn(t, false) },
		"exit":   func(t *thing, _ Event) bool { return t.door != nil && do(t.door.PressExit) },
		"tamper": func(t *thing, _ Event) bool { return t.door != nil && do(func() { t.door.Tamper = !t.door.Tamper }) },
		"fire":   func(t *thing, _ Event) bool { return t.door != nil && do(func() { t.door.Fire = !t.door.Fire }) },
		"fault":  func(t *thing, e Event) bool { return do(func() { t.faults.Set(fault.Kind(e.Fault), setting(e)) }) },
		"mend":   func(t *thing, e Event) bool { return do(func() { t.faults.Clear(fault.Kind(e.Fault)) }) },
	}
}

func do(f func()) bool { f(); return true }

func setting(e Event) fault.Setting {
	return fault.Setting{Probability: e.Probability, Delay: time.Duration(e.Delay)}
}

func plug(t *thing, e Event) bool {
	pack, known := physics.PackNamed(e.Pack)
	if t.socket == nil || !known {
		return false
	}
	if e.Peak > 0 {
		pack.Peak = e.Peak
	}
	t.socket.Plug(physics.NewCurve(pack, physics.Shape(cmp.Or(e.Curve, string(physics.Normal))), e.Charge))
	return true
}

// turn is a person at a valve or a door.
func turn(t *thing, open bool) bool {
	switch {
	case t.kind == "valve":
		t.valve.On = open
	case t.door != nil:
		t.door.Open = open
	default:
		return false
	}
	return true
}

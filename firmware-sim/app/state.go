package app

import (
	"github.com/linshao/linshao/firmware-sim/fault"
)

// State is the truth about a site, as GET /state answers it.
type State struct {
	Now     int64                  `json:"now"`     // simulated time, Unix ms
	Present bool                   `json:"present"` // simulated time has met real time
	Devices map[string]DeviceState `json:"devices"` // ports of stations by their own id, "A-03.1"
}

// DeviceState is the truth about one device. Values are in the product's names and units; states are 0 and 1.
type DeviceState struct {
	Name   string             `json:"name"`
	Kind   string             `json:"kind"`
	Values map[string]float64 `json:"values,omitempty"`
	Faults []fault.Kind       `json:"faults,omitempty"`
}

// State answers the truth as of now.
func (w *Site) State() State {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.advance()
	s := State{Now: w.at.UnixMilli(), Present: w.caught, Devices: map[string]DeviceState{}}
	for id, t := range w.byID {
		if t.kind != "station" {
			s.Devices[id] = DeviceState{Name: t.name, Kind: t.kind, Values: values(t), Faults: t.faults.Active()}
		}
	}
	return s
}

func values(t *thing) map[string]float64 {
	switch {
	case t.socket != nil:
		k := t.socket
		return map[string]float64{
			"power": k.Power(), "current": k.Current(), "voltage": k.Voltage(), "energy": k.Energy(), "taken": k.Taken(),
			"temperature": k.Temperature(), "relay": number(k.Relay()), "plugged": number(k.Plugged()), "full": number(k.Full()),
		}
	case t.gas != nil:
		return map[string]float64{"level": float64(t.gas.Level()), "status": float64(t.gas.Status()), "leaking": number(t.gas.Leaking())}
	case t.kind == "valve":
		return map[string]float64{"open": number(t.valve.On)}
	case t.siren != nil:
		return map[string]float64{"on": number(t.siren.On)}
	case t.door != nil:
		d := t.door
		return map[string]float64{
			"contact": number(d.Open), "lock": number(d.Released), "rex": number(d.Rex()), "tamper": number(d.Tamper), "fire": number(d.Fire),
		}
	case t.meter != nil:
		m := t.meter
		return map[string]float64{
			"power": m.Power(), "voltage": m.PhaseVoltage(0), "current": m.PhaseCurrent(0), "energy": m.Energy(),
			"frequency": m.Frequency(), "power_factor": m.PowerFactor(),
			"voltage_l1": m.PhaseVoltage(0), "voltage_l2": m.PhaseVoltage(1), "voltage_l3": m.PhaseVoltage(2),
			"current_l1": m.PhaseCurrent(0), "current_l2": m.PhaseCurrent(1), "current_l3": m.PhaseCurrent(2),
			"power_l1": m.PhasePower(0), "power_l2": m.PhasePower(1), "power_l3": m.PhasePower(2),
		}
	}
	return nil
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

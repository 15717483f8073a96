package physics

import (
	"math"
	"time"
)

// A Meter measures a base load and, for a feeder, the sockets behind it, spread over three phases.
type Meter struct {
	seed   uint64
	at     time.Time
	base   float64 // W
	behind []*Socket
	energy float64 // Wh
	watts  [3]float64
}

// NewMeter makes a meter over a base load in W and sockets; its counter starts at so many kWh.
func NewMeter(seed uint64, at time.Time, base float64, behind ...*Socket) *Meter {
	m := &Meter{seed: seed, at: at, base: base, behind: behind}
	m.measure()
	return m
}

// SetEnergy turns the counter to so many kWh.
func (m *Meter) SetEnergy(kWh float64) { m.energy = kWh * 1000 }

// Advance lets time pass until t. The sockets behind it must have been advanced before.
func (m *Meter) Advance(t time.Time) {
	dt := t.Sub(m.at)
	if dt <= 0 {
		return
	}
	before := m.Power()
	m.at = t
	m.measure()
	m.energy += (before + m.Power()) / 2 * dt.Hours()
}

func (m *Meter) measure() {
	wobble := 1 + 0.03*Noise(m.seed, m.at, 30*time.Second) + 0.05*math.Sin(2*math.Pi*float64(m.at.Unix()%86400)/86400)
	for i := range m.watts {
		m.watts[i] = m.base * wobble / 3
	}
	for i, s := range m.behind {
		m.watts[i%3] += s.Power()
	}
}

// Power is the sum of the phases in W.
func (m *Meter) Power() float64 { return m.watts[0] + m.watts[1] + m.watts[2] }

// PhasePower is the power of phase 0, 1 or 2 in W.
func (m *Meter) PhasePower(i int) float64 { return m.watts[i] }

// PhaseVoltage is the voltage of phase 0, 1 or 2 in V.
func (m *Meter) PhaseVoltage(i int) float64 { return mains(m.seed+uint64(i), m.at) }

// PhaseCurrent is the current of phase 0, 1 or 2 in A.
func (m *Meter) PhaseCurrent(i int) float64 {
	return m.watts[i] / (m.PhaseVoltage(i) * m.PowerFactor())
}

// PowerFactor of the whole load.
func (m *Meter) PowerFactor() float64 { return 0.96 }

// Frequency of the mains in Hz.
func (m *Meter) Frequency() float64 { return 50 + 0.02*Noise(m.seed^0xF, m.at, 5*time.Second) }

// Energy is the counter in kWh.
func (m *Meter) Energy() float64 { return m.energy / 1000 }

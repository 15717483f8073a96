package physics

import (
	"math"
	"time"
)

// GasStatus is what a detector says about itself, with the numbers of the FGA1000.
type GasStatus uint8

// The states of a gas detector.
const (
	GasOK        GasStatus = 0
	GasLow       GasStatus = 1
	GasHigh      GasStatus = 2
	SensorFault  GasStatus = 3
	DetectorDead GasStatus = 0xC0
)

// A Gas is a combustible-gas detector in a room that may have a leak behind a valve.
type Gas struct {
	Low, High float64 // %LEL at which the detector alarms

	seed  uint64
	at    time.Time
	rate  float64 // %LEL per second while gas flows out; 0 without a leak
	level float64 // %LEL above the baseline
	fault GasStatus
}

// ceiling keeps a leak below the explosive range: the simulated kitchen has a window. %LEL.
const ceiling = 70

// NewGas makes a healthy detector with alarms at 10 and 25 %LEL.
func NewGas(seed uint64, at time.Time) *Gas { return &Gas{Low: 10, High: 25, seed: seed, at: at} }

// Leak starts a leak that adds so many %LEL per second while its valve is open; 0 mends it.
func (g *Gas) Leak(rate float64) { g.rate = rate }

// Leaking says whether the pipe has a hole, whatever the valve does.
func (g *Gas) Leaking() bool { return g.rate > 0 }

// Break puts the detector into a fault state; GasOK repairs it.
func (g *Gas) Break(s GasStatus) { g.fault = s }

// Advance lets time pass until t with the valve open or closed meanwhile.
func (g *Gas) Advance(t time.Time, valveOpen bool) {
	dt := t.Sub(g.at).Seconds()
	if dt <= 0 {
		return
	}
	g.at = t
	if g.rate > 0 && valveOpen {
		g.level = min(ceiling, g.level+g.rate*dt)
		return
	}
	g.level *= math.Exp(-dt / 25) // the room airs out
}

// Level is what the detector shows, in whole %LEL. A clean kitchen hovers between 0 and 1.
func (g *Gas) Level() uint8 {
	base := 0.4 + 0.4*Noise(g.seed, g.at, 20*time.Second)
	return uint8(math.Round(g.level + base))
}

// Status is the detector's own judgement.
func (g *Gas) Status() GasStatus {
	switch level := float64(g.Level()); {
	case g.fault != GasOK:
		return g.fault
	case level >= g.High:
		return GasHigh
	case level >= g.Low:
		return GasLow
	}
	return GasOK
}

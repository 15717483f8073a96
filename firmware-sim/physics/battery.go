package physics

import (
	"math"
	"math/rand/v2"
)

// A Battery is one pack with its own charger as found on the road: new or worn, in frost or heat, on a charger that wastes
// more or less. Power is that of the socket.
type Battery struct {
	Pack    Pack
	Peak    float64 // W at the knee, of this charger
	Float   float64 // W that a lead-acid charger goes on drawing; of lithium what the charger draws when the battery has cut off
	Ambient float64 // °C

	hours    float64 // to fill it from empty at full current
	volts    []knot  // charging voltage over the charge, as a share of the limit, without the drop
	drop     float64 // share of the voltage limit that full current loses in the battery
	standby  float64 // W that the charger itself needs
	cutShare float64 // share of the full current at which charging ends
}

// A knot is a point of a line made of straight pieces.
type knot struct{ x, y float64 }

// Spread of what is drawn. A charger's current and efficiency move its peak by no more than PeakSpread of the pack's.
const (
	PeakSpread     = 0.06
	capacitySpread = 0.15
	wornTo         = 0.60 // of the capacity that a pack has at the end of its life
)

// DrawBattery draws a battery of a pack.
func DrawBattery(r *rand.Rand, p Pack) Battery {
	b := Battery{Pack: p, Ambient: between(r, -5, 40), standby: between(r, 1, 3)}
	efficiency, current, heat := between(r, -0.03, 0.03), between(r, -0.015, 0.015), 0.015*(b.Ambient-18)/23
	b.Peak = p.Peak * (1 + efficiency + current + heat)
	worn := 1 - (1-wornTo)*math.Pow(r.Float64(), 2)
	b.drop = (1 + 1.5*(1-worn)) * (1 + 0.4*max(0, 15-b.Ambient)/20)
	if p.Chemistry == Lithium {
		b.volts = nmc()
		b.drop *= between(r, 0.015, 0.040)
		if r.Float64() < 0.25 {
			b.volts = lfp()
		}
		b.cutShare, b.Float = between(r, 0.05, 0.12), between(r, 1.2, 3.5)
	} else {
		b.volts = lead()
		b.drop *= between(r, 0.04, 0.08)
		b.cutShare, b.Float = between(r, 0.08, 0.17), between(r, 3, 10)
	}
	capacity := between(r, 1-capacitySpread, 1+capacitySpread) * worn * p.Energy * 1000
	b.hours = capacity / b.Peak / b.meanVolts()
	return b
}

// nmc is 3.3 to 4.2 V a cell: +20 % over a charge, as recorded on a real pack.
func nmc() []knot {
	return []knot{{0, 0.79}, {0.05, 0.81}, {0.1, 0.825}, {0.2, 0.845}, {0.3, 0.86}, {0.4, 0.872}, {0.5, 0.885}, {0.6, 0.905}, {0.7, 0.925}, {0.8, 0.95}, {0.9, 0.975}, {1, 1}}
}

// lfp is flat until it is nearly full.
func lfp() []knot {
	return []knot{{0, 0.80}, {0.05, 0.87}, {0.1, 0.885}, {0.5, 0.905}, {0.9, 0.92}, {0.95, 0.935}, {1, 1}}
}

// lead rises slowly and steeply when the plates begin to gas.
func lead() []knot {
	return []knot{{0, 0.835}, {0.05, 0.85}, {0.2, 0.865}, {0.5, 0.885}, {0.8, 0.905}, {0.9, 0.925}, {0.95, 0.945}, {1, 1}}
}

func (b *Battery) meanVolts() float64 {
	sum := 0.0
	for i := range 100 {
		sum += min(1, line(b.volts, (float64(i)+0.5)/100)+b.drop)
	}
	return sum / 100
}

// line is the value at x of a line through knots.
func line(knots []knot, x float64) float64 {
	for i := 1; i < len(knots); i++ {
		if a, b := knots[i-1], knots[i]; x <= b.x {
			return a.y + (b.y-a.y)*(x-a.x)/(b.x-a.x)
		}
	}
	return knots[len(knots)-1].y
}

func between(r *rand.Rand, low, high float64) float64 { return low + (high-low)*r.Float64() }

// A Charging is one charge under way. The charger gives its full current until the voltage reaches its limit (the knee),
// then as much as holds the limit, and at a small rest of it stops or floats.
type Charging struct {
	Battery Battery
	Broken  bool    // the charger knows no limit: full current for ever
	Rest    float64 // W below which a tail never sinks; 0: it ends
	Knee    bool    // the limit has been reached
	Full    bool    // the charge has ended, or a broken charger has passed where it should have

	soc, on float64 // share of the charge; hours since the relay closed
	broken  float64 // hours past full
}

// NewCharging begins a charge at soc (0 empty … 1 full).
func NewCharging(b Battery, soc float64) *Charging { return &Charging{Battery: b, soc: soc} }

// Step lets current flow for so many hours and answers the power in W.
func (c *Charging) Step(h float64) float64 {
	b := &c.Battery
	c.on += h
	if c.Full && !c.Broken {
		return max(b.Float, c.Rest)
	}
	volts, share := line(b.volts, min(c.soc, 1))+b.drop, 1.0
	if volts >= 1 && !c.Broken {
		c.Knee = true
		share = min(1, (1-line(b.volts, min(c.soc, 1)))/b.drop)
		volts = 1
	}
	c.soc += share * h / b.hours
	if share < b.cutShare || c.soc >= 1 {
		c.Full = true
	}
	if c.Broken {
		volts = c.overVolts(volts, h)
	}
	return max(c.Rest, (b.standby+(b.Peak-b.standby)*share*volts)*rush(c.on))
}

// overVolts: a battery that is full and goes on being charged gasses or heats; its voltage stays, and sinks a little with the heat.
func (c *Charging) overVolts(volts, h float64) float64 {
	if c.Full {
		c.broken += h
	}
	return min(volts, 1.01) * (1 - 0.02*(1-math.Exp(-c.broken/3)))
}

// rush is the share of the power so many hours after the relay closed: six seconds to come up, three minutes to settle.
func rush(on float64) float64 {
	switch s := on * 3600; {
	case s < 6:
		return 0.15 + 0.8*s/6
	case s < 180:
		return 0.95 + 0.05*(s-6)/174
	}
	return 1
}

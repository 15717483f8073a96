package physics

import (
	"math"
	"time"
)

// Shape is how a charge goes.
type Shape string

// The shapes a charge can take.
const (
	Normal     Shape = "normal"      // constant current, knee, taper, tail, then idle or float
	NoTaper    Shape = "no-taper"    // the charger never lets go: power stays at its peak, past full
	LongTail   Shape = "long-tail"   // like normal, but the tail never ends
	SquareWave Shape = "square-wave" // a protection that cuts and restarts, again and again
)

// Shapes are all shapes.
func Shapes() []Shape { return []Shape{Normal, NoTaper, LongTail, SquareWave} }

// A Curve is the power of one charge over the time that current was allowed to flow.
type Curve struct {
	Pack  Pack
	Shape Shape
	from  time.Duration // how much of a full charge was already done when the bike was plugged in
	cc    time.Duration // length of the constant-current stage from empty
	stage stages
}

// stages are what differs between chemistries.
type stages struct {
	start      float64       // power at the beginning of constant current, as a share of the peak
	taper      time.Duration // from the knee to the tail
	tailFrom   float64       // W at the beginning of the tail
	tailTo     float64       // W at its end
	tail       time.Duration
	idle, hiss float64 // W afterwards, and its noise
}

// A lithium charger runs constant current into a rising voltage: +20 % until the knee. It tapers for 90 minutes and is
// through its tail in 15; a lead-acid one tapers quickly to 20 W, stays there while the plates gas, then floats.
func stagesOf(c Chemistry) stages {
	if c == Lithium {
		return stages{start: 0.83, taper: 90 * time.Minute, tailFrom: 18, tailTo: 6, tail: 15 * time.Minute, idle: 1.9, hiss: 0.1}
	}
	return stages{start: 0.90, taper: 58 * time.Minute, tailFrom: 20, tailTo: 18, tail: 25 * time.Minute, idle: 4, hiss: 0.3}
}

// NewCurve makes the charge of a pack that is filled to soc (0 empty … 1 full) when it is plugged in.
func NewCurve(p Pack, s Shape, soc float64) *Curve {
	st := stagesOf(p.Chemistry)
	taper := (p.Peak - st.tailFrom) / math.Log(p.Peak/st.tailFrom) * st.taper.Hours()
	tail := (st.tailFrom + st.tailTo) / 2 * st.tail.Hours()
	cc := (p.Energy*1000 - taper - tail) / (p.Peak * (1 + st.start) / 2)
	c := &Curve{Pack: p, Shape: s, stage: st, cc: hours(cc)}
	c.from = c.reach(soc * p.Energy * 1000)
	return c
}

// reach answers when a normal charge from empty has taken so many Wh.
func (c *Curve) reach(wh float64) time.Duration {
	const step = time.Minute
	full := c.cc + c.stage.taper + c.stage.tail
	for t := time.Duration(0); t < full; t += step {
		if wh -= c.normal(t) * step.Hours(); wh < 0 {
			return t
		}
	}
	return full
}

// Power is the power in W after so much charging time, without noise.
func (c *Curve) Power(charged time.Duration) float64 {
	switch c.Shape {
	case NoTaper:
		// Settles within 4 % of the peak at once and never leaves it.
		return c.Pack.Peak * (1 - 0.04*math.Exp(-charged.Hours()/0.7))
	case SquareWave:
		if charged > 30*time.Minute && charged%(6*time.Minute) > 4*time.Minute {
			return 0.15 * c.Pack.Peak
		}
		return c.normal(min(c.from+charged, c.cc))
	case LongTail:
		return max(c.normal(c.from+charged), 1.4*c.stage.tailFrom)
	}
	return c.normal(c.from + charged)
}

// Hiss is how far the power swings around the curve, in W.
func (c *Curve) Hiss(charged time.Duration) float64 {
	if c.Power(charged) <= c.stage.idle {
		return c.stage.hiss
	}
	return 0.5
}

// Full says whether a charge that can end has ended.
func (c *Curve) Full(charged time.Duration) bool {
	return c.Shape == Normal && c.from+charged >= c.cc+c.stage.taper+c.stage.tail
}

func (c *Curve) normal(t time.Duration) float64 {
	peak, st := c.Pack.Peak, c.stage
	if t < c.cc {
		return peak * (st.start + (1-st.start)*t.Hours()/c.cc.Hours())
	}
	if t -= c.cc; t < st.taper {
		return peak * math.Pow(st.tailFrom/peak, t.Hours()/st.taper.Hours())
	}
	if t -= st.taper; t < st.tail {
		return st.tailFrom + (st.tailTo-st.tailFrom)*t.Hours()/st.tail.Hours()
	}
	return st.idle
}

// inrush is the share of the power that flows so long after the relay closed: a charger takes 6 s to come up and 3 min to settle.
func inrush(on time.Duration) float64 {
	s := on.Seconds()
	switch {
	case s < 6:
		return 0.005 + 0.935*s/6
	case s < 180:
		return 0.94 + 0.06*(s-6)/174
	}
	return 1
}

func hours(h float64) time.Duration { return time.Duration(h * float64(time.Hour)) }

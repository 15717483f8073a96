package physics

import (
	"math"
	"math/rand/v2"
	"time"
)

// A Watch is how somebody looks at a course: how often, through which meter chip, and what goes wrong on the line.
type Watch struct {
	Every      time.Duration // between two samples
	Jitter     time.Duration // a sample comes up to so much late
	Noise      float64       // W, standard deviation, beside 0.2 % of the power
	Gain       float64       // the chip's error: 1.01 reads 1 % too much
	Resolution float64       // W
	Counter    float64       // kWh, resolution of the counter
	From       time.Duration // when watching begins; before, nobody looked
	Lost       float64       // share of the samples that fail, one by one
	Gaps       []Gap         // when the line is dead
}

// A Gap is a time in which every sample fails.
type Gap struct{ From, To time.Duration }

// A Sample is what a watch saw.
type Sample struct {
	At                  time.Duration
	Good                bool // false: there was no answer
	Power, Energy, Heat float64
	Relay, Plugged      bool
	Truth               Moment // what was really there
}

// DrawWatch draws a usual chip, on a line without gaps.
func DrawWatch(r *rand.Rand, every time.Duration) Watch {
	pick := func(of ...float64) float64 { return of[r.IntN(len(of))] }
	return Watch{
		Every: every, Jitter: time.Duration(between(r, 0, 0.1) * float64(every)), Noise: between(r, 0.1, 0.5), Gain: between(r, 0.99, 1.01),
		Resolution: pick(0.1, 0.1, 1), Counter: pick(0.001, 0.01, 0.1), Lost: pick(0, 0.002, 0.02),
	}
}

// Look samples a course.
func (w Watch) Look(c *Course, r *rand.Rand) []Sample {
	all := make([]Sample, 0, (c.Length()-w.From)/w.Every+1)
	for t := w.From; t < c.Length(); t += w.Every {
		at := t + time.Duration(r.Float64()*float64(w.Jitter))
		m := c.At(at)
		power := m.Power
		if power > 0 {
			power = power*w.Gain*(1+0.002*r.NormFloat64()) + w.Noise*r.NormFloat64()
		}
		all = append(all, Sample{
			At: at, Good: r.Float64() >= w.Lost && !w.dead(at), Truth: m, Relay: m.Relay, Plugged: m.Plugged,
			Power:  max(0, math.Round(power/w.Resolution)*w.Resolution),
			Energy: math.Floor(m.Counter*w.Gain/w.Counter) * w.Counter,
			Heat:   math.Round(m.Temperature*10+0.5*r.NormFloat64()) / 10,
		})
	}
	return all
}

func (w Watch) dead(at time.Duration) bool {
	for _, g := range w.Gaps {
		if at >= g.From && at < g.To {
			return true
		}
	}
	return false
}

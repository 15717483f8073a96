package charging

import (
	"slices"
	"time"

	"github.com/linshao/linshao/firmware-sim/physics"
)

// held is how long something has been so; a hole in what was seen begins it anew.
type held struct {
	since time.Duration
	on    bool
}

func (h *held) see(at time.Duration, so, hole bool) time.Duration {
	if !so {
		h.on = false
		return -1
	}
	if !h.on || hole {
		h.on, h.since = true, at
	}
	return at - h.since
}

// A mark is a value at a time.
type mark struct {
	at    time.Duration
	value float64
}

// A band is how long values have stayed within a width of each other.
type band struct {
	low, high []mark // candidates for the lowest and the highest, oldest first
	start     time.Duration
	begun     bool
}

func (b *band) see(at time.Duration, v, width float64) time.Duration {
	if !b.begun {
		b.begun, b.start = true, at
	}
	for len(b.low) > 0 && b.low[len(b.low)-1].value >= v {
		b.low = b.low[:len(b.low)-1]
	}
	for len(b.high) > 0 && b.high[len(b.high)-1].value <= v {
		b.high = b.high[:len(b.high)-1]
	}
	b.low, b.high = append(b.low, mark{at, v}), append(b.high, mark{at, v})
	for b.high[0].value-b.low[0].value > width {
		if b.high[0].at < b.low[0].at {
			b.start, b.high = b.high[0].at, b.high[1:]
		} else {
			b.start, b.low = b.low[0].at, b.low[1:]
		}
	}
	return at - b.start
}

// lows is how long values have been above a floor that may rise.
type lows struct {
	low   []mark
	start time.Duration
	begun bool
}

func (f *lows) see(at time.Duration, v, floor float64) time.Duration {
	if !f.begun {
		f.begun, f.start = true, at
	}
	for len(f.low) > 0 && f.low[len(f.low)-1].value >= v {
		f.low = f.low[:len(f.low)-1]
	}
	f.low = append(f.low, mark{at, v})
	for len(f.low) > 0 && f.low[0].value < floor {
		f.start, f.low = f.low[0].at, f.low[1:]
	}
	return at - f.start
}

// swings counts how often power went down and up again by 30 % of its peak within half an hour.
type swings struct {
	peak, extreme float64
	down          bool
	idle          held
	ups           []time.Duration
}

func (s *swings) see(l look, slack float64) bool {
	if s.idle.see(l.at, l.Power < 5, false) > 30*time.Minute {
		*s = swings{idle: s.idle}
	}
	s.peak = max(s.peak, l.Power)
	turn := (0.3 + 0.05*slack) * s.peak
	switch {
	case s.down && l.Power > s.extreme+turn:
		s.down, s.extreme = false, l.Power
		s.ups = append(s.ups, l.at)
	case !s.down && l.Power < s.extreme-turn:
		s.down, s.extreme = true, l.Power
	case s.down:
		s.extreme = min(s.extreme, l.Power)
	default:
		s.extreme = max(s.extreme, l.Power)
	}
	for len(s.ups) > 0 && l.at-s.ups[0] > 30*time.Minute {
		s.ups = s.ups[1:]
	}
	return len(s.ups) >= 4
}

func percentile(values []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[int(p*float64(len(sorted)-1)+0.5)]
}

// looksAt are all moments of a course from a time on, and those of the samples that came.
func looksAt(c *physics.Course, from time.Duration, samples []physics.Sample) (all, seen []look) {
	all, seen = make([]look, 0, len(c.Moments)), make([]look, 0, len(samples))
	for i := int(from / physics.CourseStep); i < len(c.Moments); i++ {
		all = append(all, look{time.Duration(i) * physics.CourseStep, c.Moments[i]})
	}
	for _, s := range samples {
		if s.Good {
			seen = append(seen, look{s.At, s.Truth})
		}
	}
	return all, seen
}

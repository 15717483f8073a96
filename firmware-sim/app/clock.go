package app

import "time"

// A Clock is simulated time. It stands at begin before T0, runs warp times as fast as real time from T0 on, and from
// the moment at which it has caught up it is real time. The gateway of a demo computes the same clock from the same three numbers.
type Clock struct {
	t0    time.Time
	begin time.Duration // negative: how long before T0 the play begins
	warp  float64       // above 1, or begin is 0
}

// NewClock makes the clock of a scenario from its origin T0.
func NewClock(t0 time.Time, begin time.Duration, warp float64) Clock { return Clock{t0, begin, warp} }

// At is the simulated time at a real time.
func (c Clock) At(real time.Time) time.Time {
	passed := real.Sub(c.t0)
	if passed < 0 {
		return c.Begin()
	}
	sim := c.Begin().Add(time.Duration(float64(passed) * c.warp))
	if c.begin == 0 || sim.After(real) {
		return real
	}
	return sim
}

// Begin is the simulated time at which the play begins.
func (c Clock) Begin() time.Time { return c.t0.Add(c.begin) }

// Present is the time at which simulated and real time meet; nothing is warped from there on.
func (c Clock) Present() time.Time {
	if c.begin == 0 {
		return c.t0
	}
	return c.t0.Add(time.Duration(float64(-c.begin) / (c.warp - 1)))
}

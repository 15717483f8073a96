package physics

import (
	"math"
	"math/rand/v2"
	"time"
)

// A Course is what really happens at one socket over some hours, moment by moment and without noise: for those who want to
// know whether somebody who sees only samples of it draws the right conclusions.
type Course struct {
	Class     Class
	Batteries []Battery     // in the order in which they were plugged in; none where no battery is charged
	Moments   []Moment      // every CourseStep
	Learned   time.Duration // when the charge under test begins: before it, the same battery was charged in good health
	Over      time.Duration // when a battery began to take more than it holds; NoTime when none did
}

// CourseStep is the time between two moments of a course.
const CourseStep = 5 * time.Second

// NoTime stands for a moment that never came.
const NoTime = time.Duration(math.MaxInt64)

// A Moment is the state of a socket.
type Moment struct {
	Power       float64 // W
	Counter     float64 // kWh, as the meter chip counts it
	Temperature float64 // °C, of the socket
	Relay       bool    // what the relay is told; a stuck one lets current flow all the same
	Plugged     bool
}

// Length of the course.
func (c *Course) Length() time.Duration { return time.Duration(len(c.Moments)) * CourseStep }

// At is the state after so much time; before the beginning and past the end that of the first and the last moment.
func (c *Course) At(t time.Duration) Moment {
	return c.Moments[min(max(int(t/CourseStep), 0), len(c.Moments)-1)]
}

// A load draws power from a socket.
type load interface {
	// Step lets so many hours pass and answers the mean power in W.
	Step(h float64) float64
}

// A stand is a socket in a shed, on which a course is played.
type stand struct {
	rand    *rand.Rand
	course  *Course
	ambient float64 // °C
	heat    float64 // °C
	contact float64 // °C per A² of the load, in the long run
	worse   float64 // °C per A² by which the contact worsens every hour
	counter float64 // kWh
	relay   bool
}

// Thermal inertia of a socket, and what turns W into A.
const (
	inertia     = 12 * time.Minute
	voltAmperes = 220 * 0.95
)

func newStand(r *rand.Rand, class Class, ambient float64) *stand {
	return &stand{
		rand: r, course: &Course{Class: class, Over: NoTime, Moments: make([]Moment, 0, 12*time.Hour/CourseStep)}, ambient: ambient, heat: ambient,
		contact: between(r, 0.2, 0.6), counter: between(r, 0, 4000), relay: true,
	}
}

// now is the length of the course so far.
func (s *stand) now() time.Duration { return s.course.Length() }

// run plays a load for so long, or until it says that it is done.
func (s *stand) run(d time.Duration, l load, done func() bool) {
	h, fade := CourseStep.Hours(), 1-math.Exp(-CourseStep.Minutes()/inertia.Minutes())
	for end := s.now() + d; s.now() < end && (done == nil || !done()); {
		m := Moment{Relay: s.relay, Plugged: l != nil}
		if l != nil {
			m.Power = max(0, l.Step(h))
		}
		amps := m.Power / voltAmperes
		s.contact += s.worse * h
		s.heat += (s.ambient + s.contact*amps*amps - s.heat) * fade
		s.counter += m.Power * h / 1000
		m.Counter, m.Temperature = s.counter, s.heat
		s.course.Moments = append(s.course.Moments, m)
	}
}

// empty plays a socket with nothing plugged in.
func (s *stand) empty(d time.Duration) { s.run(d, nil, nil) }

// begin plugs a battery in.
func (s *stand) begin(b Battery, soc float64) *Charging {
	s.course.Batteries = append(s.course.Batteries, b)
	return NewCharging(b, soc)
}

// whole plays a charge until it is full, and then for so long as the owner takes to come.
func (s *stand) whole(c *Charging, l load, linger time.Duration) {
	s.run(longest, l, func() bool { return c.Full })
	s.run(linger, l, nil)
}

// longest is how long a play waits for a charge to end.
const longest = 20 * time.Hour

// minutes draws a time.
func (s *stand) minutes(low, high float64) time.Duration {
	return time.Duration(between(s.rand, low, high) * float64(time.Minute))
}

// A gated load is cut off by a protection, again and again.
type gated struct {
	load        load
	from        float64 // h after which it begins
	period, off float64 // h
	low         float64 // W while it is off
	t           float64
}

func (g *gated) Step(h float64) float64 {
	if g.t += h; g.t > g.from && math.Mod(g.t-g.from, g.period) < g.off {
		return g.low
	}
	return g.load.Step(h)
}

// An added load draws so much more for a while, from some time after the knee.
type added struct {
	charging *Charging
	after    float64 // h past the knee
	length   float64 // h
	watts    float64
	t        float64
}

func (a *added) Step(h float64) float64 {
	w := a.charging.Step(h)
	if !a.charging.Knee {
		return w
	}
	if a.t += h; a.t > a.after && a.t < a.after+a.length {
		w += a.watts
	}
	return w
}

// A pair is two chargers on one socket, the second plugged in later.
type pair struct {
	first, second *Charging
	ready         func() bool // the second one has come
}

func (p *pair) Step(h float64) float64 {
	w := p.first.Step(h)
	if p.ready() {
		w += p.second.Step(h)
	}
	return w
}

// A cycling load is one that a thermostat switches.
type cycling struct {
	on, off float64 // h
	watts   float64
	t       float64
}

func (c *cycling) Step(h float64) float64 {
	c.t += h
	if math.Mod(c.t, c.on+c.off) < c.on {
		return c.watts
	}
	return 0
}

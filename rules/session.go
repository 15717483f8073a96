package rules

import "math"

// What makes a charging session, in watts and milliseconds. The sources are in configs/rules/SOURCES.md.
const (
	startPower = 10.0          // W: above, something charges (self-check of commercial sockets)
	startHold  = 10 * 1000     // ms above startPower before a session counts
	endPower   = 5.0           // W: below, nothing charges any more
	endHold    = 60 * 1000     // ms below endPower before the session is over: battery protection pauses for seconds
	inrush     = 30 * 1000     // ms at the start whose power is no peak
	kneeAt     = 0.93          // of the peak: below, held for kneeHold, the current declines
	kneeBack   = 0.97          // of the peak: at or above, twice running, it was a pause and no decline
	kneeHold   = 2 * 60e3      // ms
	tailPower  = 45.0          // W: a tail is below this …
	tailShare  = 0.4           // … and below this share of the peak
	tailStep   = 6.0           // W: a change by more begins the tail anew
	maxHole    = 5 * 60e3      // ms between two readings that is still no hole
	maxAbsence = 12 * 3600e3   // ms: after so long a hole nobody knows whether it is still the same bicycle
	maxLoad    = 10.0          // kW: an energy counter that moves faster has been exchanged
	settled    = 15 * 60 * 1e3 // ms after which the peak tells the battery's size
)

// A session is one charge at one socket, followed from its power readings. It sees nothing but stamps, so that readings
// 0.2 s and 120 s apart, or a year's replay, go the same way. Times are Unix milliseconds, 0 when there is none.
type session struct {
	Active bool  `json:"active"`
	Begin  int64 `json:"begin"` // the first reading above startPower, also of a session that does not count yet
	Last   int64 `json:"last"`  // the last good power reading

	Power float64  `json:"power"` // W at Last
	Pace  [2]int64 `json:"pace"`  // the last two intervals between good readings
	Idle  float64  `json:"idle"`  // W that the socket draws with nothing charging

	Peak      float64 `json:"peak"` // W, seen in two readings running
	Knee      bool    `json:"knee"`
	KneeSince int64   `json:"kneeSince"`
	Backs     int     `json:"backs"` // readings running that are back at the peak
	TailSince int64   `json:"tailSince"`
	TailRef   float64 `json:"tailRef"` // W at TailSince
	LowSince  int64   `json:"lowSince"`
	Hole      int64   `json:"hole"`    // ms of this session that nobody saw
	Holes     int     `json:"holes"`   // how many
	Steps     int     `json:"steps"`   // changes above tailStep in the tail
	Hottest   float64 `json:"hottest"` // °C, the highest at the socket in this session; 0: none measured

	Flat   plateau `json:"flat"`
	Energy energy  `json:"energy"`

	battery string // label of the device: "li", "pb" or ""
}

// capacity is the energy of the battery, as far as the peak tells.
func (s *session) capacity(now int64) float64 {
	if s.Peak == 0 || now-s.Begin < settled || s.uncertain() {
		return math.NaN()
	}
	return capacity(s.Peak, s.battery)
}

// sessionInput is what one poll said of a socket; NaN where it said nothing good.
type sessionInput struct{ power, energy, relay, plugged float64 }

// update follows one poll.
func (s *session) update(t int64, in sessionInput) {
	if t < s.Last {
		s.shift(t - s.Last) // the clock was set back: what has passed has passed
	}
	if !math.IsNaN(in.power) {
		s.sample(t, in.power)
	}
	if !math.IsNaN(in.energy) { // at the first reading of a session the counter only tells where it begins
		s.Energy.count(t, in.energy, s.Begin != 0 && s.Begin != t)
	}
	// An open relay or an empty plug ends the session, unless current still flows: then the contact lies or the relay sticks.
	if (in.relay == 0 || in.plugged == 0) && !(in.power > startPower) {
		s.end()
	}
}

func (s *session) sample(t int64, p float64) {
	dt := t - s.Last
	if s.Last == 0 {
		dt = 0
	}
	usual := pace(s.Pace)
	if usual == 0 {
		usual = maxPace // the second reading ever: nobody knows how often they come
	}
	hole := dt > maxHole && dt > 3*usual
	if s.Begin != 0 && (dt > maxAbsence || hole && !s.Active) {
		s.end()
	}
	before := s.Power
	s.Pace[0], s.Pace[1] = s.Pace[1], dt
	s.Last, s.Power = t, p
	if s.Begin == 0 {
		s.wait(t, p)
		return
	}
	if hole {
		s.Hole += dt
		s.blind()
		before = p
	} else {
		s.Energy.add((max(before-s.Idle, 0) + max(p-s.Idle, 0)) / 2 * float64(dt) / 3600e6)
	}
	if !s.Active {
		s.confirm(t, p)
	}
	if s.Active {
		s.shape(t, p, before)
		s.low(t, p)
	}
}

// wait looks for the beginning of a session.
func (s *session) wait(t int64, p float64) {
	switch {
	case p > startPower:
		s.Begin = t
		s.Energy.begin()
	case p < endPower:
		s.Idle += 0.2 * (max(p, 0) - s.Idle)
	}
}

func (s *session) confirm(t int64, p float64) {
	switch {
	case p <= startPower:
		s.end()
	case t-s.Begin >= startHold:
		s.Active = true
	}
}

// shape follows the curve: peak, knee, flat part, tail. A single reading off the curve moves none of them but the tail.
func (s *session) shape(t int64, p, before float64) {
	if t-s.Begin < inrush {
		return
	}
	s.Peak = max(s.Peak, min(p, before))
	if s.Peak == 0 {
		return
	}
	s.Flat.put(t, max(p, before), s.Peak)
	s.knee(t, p)
	switch {
	case p < endPower || p >= min(tailPower, tailShare*s.Peak):
		s.TailSince = 0
	case s.TailSince == 0 || math.Abs(p-s.TailRef) > tailStep:
		s.TailSince, s.TailRef = t, p
	}
}

func (s *session) knee(t int64, p float64) {
	switch {
	case p >= kneeBack*s.Peak:
		s.Backs++
		s.KneeSince = 0
		if s.Backs >= 2 {
			s.Knee = false
		}
		return
	case p >= kneeAt*s.Peak:
		s.KneeSince = 0
	case s.KneeSince == 0:
		s.KneeSince = t
	case t-s.KneeSince >= kneeHold:
		s.Knee = true
	}
	s.Backs = 0
}

func (s *session) low(t int64, p float64) {
	switch {
	case p >= endPower:
		s.LowSince = 0
	case s.LowSince == 0:
		s.LowSince = t
	case t-s.LowSince >= endHold:
		s.end()
	}
}

// blind forgets what needs an unbroken view: after a hole those times begin anew.
func (s *session) blind() {
	s.KneeSince, s.Backs, s.TailSince, s.LowSince = 0, 0, 0, 0
	s.Flat = plateau{}
}

func (s *session) end() {
	s.blind()
	s.Active, s.Begin, s.Peak, s.Knee, s.Hole = false, 0, 0, false, 0
	s.Energy.begin()
}

func (s *session) shift(by int64) {
	for _, at := range []*int64{&s.Begin, &s.Last, &s.KneeSince, &s.TailSince, &s.LowSince, &s.Energy.At} {
		if *at != 0 {
			*at += by
		}
	}
	for i := range s.Flat.Steps[:s.Flat.N] {
		s.Flat.Steps[i].At += by
	}
}

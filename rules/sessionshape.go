package rules

import "math"

// What the curve of a charge is made of, in watts and milliseconds (configs/rules/SOURCES.md).
const (
	inrush      = 30 * 1000   // ms at the start whose power is no peak
	kneeAt      = 0.93        // of the peak: below, held for kneeHold, the current declines
	kneeBack    = 0.97        // of the peak: at or above, twice running, it was a pause and no decline
	kneeHold    = 2 * 60e3    // ms
	backHold    = 10 * 60e3   // ms at the peak that end even a slow decline
	tailPower   = 45.0        // W: a tail is below this …
	tailShare   = 0.4         // … and below this share of the peak
	tailBack    = 1.05        // times both: above, it is over
	tailStep    = 6.0         // W: a change by more begins the tail anew
	floatPower  = 12.0        // W: a charger that only floats
	fullHold    = 45 * 60e3   // ms of unbroken tail that is full whatever the power
	swingShare  = 0.3         // of the peak: a fall and a rise by more are a swing
	swingWindow = 30 * 60e3   // ms
	jumpWindow  = 60 * 60e3   // ms
	fewReadings = 24          // at least so many readings are looked back, where they come slowly
	disorder    = 3           // swings, or jumps upwards, in their window: no charger does that
	shortest    = 60 * 60e3   // ms: a charge that stops sooner, before its knee, has been broken off
	restartTime = 6 * 3600e3  // ms
	restarts    = 4           // broken off in that time: something else is plugged in
	longest     = 24 * 3600e3 // ms: nothing that charges takes so long
	steepest    = 1.8         // times the power at the beginning: voltage does not rise so far
)

// A shape follows the curve of one charge: peak, knee, flat part, tail, swings.
type shape struct {
	Peak      float64 `json:"peak,omitzero"` // W, seen in two readings running
	Knee      bool    `json:"knee,omitzero"`
	KneeSince int64   `json:"kneeSince,omitzero"` // when power fell below kneeAt
	Backs     int     `json:"backs,omitzero"`     // readings running that are back at the peak
	BackSince int64   `json:"backSince,omitzero"`
	TailSince int64   `json:"tailSince,omitzero"`
	TailRef   float64 `json:"tailRef,omitzero"` // W at TailSince
	Steps     int     `json:"steps,omitzero"`   // changes above tailStep in the tail
	Turn      float64 `json:"turn,omitzero"`    // W, the last extreme
	Down      bool    `json:"down,omitzero"`    // power has swung down from it
	Swings    stamps  `json:"swings,omitzero"`
	Jumps     stamps  `json:"jumps,omitzero"` // jumps upwards
	Flat      plateau `json:"flat,omitzero"`
}

// stamps are the last moments of something, in no order.
type stamps [8]int64

// add overwrites the oldest.
func (s *stamps) add(t int64) {
	oldest := 0
	for i, at := range s {
		if at < s[oldest] {
			oldest = i
		}
	}
	s[oldest] = t
}

// count is how many are at most so old.
func (s *stamps) count(now, age int64) (n int) {
	for _, at := range s {
		if at != 0 && now-at <= age {
			n++
		}
	}
	return n
}

func (s *stamps) shift(by int64) {
	for i, at := range s {
		if at != 0 {
			s[i] = at + by
		}
	}
}

func (s *shape) blind() {
	s.KneeSince, s.Backs, s.TailSince, s.Down, s.Turn = 0, 0, 0, false, 0
	s.Flat = plateau{}
}

// follow takes one reading of the curve. A single reading off the curve moves only the tail, and counts as a swing.
func (s *session) follow(t int64, p, before float64) {
	if t-s.Begin < inrush {
		return
	}
	s.Peak = max(s.Peak, min(p, before))
	if s.Peak == 0 {
		return
	}
	s.Flat.put(t, max(p, before), s.Peak)
	s.swing(t, p)
	s.bend(t, p)
	s.trickle(t, p)
	s.slot(t, p)
	if s.odd(t) {
		s.Doubt = true
	}
}

// bend looks for the knee. After a slow decline, power at the peak again is a step up and no pause: the knee stays, unless
// it lasts and nothing stepped.
func (s *session) bend(t int64, p float64) {
	switch {
	case p < endPower: // nothing flows, so nothing declines
		s.KneeSince = 0
	case p >= kneeBack*s.Peak:
		if s.Backs == 0 {
			s.BackSince = t
		}
		s.Backs++
		s.KneeSince = 0
		if s.Knee && s.Backs >= 2 && (!s.declined(s.Peak) || s.Rise == 0 && t-s.BackSince >= backHold) {
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

func (s *session) trickle(t int64, p float64) {
	limit := min(tailPower, tailShare*s.Peak)
	if s.TailSince != 0 {
		limit *= tailBack
	}
	switch {
	case p < endPower || p >= limit:
		s.TailSince = 0
	case s.TailSince == 0:
		s.TailSince, s.TailRef = t, p
	case math.Abs(p-s.TailRef) > tailStep:
		s.TailSince, s.TailRef = t, p
		s.Steps++
	}
}

// swing counts a fall and the rise after it, each by swingShare of the peak.
func (s *session) swing(t int64, p float64) {
	band := swingShare * s.Peak
	switch {
	case !s.Down && p < s.Turn-band:
		s.Down, s.Turn = true, p
	case !s.Down:
		s.Turn = max(s.Turn, p)
	case p > s.Turn+band:
		s.Down, s.Turn = false, p
		s.Swings.add(t)
	default:
		s.Turn = min(s.Turn, p)
	}
}

// swings are those of the last half hour.
func (s *session) swings(now int64) int { return s.Swings.count(now, swingWindow) }

// within is a time, or the last few readings where they come so slowly that most swings fall in between.
func (s *session) within(age int64) int64 { return max(age, fewReadings*min(pace(s.Pace), maxPace)) }

// odd says that no charger goes like this.
func (s *session) odd(now int64) bool {
	return s.Swings.count(now, s.within(swingWindow)) >= disorder || s.Restarts.count(now, restartTime) >= restarts || s.Jumps.count(now, s.within(jumpWindow)) >= disorder ||
		now-s.Begin > longest || s.Start > 0 && !s.Two && s.Peak > steepest*s.Start
}

// isAnother says that after a hole or a pause this power cannot be the same battery: more than its peak, or much more again
// after it had declined.
func (s *session) isAnother(p float64) bool {
	return s.Peak > 0 && (p > 1.15*s.Peak || s.Knee && p > 1.3*s.Before && p > s.Before+startPower)
}

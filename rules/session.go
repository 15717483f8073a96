package rules

import "math"

// What makes a charging session, in watts and milliseconds. The sources are in configs/rules/SOURCES.md.
const (
	startPower = 10.0          // W: above, something charges (self-check of commercial sockets)
	startHold  = 10 * 1000     // ms above startPower before a session counts
	endPower   = 5.0           // W: below, nothing charges any more
	endHold    = 60 * 1000     // ms below endPower before the session is over: battery protection pauses for seconds
	resumeTime = 5 * 60e3      // ms: power that comes back sooner, with nothing unplugged, was a pause
	newPower   = 150.0         // W: so much more than a float, where readings come slowly, is the next battery
	maxHole    = 5 * 60e3      // ms between two readings that is still no hole
	maxAbsence = 12 * 3600e3   // ms: after so long a hole nobody knows whether it is still the same bicycle
	settled    = 15 * 60 * 1e3 // ms after which the peak tells the battery's size
)

// A session is what is known of one socket: the charge under way, and what earlier ones were like. It sees nothing but
// stamps, so that readings 0.2 s and 5 min apart, or a year's replay, go the same way. Times are Unix milliseconds, 0
// when there is none.
type session struct {
	Last     int64    `json:"last,omitzero"`     // the last good power reading
	Power    float64  `json:"power,omitzero"`    // W at Last
	Pace     [2]int64 `json:"pace,omitzero"`     // the last two intervals between good readings
	Idle     float64  `json:"idle,omitzero"`     // W that the socket draws with nothing charging
	Card     float64  `json:"card,omitzero"`     // whose charge it is; 0: nobody's
	Restarts stamps   `json:"restarts,omitzero"` // charges that broke off by themselves
	charge
	Energy  energy     `json:"energy,omitzero"`
	Learned []*profile `json:"learned,omitempty"`

	battery string // label of the device: "li", "pb" or ""
}

// A charge is what a session knows of the charge under way; all of it is forgotten with its end.
type charge struct {
	Active bool  `json:"active,omitzero"`
	Begin  int64 `json:"begin,omitzero"`  // the first reading above startPower, also of a session that does not count yet
	Paused int64 `json:"paused,omitzero"` // when nothing flowed any more; it may come back

	Hole    int64   `json:"hole,omitzero"`    // ms of this session that nobody saw
	Holes   int     `json:"holes,omitzero"`   // how many
	Hottest float64 `json:"hottest,omitzero"` // °C, the highest at the socket in this session; 0: none measured
	Unseen  bool    `json:"unseen,omitzero"`  // nobody saw it begin
	Doubt   bool    `json:"doubt,omitzero"`   // something was wrong with it: nothing is to be learned from it

	LowSince int64   `json:"lowSince,omitzero"`
	Before   float64 `json:"before,omitzero"` // W, before nothing flowed any more
	shape
	levels
	steps
}

// copy shares nothing with the session.
func (s *session) copy() *session {
	c := *s
	c.Learned = make([]*profile, len(s.Learned))
	for i, p := range s.Learned {
		learned := *p
		c.Learned[i] = &learned
	}
	return &c
}

// sessionInput is what one poll said of a socket; NaN where it said nothing good.
type sessionInput struct{ power, energy, relay, plugged, card, temperature float64 }

// update follows one poll.
func (s *session) update(t int64, in sessionInput) {
	if t < s.Last {
		s.shift(t - s.Last) // the clock was set back: what has passed has passed
	}
	s.owner(in.card)
	if !math.IsNaN(in.power) {
		s.sample(t, in.power)
	}
	if !math.IsNaN(in.energy) { // at the first reading of a session the counter only tells where it begins
		s.Energy.count(t, in.energy, s.Begin != 0 && s.Begin != t)
	}
	if s.Begin != 0 && in.temperature > s.Hottest {
		s.Hottest = in.temperature
	}
	// An open relay or an empty plug ends the session, unless current still flows: then the contact lies or the relay sticks.
	if (in.relay == 0 || in.plugged == 0) && !s.flows(t, in.power) {
		s.end()
	}
}

// flows says whether current flows, by this poll, or by the last one where this did not read power.
func (s *session) flows(t int64, power float64) bool {
	if math.IsNaN(power) && t-s.Last <= max(startHold, 3*min(pace(s.Pace), maxPace)) {
		power = s.Power
	}
	return power > startPower
}

// owner takes the card that the socket shows. It may come a little after the plug, and go before it.
func (s *session) owner(card float64) {
	switch {
	case math.IsNaN(card) || card == s.Card:
	case s.Begin == 0 || s.Card == 0:
		s.Card = card
	case card != 0:
		s.Doubt = true
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
	if s.over(t, p, dt, hole) {
		s.end()
	}
	before, first := s.Power, s.Last == 0
	s.Pace[0], s.Pace[1] = s.Pace[1], dt
	s.Last, s.Power = t, p
	if s.Begin == 0 {
		s.wait(t, p, first || hole)
		return
	}
	if hole {
		s.Hole += dt
		s.Holes++
		s.Energy.miss(dt)
		s.blind()
		before = p
	} else {
		s.Energy.add((max(before-s.Idle, 0) + max(p-s.Idle, 0)) / 2 * float64(dt) / 3600e6)
	}
	switch {
	case s.Paused != 0 && p > startPower:
		s.Active, s.Paused = true, 0
	case s.Paused == 0 && !s.Active:
		s.confirm(t, p)
	}
	if s.Active || s.Paused != 0 {
		s.follow(t, p, before)
		s.low(t, p)
	}
}

// over says that the charge ended before this reading: too long ago, or what flows now cannot be the same battery.
func (s *session) over(t int64, p float64, dt int64, hole bool) bool {
	switch {
	case s.Begin == 0:
		return false
	case dt > maxAbsence, hole && !s.Active && s.Paused == 0:
		return true
	case s.Paused != 0 && t-s.Paused > s.resumeWithin():
		return true
	}
	if usual := pace(s.Pace); s.Knee && s.Power < floatPower && p > s.Power+newPower && usual >= slotTime*3/4 {
		return true // nobody would have seen the plug change hands
	}
	return (hole || s.LowSince != 0 && p > startPower) && s.isAnother(p)
}

// resumeWithin is longer where readings come slowly: one without power in between is a pause, two are an end, as a fridge has it.
func (s *session) resumeWithin() int64 { return max(resumeTime, min(pace(s.Pace), maxPace)*3/2) }

// wait looks for the beginning of a session.
func (s *session) wait(t int64, p float64, unseen bool) {
	switch {
	case p > startPower:
		s.charge = charge{Begin: t, Unseen: unseen}
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

func (s *session) low(t int64, p float64) {
	hold := int64(endHold)
	if s.swings(t) >= 2 {
		hold = max(endHold, resumeTime-pace(s.Pace))
	}
	switch {
	case p >= endPower:
		s.LowSince, s.Before = 0, p
	case s.LowSince == 0:
		s.LowSince = t
	case s.Active && t-s.LowSince >= hold:
		s.Active, s.Paused = false, s.LowSince
	}
}

// blind forgets what needs an unbroken view: after a hole those times begin anew.
func (s *session) blind() {
	s.LowSince = 0
	s.shape.blind()
	s.levels = levels{}
}

// end ends the charge and learns from it.
func (s *session) end() {
	if s.Begin == 0 {
		return
	}
	if s.Knee && s.Start > 0 && !s.Unseen && !s.Doubt && !s.Two && s.Hole <= maxUnseen {
		s.teach()
	}
	if s.Paused != 0 && !s.Knee && s.Paused-s.Begin < shortest {
		s.Restarts.add(s.Paused)
	}
	s.charge, s.Card = charge{}, 0
	s.Energy.begin()
}

// shift moves every time by as much as the clock was set.
func (s *session) shift(by int64) {
	for _, at := range []*int64{
		&s.Begin, &s.Last, &s.Paused, &s.KneeSince, &s.BackSince, &s.TailSince, &s.LowSince, &s.SlotAt, &s.Energy.At,
	} {
		if *at != 0 {
			*at += by
		}
	}
	for i := range s.Flat.Steps[:s.Flat.N] {
		s.Flat.Steps[i].At += by
	}
	for i := range s.Levels[:s.Known] {
		s.Levels[i].At += by
	}
	s.Swings.shift(by)
	s.Jumps.shift(by)
	s.Restarts.shift(by)
}

// capacity is the energy of the battery, as far as the peak tells.
func (s *session) capacity(now int64) float64 {
	if s.Peak == 0 || now-s.Begin < settled || s.uncertain(now) {
		return math.NaN()
	}
	return capacity(s.Peak, s.battery)
}

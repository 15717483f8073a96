package rules

import "slices"

// How a step of the level is told from a slope and from noise.
const (
	slotTime    = 60 * 1000 // ms that one level is the mean of; where readings come more slowly, each is one
	settleTime  = 3 * 60e3  // ms after which a charger has settled
	joinShare   = 1.12      // times the highest level so far: another load has come
	joinPower   = 15.0      // W, at least
	leaveShare  = 0.12      // of the level: one that falls so far at once, and then holds, has lost a load
	leaveSlow   = 0.2       // the same where readings come minutes apart: a steep taper falls as far
	levelNoise  = 0.04      // of the level that holds
	riseShare   = 0.2       // of the level after the knee, …
	risePower   = 15.0      // … and W: a step up
	riseTime    = 5 * 60e3  // ms in which it has to come
	pauseTime   = 16 * 60e3 // ms that are looked back for it: readings every 5 min come a little late
	declineRest = 0.5       // of the whole fall: more than that at once is a drop and no decline
)

// levels are the means of the last minutes, newest first, and what their steps have told.
type levels struct {
	SlotAt int64    `json:"slotAt,omitzero"` // when the minute under way began
	Sum    float64  `json:"sum,omitzero"`
	Count  int      `json:"count,omitzero"`
	Levels [8]level `json:"levels,omitzero"`
	Known  int      `json:"known,omitzero"`
}

type level struct {
	At int64   `json:"at"`
	W  float64 `json:"w"`
}

// steps are what the levels have told of the charge.
type steps struct {
	Start    float64 `json:"start,omitzero"`    // W, the median about 15 min after the beginning
	Crest    float64 `json:"crest,omitzero"`    // W, the highest level that held, some minutes ago
	Two      bool    `json:"two,omitzero"`      // a second load has joined or left
	Fell     float64 `json:"fell,omitzero"`     // W, the steepest fall since the peak
	Lowest   float64 `json:"lowest,omitzero"`   // W, the lowest level since the peak
	RiseFrom float64 `json:"riseFrom,omitzero"` // W before a step up after the knee
	RiseTo   float64 `json:"riseTo,omitzero"`   // W at once after it
	Rise     float64 `json:"rise,omitzero"`     // W by which power has been above RiseFrom; 0: no step, or it is over
}

// slot adds a reading to the minute under way, and closes the minute when the next reading will be beyond it.
func (s *session) slot(t int64, p float64) {
	if s.Count == 0 {
		s.SlotAt = t
	}
	s.Sum += p
	s.Count++
	if t-s.SlotAt+pace(s.Pace) < slotTime*3/4 { // readings of every minute come a little sooner or later
		return
	}
	copy(s.Levels[1:], s.Levels[:])
	s.Levels[0] = level{s.SlotAt, s.Sum / float64(s.Count)}
	s.Known = min(s.Known+1, len(s.Levels))
	s.Sum, s.Count = 0, 0
	if s.Start == 0 && t-s.Begin >= settled {
		s.Start = s.median(s.Begin + settleTime)
	}
	s.fall()
	if s.Known >= 4 {
		s.jump(t)
		s.join()
		s.leave()
	}
}

// median of the levels since a moment, 0 when there is none.
func (s *session) median(since int64) float64 {
	var all [len(s.Levels)]float64
	n := 0
	for _, l := range s.Levels[:s.Known] {
		if l.At >= since {
			all[n] = l.W
			n++
		}
	}
	if n == 0 {
		return 0
	}
	slices.Sort(all[:n])
	return (all[n/2] + all[(n-1)/2]) / 2
}

// fall keeps how power left the peak: bit by bit, or at once.
func (s *session) fall() {
	if !s.Knee && s.KneeSince == 0 {
		s.Fell, s.Lowest = 0, 0
		return
	}
	now := s.Levels[0].W
	if s.Known > 2 {
		s.Fell = max(s.Fell, s.Levels[2].W-now)
	}
	if s.Lowest == 0 || now < s.Lowest {
		s.Lowest = now
	}
}

// declined says that power left the peak bit by bit.
func (s *session) declined(peak float64) bool {
	return s.Lowest > 0 && s.Fell < declineRest*(peak-s.Lowest)
}

// jump counts steps upwards. One is enough for a second load; several are no charger.
func (s *session) jump(t int64) {
	up := func(from, to float64) bool { return to >= joinShare*from && to-from >= joinPower }
	if t-s.Begin > settled && up(s.Levels[2].W, s.Levels[0].W) && !up(s.Levels[3].W, s.Levels[1].W) {
		s.Jumps.add(t)
	}
}

// join looks for a level that holds above all before it: a second load, or, after the knee, a rise that has no good reason.
func (s *session) join() {
	held := min(s.Levels[0].W, s.Levels[1].W)
	if s.Rise > 0 {
		s.Rise = max(s.Rise, s.Levels[0].W-s.RiseFrom) // what it stands on may go on declining
		if max(s.Levels[0].W, s.Levels[1].W) < (s.RiseTo+s.RiseFrom)/2 {
			s.Rise = 0
		}
	}
	if s.Knee && s.Rise == 0 {
		base, top := s.past()
		if held-base >= max(risePower, riseShare*base) && held > top {
			s.RiseFrom, s.RiseTo, s.Rise, s.Two = base, held, s.Levels[0].W-base, true
		}
	}
	if s.Crest > 0 && held >= max(joinShare*s.Crest, s.Crest+joinPower) {
		s.Two, s.Crest = true, held
	}
	if s.Levels[3].At-s.Begin >= settleTime {
		s.Crest = max(s.Crest, min(s.Levels[2].W, s.Levels[3].W))
	}
}

// past is the lowest level in the five minutes before the last two levels, and the highest at all, which a pause that ends
// comes back to; either held by two levels running.
func (s *session) past() (base, top float64) {
	base = max(s.Levels[2].W, s.Levels[3].W)
	for i := 2; i+1 < s.Known; i++ {
		a, b := s.Levels[i], s.Levels[i+1]
		if s.Levels[1].At-a.At <= riseTime {
			base = min(base, max(a.W, b.W))
		}
		if s.Levels[1].At-a.At <= pauseTime {
			top = max(top, min(a.W, b.W))
		}
	}
	return base, top
}

// leave looks for a level that fell at once and then held, where a taper would go on: a load has gone, and what is left has
// a peak of its own.
func (s *session) leave() {
	if s.Known < 7 {
		return
	}
	before := min(s.Levels[5].W, s.Levels[6].W)
	high, low := s.Levels[0].W, s.Levels[0].W
	for _, l := range s.Levels[1:4] {
		high, low = max(high, l.W), min(low, l.W)
	}
	share := leaveShare
	if s.Levels[3].At-s.Levels[5].At > 4*slotTime {
		share = leaveSlow
	}
	if before-high < max(joinPower, share*before) || high-low > max(2, levelNoise*high) || low < max(tailPower, before/4) {
		return
	}
	s.Two, s.Crest, s.Peak = true, high, high
	s.Knee, s.KneeSince, s.Backs, s.Fell, s.Lowest = false, 0, 0, 0, 0
	s.Rise, s.Flat = 0, plateau{}
}

package health

import (
	"math"
	"math/bits"
	"slices"
	"time"
)

// set notes whether a cause is there. It becomes a reason when it has held for long enough, and stops being one after it was
// away for calm.
func (s *sensor) set(r Reasons, is bool, at time.Time) {
	i := bits.TrailingZeros32(uint32(r))
	if is != (s.causes&r != 0) {
		s.causes ^= r
		s.since[i] = at.Unix()
	}
	held := time.Duration(at.Unix()-s.since[i]) * time.Second
	switch {
	case is && held >= r.holds():
		s.raised |= r
	case !is && held >= calm:
		s.raised &^= r
	}
}

// shares are the parts of the last 24 h without answers, and of the readings that came late.
func (s *sensor) shares() (offline, late float64) {
	var lost, behind, total float64
	for _, h := range s.Hours {
		lost, behind, total = lost+float64(h.Offline), behind+float64(h.Late), total+float64(h.Total)
	}
	if total > 0 {
		late = behind / total
	}
	return min(1, lost/86400), late
}

// judge is the part of the tests that follows the clock, not a reading.
func (s *sensor) judge(now time.Time) {
	s.bucket(now)
	offline, late := s.shares()
	for _, share := range []struct {
		of          Reasons
		part, limit float64
	}{{Offline, offline, offlineShare}, {Late, late, lateShare}} {
		was := s.raised&share.of != 0
		s.set(share.of, share.part >= share.limit || was && share.part >= share.limit/2, now)
	}
	h := s.Hour
	s.set(Jumps, s.Hours[h%24].Jumps+s.Hours[(h+23)%24].Jumps >= jumpsMost, now)
	if now.Unix()/60 > s.minute {
		s.set(Chatter, false, now)
	}
	unmoved := time.Duration(now.Unix()-s.Moved) * time.Second
	s.set(DeadDoor, s.Moved > 0 && unmoved > doorUnmoved && s.Used > s.Moved, now)
	if zero := s.median(); !math.IsNaN(zero) {
		s.set(ZeroOff, math.Abs(zero) > zeroFail, now)
		s.set(ZeroDrifts, math.Abs(zero) > zeroWarn, now)
	}
	s.set(Overdue, past(s.tested, now, testDue) || past(s.installed, now, oldAfter), now)
}

func past(day, now time.Time, limit time.Duration) bool { return !day.IsZero() && now.Sub(day) > limit }

// median of the nightly minima; NaN before there are enough.
func (s *sensor) median() float64 {
	if len(s.Nights) < nightsLeast {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(s.Nights))
	return sorted[len(sorted)/2]
}

// score of the device, 0 to 100.
func (s *sensor) score() int {
	offline, late := s.shares()
	return Score(offline, late, s.raised)
}

// Score is 100 less 40·offline, 25 for a failed test, 15 for a suspicion, 10·late and 10 for an overdue test or replacement.
// offline and late are shares, 0 to 1.
func Score(offline, late float64, r Reasons) int {
	points := 100 - 40*clamp(offline) - 10*clamp(late)
	if r&fails != 0 {
		points -= 25
	}
	if r&suspects != 0 {
		points -= 15
	}
	if r&Overdue != 0 {
		points -= 10
	}
	return int(math.Round(max(0, points)))
}

func clamp(share float64) float64 {
	if math.IsNaN(share) {
		return 0
	}
	return max(0, min(1, share))
}

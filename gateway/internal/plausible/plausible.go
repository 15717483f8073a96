// Package plausible doubts readings by what came before them: a value that jumps further than its point can (Rate), and one
// that stands still where it cannot (Stuck). A doubted reading keeps its value and is Uncertain, with the reason: it cannot trip
// a rule alone. The pollers send every read of a device through it, so drivers in other processes are judged too.
//
// It promises: a change that stays is believed after confirm readings, whatever its size, so nothing is doubted for ever: a
// counter that was exchanged, has overflowed or began anew, and a fire. While it goes on the same way it stays believed. Without
// limits in the profile a reading is not touched.
package plausible

import (
	"math"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

const (
	confirm = 3           // readings on the same side of the last believed one: with the third it is believed
	least   = time.Second // as much change as one second allows is always allowed: counters move in steps
	pauses  = 4           // two readings further apart than this part of Stuck.After say nothing of the time between them
)

// Of answers the judge of the reads of one device address: it takes the readings of the points, in their order, and changes
// their quality in place. It is nil when no point has a limit. Its state is its own; one goroutine uses it at a time.
func Of(points []device.Point) func([]device.Reading) {
	s := &stage{}
	for i := range points {
		p := &points[i]
		if p.Rate > 0 {
			s.rates = append(s.rates, rate{at: i, most: p.Rate})
		}
		if p.Stuck == nil {
			continue
		}
		k := stuck{at: i, limit: p.Stuck, while: -1}
		for j := range points {
			if points[j].Device == p.Device && points[j].Name == p.Stuck.While {
				k.while = j
			}
		}
		if p.Stuck.While == "" || k.while >= 0 {
			s.stucks = append(s.stucks, k)
		}
	}
	if s.rates == nil && s.stucks == nil {
		return nil
	}
	return s.pass
}

// stage is the memory of one device address.
type stage struct {
	rates  []rate
	stucks []stuck
}

func (s *stage) pass(rs []device.Reading) {
	for i := range s.rates {
		s.rates[i].judge(rs)
	}
	for i := range s.stucks {
		s.stucks[i].judge(rs)
	}
}

// rate is the memory of a point with a plausible rate.
type rate struct {
	at    int // among the readings
	most  float64
	value float64   // the last that was believed
	time  time.Time // of that reading; zero: none was
	above bool      // on which side of the one before those lie that jumped
	count int       // how many of them in a row, up to confirm: from there on they are believed
}

func (r *rate) judge(rs []device.Reading) {
	if r.at >= len(rs) || rs[r.at].Quality != device.Good {
		return // what is bad or doubted already neither counts nor breaks a row
	}
	is := &rs[r.at]
	passed := is.Time.Sub(r.time)
	change := is.Value - r.value
	if above := change > 0; r.time.IsZero() || passed < 0 || math.Abs(change) <= r.most*max(passed, least).Seconds() {
		r.count = 0
	} else {
		if r.above != above {
			r.count = 0
		}
		if r.count, r.above = min(r.count+1, confirm), above; r.count < confirm {
			is.Quality, is.Reason = device.Uncertain, device.RateExceeded
			return
		}
	}
	r.value, r.time = is.Value, is.Time
}

// stuck is the memory of a point that cannot stand still.
type stuck struct {
	at, while int // among the readings; while is -1 without a condition
	limit     *device.Standstill
	value     float64
	time      time.Time     // of the last reading with a value
	still     time.Duration // for how long it has not moved while it should
}

func (k *stuck) judge(rs []device.Reading) {
	if k.at >= len(rs) || k.while >= len(rs) || rs[k.at].Quality == device.Bad {
		return
	}
	is := &rs[k.at]
	passed := is.Time.Sub(k.time)
	switch moved := is.Value != k.value; {
	case k.time.IsZero(), moved, !k.should(rs), passed < 0:
		k.still = 0
	case passed <= k.limit.After/pauses:
		k.still += passed
	}
	k.value, k.time = is.Value, is.Time
	if k.still >= k.limit.After && is.Quality == device.Good {
		is.Quality, is.Reason = device.Uncertain, device.Stuck
	}
}

// should says whether the point has to move now: not while that is unknown.
func (k *stuck) should(rs []device.Reading) bool {
	return k.while < 0 || rs[k.while].Quality == device.Good && rs[k.while].Value > k.limit.Above
}

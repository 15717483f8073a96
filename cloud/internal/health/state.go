package health

import (
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// States of a device as the street may show it. Only good means that its values can be relied on now.
const (
	Good    = "good"    // it answers, what it says is fresh, and its score is high
	Suspect = "suspect" // it answers, and something about it is doubtful, or a calibration is overdue
	Faulty  = "faulty"  // it answers, and failed a test
	Offline = "offline" // its gateway says that it does not answer
	Silent  = "silent"  // nothing says that it is gone, but its readings have stopped
	Unknown = "unknown" // its gateway is silent, or has not told of it yet: what was known before counts no more
)

// Trusts of a state.
const (
	Fresh = "fresh" // what is known is as young as the device's own interval lets it be
	Stale = "stale" // it was known, and is older than that
	Never = "unknown"
)

// Scores: one failed test costs 25 points, one doubt 15.
const (
	goodFrom   = 90
	faultyTo   = 75
	scoreLasts = 25 * time.Minute // gateways repeat a score every ten minutes, and readings wait on their way
)

// A contact is what is known of a gateway.
type contact struct {
	gateway, site string
	online        bool
	sinceMs       int64 // of being online or not
	seenMs        int64
}

// silent says since when a gateway is silent, at a moment; 0: it reports. Besides what ingest found, a gateway that nobody
// has looked after for too long counts as silent: its worker may be gone.
func (c contact) silent(now, limit int64) int64 {
	switch {
	case !c.online:
		return max(c.sinceMs, 1)
	case now-c.seenMs > limit:
		return max(c.seenMs, 1)
	}
	return 0
}

// A view is a sensor at a moment.
type view struct {
	state, trust string
	sinceMs      int64 // of the state; 0: not known
	ageMs        int64 // of the newest usable reading; -1: there is none
	score        int   // 0 to 100; noScore: nothing is known
	own          bool  // the score is the street's own, not the gateway's
	reason       device.Reason
	overdue      bool // calibration
}

// see judges a sensor at a moment, Unix ms, which lies in the day today. silentMs is since when its gateway is silent; 0: it is
// not.
func (s *sensor) see(now, silentMs, today int64) view {
	v := view{ageMs: -1, score: noScore, overdue: s.due > 0 && s.due < today}
	if s.heardMs > 0 {
		v.ageMs = max(0, now-s.heardMs)
	}
	quiet := s.limitMs > 0 && (v.ageMs < 0 || v.ageMs > s.limitMs)
	switch {
	case silentMs > 0:
		v.state, v.trust, v.sinceMs, v.reason = Unknown, Stale, silentMs, device.GatewayOff
		if s.answers == notTold && s.heardMs == 0 {
			v.trust = Never
		}
	case s.answers == answersNo:
		v.state, v.trust, v.sinceMs, v.reason = Offline, Fresh, s.sinceMs, s.reason
	case s.answers == notTold && v.ageMs < 0:
		v.state, v.trust, v.reason = Unknown, Never, device.NotRead
	case quiet:
		v.state, v.trust, v.reason = Silent, Stale, device.NotRead
		if v.sinceMs = s.sinceMs; s.heardMs > 0 {
			v.sinceMs = s.heardMs + s.limitMs
		}
	default:
		v.state, v.trust, v.sinceMs = Good, Fresh, s.sinceMs
	}
	s.rate(&v, now)
	if v.state != Good {
		return v
	}
	switch {
	case s.failing(v.score):
		v.state = Faulty
	case v.score < goodFrom || v.overdue:
		v.state = Suspect
	}
	v.sinceMs = max(v.sinceMs, s.turnMs)
	return v
}

// failing says whether a score tells of a failed test. What a device loses by having been offline is no such test: it answers
// again, and is doubtful for a day.
func (s *sensor) failing(score int) bool {
	return float64(score)+40*float64(s.offlinePM)/1000 <= faultyTo+0.5
}

// rate gives a view its score: the gateway's while that is young, with what the street knows besides; else the street's own by
// the same formula. It is not known of what was never heard of, and of what a silent gateway last said.
func (s *sensor) rate(v *view, now int64) {
	if v.state == Unknown {
		return
	}
	if s.score != noScore && now-s.scoreMs <= scoreLasts.Milliseconds() && v.state == Good {
		v.score = int(s.score)
		if v.overdue {
			v.score = max(0, v.score-10)
		}
		return
	}
	v.own = true
	v.score = Score(Share{Offline: float64(s.offlinePM) / 1000, Failed: v.state == Offline, Doubted: v.state == Silent, Overdue: v.overdue})
}

// trusted says whether a detector can be relied on to see what it is there for.
func (v view) trusted() bool { return v.trust == Fresh && (v.state == Good || v.state == Suspect) }

// A Share is what the street itself knows of a device.
type Share struct {
	Offline float64 // of the last 24 h, 0 to 1
	Failed  bool    // a test: it does not answer now
	Doubted bool    // its readings have stopped
	Overdue bool    // calibration
}

// Score is 100 less 40·offline, 25 for a failed test, 15 for a doubt and 10 for an overdue calibration, never below 0. It is the
// formula of the gateways' own score, but for late readings, which the gateway alone can see.
func Score(s Share) int {
	points := 100 - 40*clamp(s.Offline)
	for _, cost := range []struct {
		is     bool
		points float64
	}{{s.Failed, 25}, {s.Doubted, 15}, {s.Overdue, 10}} {
		if cost.is {
			points -= cost.points
		}
	}
	return int(max(0, points) + 0.5)
}

func clamp(share float64) float64 {
	if !(share > 0) { // NaN as well
		return 0
	}
	return min(1, share)
}

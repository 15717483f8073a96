package rtsp

import "time"

// How the camera's time is laid upon ours.
const (
	jump      = 2 * time.Second // a frame so far from where it is due begins a new segment
	follow    = 2000            // a frame's share in the correction: the camera's clock runs differently from ours
	driftPart = 10 * time.Second
)

// timeline gives frames their time on the gateway's clock, as arrivals say it, without their jitter. All times are since the
// process began and so know no steps of the wall clock. It never goes backwards within a segment, and a session's frames lie
// as far apart as the camera says.
type timeline struct {
	begun   bool
	anchor  time.Duration // our time of the camera's time 0
	last    time.Duration // of the newest frame
	segment int           // counts up with each jump and each new session
	fresh   bool          // the next frame begins a segment

	since       time.Duration // arrival of the segment's first frame
	first, best time.Duration // smallest offsets: of the segment's first part, of the present part
	firstKnown  bool
	partEnds    time.Duration
	firstAt     time.Duration
	drift       float64 // of the camera's clock against ours, in parts per million
	driftKnown  bool
}

// session begins a new session: the camera's times have nothing to do with the former ones.
func (t *timeline) session() { t.fresh = true }

// place is the time of a frame that arrived at `arrival` and is due at `dts` of the camera's time.
func (t *timeline) place(arrival time.Duration, dts int64) time.Duration {
	due := stampTime(dts)
	offset := arrival - due
	if !t.begun || t.fresh || (offset-t.anchor).Abs() > jump {
		*t = timeline{begun: true, anchor: offset, last: t.last, segment: t.segment + 1, since: arrival, best: offset, partEnds: arrival + driftPart, drift: t.drift}
	}
	t.measure(arrival, offset)
	if offset < t.anchor {
		t.anchor = offset // it cannot have come before it was
	} else {
		t.anchor += (offset - t.anchor) / follow
	}
	at := due + t.anchor
	if at <= t.last {
		at = t.last + time.Microsecond*12 // one tick
	}
	t.last = at
	return at
}

// measure compares the smallest delays of two parts of the segment: what has changed between them is the clocks' difference.
func (t *timeline) measure(arrival, offset time.Duration) {
	if arrival < t.partEnds {
		t.best = min(t.best, offset)
		return
	}
	middle := t.partEnds - driftPart/2
	if !t.firstKnown {
		t.first, t.firstKnown, t.firstAt = t.best, true, middle
	} else if apart := middle - t.firstAt; apart >= time.Minute {
		t.drift = -float64(t.best-t.first) / float64(apart) * 1e6
		t.driftKnown = true
	}
	t.best, t.partEnds = offset, arrival+driftPart
}

// stampTime is the duration of ticks of 1/90000 s; it does not overflow within a thousand years.
func stampTime(dts int64) time.Duration {
	return time.Duration(dts/timeScale)*time.Second + time.Duration(dts%timeScale)*time.Second/timeScale
}

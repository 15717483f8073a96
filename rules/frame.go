package rules

import (
	"math"

	"github.com/linshao/linshao/drivers/device"
)

// A slot is the last reading of one point of one device, as the expressions see it.
type slot struct {
	val   float64 // the value; NaN when the last reading was not good or there was none
	seen  int64   // ms: when it was last read, good or not; 0: never
	lost  int64   // ms: when it first was not good, after it had been; 0 while it is good
	until int64   // ms: fresh at least until then, by the pace at which its readings have been coming
	gap   [2]int64
	q     device.Quality
	why   device.Reason
}

// maxPace caps what a slow pace of readings can excuse: 5 min between readings is the slowest pace that is still believed.
const maxPace = 5 * 60 * 1000

// maxValue bounds a believable value of any point: sums and products of such values stay finite.
const maxValue = 1e12

// put stores a reading. One hole does not make the next one normal, because pace is the smaller of two intervals.
func (s *slot) put(r *device.Reading, t int64) {
	if s.seen != 0 && t > s.seen {
		s.gap[0], s.gap[1] = s.gap[1], t-s.seen
	}
	s.seen, s.until = t, t+3*min(pace(s.gap), maxPace)
	s.q, s.why = r.Quality, r.Reason
	if r.Quality == device.Good && math.Abs(r.Value) <= maxValue { // NaN compares false
		s.val, s.lost = r.Value, 0
		return
	}
	s.val = math.NaN()
	if s.lost == 0 {
		s.lost = t
	}
}

// noLater moves the slot's times back to t after the clock was set back: age counts from now.
func (s *slot) noLater(t int64) {
	if ahead := s.seen - t; ahead > 0 {
		s.seen, s.until = t, s.until-ahead
	}
	s.lost = min(s.lost, t)
}

// missed says that until t nobody looked for so many ms: what was read before is too old, and its silence no longer than it was.
func (s *slot) missed(by, t int64) {
	if s.seen == 0 || s.seen > t-by { // never read, or since then
		return
	}
	s.val, s.seen, s.until = math.NaN(), s.seen+by, s.until+by
	if s.q == device.Good {
		s.q, s.why = device.Bad, device.NotRead
	}
	if s.lost != 0 {
		s.lost += by
	}
}

// pace is the smaller of the last two intervals, or the only one.
func pace(last [2]int64) int64 {
	if last[0] == 0 {
		return last[1]
	}
	return min(last[0], last[1])
}

// A frame is what one evaluation of one rule for one subject sees. The engine owns one and fills it anew each time.
type frame struct {
	slots  []slot
	sess   *session // nil unless the subject is a socket
	now    int64    // ms
	start  int64    // ms: when the engine first knew the time
	maxAge int64    // ms
	heard  int64    // ms: silence counts up to here, until the next tick

	windows   []window
	groups    []*group
	emergency bool                     // 急 mode
	labels    []int64                  // ms: the dates in the subject's labels, in the layout's order; 0 when there is none
	flags     []bool                   // which of the subject's labels say "true", likewise
	alarms    func(over int64) float64 // alerts of the site that began firing in the last so many ms; nil: nobody counts
}

func (f *frame) stale(s *slot) bool { return f.now > s.until && f.now-s.seen > f.maxAge }

// value of a point, NaN when unknown.
func (f *frame) value(i int) float64 {
	s := &f.slots[i]
	if f.stale(s) {
		return math.NaN()
	}
	return s.val
}

// absent says for how many seconds the point has been known to have no usable value; 0 while it has one. A point that was
// never read gets as long as a reading may be old before its silence counts, and then counts from the start.
func (f *frame) absent(i int) float64 {
	s, now := &f.slots[i], min(f.now, f.heard)
	switch {
	case s.seen == 0 && now-f.start <= f.maxAge:
		return 0
	case s.seen == 0:
		return seconds(now - f.start)
	case s.lost != 0:
		return max(seconds(now-s.lost), 0)
	case f.stale(s):
		return max(seconds(now-s.seen), 0)
	}
	return 0
}

func seconds(ms int64) float64 { return float64(ms) / 1000 }

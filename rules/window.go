package rules

import "math"

// A window is kept in a ring of buckets, so that 24 h cost no more than 5 min: each new value touches the newest bucket, and
// the sums over the others are made when somebody first asks after a new one began. The far edge of a window is that of its
// oldest bucket: it reaches back up to a 32nd more than its length.
const (
	windowBuckets = 32
	ringSize      = windowBuckets + 1
	coverNeeded   = 0.8 // of a window's length must be known, or the window is not
	deltaReach    = 3   // buckets within which "the value that long ago" may be found: a tenth of the length
)

// A windowSpec is a window that rules of a kind look into.
type windowSpec struct {
	key    string
	x      numFn  // the value; of a condition 0 or 1
	slots  []int  // whose readings it is made of
	mask   uint64 // the same as bits
	length int64  // ms
	ring   bool   // false: only when the value last changed is kept
	rises  bool   // of a condition: how often it became true
}

func (s *windowSpec) width() int64 { return (s.length + windowBuckets - 1) / windowBuckets }

// A bucket is what is known of a value in a part of a window. Between two readings the value is the first one's, for as long
// as it is fresh.
type bucket struct {
	cover     int64   // ms of it in which the value was known
	area      float64 // the value's integral over those
	low, high float64
	first     float64 // at its beginning, or the first known in it; NaN when there is none
	n         float64 // readings; of a condition, how often it became true
	at, sum   float64 // of the readings: times since the bucket's beginning in widths, and values
}

func emptyBucket() bucket {
	return bucket{low: math.Inf(1), high: math.Inf(-1), first: math.NaN()}
}

// A window is a windowSpec for one subject. Times are ms on a clock of its own, that is never set back.
type window struct {
	spec    *windowSpec
	started bool
	behind  int64   // how far the world's clock is behind the window's
	at      int64   // up to here the past is known, or known to be unknown
	last    float64 // the value since then; NaN: unknown
	until   int64   // last is too old from here on
	before  float64 // the last known value
	from    int64   // since when the value has been known without a hole
	changed int64   // when a new value was seen; 0: never
	doubt   int64   // it changed after this moment: changed itself, or the beginning of the hole before it
	lost    int64   // when the hole under way began

	newest int64    // number of the newest bucket: its beginning in widths
	open   bucket   // the newest bucket: with the fields above all that a reading touches
	closed summary  // of the others, as far as they are not stale
	stale  bool     // a bucket has been closed since
	ring   []bucket // the others
}

// A summary is sums over buckets. Times in it are widths since the newest bucket's beginning.
type summary struct {
	cover               int64
	area, low, high     float64
	n, t, v, tt, tv     float64
	spreadLow, spreadHi float64 // the first and last bucket's time that holds readings
}

func newWindow(spec *windowSpec) window {
	return window{spec: spec, last: math.NaN(), before: math.NaN()}
}

// sample takes the value of now, as the frame has it. read: a reading brought it; otherwise time has passed. A reading that
// is later than slack tells nothing of now; a tick says that the clock was set back: what has passed has passed.
func (w *window) sample(f *frame, read bool, slack int64) {
	switch late := w.at - (f.now + w.behind); {
	case !w.started || late <= slack:
	case read:
		return
	default:
		w.behind += late
	}
	w.advance(f.now + w.behind)
	v := w.spec.x(f)
	w.until = w.expiry(f) + w.behind
	w.take(v, read)
}

// expiry is when the first of the inputs is too old.
func (w *window) expiry(f *frame) int64 {
	at := int64(math.MaxInt64 / 2)
	for _, i := range w.spec.slots {
		if s := &f.slots[i]; !math.IsNaN(s.val) {
			at = min(at, max(s.until, s.seen+f.maxAge))
		}
	}
	return at
}

// advance carries the last value on to now, as far as it is fresh.
func (w *window) advance(now int64) {
	if !w.started {
		w.started, w.at, w.lost = true, now, now
		if w.spec.ring {
			w.clear(floorDiv(now, w.spec.width()))
		}
	}
	if now <= w.at {
		return
	}
	if !math.IsNaN(w.last) {
		end := min(now, w.until)
		w.hold(end)
		if end < now {
			w.last, w.lost = math.NaN(), max(end, w.at)
		}
	}
	w.at = now
	if w.spec.ring {
		w.roll(floorDiv(now, w.spec.width()))
	}
}

// hold covers the ring with the last value up to a moment.
func (w *window) hold(end int64) {
	if !w.spec.ring {
		return
	}
	width := w.spec.width()
	from := max(w.at, end-ringSize*width)
	for from < end {
		k := floorDiv(from, width)
		w.roll(k)
		stop := min(end, (k+1)*width)
		b := &w.open
		b.cover += stop - from
		b.area += w.last * float64(stop-from)
		b.see(w.last)
		from = stop
	}
}

func (b *bucket) see(v float64) {
	b.low, b.high = min(b.low, v), max(b.high, v)
	if math.IsNaN(b.first) {
		b.first = v
	}
}

// take sets the value from now on.
func (w *window) take(v float64, read bool) {
	if math.IsNaN(v) {
		if !math.IsNaN(w.last) {
			w.lost = w.at
		}
		w.last = v
		return
	}
	hole := math.IsNaN(w.last) && w.lost < w.at
	switch {
	case !math.IsNaN(w.before) && v != w.before && hole:
		w.changed, w.doubt = w.at, w.lost
	case !math.IsNaN(w.before) && v != w.before:
		w.changed, w.doubt = w.at, w.at
	}
	if hole || math.IsNaN(w.before) {
		w.from = w.at
	}
	if w.spec.ring {
		b := &w.open
		b.see(v)
		switch {
		case w.spec.rises:
			if w.before == 0 && v == 1 {
				b.n++
			}
		case read:
			b.n++
			b.at += float64(w.at-w.newest*w.spec.width()) / float64(w.spec.width())
			b.sum += v
		}
	}
	w.last, w.before = v, v
}

func (w *window) bucket(k int64) *bucket {
	if k == w.newest {
		return &w.open
	}
	return &w.ring[floorMod(k, ringSize)]
}

func (w *window) clear(newest int64) {
	if w.ring == nil {
		w.ring = make([]bucket, ringSize)
	}
	for i := range w.ring {
		w.ring[i] = emptyBucket()
	}
	w.newest, w.open = newest, emptyBucket()
	w.sum()
}

// roll begins new buckets up to a number.
func (w *window) roll(k int64) {
	switch {
	case k <= w.newest:
		return
	case k-w.newest >= ringSize:
		w.clear(k)
		return
	}
	w.ring[floorMod(w.newest, ringSize)] = w.open
	for w.newest < k {
		w.newest++
		w.ring[floorMod(w.newest, ringSize)] = emptyBucket()
	}
	w.open = emptyBucket()
	w.stale = true // most conditions are told by something simpler: nobody may ask before the next one begins
}

// sum makes the sums over all buckets but the newest.
func (w *window) sum() {
	w.closed, w.stale = summary{low: math.Inf(1), high: math.Inf(-1)}, false
	for k := w.newest - windowBuckets; k < w.newest; k++ {
		w.closed.add(w.bucket(k), float64(k-w.newest))
	}
}

// add takes a bucket that begins so many widths after the newest.
func (s *summary) add(b *bucket, begin float64) {
	s.cover += b.cover
	s.area += b.area
	s.low, s.high = min(s.low, b.low), max(s.high, b.high)
	if b.n == 0 {
		return
	}
	t := begin + b.at/b.n
	if s.n == 0 {
		s.spreadLow = t
	}
	s.spreadHi = t
	s.n += b.n
	s.t += b.n * t
	s.v += b.sum
	s.tt += b.n * t * t
	s.tv += t * b.sum
}

// total is the whole window up to now.
func (w *window) total(f *frame) summary {
	w.advance(f.now + w.behind)
	if w.stale {
		w.sum()
	}
	s := w.closed
	s.add(&w.open, 0)
	return s
}

// covered says whether enough of the window is known.
func (w *window) covered(s *summary) bool {
	return float64(s.cover) >= coverNeeded*float64(w.spec.length)
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func floorMod(a, b int64) int64 { return a - floorDiv(a, b)*b }

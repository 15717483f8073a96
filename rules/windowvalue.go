package rules

import "math"

// What windows answer. All of it is unknown until the window is covered.

func (w *window) avg(f *frame) float64 {
	s := w.total(f)
	if !w.covered(&s) {
		return math.NaN()
	}
	return finite(s.area / float64(s.cover))
}

func (w *window) min(f *frame) float64 {
	s := w.total(f)
	if !w.covered(&s) {
		return math.NaN()
	}
	return s.low
}

func (w *window) max(f *frame) float64 {
	s := w.total(f)
	if !w.covered(&s) {
		return math.NaN()
	}
	return s.high
}

// slope is the change per hour of the line through the readings with the least squares. It needs readings that span half of
// the window: a line through two moments close together says nothing.
func (w *window) slope(f *frame) float64 {
	s := w.total(f)
	under := s.n*s.tt - s.t*s.t
	if !w.covered(&s) || s.spreadHi-s.spreadLow < windowBuckets/2 || under <= 0 {
		return math.NaN()
	}
	return finite((s.n*s.tv - s.t*s.v) / under * 3600e3 / float64(w.spec.width()))
}

// delta is the value now, less that of a length ago, or the first known of the tenth after it.
func (w *window) delta(f *frame) float64 {
	w.advance(f.now + w.behind)
	now, width := w.at, w.spec.width()
	k := floorDiv(now-w.spec.length+width/2, width) // the bucket whose beginning is nearest
	for i := k; i <= k+deltaReach && i <= w.newest; i++ {
		if i < w.newest-windowBuckets {
			continue
		}
		if v := w.bucket(i).first; !math.IsNaN(v) {
			return finite(w.last - v)
		}
	}
	return math.NaN()
}

// rises is how often the condition became true: at least low, at most high.
func (w *window) rises(f *frame) (low, high float64) {
	s := w.total(f)
	if !w.covered(&s) {
		return s.n, math.Inf(1)
	}
	return s.n, s.n
}

// hasChanged says whether the value is another than a length ago, or was meanwhile.
func (w *window) hasChanged(f *frame) tri {
	w.advance(f.now + w.behind)
	edge := w.at - w.spec.length
	switch {
	case w.changed != 0 && w.doubt >= edge:
		return yes
	case w.changed != 0 && w.changed >= edge, math.IsNaN(w.last), w.from > edge:
		return maybe
	}
	return no
}

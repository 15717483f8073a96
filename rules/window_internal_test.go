package rules

// Inside the package because windows are not exported: here they are compared with the plainest way to compute the same.

import (
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linshao/linshao/drivers/device"
)

// A history is all that was ever known of a value, and answers by walking through it.
type history struct {
	length, width int64
	spans         []span // known values, in order
	taken         []span // readings: from is their time
	rises         []int64
	before        float64
}

type span struct {
	from, to int64
	v        float64
}

func (h *history) edge(now int64) int64 { return (floorDiv(now, h.width) - windowBuckets) * h.width }

// inside are the known spans of the window; also those of no length whose reading lies in it.
func (h *history) inside(now int64) (in []span, cover int64) {
	edge := h.edge(now)
	for _, s := range h.spans {
		if s.to > edge || s.from >= edge {
			in = append(in, span{max(s.from, edge), min(s.to, now), s.v})
			cover += max(0, min(s.to, now)-max(s.from, edge))
		}
	}
	return in, cover
}

func (h *history) enough(cover int64) bool { return float64(cover) >= coverNeeded*float64(h.length) }

func (h *history) avg(now int64) float64 {
	in, cover := h.inside(now)
	if !h.enough(cover) {
		return math.NaN()
	}
	area := 0.0
	for _, s := range in {
		area += s.v * float64(max(s.to-s.from, 0))
	}
	return area / float64(cover)
}

func (h *history) extremes(now int64) (low, high float64) {
	in, cover := h.inside(now)
	if !h.enough(cover) {
		return math.NaN(), math.NaN()
	}
	low, high = math.Inf(1), math.Inf(-1)
	for _, s := range in {
		low, high = min(low, s.v), max(high, s.v)
	}
	return low, high
}

// slope is the line through the mean reading of each bucket, weighted by how many it has.
func (h *history) slope(now int64) float64 {
	type mean struct{ n, t, v float64 }
	var means []mean
	last := int64(math.MinInt64)
	for _, r := range h.taken {
		if r.from < h.edge(now) {
			continue
		}
		if k := floorDiv(r.from, h.width); k != last {
			means, last = append(means, mean{}), k
		}
		m := &means[len(means)-1]
		m.n, m.t, m.v = m.n+1, m.t+float64(r.from-now), m.v+r.v
	}
	_, cover := h.inside(now)
	if len(means) < 2 || !h.enough(cover) {
		return math.NaN()
	}
	first, end := means[0], means[len(means)-1]
	if (end.t/end.n-first.t/first.n)/float64(h.width) < windowBuckets/2 {
		return math.NaN()
	}
	n, t, v := 0.0, 0.0, 0.0
	for _, m := range means {
		n, t, v = n+m.n, t+m.t, v+m.v
	}
	up, under := 0.0, 0.0
	for _, m := range means {
		dt := m.t/m.n - t/n
		up += m.n * dt * (m.v/m.n - v/n)
		under += m.n * dt * dt
	}
	return up / under * 3600e3
}

func (h *history) delta(now int64, current float64) float64 {
	k := floorDiv(now-h.length+h.width/2, h.width)
	for i := max(k, floorDiv(now, h.width)-windowBuckets); i <= k+deltaReach && i*h.width <= now; i++ {
		for _, s := range h.spans {
			if s.to > i*h.width && s.from < (i+1)*h.width || s.from == s.to && s.from >= i*h.width && s.from < (i+1)*h.width {
				return current - s.v
			}
		}
	}
	return math.NaN()
}

// A windowRun feeds the same readings to windows and to a history.
type windowRun struct {
	f      *frame
	h      *history
	value  window
	cond   window
	change window
}

func newWindowRun(length int64) *windowRun {
	level := func(f *frame) float64 { return f.value(0) }
	high := func(f *frame) float64 {
		v := f.value(0)
		if math.IsNaN(v) {
			return v
		}
		return flag(v > 5)
	}
	spec := windowSpec{x: level, slots: []int{0}, mask: 1, length: length, ring: true}
	rising, changing := spec, spec
	rising.x, rising.rises, changing.ring = high, true, false
	return &windowRun{
		f: &frame{maxAge: 10_000, slots: []slot{{val: math.NaN()}}}, h: &history{length: length, width: spec.width(), before: math.NaN()},
		value: newWindow(&spec), cond: newWindow(&rising), change: newWindow(&changing),
	}
}

// sample takes what the slot says now into both.
func (r *windowRun) sample(read bool) {
	now := r.f.now
	for _, w := range []*window{&r.value, &r.cond, &r.change} {
		w.sample(r.f, read, lateness)
	}
	if n := len(r.h.spans); n > 0 {
		s := &r.h.spans[n-1]
		s.to = min(s.to, now)
	}
	v := r.f.value(0)
	if math.IsNaN(v) {
		return
	}
	slot := &r.f.slots[0]
	r.h.spans = append(r.h.spans, span{now, max(slot.until, slot.seen+r.f.maxAge), v})
	if read {
		r.h.taken = append(r.h.taken, span{now, now, v})
	}
	if r.h.before <= 5 && v > 5 {
		r.h.rises = append(r.h.rises, now)
	}
	r.h.before = v
}

func (r *windowRun) compare(t *rapid.T) {
	now := r.f.now
	is := func(what string, got, want float64) {
		t.Helper()
		if math.IsNaN(got) != math.IsNaN(want) || math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
			t.Fatalf("%s at %d: got %v, want %v", what, now, got, want)
		}
	}
	low, high := r.h.extremes(now)
	is("avg", r.value.avg(r.f), r.h.avg(now))
	is("min", r.value.min(r.f), low)
	is("max", r.value.max(r.f), high)
	is("slope", r.value.slope(r.f), r.h.slope(now))
	is("delta", r.value.delta(r.f), r.h.delta(now, r.f.value(0)))
	least := 0.0
	for _, at := range r.h.rises {
		least += flag(at >= r.h.edge(now))
	}
	most := least
	if _, cover := r.h.inside(now); !r.h.enough(cover) {
		most = math.Inf(1)
	}
	if l, m := r.cond.rises(r.f); l != least || m != most {
		t.Fatalf("count at %d: got %v to %v, want %v to %v", now, l, m, least, most)
	}
	r.compareChange(t)
}

// compareChange: a change is sure when two known values within the window differ, and can be ruled out when all of the
// window was seen and is the same.
func (r *windowRun) compareChange(t *rapid.T) {
	now := r.f.now
	edge := now - r.h.length
	var seen []float64
	end, whole := edge, true
	for _, s := range r.h.spans {
		if to := min(s.to, now); to >= edge && s.from <= now {
			seen = append(seen, s.v)
			whole = whole && s.from <= end
			end = max(end, to)
		}
	}
	whole = whole && end >= now && !math.IsNaN(r.f.value(0))
	differ := false
	for _, v := range seen {
		differ = differ || v != seen[0]
	}
	switch got := r.change.hasChanged(r.f); {
	case got == no && differ, got == no && !whole:
		t.Fatalf("not changed at %d: saw %v, whole %v", now, seen, whole)
	case got == yes && !differ && len(seen) > 0 && whole && r.h.spans[0].from < edge && seen[0] == r.h.at(edge-1):
		t.Fatalf("changed at %d: saw %v", now, seen)
	case got == maybe && whole && !differ && r.h.at(edge-1) == seen[0]:
		t.Fatalf("cannot tell at %d: saw only %v", now, seen)
	}
}

// at is the value at a moment; NaN when it was not known.
func (h *history) at(t int64) float64 {
	v := math.NaN()
	for _, s := range h.spans {
		if s.from <= t && t < s.to {
			v = s.v
		}
	}
	return v
}

func TestWindowsAgreeWithHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		length := rapid.SampledFrom([]int64{1_000, 10_000, 60_000, 300_000, 3_600_000}).Draw(t, "length")
		r := newWindowRun(length)
		r.f.now = rapid.Int64Range(-1e13, 1e13).Draw(t, "begin")
		pace := rapid.SampledFrom([]int64{1, length / 100, length / 20, 5_000, 70_000}).Draw(t, "pace")
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			r.f.now += rapid.Int64Range(0, 2*pace+1).Draw(t, "after")
			switch rapid.IntRange(0, 11).Draw(t, "what") {
			case 0: // could not be read
				r.f.slots[0].put(&device.Reading{Value: math.NaN()}, r.f.now)
				r.sample(true)
			case 1: // a reading that nobody trusts
				r.f.slots[0].put(&device.Reading{Value: 99, Quality: device.Uncertain}, r.f.now)
				r.sample(true)
			case 2:
				r.sample(false)
			case 3: // silence
				r.f.now += rapid.Int64Range(0, length).Draw(t, "silence")
				r.sample(false)
			case 4: // much too late: it tells nothing of now
				late := *r.f
				late.slots = []slot{{}}
				late.now = r.value.at - lateness - 1
				late.slots[0].put(&device.Reading{Value: 77, Quality: device.Good}, late.now)
				if len(r.h.spans) > 0 {
					r.value.sample(&late, true, lateness)
				}
			default:
				v := float64(rapid.IntRange(0, 10).Draw(t, "value"))
				r.f.slots[0].put(&device.Reading{Value: v, Quality: device.Good}, r.f.now)
				r.sample(true)
			}
			r.compare(t)
		}
	})
}

func TestSlopeAndDeltaOfALine(t *testing.T) {
	for _, step := range []int64{1_000, 5_000, 20_000, 60_000} {
		r := newWindowRun(600_000)
		r.f.maxAge = 3 * step
		for at := int64(0); at <= 3_600_000; at += step {
			r.f.now = 1e12 + at
			r.f.slots[0].put(&device.Reading{Value: 20 + 60*float64(at)/3_600_000, Quality: device.Good}, r.f.now)
			r.sample(true)
		}
		if got := r.value.slope(r.f); math.Abs(got-60) > 1e-6 {
			t.Errorf("every %d ms: slope %v, want 60 per hour", step, got)
		}
		if got := r.value.delta(r.f); math.Abs(got-10) > 10.0/2/windowBuckets+60*float64(step)/3_600_000 {
			t.Errorf("every %d ms: delta %v, want 10", step, got)
		}
	}
}

func TestWindowsWhenTheClockIsSetBack(t *testing.T) {
	r := newWindowRun(300_000)
	feed := func(from, to int64, v float64) {
		for at := from; at < to; at += 5_000 {
			r.f.now = at
			r.f.slots[0].put(&device.Reading{Value: v, Quality: device.Good}, at)
			r.value.sample(r.f, true, lateness)
		}
	}
	feed(1e12, 1e12+300_000, 4)
	if got := r.value.avg(r.f); got != 4 {
		t.Fatalf("avg %v", got)
	}
	r.f.now = 1e12 - 7_200_000
	r.f.slots[0].noLater(r.f.now)
	r.value.sample(r.f, false, lateness)
	if got := r.value.avg(r.f); got != 4 {
		t.Errorf("what has passed has passed: avg %v", got)
	}
	feed(1e12-7_200_000, 1e12-7_200_000+400_000, 6)
	if low, high := r.value.min(r.f), r.value.max(r.f); low != 6 || high != 6 {
		t.Errorf("min %v, max %v after 400 s of 6", low, high)
	}
	r.f.now += 365 * 86_400_000
	r.value.sample(r.f, false, lateness)
	if got := r.value.avg(r.f); !math.IsNaN(got) {
		t.Errorf("a year ahead nothing is known: avg %v", got)
	}
}

func TestWindowsDoNotAllocate(t *testing.T) {
	r := newWindowRun(time.Hour.Milliseconds())
	r.sample(true)
	n := testing.AllocsPerRun(1000, func() {
		r.f.now += 60_000
		r.f.slots[0].put(&device.Reading{Value: float64(r.f.now % 7), Quality: device.Good}, r.f.now)
		for _, w := range []*window{&r.value, &r.cond, &r.change} {
			w.sample(r.f, true, lateness)
		}
		r.value.avg(r.f)
		r.value.slope(r.f)
		r.cond.rises(r.f)
		r.change.hasChanged(r.f)
	})
	if n != 0 {
		t.Errorf("%v allocations per value", n)
	}
}

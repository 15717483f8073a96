package wire

import (
	"math"
	"slices"
)

// Times of a series, in one of these kinds. The first residual is that of the second time.
const (
	timesGrid     = 0 // from an even grid: polling
	timesStep     = 1 // from the time before: events
	timesParallel = 2 // from the vector before, which is as long: the next request of the same poll
	timesKinds    = 3
)

// vectors are the times of the series of one payload. Most series share theirs with others: those read by one request.
type vectors struct {
	all    [][]int64
	byHash map[uint64]int32
	step   int64 // of the vector before
	before int32 // vector of the series before
}

func (v *vectors) begin() {
	v.all, v.step, v.before = v.all[:0], 0, -1
	clear(v.byHash)
}

// write refers to a vector that there is, or writes a new one.
func (v *vectors) write(w *bitWriter, times []int64) {
	at, found := v.before, v.before >= 0 && slices.Equal(v.all[v.before], times)
	if !found {
		at, found = v.find(times)
	}
	if !found {
		w.gamma(0)
		v.add(w, times)
		return
	}
	// 0: a new one. 1: as the series before. From 2 on: counted from the newest.
	if at == v.before {
		w.gamma(1)
	} else {
		w.gamma(uint64(len(v.all)-1-int(at)) + 2)
	}
	v.before = at
}

func (v *vectors) find(times []int64) (int32, bool) {
	h := uint64(len(times))
	for _, t := range times {
		h = (h ^ uint64(t)) * 0x9E3779B97F4A7C15
		h ^= h >> 29
	}
	at, ok := v.byHash[h]
	if ok && slices.Equal(v.all[at], times) {
		return at, true
	}
	v.byHash[h] = int32(len(v.all))
	return 0, false
}

func (v *vectors) add(w *bitWriter, times []int64) {
	var before []int64
	if n := len(v.all); n > 0 {
		before = v.all[n-1]
	}
	v.all = append(v.all, times)
	v.before = int32(len(v.all) - 1)
	same := len(before) == len(times)
	if w.flag(same); !same {
		w.gamma(uint64(len(times)) - 1)
	}
	base := int64(0)
	if before != nil {
		base = before[0]
	}
	w.number(zigzag(times[0] - base))
	if len(times) > 1 {
		v.writeRest(w, times, before)
	}
}

func (v *vectors) writeRest(w *bitWriter, times, before []int64) {
	n := len(times) - 1
	step := (times[n] - times[0]) / int64(n)
	best, sum := 0, uint64(math.MaxUint64)
	for kind := range timesKinds {
		if kind == timesParallel && len(before) != len(times) {
			continue
		}
		s := uint64(0)
		for i := range n {
			s += limited(zigzag(times[i+1] - expected(kind, times, before, i, step)))
		}
		if s < sum {
			best, sum = kind, s
		}
	}
	w.put(uint64(best), kindBits)
	if best != timesParallel {
		w.number(zigzag(step - v.step))
		v.step = step
	}
	if sum == 0 {
		w.put(allZero, lowBits)
		return
	}
	k := riceLow(sum, n)
	w.put(uint64(k), lowBits)
	for i := range n {
		w.rice(zigzag(times[i+1]-expected(best, times, before, i, step)), k)
	}
}

// expected is what time i+1 should be by those up to i. Sums wrap.
func expected(kind int, times, before []int64, i int, step int64) int64 {
	switch kind {
	case timesStep:
		return times[i] + step
	case timesParallel:
		return before[i+1] + times[0] - before[0]
	}
	return times[0] + int64(i+1)*step
}

// timesReader reads the times of series.
type timesReader struct {
	arena  []int64
	ends   []int32 // of each vector in arena
	step   int64
	before int // vector of the series before; -1: none
}

func (t *timesReader) begin() {
	t.arena, t.ends, t.step, t.before = t.arena[:0], t.ends[:0], 0, -1
}

func (t *timesReader) vector(i int) []int64 {
	begin := int32(0)
	if i > 0 {
		begin = t.ends[i-1]
	}
	return t.arena[begin:t.ends[i]]
}

// read answers the next series' times, at most left of them. They are valid until the next call.
func (t *timesReader) read(r *bitReader, left int) ([]int64, error) {
	switch ref := r.gamma(); {
	case ref == 0:
		if err := t.add(r, left); err != nil {
			return nil, err
		}
		t.before = len(t.ends) - 1
	case ref == 1 && t.before >= 0:
	case ref >= 2 && ref-2 < uint64(len(t.ends)):
		t.before = len(t.ends) - 1 - int(ref-2)
	default:
		return nil, errDamaged
	}
	times := t.vector(t.before)
	if len(times) > left || r.bad {
		return nil, errDamaged
	}
	return times, nil
}

func (t *timesReader) add(r *bitReader, left int) error {
	var before []int64
	if n := len(t.ends); n > 0 {
		before = t.vector(n - 1)
	}
	n := uint64(len(before))
	if !r.flag() {
		n = r.gamma() + 1
	}
	if n == 0 || n > uint64(left) || r.bad {
		return errDamaged
	}
	first := unzigzag(r.number())
	if before != nil {
		first += before[0]
	}
	t.arena = append(t.arena, first)
	if n > 1 {
		if err := t.addRest(r, int(n-1), before); err != nil {
			return err
		}
	}
	t.ends = append(t.ends, int32(len(t.arena)))
	return nil
}

func (t *timesReader) addRest(r *bitReader, n int, before []int64) error {
	kind := int(r.get(kindBits))
	switch {
	case kind >= timesKinds || kind == timesParallel && len(before) != n+1:
		return errDamaged
	case kind != timesParallel:
		t.step += unzigzag(r.number())
	}
	k := uint(r.get(lowBits))
	if r.bad {
		return errDamaged
	}
	from := len(t.arena) - 1
	for i := range n {
		next := expected(kind, t.arena[from:], before, i, t.step)
		if k != allZero {
			next += unzigzag(r.rice(k))
		}
		t.arena = append(t.arena, next)
	}
	return nil
}

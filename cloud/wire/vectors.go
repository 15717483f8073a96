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
	resid  []uint64
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

package series

import (
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// gapPolls is how many polls may fail to leave a value before the line is broken.
const gapPolls = 3

// minGap keeps a fast poll's jitter from breaking the line.
const minGap = time.Second

// gaps finds the times without values. A hole is a gap when it is longer than three polls and also far longer than the
// holes around it: stamps may be further apart than polls, when a gateway's clock runs ahead of real time (make demo) or
// its line is slower than its profile wishes. A hole that holds bad readings is a gap in any case, with their reason.
// Each of bad is a run of bad readings with no good one between them.
func gaps(q Query, buckets []Bucket, bad []Gap) []Gap {
	if len(buckets) == 0 {
		if len(bad) > 0 {
			return []Gap{{From: bad[0].From, To: bad[len(bad)-1].To, Reason: bad[len(bad)-1].Reason}}
		}
		return []Gap{}
	}
	limit := max(gapPolls*q.Poll, minGap).Milliseconds()
	out := []Gap{}
	if head := firstWithin(bad, q.From.UnixMilli(), buckets[0].First); head != nil {
		out = append(out, Gap{From: head.From, To: buckets[0].First, Reason: head.Reason})
	}
	for i := 1; i < len(buckets); i++ {
		from, to := buckets[i-1].Last, buckets[i].First
		if run := firstWithin(bad, from, to); run != nil {
			out = append(out, Gap{From: from, To: to, Reason: run.Reason})
		} else if to-from > limit && to-from > gapPolls*usual(buckets, i) {
			out = append(out, Gap{From: from, To: to})
		}
	}
	if g, ok := tail(q, buckets, bad, limit); ok {
		out = append(out, g)
	}
	return out
}

// tail is the gap behind the last value.
func tail(q Query, buckets []Bucket, bad []Gap, limit int64) (Gap, bool) {
	to, last := q.To.UnixMilli(), buckets[len(buckets)-1].Last
	heard, g := last, Gap{From: last, To: to}
	if run := firstWithin(bad, last, to); run != nil {
		heard = bad[len(bad)-1].To
		g.Reason = run.Reason
	}
	silent := to-heard > limit && to-heard > gapPolls*usual(buckets, len(buckets))
	if !silent {
		g.To = heard
	}
	return g, silent || heard > last
}

func firstWithin(bad []Gap, from, to int64) *Gap {
	i, _ := slices.BinarySearchFunc(bad, from, func(b Gap, t int64) int { return int(min(1, max(-1, b.From-t))) })
	if i < len(bad) && bad[i].From <= to {
		return &bad[i]
	}
	return nil
}

// usual is the distance of values around the hole before bucket i, not counting the hole itself: the median of both
// sides, or that of one side when it is larger, because where a fast clock meets real time the sides differ.
func usual(buckets []Bucket, i int) int64 {
	before, after := distances(buckets[max(0, i-4):i]), distances(buckets[i:min(len(buckets), i+4)])
	d := median(append(slices.Clone(before), after...))
	for _, side := range [][]int64{before, after} {
		if len(side) >= 3 { // fewer may be holes themselves
			d = max(d, median(side))
		}
	}
	return d
}

// distances of neighbouring values, in ms.
func distances(buckets []Bucket) []int64 {
	var out []int64
	for i, b := range buckets {
		if b.N > 1 {
			out = append(out, (b.Last-b.First)/int64(b.N-1))
		}
		if i > 0 {
			out = append(out, b.First-buckets[i-1].Last)
		}
	}
	return out
}

func median(of []int64) int64 {
	if len(of) == 0 {
		return 0
	}
	slices.Sort(of)
	return of[len(of)/2]
}

// sample is one stored reading.
type sample struct {
	at      int64
	value   float64
	quality device.Quality
	reason  device.Reason
}

// thin makes buckets of equal width from samples in order of time; each sample its own while there are no more than q.Max.
func thin(q Query, samples []sample) Result {
	var res Result
	values := 0
	for _, s := range samples {
		if s.quality != device.Bad {
			values++
		}
	}
	width := int64(0)
	if values > q.Max {
		res.Downsampled = true
		width = bucketWidth(q)
	}
	at := int64(-1)
	for i, sm := range samples {
		if sm.quality != device.Good {
			res.note(sm, i > 0 && samples[i-1].quality == sm.quality)
		}
		if sm.quality == device.Bad {
			continue
		}
		slot := int64(-1)
		if res.Downsampled {
			slot = (sm.at - q.From.UnixMilli()) / width
		}
		if n := len(res.Buckets); n > 0 && slot >= 0 && slot == at {
			b := &res.Buckets[n-1]
			b.Last, b.Min, b.Max, b.N = sm.at, min(b.Min, sm.value), max(b.Max, sm.value), b.N+1
			continue
		}
		at = slot
		res.Buckets = append(res.Buckets, Bucket{First: sm.at, Last: sm.at, Min: sm.value, Max: sm.value, N: 1})
	}
	res.Gaps = gaps(q, res.Buckets, res.Bad)
	return res
}

// note adds a sample that is not good to its run; goes says that the sample before was of the same quality.
func (r *Result) note(s sample, goes bool) {
	runs, why := &r.Bad, s.reason.String()
	if s.quality == device.Uncertain {
		runs = &r.Uncertain
		goes = goes && (*runs)[len(*runs)-1].Reason == why
	}
	if goes {
		(*runs)[len(*runs)-1].To = s.at
		return
	}
	*runs = append(*runs, Gap{s.at, s.at, why})
}

// bucketWidth in ms cuts the range into at most q.Max buckets.
func bucketWidth(q Query) int64 {
	span := q.To.UnixMilli() - q.From.UnixMilli()
	return max(1, span/int64(max(1, q.Max))+1)
}

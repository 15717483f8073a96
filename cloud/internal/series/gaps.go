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

// badRun is a run of bad readings with no good one between them.
type badRun struct {
	first, last int64
	reason      device.Reason
}

// gaps finds the times without values. A hole is a gap when it is longer than three polls and also far longer than the
// holes around it: stamps may be further apart than polls, when a gateway's clock runs ahead of real time (make demo) or
// its line is slower than its profile wishes. A hole that holds bad readings is a gap in any case, with their reason.
func gaps(q Query, buckets []Bucket, bad []badRun) []Gap {
	if len(buckets) == 0 {
		if len(bad) > 0 {
			return []Gap{{From: bad[0].first, To: bad[len(bad)-1].last, Reason: bad[len(bad)-1].reason.String()}}
		}
		return []Gap{}
	}
	limit := max(gapPolls*q.Poll, minGap).Milliseconds()
	out := []Gap{}
	if head := firstWithin(bad, q.From.UnixMilli(), buckets[0].First); head != nil {
		out = append(out, Gap{From: head.first, To: buckets[0].First, Reason: head.reason.String()})
	}
	for i := 1; i < len(buckets); i++ {
		from, to := buckets[i-1].Last, buckets[i].First
		if run := firstWithin(bad, from, to); run != nil {
			out = append(out, Gap{From: from, To: to, Reason: run.reason.String()})
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
func tail(q Query, buckets []Bucket, bad []badRun, limit int64) (Gap, bool) {
	to, last := q.To.UnixMilli(), buckets[len(buckets)-1].Last
	heard, g := last, Gap{From: last, To: to}
	if run := firstWithin(bad, last, to); run != nil {
		heard = bad[len(bad)-1].last
		g.Reason = run.reason.String()
	}
	silent := to-heard > limit && to-heard > gapPolls*usual(buckets, len(buckets))
	if !silent {
		g.To = heard
	}
	return g, silent || heard > last
}

func firstWithin(bad []badRun, from, to int64) *badRun {
	i, _ := slices.BinarySearchFunc(bad, from, func(b badRun, t int64) int { return int(min(1, max(-1, b.first-t))) })
	if i < len(bad) && bad[i].first <= to {
		return &bad[i]
	}
	return nil
}

// usual is the median distance of values around the hole before bucket i, not counting the hole itself.
func usual(buckets []Bucket, i int) int64 {
	var around []int64
	for j := max(0, i-4); j < min(len(buckets), i+4); j++ {
		b := buckets[j]
		if b.N > 1 {
			around = append(around, (b.Last-b.First)/int64(b.N-1))
		}
		if j > 0 && j != i {
			around = append(around, b.First-buckets[j-1].Last)
		}
	}
	if len(around) == 0 {
		return 0
	}
	slices.Sort(around)
	return around[len(around)/2]
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
	var bad []badRun
	at := int64(-1)
	open := false // the last bad run is still open
	for _, s := range samples {
		if s.quality == device.Bad {
			if open {
				bad[len(bad)-1].last = s.at
			} else {
				bad, open = append(bad, badRun{s.at, s.at, s.reason}), true
			}
			continue
		}
		open = false
		slot := int64(-1)
		if res.Downsampled {
			slot = (s.at - q.From.UnixMilli()) / width
		}
		if n := len(res.Buckets); n > 0 && slot >= 0 && slot == at {
			b := &res.Buckets[n-1]
			b.Last, b.Min, b.Max, b.N = s.at, min(b.Min, s.value), max(b.Max, s.value), b.N+1
			continue
		}
		at = slot
		res.Buckets = append(res.Buckets, Bucket{First: s.at, Last: s.at, Min: s.value, Max: s.value, N: 1})
	}
	res.Gaps, res.Bad = gaps(q, res.Buckets, bad), runs(bad)
	return res
}

func runs(bad []badRun) []Gap {
	out := make([]Gap, len(bad))
	for i, b := range bad {
		out[i] = Gap{b.first, b.last, b.reason.String()}
	}
	return out
}

// bucketWidth in ms cuts the range into at most q.Max buckets.
func bucketWidth(q Query) int64 {
	span := q.To.UnixMilli() - q.From.UnixMilli()
	return max(1, span/int64(max(1, q.Max))+1)
}

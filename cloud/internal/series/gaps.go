package series

import (
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// gapPolls is how many polls may fail to leave a value before the line is broken.
const gapPolls = 3

// minGap keeps a fast poll's jitter, or a gateway that is busy for a moment, from breaking the line.
const minGap = 5 * time.Second

// Silence is how long a point may give no value without a gap, when the values around stand as near as its polls.
func (q Query) Silence() time.Duration { return max(gapPolls*q.Poll+q.Report, minGap) }

// Limit is the longest hole before bucket i that is no gap, in ms: the silence, or far more than the holes around it.
func (q Query) Limit(buckets []Bucket, i int) int64 {
	return max(q.Silence().Milliseconds(), gapPolls*q.usual(buckets, i))
}

// gaps finds the times without values. A hole is a gap when it is longer than three polls and also far longer than the
// holes around it: stamps may be further apart than polls, when a gateway's clock runs ahead of real time (make demo) or
// its line is slower than its profile wishes. A point that is only sent when it changes may be silent as long as
// Query.Report, and the holes around do not count, for a steady value makes them long. A hole that holds bad readings is a gap in any case, with their reason.
// Each of bad is a run of bad readings with no good one between them.
func gaps(q Query, buckets []Bucket, bad []Gap) []Gap {
	if len(buckets) == 0 {
		if len(bad) > 0 {
			return []Gap{{From: bad[0].From, To: bad[len(bad)-1].To, Reason: bad[len(bad)-1].Reason}}
		}
		return []Gap{}
	}
	out := []Gap{}
	if head := firstWithin(bad, q.From.UnixMilli(), buckets[0].First); head != nil {
		out = append(out, Gap{From: head.From, To: buckets[0].First, Reason: head.Reason})
	}
	for i := 1; i < len(buckets); i++ {
		from, to := buckets[i-1].Last, buckets[i].First
		if run := firstWithin(bad, from, to); run != nil {
			out = append(out, Gap{From: from, To: to, Reason: run.Reason})
		} else if to-from > q.Limit(buckets, i) {
			out = append(out, Gap{From: from, To: to})
		}
	}
	if g, ok := tail(q, buckets, bad); ok {
		out = append(out, g)
	}
	return out
}

// tail is the gap behind the last value.
func tail(q Query, buckets []Bucket, bad []Gap) (Gap, bool) {
	to, last := q.To.UnixMilli(), buckets[len(buckets)-1].Last
	heard, g := last, Gap{From: last, To: to}
	if run := firstWithin(bad, last, to); run != nil {
		heard = bad[len(bad)-1].To
		g.Reason = run.Reason
	}
	silent := to-heard > q.Limit(buckets, len(buckets))
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
func (q Query) usual(buckets []Bucket, i int) int64 {
	before, after := distances(buckets[max(0, i-4):i]), distances(buckets[i:min(len(buckets), i+4)])
	d := median(append(slices.Clone(before), after...))
	for _, side := range [][]int64{before, after} {
		if len(side) >= 3 { // fewer may be holes themselves
			d = max(d, median(side))
		}
	}
	if q.Report > 0 {
		d = min(d, q.Report.Milliseconds()/gapPolls)
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

// A noted reading is one that is not good, or one that was corrected to good.
type noted struct {
	at     int64
	status byte
}

// merge joins values with the statuses, in order of time, that are stored beside them.
func merge(values map[int64]float64, statuses []noted) Column {
	var c Column
	for _, s := range statuses {
		v, ok := values[s.at]
		if !ok && !isBad(s.status) { // half of a reading: the other half is not visible yet
			s.status = statusOf(device.Bad, device.NotRead)
		}
		c.Add(s.at, v, s.status)
		delete(values, s.at)
	}
	for at, v := range values {
		c.Add(at, v, good)
	}
	return c.ordered()
}

// thin makes buckets of equal width from readings in order of time; each reading its own while there are no more than q.Max.
func thin(q Query, c Column) Result {
	var res Result
	values := len(c.Times)
	for _, s := range c.Status {
		if isBad(s) {
			values--
		}
	}
	width := int64(0)
	if values > q.Max {
		res.Downsampled = true
		width = bucketWidth(q)
	}
	at := int64(-1)
	for i, t := range c.Times {
		if s := c.at(i); s != good {
			res.note(t, s, i > 0 && c.at(i-1)>>6 == s>>6)
			if isBad(s) {
				continue
			}
		}
		slot, v := int64(-1), c.Values[i]
		if res.Downsampled {
			slot = (t - q.From.UnixMilli()) / width
		}
		if n := len(res.Buckets); n > 0 && slot >= 0 && slot == at {
			b := &res.Buckets[n-1]
			b.Last, b.Min, b.Max, b.N = t, min(b.Min, v), max(b.Max, v), b.N+1
			continue
		}
		at = slot
		res.Buckets = append(res.Buckets, Bucket{First: t, Last: t, Min: v, Max: v, N: 1})
	}
	res.Gaps = gaps(q, res.Buckets, res.Bad)
	return res
}

// note adds a reading that is not good to its run; goes says that the reading before was of the same quality.
func (r *Result) note(at int64, status byte, goes bool) {
	quality, reason := fromStatus(status)
	runs, why := &r.Bad, reason.String()
	if quality == device.Uncertain {
		runs = &r.Uncertain
		goes = goes && (*runs)[len(*runs)-1].Reason == why
	}
	if goes {
		(*runs)[len(*runs)-1].To = at
		return
	}
	*runs = append(*runs, Gap{at, at, why})
}

// bucketWidth in ms cuts the range into at most q.Max buckets.
func bucketWidth(q Query) int64 {
	span := q.To.UnixMilli() - q.From.UnixMilli()
	return max(1, span/int64(max(1, q.Max))+1)
}

package series

import (
	"context"
	"time"
)

const (
	leadTime = time.Hour      // how far before a window its values are looked at
	farTime  = 24 * time.Hour // how far when there are fewer of them than tell their rhythm
)

// WithLead is Range that also looks at the time before the window. It tells a hole at the window's beginning from
// readings that are merely sparse, and answers the last value before the window as the first bucket when the line
// between it and the window is not broken.
func WithLead(ctx context.Context, s interface {
	Range(ctx context.Context, q Query) (Result, error)
}, q Query) (Result, error) {
	res, err := s.Range(ctx, q)
	if err != nil || len(res.Buckets) == 0 {
		return res, err
	}
	before := q
	before.To, before.Max = q.From.Add(-time.Millisecond), 600
	var lead Result
	for _, far := range []time.Duration{leadTime, farTime} {
		before.From = q.From.Add(-max(far, 8*q.Poll, 2*q.Report))
		if lead, err = s.Range(ctx, before); err != nil {
			return res, err
		}
		if len(lead.Buckets) > 3 {
			break
		}
	}
	if len(lead.Buckets) == 0 {
		return res, nil
	}
	near := lead.Buckets[max(0, len(lead.Buckets)-8):]
	buckets := append(append([]Bucket{}, near...), res.Buckets...)
	bad := append(append([]Gap{}, lead.Bad...), res.Bad...)
	from, broken := q.From.UnixMilli(), false
	q.From = time.UnixMilli(near[0].First)
	res.Gaps = []Gap{}
	for _, g := range gaps(q, buckets, bad) {
		if g.To < from {
			continue
		}
		broken = broken || g.From < from
		g.From = max(g.From, from)
		res.Gaps = append(res.Gaps, g)
	}
	if last := near[len(near)-1]; !broken {
		res.Buckets = append([]Bucket{{First: last.Last, Last: last.Last, Min: last.Min, Max: last.Max, N: 1}}, res.Buckets...)
	}
	return res, nil
}

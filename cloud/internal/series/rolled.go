package series

import (
	"cmp"
	"context"
	"slices"

	"github.com/linshao/linshao/drivers/device"
)

// maxStatuses is how many readings that are not good are fetched one by one; beyond it they are summed up by bucket too.
const maxStatuses = 10_000

// A tally is how much a server holds for a query.
type tally struct{ values, statuses int }

// raw says that few enough are there to fetch them one by one.
func (t tally) raw(q Query) bool { return t.values <= 2*q.Max && t.statuses <= maxStatuses }

// asked is a server that sums readings up itself; what it is asked for follows from its tally.
type asked interface {
	tally(context.Context, Query) (tally, error)
	statuses(context.Context, Query) ([]noted, error) // one by one, in order of time
	values(context.Context, Query) (map[int64]float64, error)
	buckets(context.Context, Query) ([]Bucket, error)
	summed(context.Context, Query) ([]rolledStatus, error)
}

// ranged asks a server no more than q's answer needs: reading by reading while they are few, else by bucket.
func ranged(ctx context.Context, a asked, q Query) (Result, error) {
	n, err := a.tally(ctx, q)
	if err != nil {
		return Result{}, err
	}
	var each []noted
	if n.statuses > 0 && n.statuses <= maxStatuses {
		if each, err = a.statuses(ctx, q); err != nil {
			return Result{}, err
		}
	}
	if n.raw(q) {
		values, err := a.values(ctx, q)
		if err != nil {
			return Result{}, err
		}
		return thin(q, merge(values, each)), nil
	}
	buckets, err := a.buckets(ctx, q)
	if err != nil {
		return Result{}, err
	}
	var summed []rolledStatus
	if n.statuses > maxStatuses {
		if summed, err = a.summed(ctx, q); err != nil {
			return Result{}, err
		}
	}
	return rolled(q, buckets, each, summed), nil
}

// rolledStatus sums up the statuses of one bucket of time.
type rolledStatus struct {
	first, last             int64
	lowest, highest, latest byte // bad ones are smaller than uncertain ones
}

// rolled answers from buckets that a server has made, and from statuses: each one, or summed up when they were too many.
func rolled(q Query, buckets []Bucket, each []noted, summed []rolledStatus) Result {
	slices.SortFunc(buckets, func(a, b Bucket) int { return cmp.Compare(a.First, b.First) })
	res := Result{Buckets: buckets, Downsampled: true}
	for _, s := range each {
		if quality, reason := fromStatus(s.status); quality != device.Good {
			res.noteBeside(q, quality, Gap{s.at, s.at, reason.String()})
		}
	}
	for _, s := range summed {
		if isBad(s.lowest) {
			res.noteBeside(q, device.Bad, s.run())
		}
		if s.lowest < good && s.highest>>6 != byte(device.Bad) && (s.highest != good || !isBad(s.lowest)) {
			res.noteBeside(q, device.Uncertain, s.run())
		}
	}
	res.Gaps = gaps(q, res.Buckets, res.Bad)
	return res
}

func (s rolledStatus) run() Gap {
	_, reason := fromStatus(s.latest)
	return Gap{s.first, s.last, reason.String()}
}

// noteBeside adds readings that are not good, or prolongs the last run when nothing else can lie between.
func (r *Result) noteBeside(q Query, quality device.Quality, g Gap) {
	runs := &r.Bad
	if quality == device.Uncertain {
		runs = &r.Uncertain
	}
	if n := len(*runs); n > 0 {
		last := &(*runs)[n-1]
		if (quality == device.Bad || last.Reason == g.Reason) && r.adjoin(q, quality, last.To, g.From) {
			last.To = max(last.To, g.To)
			return
		}
	}
	*runs = append(*runs, g)
}

// adjoin says whether readings at two times, both bad or both uncertain, have no other one between them. What a bucket
// does not tell is judged by the distance of the values in it.
func (r *Result) adjoin(q Query, quality device.Quality, from, to int64) bool {
	i, _ := slices.BinarySearchFunc(r.Buckets, from, func(b Bucket, t int64) int { return cmp.Compare(b.Last, t) })
	usual := q.Poll.Milliseconds()
	if i < len(r.Buckets) {
		b := r.Buckets[i]
		if b.N > 1 {
			usual = (b.Last - b.First) / int64(b.N-1)
		}
		if quality == device.Bad && b.Last >= to && b.First > from && b.First < to {
			return false
		}
		if quality == device.Bad && b.First > to {
			return true
		}
		if quality == device.Bad && b.Last < to && b.Last > from {
			return false
		}
	} else if quality == device.Bad {
		return true
	}
	return to-from <= max(usual*3/2, 1)
}

package ledger

import (
	"context"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/series"
)

const (
	gapPolls     = 3               // as in series: so many lost polls break the line
	minGap       = 5 * time.Second // a fast poll's jitter, or a gateway that is busy for a moment, does not
	pageReadings = 20_000          // polls of one page; the store merges none of them
)

// hole is a time without values, from the last value before it to the first behind it.
type hole struct {
	from, to int64
	limit    int64 // ms: what the device may be silent here without a hole, for a bad reading speaks for that long
}

// presence is what the series store knows.
type presence struct {
	holes []hole
	bad   []series.Gap // runs of bad readings
	limit int64        // ms: what a device may be silent without a hole
}

func limitOf(q series.Query) int64 {
	return max((gapPolls*q.Poll + q.Report).Milliseconds(), minGap.Milliseconds())
}

// presence finds the holes of a range, reading it a page at a time.
func (l *Ledger) presence(ctx context.Context, q series.Query) (presence, error) {
	var values []hole // times with values: a reading, or some that the store has merged
	var p presence
	page := max(pageReadings*max(q.Poll, minGap), time.Hour).Milliseconds()
	for from := q.From.UnixMilli(); from < q.To.UnixMilli(); from += page {
		part := q
		part.From, part.To, part.Max = time.UnixMilli(from), time.UnixMilli(min(from+page, q.To.UnixMilli())-1), pageReadings
		res, err := l.cfg.Readings.Range(ctx, part)
		if err != nil {
			return presence{}, err
		}
		for _, b := range res.Buckets {
			values = append(values, hole{from: b.First, to: b.Last})
		}
		p.bad = append(p.bad, res.Bad...)
	}
	p.limit = limitOf(q)
	p.holes = between(q, values, p)
	return p, nil
}

// rhythm is the distance of values around place i, in ms, when it is not that of the polls: a gateway's clock may run ahead
// of real time (make demo), a line may be slower than its profile wishes. As in series, so that charts agree.
func rhythm(q series.Query, values []hole, i int) int64 {
	if q.Report > 0 { // a steady value makes distances long
		return 0
	}
	before, behind := distances(values[max(0, i-4):i]), distances(values[i:min(len(values), i+4)])
	d := median(append(slices.Clone(before), behind...))
	for _, side := range [][]int64{before, behind} {
		if len(side) >= 3 { // fewer may be holes themselves
			d = max(d, median(side))
		}
	}
	return d
}

func distances(values []hole) []int64 {
	var out []int64
	for i := 1; i < len(values); i++ {
		out = append(out, values[i].from-values[i-1].to)
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

// between answers the holes between values: those longer than the limit, and those with a bad reading in them.
func between(q series.Query, values []hole, p presence) []hole {
	var out []hole
	at := q.From.UnixMilli()
	next := 0 // of bad
	take := func(i int, to int64, edge bool) {
		for next < len(p.bad) && p.bad[next].To < at {
			next++
		}
		spoiled := next < len(p.bad) && p.bad[next].From <= to && !edge
		limit := max(p.limit, gapPolls*rhythm(q, values, i))
		if (spoiled && to > at) || to-at > limit {
			out = append(out, hole{at, to, limit})
		}
	}
	for i, v := range values {
		take(i, v.from, i == 0 && !badBefore(p.bad, v.from))
		at = max(at, v.to)
	}
	end := q.To.UnixMilli()
	take(len(values), end, len(values) > 0 && !badBehind(p.bad, at))
	if len(values) == 0 {
		return []hole{{q.From.UnixMilli(), end, p.limit}}
	}
	return out
}

func badBefore(bad []series.Gap, at int64) bool { return len(bad) > 0 && bad[0].From < at }

func badBehind(bad []series.Gap, at int64) bool { return len(bad) > 0 && bad[len(bad)-1].To > at }

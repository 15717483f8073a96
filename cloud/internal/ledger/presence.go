package ledger

import (
	"context"
	"time"

	"github.com/linshao/linshao/cloud/internal/series"
)

const (
	pageReadings = 20_000 // polls of one page; the store merges none of them
	pagePoll     = 5 * time.Second
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

// presence finds the holes of a range, reading it a page at a time.
func (l *Ledger) presence(ctx context.Context, q series.Query) (presence, error) {
	var values []series.Bucket
	var p presence
	page := max(pageReadings*max(q.Poll, pagePoll), time.Hour).Milliseconds()
	for from := q.From.UnixMilli(); from < q.To.UnixMilli(); from += page {
		part := q
		part.From, part.To, part.Max = time.UnixMilli(from), time.UnixMilli(min(from+page, q.To.UnixMilli())-1), pageReadings
		res, err := l.cfg.Readings.Range(ctx, part)
		if err != nil {
			return presence{}, err
		}
		values = append(values, res.Buckets...)
		p.bad = append(p.bad, res.Bad...)
	}
	p.limit = q.Silence().Milliseconds()
	p.holes = between(q, values, p)
	return p, nil
}

// between answers the holes between values: those longer than the series store lets pass, so that charts agree, and those with a bad reading in them.
func between(q series.Query, values []series.Bucket, p presence) []hole {
	var out []hole
	at := q.From.UnixMilli()
	next := 0 // of bad
	take := func(i int, to int64, edge bool) {
		for next < len(p.bad) && p.bad[next].To < at {
			next++
		}
		spoiled := next < len(p.bad) && p.bad[next].From <= to && !edge
		limit := q.Limit(values, i)
		if (spoiled && to > at) || to-at > limit {
			out = append(out, hole{at, to, limit})
		}
	}
	for i, v := range values {
		take(i, v.First, i == 0 && !badBefore(p.bad, v.First))
		at = max(at, v.Last)
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

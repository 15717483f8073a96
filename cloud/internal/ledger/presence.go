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
type hole struct{ from, to int64 }

// presence is what the series store knows.
type presence struct {
	holes []hole
	bad   []series.Gap // runs of bad readings
	limit int64        // ms: what a device may be silent without a hole
}

func limitOf(q series.Query, usual int64) int64 {
	return max((gapPolls*q.Poll + q.Report).Milliseconds(), minGap.Milliseconds(), gapPolls*usual)
}

// presence finds the holes of a range, reading it a page at a time.
func (l *Ledger) presence(ctx context.Context, q series.Query) (presence, error) {
	var values []hole // times with values: a reading, or some that the store has merged
	var p presence
	var distances []int64
	page := max(pageReadings*max(q.Poll, minGap), time.Hour).Milliseconds()
	for from := q.From.UnixMilli(); from < q.To.UnixMilli(); from += page {
		part := q
		part.From, part.To, part.Max = time.UnixMilli(from), time.UnixMilli(min(from+page, q.To.UnixMilli())-1), pageReadings
		res, err := l.cfg.Readings.Range(ctx, part)
		if err != nil {
			return presence{}, err
		}
		for i, b := range res.Buckets {
			values = append(values, hole{b.First, b.Last})
			if i > 0 {
				distances = append(distances, b.First-res.Buckets[i-1].Last)
			}
		}
		p.bad = append(p.bad, res.Bad...)
	}
	p.limit = limitOf(q, usual(q, distances))
	p.holes = between(q, values, p)
	return p, nil
}

// usual is the distance of values when it is not that of the polls: clocks of the demo run ahead, lines may be slow.
func usual(q series.Query, distances []int64) int64 {
	if len(distances) < 8 || q.Report > 0 { // a steady value makes them long
		return 0
	}
	return min(median(distances), 20*max(q.Poll, minGap).Milliseconds())
}

func median(of []int64) int64 {
	if len(of) == 0 {
		return 0
	}
	sorted := slices.Clone(of)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}

// between answers the holes between values: those longer than the limit, and those with a bad reading in them.
func between(q series.Query, values []hole, p presence) []hole {
	var out []hole
	at := q.From.UnixMilli()
	next := 0 // of bad
	take := func(to int64, edge bool) {
		for next < len(p.bad) && p.bad[next].To < at {
			next++
		}
		spoiled := next < len(p.bad) && p.bad[next].From <= to && !edge
		if to-at > p.limit || (spoiled && to > at) {
			out = append(out, hole{at, to})
		}
	}
	for i, v := range values {
		take(v.from, i == 0 && !badBefore(p.bad, v.from))
		at = max(at, v.to)
	}
	end := q.To.UnixMilli()
	take(end, len(values) > 0 && !badBehind(p.bad, at))
	if len(values) == 0 {
		return []hole{{q.From.UnixMilli(), end}}
	}
	return out
}

func badBefore(bad []series.Gap, at int64) bool { return len(bad) > 0 && bad[0].From < at }

func badBehind(bad []series.Gap, at int64) bool { return len(bad) > 0 && bad[len(bad)-1].To > at }

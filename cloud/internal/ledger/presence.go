package ledger

import (
	"context"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/series"
)

const (
	gapPolls   = 3           // as in series: so many lost polls break the line
	minGap     = time.Second // a fast poll's jitter does not
	exactRange = 26 * time.Hour
	chunkPolls = 512 // readings that a counted chunk holds
	maxChunks  = 2000
	rawReading = 20_000 // most readings of one page read one by one
)

// Counting is what a store offers that can count values faster than read them.
type Counting interface {
	// Counts answers how many values each chunk of the width holds, from q.From to q.To.
	Counts(ctx context.Context, q series.Query, width time.Duration) ([]int64, error)
}

// hole is a time without values, from the last value before it to the first behind it.
type hole struct{ from, to int64 }

// presence is what the series store knows.
type presence struct {
	holes []hole
	bad   []series.Gap // runs of bad readings
	limit int64        // ms: what a device may be silent without a hole
}

func limitOf(q series.Query, usual int64) int64 {
	return max(gapPolls*q.Poll.Milliseconds(), minGap.Milliseconds(), gapPolls*usual)
}

// presence finds the holes of a range.
func (l *Ledger) presence(ctx context.Context, q series.Query, exact bool) (presence, error) {
	counting, can := l.cfg.Readings.(Counting)
	width := max(chunkPolls*max(q.Poll, minGap), q.To.Sub(q.From)/maxChunks)
	if exact || !can || q.To.Sub(q.From) < 4*width {
		return l.read(ctx, q, []hole{{q.From.UnixMilli(), q.To.UnixMilli()}}, nil)
	}
	counts, err := counting.Counts(ctx, q, width)
	if err != nil {
		return presence{}, err
	}
	full, parts := doubtful(q, counts, width)
	return l.read(ctx, q, parts, full)
}

// doubtful splits the range into chunks that have all their values and parts that must be read. Each part reaches into
// the full chunks beside it, so that holes at its ends are seen.
func doubtful(q series.Query, counts []int64, width time.Duration) (full, parts []hole) {
	wide := width.Milliseconds()
	want := median(counts) // what a chunk holds usually, when the line is slower than its profile wishes
	if p := q.Poll.Milliseconds(); p > 0 {
		want = min(max(want, wide/p/2), wide/p)
	}
	for i, n := range counts {
		h := hole{q.From.UnixMilli() + int64(i)*wide, min(q.From.UnixMilli()+int64(i+1)*wide, q.To.UnixMilli())}
		due := want * (h.to - h.from) / wide
		list := &full
		if n == 0 || n < due-(gapPolls-1) {
			list = &parts
		}
		if last := len(*list) - 1; last >= 0 && (*list)[last].to == h.from {
			(*list)[last].to = h.to
		} else {
			*list = append(*list, h)
		}
	}
	return full, parts
}

// read reads the parts one by one and puts the holes together.
func (l *Ledger) read(ctx context.Context, q series.Query, parts, full []hole) (presence, error) {
	var values []hole // times with values: a reading, or a full chunk
	values = append(values, full...)
	var p presence
	var distances []int64
	page := max(rawReading*max(q.Poll, minGap), time.Hour).Milliseconds()
	for _, part := range parts {
		for from := part.from; from < part.to; from += page {
			some := q
			some.From, some.To, some.Max = time.UnixMilli(from), time.UnixMilli(min(from+page, part.to)-1), rawReading
			res, err := l.cfg.Readings.Range(ctx, some)
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
	}
	slices.SortFunc(values, func(a, b hole) int { return int(min(1, max(-1, a.from-b.from))) })
	p.limit = limitOf(q, usual(q, distances))
	p.holes = between(q, values, p)
	return p, nil
}

// usual is the distance of values when it is not that of the polls: clocks of the demo run ahead, lines may be slow.
func usual(q series.Query, distances []int64) int64 {
	if len(distances) < 8 {
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

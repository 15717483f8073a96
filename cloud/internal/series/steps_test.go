package series_test

import (
	"context"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/series"
)

// ranger answers one reading a minute: the old meter's up to the swap, then the new one's, summed up into q.Max buckets.
type ranger struct{ swap int64 }

func (r ranger) Range(_ context.Context, q series.Query) (res series.Result, err error) {
	from, to := q.From.UnixMilli()/60_000, q.To.UnixMilli()/60_000
	per := max(1, (to-from+int64(q.Max))/int64(q.Max))
	for m := from; m <= to; m++ {
		if m*60_000 < q.From.UnixMilli() {
			continue
		}
		v := 9000 + float64(m)
		if m*60_000 >= r.swap {
			v = float64(m - r.swap/60_000)
		}
		if n := len(res.Buckets); n > 0 && int64(res.Buckets[n-1].N) < per {
			b := &res.Buckets[n-1]
			b.Last, b.Min, b.Max, b.N = m*60_000, min(b.Min, v), max(b.Max, v), b.N+1
			continue
		}
		res.Buckets = append(res.Buckets, series.Bucket{First: m * 60_000, Last: m * 60_000, Min: v, Max: v, N: 1})
	}
	return res, nil
}

// However few buckets are asked for, an exchanged meter's line neither steps back nor jumps.
func TestSteppedGoesOn(t *testing.T) {
	const swap = 47 * 60_000
	for _, most := range []int{1, 7, 60, 500} {
		s := series.Stepped{Ranger: ranger{swap}, Steps: []series.Step{{At: swap, By: 9047}}}
		res, err := s.Range(t.Context(), series.Query{From: time.UnixMilli(0), To: time.UnixMilli(99 * 60_000), Max: most})
		if err != nil {
			t.Fatal(err)
		}
		n, last := 0, 8999.0
		for _, b := range res.Buckets {
			if b.Min != last+1 || b.Max < b.Min {
				t.Errorf("%d buckets: %+v after %v", most, b, last)
			}
			n, last = n+b.N, b.Max
		}
		if n != 100 || last != 9099 {
			t.Errorf("%d buckets: %d readings up to %v", most, n, last)
		}
	}
}

package api

import (
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/series"
)

func TestUsualOfAPoint(t *testing.T) {
	zone, noon := time.FixedZone("", 8*3600), time.Date(2026, 11, 1, 4, 0, 0, 0, time.UTC).UnixMilli()
	const day = int64(24 * time.Hour / time.Millisecond)
	days := func(n int, values ...float64) (res series.Result) {
		for d := range int64(n) {
			at := noon + d*day
			for i, v := range values {
				first := at + int64(i)*60_000
				res.Buckets = append(res.Buckets, series.Bucket{First: first, Last: first + 30_000, Min: v - 1, Max: v + float64(d), N: 2})
			}
		}
		return res
	}
	spike := days(10, 300)
	spike.Buckets = append(spike.Buckets, series.Bucket{First: noon + 41_000, Last: noon + 42_000, Min: -9999, Max: 9999, N: 2})
	spike.Uncertain = []series.Gap{{From: noon + 41_500, To: noon + 41_500}}
	for name, c := range map[string]struct {
		res   series.Result
		above bool
		days  int
		want  float64 // 0: none
	}{
		"nothing":           {series.Result{}, true, 0, 0},
		"six days":          {days(6, 300, 200), true, 6, 0},
		"seven days":        {days(7, 300, 200), true, 7, 306},
		"a lower limit":     {days(7, 300, 200), false, 7, 199},
		"not what is odd":   {spike, true, 10, 309},
		"of a wider window": {days(31, 300), true, 30, 330},
	} {
		u := Usual{Above: c.above, Over: 30}
		u.measure(c.res, zone)
		if u.Days != c.days || (u.Value == nil) != (c.want == 0) || u.Value != nil && *u.Value != c.want {
			t.Errorf("%s: %+v, value %v", name, u, u.Value)
		}
	}
}

func TestUsualsAreKeptForAWhile(t *testing.T) {
	var k usuals
	now := time.Date(2026, 11, 1, 4, 0, 0, 0, time.UTC)
	k.put("a", Usual{Days: 3}, now)
	if u, ok := k.get("a", now.Add(keepUsual-1)); !ok || u.Days != 3 {
		t.Errorf("%+v %v", u, ok)
	}
	if _, ok := k.get("a", now.Add(keepUsual)); ok {
		t.Error("kept for good")
	}
	for i := range mostUsuals + 1 {
		k.put(time.Duration(i).String(), Usual{}, now)
	}
	if len(k.kept) > mostUsuals {
		t.Errorf("keeps %d", len(k.kept))
	}
}

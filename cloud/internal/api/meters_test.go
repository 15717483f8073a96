package api

import (
	"testing"

	"github.com/linshao/linshao/cloud/internal/org/meter"
	"github.com/linshao/linshao/cloud/internal/series"
)

func TestWhereOneMeterBecomesTheOther(t *testing.T) {
	r := meter.Reading{Point: "energy", Last: 9000, First: 0.5}
	one := func(at int64, v float64) series.Bucket {
		return series.Bucket{First: at, Last: at, Min: v, Max: v, N: 1}
	}
	for name, c := range map[string]struct {
		buckets []series.Bucket
		at      int64
		found   bool
	}{
		"nothing is stored":    {nil, 0, false},
		"the old one alone":    {[]series.Bucket{one(1, 8998), one(2, 9000)}, 0, false},
		"the new one alone":    {[]series.Bucket{one(1, 1), one(2, 2)}, 0, false},
		"one after the other":  {[]series.Bucket{one(1, 8999), one(2, 9000), one(9, 0.5), one(10, 0.6)}, 9, true},
		"both in one bucket":   {[]series.Bucket{one(1, 8999), {First: 2, Last: 9, Min: 0.5, Max: 9000, N: 2}, one(10, 0.6)}, 9, true},
		"a guess of what was":  {[]series.Bucket{one(1, 8900), one(9, 30)}, 9, true},
		"an empty old counter": {[]series.Bucket{one(1, 0), one(2, 0)}, 0, false},
	} {
		if at, found := stepIn(c.buckets, r); at != c.at || found != c.found {
			t.Errorf("%s: %d %v", name, at, found)
		}
	}
}

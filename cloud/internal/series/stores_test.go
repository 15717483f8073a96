package series_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/drivers/device"
)

func uncertain(dev, point string, v float64, why device.Reason, at time.Time) device.Reading {
	return device.Reading{Device: dev, Point: point, Value: v, Quality: device.Uncertain, Reason: why, Time: at}
}

// A good reading is stored without its quality; that of another one at the same time must not stay behind.
func corrected(t *testing.T, s series.Store, t0 time.Time) {
	at := func(i int) time.Time { return t0.Add(time.Duration(i) * 5 * time.Second) }
	write(t, s, bad("c", "p", device.Timeout, at(0)), uncertain("c", "p", 1, device.Stuck, at(1)), good("c", "p", 2, at(2)), bad("c", "p", device.Timeout, at(3)))
	await(t, s, query("c", "p", at(0), at(3)), 2)
	write(t, s, good("c", "p", 5, at(0)), good("c", "p", 1, at(1)), uncertain("c", "p", 2, device.Stuck, at(2)), good("c", "p", 8, at(3)))
	res := await(t, s, query("c", "p", at(0), at(3)), 4)
	want := []float64{5, 1, 2, 8}
	for i, b := range res.Buckets {
		if b.Min != want[i] {
			t.Errorf("bucket %d: %+v, want %v", i, b, want[i])
		}
	}
	if len(res.Bad) != 0 || len(res.Uncertain) != 1 || res.Uncertain[0].From != at(2).UnixMilli() || len(res.Gaps) != 0 {
		t.Errorf("left behind: bad %v, uncertain %v, gaps %v", res.Bad, res.Uncertain, res.Gaps)
	}
	if rs, err := s.Latest(t.Context(), "gw-1", "c"); err != nil || len(rs) != 1 || rs[0].Value != 8 || rs[0].Quality != device.Good {
		t.Errorf("newest %v, %v", rs, err)
	}
}

// Many readings are summed up by the server: runs of those that are not good stay where they were.
func doubtful(t *testing.T, s series.Store, t0 time.Time) {
	var rs []device.Reading
	for i := range 2000 {
		at := t0.Add(time.Duration(i) * time.Second)
		switch {
		case i >= 300 && i < 420: // six buckets long
			rs = append(rs, bad("q", "p", device.Timeout, at))
		case i == 710: // alone in its bucket
			rs = append(rs, bad("q", "p", device.Corrupt, at))
		case i >= 905 && i < 910:
			rs = append(rs, uncertain("q", "p", 50, device.OutOfRange, at))
		case i >= 1200 && i < 1300: // nothing is read at all
		default:
			rs = append(rs, good("q", "p", float64(i%10), at))
		}
	}
	write(t, s, rs...)
	q := query("q", "p", t0, t0.Add(1999*time.Second))
	q.Poll = time.Second
	res := await(t, s, q, 2000-120-1-100)
	at := func(i int) int64 { return t0.Add(time.Duration(i) * time.Second).UnixMilli() }
	if want := []series.Gap{{From: at(300), To: at(419), Reason: "timeout"}, {From: at(710), To: at(710), Reason: "corrupt"}}; !res.Downsampled || !slices.Equal(res.Bad, want) {
		t.Errorf("bad %+v, want %+v", res.Bad, want)
	}
	if want := []series.Gap{{From: at(905), To: at(909), Reason: "out_of_range"}}; !slices.Equal(res.Uncertain, want) {
		t.Errorf("uncertain %+v, want %+v", res.Uncertain, want)
	}
	if want := []series.Gap{{From: at(299), To: at(420), Reason: "timeout"}, {From: at(1199), To: at(1300)}}; !slices.Equal(res.Gaps, want) {
		t.Errorf("gaps %+v, want %+v", res.Gaps, want)
	}
}

// More readings that are not good than are fetched one by one.
func silent(t *testing.T, s series.Store, t0 time.Time) {
	begin := t0.Add(-20 * time.Hour)
	at := func(i int) time.Time { return begin.Add(time.Duration(i) * 5 * time.Second) }
	var rs []device.Reading
	for i := range 13_000 {
		switch {
		case i < 500 || i >= 12_500:
			rs = append(rs, good("s", "p", float64(i), at(i)))
		case i < 12_000:
			rs = append(rs, bad("s", "p", device.Timeout, at(i)))
		default:
			rs = append(rs, uncertain("s", "p", 1, device.Stuck, at(i)))
		}
	}
	write(t, s, rs...)
	res := await(t, s, query("s", "p", at(0), at(12_999)), 1500)
	if len(res.Bad) != 1 || res.Bad[0].From != at(500).UnixMilli() || res.Bad[0].To < at(11_999).UnixMilli() || res.Bad[0].Reason != "timeout" {
		t.Errorf("bad %+v", res.Bad)
	}
	if len(res.Uncertain) != 1 || res.Uncertain[0].To != at(12_499).UnixMilli() || res.Uncertain[0].Reason != "stuck" {
		t.Errorf("uncertain %+v", res.Uncertain)
	}
	if want := []series.Gap{{From: at(499).UnixMilli(), To: at(12_000).UnixMilli(), Reason: "timeout"}}; !slices.Equal(res.Gaps, want) {
		t.Errorf("gaps %+v, want %+v", res.Gaps, want)
	}
}

// A point with a deadband is silent while nothing changes, up to its report time.
func reported(t *testing.T, s series.Store, t0 time.Time) {
	at := func(sec int) time.Time { return t0.Add(time.Duration(sec) * time.Second) }
	write(t, s, good("r", "p", 1, at(0)), good("r", "p", 2, at(5)), good("r", "p", 3, at(10)), good("r", "p", 3, at(310)), good("r", "p", 3, at(610)),
		good("r", "p", 4, at(615)), good("r", "p", 4, at(1500)), good("r", "p", 4, at(1800)))
	q := query("r", "p", at(0), at(2100))
	q.Report = 5 * time.Minute
	res := await(t, s, q, 8)
	if want := []series.Gap{{From: at(615).UnixMilli(), To: at(1500).UnixMilli()}}; !slices.Equal(res.Gaps, want) {
		t.Errorf("gaps %+v, want %+v", res.Gaps, want)
	}
}

// VictoriaMetrics would take these and drop them.
func TestVictoriaParksWhatItWouldDrop(t *testing.T) {
	s := victoria(t)
	defer s.Close()
	now := time.Now()
	rs := []device.Reading{good("v", "p", 1, now.Add(-time.Hour)), good("v", "p", 2, now.Add(-2*365*24*time.Hour)), good("v", "p", 3, now.Add(72*time.Hour)), good("v", "p", math.Inf(-1), now.Add(-time.Minute))}
	err := s.Write(t.Context(), series.Columns("gw-1", rs))
	refused, ok := err.(*series.RefusedError)
	if !ok || len(refused.Refusals) != 2 || refused.Refusals[0].Values[0] != 2 || refused.Refusals[1].Values[0] != 3 || refused.Warning != "" {
		t.Fatalf("got %v", err)
	}
	res := await(t, s, query("v", "p", now.Add(-2*time.Hour), now), 1)
	if len(res.Bad) != 1 || res.Bad[0].Reason != "corrupt" {
		t.Errorf("bad %+v", res.Bad)
	}
}

package app_test

import (
	"math"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
)

// A sieved reading: seconds since the start, value, and what the sieve should make of it.
type sieved struct {
	at      int
	value   float64
	quality device.Quality
	reason  device.Reason
	want    []float64 // values that pass
}

func sift(t *testing.T, report config.Reporting, story []sieved) {
	t.Helper()
	s := app.NewSieve(map[device.Key]config.Reporting{{Device: "d", Point: "p"}: report})
	for _, r := range story {
		got := s.Pass([]device.Reading{{Device: "d", Point: "p", Value: r.value, Quality: r.quality, Reason: r.reason, Time: time.Unix(int64(1000+r.at), 0)}})
		same := len(got) == len(r.want)
		for i := 0; same && i < len(got); i++ {
			same = got[i].Value == r.want[i] || math.IsNaN(got[i].Value) && math.IsNaN(r.want[i])
		}
		if !same {
			t.Errorf("second %d: %v passed, want %v", r.at, got, r.want)
		}
	}
}

func TestOnlyNewsIsRecorded(t *testing.T) {
	bad := math.NaN()
	sift(t, config.Reporting{Band: 0.5, Silence: time.Minute}, []sieved{
		{0, 20, device.Good, 0, []float64{20}}, // the first after the start
		{5, 20.3, device.Good, 0, nil},
		{10, 20.5, device.Good, 0, nil},
		{15, 21, device.Good, 0, []float64{20.5, 21}}, // a jump, and the value before it
		{20, 25, device.Good, 0, []float64{25}},       // a jump right after one
		{25, 25, device.Good, 0, nil},
		{80, 25.1, device.Good, 0, []float64{25.1}}, // silent for long enough
		{85, 25.2, device.Good, 0, nil},
		{90, bad, device.Bad, device.Timeout, []float64{25.2, bad}},
		{95, bad, device.Bad, device.Timeout, nil},
		{100, bad, device.Bad, device.NotRead, []float64{bad, bad}}, // another reason
		{105, 25.2, device.Good, 0, []float64{25.2}},
		{110, 25.2, device.Uncertain, device.OutOfRange, []float64{25.2}},
		{50, 25.2, device.Uncertain, device.OutOfRange, []float64{25.2}}, // the clock was set back
	})
	sift(t, config.Reporting{Band: 10, Percent: true, Silence: time.Hour}, []sieved{
		{0, -100, device.Good, 0, []float64{-100}},
		{5, -109, device.Good, 0, nil},
		{10, -89, device.Good, 0, []float64{-109, -89}},
		{15, 0, device.Good, 0, []float64{0}},
		{20, 0, device.Good, 0, nil},
		{25, 0.001, device.Good, 0, []float64{0, 0.001}},
	})
}

func TestOtherPointsPass(t *testing.T) {
	s := app.NewSieve(map[device.Key]config.Reporting{{Device: "d", Point: "p"}: {Band: 1, Silence: time.Hour}})
	in := []device.Reading{{Device: "d", Point: "q"}, {Device: "d", Point: "p", Time: time.Unix(1, 0)}, {Device: "e", Point: "p"}}
	for i, want := range []int{3, 2, 2} {
		if got := s.Pass(in); len(got) != want {
			t.Errorf("round %d: %d passed", i, len(got))
		}
	}
	if got := app.NewSieve(nil).Pass(in); &got[0] != &in[0] {
		t.Error("without a deadband readings are copied")
	}
}

package plausible_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/plausible"
)

// line is a point read at an interval; it tells the quality of each reading.
type line struct {
	pass  func([]device.Reading)
	every time.Duration
	at    time.Time
}

func lineOf(every time.Duration, points ...device.Point) *line {
	return &line{plausible.Of(points), every, time.Unix(1_700_000_000, 0)}
}

func good(v float64) device.Reading { return device.Reading{Value: v, Quality: device.Good} }

func (l *line) read(rs ...device.Reading) device.Reading {
	l.at = l.at.Add(l.every)
	for i := range rs {
		rs[i].Time = l.at
	}
	l.pass(rs)
	return rs[0]
}

func temperature() device.Point { return device.Point{Device: "t", Name: "temperature", Rate: 5} }

func TestAJump(t *testing.T) {
	const g, d = device.ReasonNone, device.RateExceeded
	cases := []struct {
		name   string
		values []float64
		want   []device.Reason
	}{
		{"steady", []float64{20, 20.1, 19.9, 24, 20}, []device.Reason{g, g, g, g, g}},
		{"one glitch", []float64{20, 85, 20, 20}, []device.Reason{g, d, g, g}},
		{"two glitches on both sides", []float64{20, 85, -40, 20}, []device.Reason{g, d, d, g}},
		{"a step that stays", []float64{20, 85, 85, 85, 85}, []device.Reason{g, d, d, g, g}},
		{"a fire that rises and rises", []float64{20, 40, 60, 80, 100, 120, 140, 140.1, 190}, []device.Reason{g, d, d, g, g, g, g, g, d}},
		{"a fire that is put out at once", []float64{20, 40, 60, 80, 100, 40}, []device.Reason{g, d, d, g, g, d}},
		{"a counter that begins anew", []float64{99999, 0, 0.1, 0.2, 0.3}, []device.Reason{g, d, d, g, g}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			l := lineOf(time.Second, temperature())
			for i, v := range c.values {
				r := l.read(good(v))
				if r.Reason != c.want[i] || r.Value != v || (r.Quality == device.Good) != (c.want[i] == g) {
					t.Fatalf("reading %d, %v: got %v %q, want %q", i, v, r.Quality, r.Reason, c.want[i])
				}
			}
		})
	}
}

// A device that was away for a while may have changed a lot.
func TestAfterAGap(t *testing.T) {
	l := lineOf(time.Second, temperature())
	l.read(good(20))
	for range 20 {
		if r := l.read(device.BadReading(temperature(), device.Timeout, l.at)); r.Reason != device.Timeout {
			t.Fatalf("a bad reading became %q", r.Reason)
		}
	}
	if r := l.read(good(100)); r.Quality != device.Good {
		t.Errorf("80 °C in 21 s at 5 °C/s: %q", r.Reason)
	}
}

// Whatever comes: of readings that all lie on the same side of the last believed one, never more than two in a row are doubted, and
// a reading within reach of it never is.
func TestNothingIsDoubtedForEver(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		l := lineOf(time.Second, temperature())
		row, side := 0, false
		var last, v float64
		var believed time.Time
		for range 200 {
			v += random.NormFloat64() * 20
			r := l.read(good(v))
			reach := believed.IsZero() || math.Abs(v-last) <= 5*r.Time.Sub(believed).Seconds()
			if r.Quality == device.Good {
				row, last, believed = 0, v, r.Time
				continue
			}
			if reach {
				t.Fatalf("%v is doubted after %v", v, last)
			}
			if above := v > last; row > 0 && above == side {
				row++
			} else {
				row, side = 1, above
			}
			if row > 2 {
				t.Fatalf("%d readings on one side in a row are doubted", row)
			}
		}
	}
}

func socket() []device.Point {
	return []device.Point{{Device: "s", Name: "energy", Stuck: &device.Standstill{After: 10 * time.Minute, While: "power", Above: 20}}, {Device: "s", Name: "power"}}
}

func TestACounterThatStandsStill(t *testing.T) {
	l := lineOf(5*time.Second, socket()...)
	if r := l.read(good(10), good(300)); r.Quality != device.Good {
		t.Fatal("the first reading is doubted")
	}
	read := func(d time.Duration, energy, power float64) (r device.Reading) {
		for range d / l.every {
			r = l.read(good(energy), good(power))
		}
		return r
	}
	if r := read(10*time.Minute-l.every, 10, 300); r.Quality != device.Good {
		t.Errorf("before its time: %q", r.Reason)
	}
	if r := read(l.every, 10, 300); r.Quality != device.Uncertain || r.Reason != device.Stuck || r.Value != 10 {
		t.Errorf("after 10 min at 300 W: %+v", r)
	}
	if r := read(l.every, 10.001, 300); r.Quality != device.Good {
		t.Errorf("it moves: %q", r.Reason)
	}
	if r := read(48*time.Hour, 10.001, 0.4); r.Quality != device.Good {
		t.Errorf("an idle socket: %q", r.Reason)
	}
}

// Time in which nothing was read, or the power not known, is not counted.
func TestStandingStillUnseen(t *testing.T) {
	l := lineOf(5*time.Second, socket()...)
	l.read(good(10), good(300))
	l.at = l.at.Add(12 * time.Hour)
	if r := l.read(good(10), good(300)); r.Quality != device.Good {
		t.Errorf("after a gap: %q", r.Reason)
	}
	unknown := device.BadReading(socket()[1], device.Timeout, l.at)
	for range 500 {
		if r := l.read(good(10), unknown); r.Quality != device.Good {
			t.Fatalf("power unknown: %q", r.Reason)
		}
	}
}

func TestWithoutLimitsThereIsNoJudge(t *testing.T) {
	if plausible.Of([]device.Point{{Device: "g", Name: "level"}}) != nil {
		t.Error("there is a judge")
	}
}

func TestNothingIsAllocated(t *testing.T) {
	points := append(socket(), temperature())
	pass := plausible.Of(points)
	rs := []device.Reading{good(1), good(300), good(20)}
	at := time.Unix(1_700_000_000, 0)
	if n := testing.AllocsPerRun(1000, func() {
		at = at.Add(time.Second)
		for i := range rs {
			rs[i].Time, rs[i].Quality, rs[i].Reason = at, device.Good, device.ReasonNone
			rs[i].Value = -rs[i].Value
		}
		pass(rs)
	}); n != 0 {
		t.Errorf("%v allocations per read", n)
	}
}

func BenchmarkJudge(b *testing.B) {
	points := append(socket(), temperature())
	pass := plausible.Of(points)
	rs := []device.Reading{good(1), good(300), good(20)}
	for b.Loop() {
		for i := range rs {
			rs[i].Time = rs[i].Time.Add(time.Second)
		}
		pass(rs)
	}
}

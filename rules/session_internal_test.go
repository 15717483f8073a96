package rules

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func paces() []time.Duration {
	return []time.Duration{time.Second, 15 * time.Second, time.Minute, 5 * time.Minute}
}

// phasesOf plays a curve and answers the phases in the order in which they came.
func phasesOf(w *watch, d time.Duration, power func(time.Duration) float64) []phase {
	var all []phase
	w.run(d, power, func() {
		if p := phase(w.word("session.phase")); len(all) == 0 || all[len(all)-1] != p {
			all = append(all, p)
		}
	})
	return all
}

func TestPhasesOfARealCharge(t *testing.T) {
	for _, every := range paces() {
		w := newWatch(every).idle(20 * time.Minute)
		got := phasesOf(w, 11*time.Hour, shimano().at)
		want := []phase{noPhase, starting, inrushing, rising, tapering, tailing, full, noPhase}
		if every >= time.Minute { // nobody sees six seconds
			got = slices.DeleteFunc(got, func(p phase) bool { return p == inrushing })
			want = []phase{noPhase, starting, rising, tapering, tailing, full, noPhase}
		}
		if got = slices.Compact(got); got[0] != noPhase {
			got = append([]phase{noPhase}, got...)
		}
		if !slices.Equal(got, want) {
			t.Errorf("every %v: %v, want %v", every, got, want)
		}
	}
}

func TestLeadAcidFloatsUntilUnplugged(t *testing.T) {
	for _, every := range paces() {
		w := newWatch(every).idle(20 * time.Minute)
		got := phasesOf(w, 11*time.Hour, lead().at)
		if tail := got[max(len(got)-3, 0):]; !slices.Equal(tail, []phase{tapering, tailing, full}) {
			t.Errorf("every %v: %v", every, got)
		}
		w.in.plugged = 0
		w.idle(every)
		if w.word("session.phase") != 0 || w.word("session.active") != 0 {
			t.Errorf("every %v: an empty plug is no session", every)
		}
	}
}

// What a session says at its end must not depend on how often it was looked at.
func TestMeasuresOfARealCharge(t *testing.T) {
	for _, every := range paces() {
		w := newWatch(every).idle(20 * time.Minute)
		w.in.temperature = 31
		w.run(9*time.Hour, shimano().at, nil) // knee at 7 h 26 min
		near(t, every, "peak", w.word("session.peak"), 83.9, 1)
		near(t, every, "start", w.word("session.start"), 70, 0.7)
		near(t, every, "energy", w.word("session.energy"), 0.645, 0.012)
		near(t, every, "duration", w.word("session.duration"), 9*3600, 601)
		near(t, every, "knee", w.word("session.knee"), 1, 0)
		near(t, every, "uncertain", w.word("session.uncertain"), 0, 0)
		near(t, every, "swings", w.word("session.swings"), 0, 0)
		near(t, every, "rise", w.word("session.rise_after_knee"), 0, 0)
		near(t, every, "hottest", w.word("session.hottest"), 31, 0)
		near(t, every, "capacity", w.word("session.capacity"), 0.58, 0)
	}
}

// Healthy charges of every preset, at every pace: none is odd, none has a second load, a swing or a step, and each one's
// knee is seen. The seeds are not those of firmware-sim/e2e/sessions.
func TestHealthyChargesRaiseNoDoubt(t *testing.T) {
	knees, late := 0, 0
	for seed := range uint64(400) {
		r := rand.New(rand.NewPCG(seed, 11))
		b := drawn(r)
		w := newWatch([]time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 5 * time.Minute}[seed%4])
		w.noise = 0.1 + 0.5*r.Float64()
		w.idle(15 * time.Minute)
		bad := ""
		w.run(b.full()+2*time.Hour, b.at, func() {
			if w.word("session.uncertain") == 1 || w.word("session.swings") > 0 || w.word("session.rise_after_knee") > 0 {
				bad = fmt.Sprintf("%v: %v of %v", phase(w.word("session.phase")), w.t-15*time.Minute, b.rise)
			}
			if w.t-15*time.Minute < b.rise && w.word("session.knee") == 1 {
				bad = "knee before it came"
			}
			if w.word("session.knee") == 1 {
				knees++
				w.in.card = 1 // only to note it once
			}
		})
		if bad != "" {
			t.Errorf("seed %d, every %v, %+v: %s", seed, w.every, b, bad)
		}
		if w.in.card != 1 {
			late++
		}
	}
	if late > 4 {
		t.Errorf("%d charges without a knee", late)
	}
}

// Faults and unusual shapes. Each must be seen at every pace at which it can be seen.
func TestUnusualShapes(t *testing.T) {
	b := battery{200, 0.85, 4 * time.Hour, 50 * time.Minute, 0.1, 2}
	other := battery{130, 0.85, 5 * time.Hour, 40 * time.Minute, 0.1, 2}
	cases := []struct {
		name  string
		power func(time.Duration) float64
		d     time.Duration
		word  string
		least float64
	}{
		{"a second load joins", func(at time.Duration) float64 { return b.at(at) + other.at(at-time.Hour) }, 100 * time.Minute, "session.uncertain", 1},
		{"a load leaves", func(at time.Duration) float64 {
			if at < 100*time.Minute {
				return b.at(at) + 60
			}
			return b.at(at)
		}, 160 * time.Minute, "session.uncertain", 1},
		{"the first of two becomes full", func(at time.Duration) float64 { return b.at(at) + other.at(at-3*time.Hour) }, 7 * time.Hour, "session.uncertain", 1},
		{"a step up in the tail", func(at time.Duration) float64 {
			if at > 330*time.Minute {
				return b.at(at) + 40
			}
			return b.at(at)
		}, 350 * time.Minute, "session.rise_after_knee", 25},
		{"a second charger in the tail, stronger than the first", func(at time.Duration) float64 { return b.at(at) + 3*other.at(at-330*time.Minute) }, 352 * time.Minute, "session.rise_after_knee", 200},
		{"square wave down to nothing", square(b, 6*time.Minute+40*time.Second, 0), 3 * time.Hour, "session.swings", 4},
		{"square wave down to 20 W", square(b, 4*time.Minute+20*time.Second, 20), 3 * time.Hour, "session.swings", 4},
		{"square wave is no charge", square(b, 4*time.Minute+20*time.Second, 20), 3 * time.Hour, "session.uncertain", 1},
		{"a fridge", func(at time.Duration) float64 { return 120 * float64(int(at/(9*time.Minute))%2) }, 141 * time.Minute, "session.uncertain", 1},
		{"a lamp for more than a day", func(time.Duration) float64 { return 100 }, 25 * time.Hour, "session.uncertain", 1},
		{"power rises to the double", func(at time.Duration) float64 { return 80 + 20*at.Hours() }, 5 * time.Hour, "session.uncertain", 1},
	}
	for _, c := range cases {
		for _, every := range paces() {
			if c.word == "session.swings" && every > time.Minute {
				continue // most of them fall in between
			}
			w := newWatch(every)
			w.noise = 0.3
			w.idle(20*time.Minute).run(c.d, c.power, nil)
			if got := w.word(c.word); !(got >= c.least) {
				t.Errorf("%s, every %v: %s is %v, want at least %v", c.name, every, c.word, got, c.least)
			}
			if c.word == "session.uncertain" && !math.IsNaN(w.word("session.capacity")) {
				t.Errorf("%s, every %v: capacity is %v", c.name, every, w.word("session.capacity"))
			}
		}
	}
}

// square is a charge that is cut off for half of each period, after an hour.
func square(b battery, period time.Duration, low float64) func(time.Duration) float64 {
	return func(at time.Duration) float64 {
		if at > time.Hour && (at-time.Hour)%period < period/2 {
			return low
		}
		return b.at(at)
	}
}

// A charge that never declines: no knee, flat for as long as it lasts, and not uncertain, so that R03 judges it.
func TestOverchargeIsNoOddShape(t *testing.T) {
	for _, every := range paces() {
		b := battery{200, 0.85, 6 * time.Hour, 1000 * time.Hour, 0.001, 2}
		w := newWatch(every)
		w.noise = 0.3
		w.idle(20*time.Minute).run(8*time.Hour, b.at, nil)
		near(t, every, "knee", w.word("session.knee"), 0, 0)
		near(t, every, "uncertain", w.word("session.uncertain"), 0, 0)
		near(t, every, "flat", w.word("session.flat"), 4*3600, 2400)
		near(t, every, "capacity", w.word("session.capacity"), 1.3, 0)
	}
}

// A pause in which nothing flows belongs to the charge; so does a dip.
func TestPausesBelongToTheCharge(t *testing.T) {
	for _, every := range paces() {
		for _, low := range []float64{0, 40} {
			b := shimano()
			w := newWatch(every).idle(20*time.Minute).run(4*time.Hour, func(at time.Duration) float64 {
				if at > 2*time.Hour && at < 2*time.Hour+200*time.Second {
					return low
				}
				return b.at(at)
			}, nil)
			near(t, every, "duration", w.word("session.duration"), 4*3600, 601)
			near(t, every, "knee", w.word("session.knee"), 0, 0)
			near(t, every, "uncertain", w.word("session.uncertain"), 0, 0)
		}
	}
}

func TestAnotherBatteryIsAnotherSession(t *testing.T) {
	for _, every := range paces() {
		b := lead()
		b.rest = 1 // what stays plugged in draws nothing
		w := newWatch(every).idle(20*time.Minute).run(b.full()+3*time.Minute, b.at, nil)
		w.idle(4*time.Minute).run(time.Hour, lead().at, nil)
		near(t, every, "duration", w.word("session.duration"), 3600, 601)
		w = newWatch(every).idle(20*time.Minute).run(3*time.Hour, lead().at, nil)
		w.idle(12*time.Minute).run(time.Hour, lead().at, nil)
		near(t, every, "duration after an early unplug", w.word("session.duration"), 3600, 601)
	}
}

func TestColdStartInMidSession(t *testing.T) {
	for _, every := range paces() {
		b := lead()
		w := newWatch(every).run(2*time.Hour, func(at time.Duration) float64 { return b.at(at + 3*time.Hour) }, nil)
		near(t, every, "duration", w.word("session.duration"), 2*3600, 601)
		near(t, every, "knee", w.word("session.knee"), 0, 0)
		near(t, every, "uncertain", w.word("session.uncertain"), 0, 0)
		w.run(5*time.Hour, func(at time.Duration) float64 { return b.at(at + 5*time.Hour) }, nil)
		near(t, every, "knee", w.word("session.knee"), 1, 0)
		w.idle(20 * time.Minute)
		near(t, every, "learned", w.word("baseline.sessions"), 0, 0)
	}
}

// A hole is told, and neither integrated nor taken for a step; the counter knows what flowed.
func TestHoles(t *testing.T) {
	for _, every := range paces() {
		b := lead()
		w := newWatch(every).idle(20 * time.Minute)
		from := w.t
		w.blind = [2]time.Duration{from + 2*time.Hour, from + 2*time.Hour + 40*time.Minute}
		w.run(4*time.Hour, b.at, nil)
		near(t, every, "holes", w.word("session.holes"), 1, 0)
		near(t, every, "hole", w.word("session.hole"), 2400, 601)
		near(t, every, "energy", w.word("session.energy"), 0.575, 0.04) // 0.7 less what nobody saw
		near(t, every, "uncertain", w.word("session.uncertain"), 0, 0)
	}
}

// TestAFridgeIsNoLongCharge: two readings without power end it, also where they come every five minutes.
func TestAFridgeIsNoLongCharge(t *testing.T) {
	for _, every := range paces() {
		w := newWatch(every).idle(20*time.Minute).run(12*time.Hour, func(at time.Duration) float64 {
			if at%(25*time.Minute) < 15*time.Minute {
				return 120
			}
			return 0
		}, nil)
		if got := w.word("session.duration"); got > 2*3600 {
			t.Errorf("every %v: a charge of %.0f s", every, got)
		}
	}
}

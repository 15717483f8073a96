package physics_test

import (
	"math"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/physics"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// charge runs a socket and hands over its power every minute.
func charge(s *physics.Socket, c *physics.Curve, long time.Duration, each func(at time.Duration, w float64)) {
	s.Plug(c)
	for at := time.Minute; at <= long; at += time.Minute {
		s.Advance(noon.Add(at))
		each(at, s.Power())
	}
}

func TestNormalChargesTakeWhatTheTableSays(t *testing.T) {
	for _, p := range physics.Packs() {
		s := physics.NewSocket(1, noon, 0)
		c := physics.NewCurve(p, physics.Normal, 0)
		peak, short, full := 0.0, 0, time.Duration(0)
		charge(s, c, 14*time.Hour, func(at time.Duration, w float64) {
			peak = max(peak, w)
			// Below 45 W but not idle: an hour of it is what rule R02 takes for a charge that never ends.
			if w < min(45, 0.4*p.Peak) && w > 5 && at > 30*time.Minute {
				short++
			}
			if full == 0 && s.Full() {
				full = at
				if off := s.Taken()/p.Energy - 1; math.Abs(off) > 0.05 {
					t.Errorf("%s: full at %.3f kWh, table says %.2f", p.Name, s.Taken(), p.Energy)
				}
			}
		})
		if math.Abs(peak/p.Peak-1) > 0.01 {
			t.Errorf("%s: peak %.1f W, table says %.0f", p.Name, peak, p.Peak)
		}
		if full < 3*time.Hour || full > 10*time.Hour {
			t.Errorf("%s: full after %v", p.Name, full)
		}
		if short >= 60 {
			t.Errorf("%s: %d minutes in the tail, a healthy charge stays under 60", p.Name, short)
		}
		if s.Power() > 5 || s.Power() < 1.5 {
			t.Errorf("%s: %.1f W hours after full", p.Name, s.Power())
		}
	}
}

func TestLithiumRisesByAFifthThenTapers(t *testing.T) {
	p, _ := physics.PackNamed("li-48v20ah-3a")
	c := physics.NewCurve(p, physics.Normal, 0)
	knee := time.Duration(0)
	for at := time.Duration(0); at < 10*time.Hour; at += time.Minute {
		if c.Power(at) > c.Power(knee) {
			knee = at
		}
	}
	if rise := c.Power(knee)/c.Power(0) - 1; rise < 0.15 || rise > 0.25 {
		t.Errorf("rises by %.0f %% until the knee, a real one by 20 %%", rise*100)
	}
	for at := knee; at < knee+3*time.Hour; at += time.Minute {
		if c.Power(at+time.Minute) > c.Power(at)+1e-9 {
			t.Fatalf("rises after the knee, at %v", at)
		}
	}
}

func TestLeadAcidGassesThenFloats(t *testing.T) {
	p, _ := physics.PackNamed("pb-48v20ah")
	c := physics.NewCurve(p, physics.Normal, 0)
	tail, float := 0, 0
	for at := 3 * time.Hour; at < 12*time.Hour; at += time.Minute {
		switch w := c.Power(at); {
		case w >= 10 && w <= 30:
			tail++
		case w >= 3 && w < 10:
			float++
		}
	}
	if tail < 20 || tail > 59 || float < 60 {
		t.Errorf("%d minutes at 10 to 30 W, %d at 3 to 10 W", tail, float)
	}
}

func TestOverchargeStaysAtItsPeakPastFull(t *testing.T) {
	p, _ := physics.PackNamed("pb-48v20ah")
	p.Peak = 222
	s := physics.NewSocket(1, noon, 0)
	past := time.Duration(0)
	charge(s, physics.NewCurve(p, physics.NoTaper, 0), 12*time.Hour, func(at time.Duration, w float64) {
		if at >= 4*time.Minute && math.Abs(w/p.Peak-1) > 0.05 {
			t.Fatalf("%.1f W after %v: outside 5 %% of the peak", w, at)
		}
		if past == 0 && s.Taken() > 1.15*p.Energy {
			past = at
		}
	})
	if past < 400*time.Minute || past > 415*time.Minute {
		t.Errorf("1.15 times the capacity after %v; the demo needs 6.8 h", past)
	}
	if s.Full() {
		t.Error("an overcharge is never full")
	}
}

func TestLongTailNeverEnds(t *testing.T) {
	p, _ := physics.PackNamed("pb-48v12ah")
	s := physics.NewSocket(1, noon, 0)
	charge(s, physics.NewCurve(p, physics.LongTail, 0.5), 24*time.Hour, func(at time.Duration, w float64) {
		if at > 10*time.Hour && (w < 20 || w > 45) {
			t.Fatalf("%.1f W after %v", w, at)
		}
	})
}

func TestSquareWaveSwings(t *testing.T) {
	p, _ := physics.PackNamed("li-48v20ah-3a")
	s := physics.NewSocket(1, noon, 0)
	low, swings := false, 0
	charge(s, physics.NewCurve(p, physics.SquareWave, 0), 2*time.Hour, func(at time.Duration, w float64) {
		if at < 90*time.Minute {
			return
		}
		if now := w < 0.7*p.Peak; now != low {
			low = now
			swings++
		}
	})
	if swings < 8 {
		t.Errorf("%d swings in 30 minutes, rule R06 wants at least 4 up and down", swings)
	}
}

func TestAnOpenRelayStopsEverything(t *testing.T) {
	p, _ := physics.PackNamed("li-48v20ah-5a")
	s := physics.NewSocket(1, noon, 100)
	s.Plug(physics.NewCurve(p, physics.Normal, 0))
	s.Advance(noon.Add(2 * time.Second))
	if s.Power() > 0.6*p.Peak {
		t.Errorf("%.0f W after 2 s: a charger takes 6 s to come up", s.Power())
	}
	s.Advance(noon.Add(time.Hour))
	warm, energy := s.Temperature(), s.Energy()
	s.SetRelay(false)
	if s.Power() != 0 || s.Current() != 0 {
		t.Error("power flows through an open relay")
	}
	s.Advance(noon.Add(3 * time.Hour))
	if s.Energy() != energy || s.Temperature() >= warm || !s.Plugged() {
		t.Errorf("two hours with the relay open: %.3f kWh more, %.1f °C, plugged %v", s.Energy()-energy, s.Temperature(), s.Plugged())
	}
	s.SetRelay(true)
	s.Advance(noon.Add(3*time.Hour + 10*time.Minute))
	if s.Power() < 0.8*p.Peak {
		t.Errorf("%.0f W after the relay closed again", s.Power())
	}
	s.Unplug()
	if s.Power() != 0 || s.Plugged() {
		t.Error("power without a plug")
	}
}

func TestTwoPlaysAreTheSame(t *testing.T) {
	p, _ := physics.PackNamed("pb-60v20ah")
	fine, coarse := physics.NewSocket(7, noon, 0), physics.NewSocket(7, noon, 0)
	fine.Plug(physics.NewCurve(p, physics.Normal, 0.2))
	coarse.Plug(physics.NewCurve(p, physics.Normal, 0.2))
	for at := time.Duration(0); at <= 2*time.Hour; at += 700 * time.Millisecond {
		fine.Advance(noon.Add(at))
	}
	fine.Advance(noon.Add(2 * time.Hour))
	coarse.Advance(noon.Add(2 * time.Hour))
	if d := math.Abs(fine.Energy() - coarse.Energy()); d > 0.001 {
		t.Errorf("how often one looks changes the energy by %.4f kWh", d)
	}
	if fine.Power() != coarse.Power() {
		t.Errorf("%.3f W and %.3f W at the same moment", fine.Power(), coarse.Power())
	}
}

func TestGasRisesUntilTheValveCloses(t *testing.T) {
	g := physics.NewGas(3, noon)
	second := func(n int, open bool) { g.Advance(noon.Add(time.Duration(n)*time.Second), open) }
	for n := range 3600 {
		if second(n, true); g.Level() > 1 || g.Status() != physics.GasOK {
			t.Fatalf("clean kitchen shows %d %%LEL, status %d", g.Level(), g.Status())
		}
	}
	g.Leak(4)
	first := map[physics.GasStatus]int{}
	for n := 3600; n < 3610; n++ {
		if second(n, true); first[g.Status()] == 0 {
			first[g.Status()] = n - 3599
		}
	}
	if first[physics.GasLow] == 0 || first[physics.GasHigh] == 0 || first[physics.GasHigh] > 9 {
		t.Errorf("low after %d s, high after %d s", first[physics.GasLow], first[physics.GasHigh])
	}
	top := g.Level()
	second(3611, false)
	if g.Level() > top {
		t.Error("still rises behind a closed valve")
	}
	second(3700, false)
	if g.Level() > 5 || !g.Leaking() {
		t.Errorf("%d %%LEL 90 s after the valve closed, leaking %v", g.Level(), g.Leaking())
	}
	g.Break(physics.SensorFault)
	if g.Status() != physics.SensorFault {
		t.Error("a broken sensor says it is well")
	}
}

func TestDoorButtonLetsGo(t *testing.T) {
	var d physics.Door
	d.Advance(noon)
	d.PressExit()
	if !d.Rex() {
		t.Error("pressed, and not seen")
	}
	if d.Advance(noon.Add(4 * time.Second)); d.Rex() {
		t.Error("still pressed after 4 s")
	}
}

func TestFeederSumsItsSockets(t *testing.T) {
	p, _ := physics.PackNamed("pb-48v20ah")
	a, b := physics.NewSocket(1, noon, 0), physics.NewSocket(2, noon, 0)
	feeder := physics.NewMeter(9, noon, 180, a, b)
	a.Plug(physics.NewCurve(p, physics.Normal, 0))
	b.Plug(physics.NewCurve(p, physics.NoTaper, 0))
	for at := time.Duration(0); at <= 2*time.Hour; at += 30 * time.Second {
		a.Advance(noon.Add(at))
		b.Advance(noon.Add(at))
		feeder.Advance(noon.Add(at))
	}
	if rest := feeder.Power() - a.Power() - b.Power(); rest < 150 || rest > 210 {
		t.Errorf("%.1f W beside the sockets, the base load is 180", rest)
	}
	if rest := feeder.Energy() - a.Energy() - b.Energy(); rest < 0.31 || rest > 0.41 {
		t.Errorf("%.3f kWh beside the sockets in 2 h, the base load makes 0.36", rest)
	}
	for i := range 3 {
		if w := feeder.PhaseVoltage(i) * feeder.PhaseCurrent(i) * feeder.PowerFactor(); math.Abs(w-feeder.PhasePower(i)) > 0.01 {
			t.Errorf("phase %d: U·I·PF is %.1f W, power says %.1f", i+1, w, feeder.PhasePower(i))
		}
	}
}

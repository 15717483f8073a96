package physics_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/physics"
)

func TestABatteryTakesWhatItsPackPromises(t *testing.T) {
	for _, p := range physics.Packs() {
		var low, high, fastest, slowest = 9.0, 0.0, 99.0, 0.0
		for seed := range uint64(200) {
			b := physics.DrawBattery(rand.New(rand.NewPCG(seed, 1)), p)
			if off := math.Abs(b.Peak/p.Peak - 1); off > physics.PeakSpread {
				t.Fatalf("%s: charger of %.0f W, table says %.0f", p.Name, b.Peak, p.Peak)
			}
			c, wh, h, top, minute := physics.NewCharging(b, 0), 0.0, 0.0, 0.0, time.Minute.Hours()
			for ; !c.Full; h += minute {
				w := c.Step(minute)
				wh += w * minute
				top = max(top, w)
			}
			if top > 1.001*b.Peak || top < 0.97*b.Peak {
				t.Errorf("%s seed %d: %.0f W at most, its charger has %.0f", p.Name, seed, top, b.Peak)
			}
			if w := c.Step(minute); w > 10 || w < 1 {
				t.Errorf("%s seed %d: %.1f W when full", p.Name, seed, w)
			}
			low, high = min(low, wh/1000/p.Energy), max(high, wh/1000/p.Energy)
			fastest, slowest = min(fastest, h), max(slowest, h)
		}
		t.Logf("%s: %.0f to %.0f %% of the table's energy, %.1f to %.1f h", p.Name, 100*low, 100*high, fastest, slowest)
		if low < 0.45 || low > 0.65 || high < 1.05 || high > 1.25 || fastest < 1.5 || slowest > 11 {
			t.Errorf("%s: %.0f to %.0f %% of the table's energy, %.1f to %.1f h", p.Name, 100*low, 100*high, fastest, slowest)
		}
	}
}

func TestCoursesArePlayedTheSame(t *testing.T) {
	for _, class := range physics.Classes() {
		a, b := physics.DrawCourse(class, 5), physics.DrawCourse(class, 5)
		if !slices.Equal(a.Moments, b.Moments) {
			t.Errorf("%s: two plays of a seed differ", class)
		}
		if slices.Equal(a.Moments, physics.DrawCourse(class, 6).Moments) {
			t.Errorf("%s: another seed gives the same", class)
		}
	}
}

func TestEveryClassShowsItsSign(t *testing.T) {
	signs := map[physics.Class]func(c *physics.Course) bool{
		physics.HealthyLithium: func(c *physics.Course) bool { return c.Over == physics.NoTime && above(c, 600) == 0 },
		physics.Overcharge:     func(c *physics.Course) bool { return c.Over < c.Length()-3*time.Hour },
		physics.EndlessTail:    func(c *physics.Course) bool { return between(c, 9.9, 40.1) > 2*time.Hour },
		physics.LeftOnFloat:    func(c *physics.Course) bool { return between(c, 2.9, 10.1) > 2*time.Hour },
		physics.TooLong:        func(c *physics.Course) bool { return above(c, 10) > 8*time.Hour },
		physics.MoreThanAny:    func(c *physics.Course) bool { return taken(c) > 3.2 },
		physics.Overload:       func(c *physics.Course) bool { return above(c, 1050) > time.Minute },
		physics.Fridge:         func(c *physics.Course) bool { return c.Length() > 24*time.Hour },
		physics.Lamp:           func(c *physics.Course) bool { return above(c, 35) > 24*time.Hour },
		physics.NothingPlugged: func(c *physics.Course) bool { return above(c, 1.3) == 0 },
		physics.HotSocket: func(c *physics.Course) bool {
			return slices.ContainsFunc(c.Moments, func(m physics.Moment) bool { return m.Temperature > 65 })
		},
		physics.StuckRelay: func(c *physics.Course) bool {
			return slices.ContainsFunc(c.Moments, func(m physics.Moment) bool { return !m.Relay && m.Power > 10 })
		},
		physics.MeterSwap: func(c *physics.Course) bool {
			for i := range c.Moments[1:] {
				if math.Abs(c.Moments[i+1].Counter-c.Moments[i].Counter) > 0.1 {
					return true
				}
			}
			return false
		},
	}
	for class, sign := range signs {
		for seed := range uint64(40) {
			if c := physics.DrawCourse(class, 100+seed); !sign(c) {
				t.Errorf("%s seed %d does not show its sign: %v, over at %v, %.2f kWh, %v above 10 W", class, 100+seed, c.Length(), c.Over, taken(c), above(c, 10))
			}
		}
	}
}

func above(c *physics.Course, w float64) time.Duration { return between(c, w, math.Inf(1)) }

// between is how long power was there.
func between(c *physics.Course, low, high float64) (d time.Duration) {
	for _, m := range c.Moments {
		if m.Power > low && m.Power < high {
			d += physics.CourseStep
		}
	}
	return d
}

func taken(c *physics.Course) (kWh float64) {
	for _, m := range c.Moments {
		kWh += m.Power * physics.CourseStep.Hours() / 1000
	}
	return kWh
}

func TestAWatchSeesTheCourse(t *testing.T) {
	c := physics.DrawCourse(physics.HealthyLead, 3)
	r := rand.New(rand.NewPCG(1, 1))
	w := physics.DrawWatch(r, time.Minute)
	w.From, w.Lost, w.Gaps = 30*time.Minute, 0.1, []physics.Gap{{From: time.Hour, To: 80 * time.Minute}}
	bad, last := 0, time.Duration(0)
	for _, s := range w.Look(c, r) {
		if s.At < w.From || s.At <= last {
			t.Fatalf("sample at %v after %v, from %v", s.At, last, w.From)
		}
		last = s.At
		if !s.Good {
			bad++
		} else if s.At > time.Hour && s.At < 80*time.Minute {
			t.Errorf("a good sample at %v", s.At)
		}
		if math.Abs(s.Power-s.Truth.Power) > 3+0.02*s.Truth.Power {
			t.Errorf("%.1f W seen, %.1f W there", s.Power, s.Truth.Power)
		}
	}
	if bad < 20 {
		t.Errorf("%d bad samples", bad)
	}
}

package rules

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// anyInput draws what a socket may say: anything, and often what it said before.
func anyInput(t *rapid.T, last sessionInput) sessionInput {
	power := rapid.OneOf(rapid.Float64Range(0, 600), rapid.Just(last.power), rapid.SampledFrom([]float64{0, 1.8, 8, 20, 200, 330, -5, 1e12, math.NaN()}))
	counter := rapid.OneOf(rapid.Just(last.energy), rapid.Just(last.energy+0.1), rapid.Float64Range(0, 9000), rapid.SampledFrom([]float64{0, math.NaN()}))
	state := rapid.SampledFrom([]float64{1, 1, 1, 1, 1, 0, math.NaN()})
	return sessionInput{
		power: power.Draw(t, "power"), energy: counter.Draw(t, "counter"), relay: state.Draw(t, "relay"), plugged: state.Draw(t, "plugged"),
		card: rapid.SampledFrom([]float64{0, 0, 7, 8, math.NaN()}).Draw(t, "card"), temperature: rapid.SampledFrom([]float64{20, 70, math.NaN()}).Draw(t, "temperature"),
	}
}

// Whatever a socket says, with holes, exchanged counters and a clock that jumps both ways: nothing panics, energy never
// falls within a session, never exceeds the highest power by the time (a counter may know better, but not by more than half),
// and a session that was restored from a snapshot at any moment goes on as one that was not: what nobody saw is a hole to both.
func TestRandomSessions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, twin := &session{}, &session{}
		counted := rapid.Bool().Draw(t, "counted")
		now, in, most, moves := int64(watchStart), sessionInput{}, 0.0, 0
		for range rapid.IntRange(1, 120).Draw(t, "polls") {
			now += rapid.OneOf(rapid.SampledFrom([]int64{1000, 15e3, 60e3, 300e3, 1200e3, -7200e3, 46_000e3}), rapid.Int64Range(1, 600e3)).Draw(t, "ms")
			in = anyInput(t, in)
			if !counted {
				in.energy = math.NaN()
			}
			before, running := s.Energy.kWh(), s.Begin != 0
			s.update(now, in)
			if rapid.IntRange(0, 3).Draw(t, "restart") == 0 {
				twin = rebooted(t, twin)
			}
			twin.update(now, in)
			if !reflect.DeepEqual(s, twin) {
				t.Fatalf("restarted\n%+v, without\n%+v", twin, s)
			}
			if running && s.Begin != 0 && s.Begin != now && s.Energy.kWh() < before {
				t.Fatalf("energy fell from %v to %v", before, s.Energy.kWh())
			}
			if most, moves = max(most, s.Power), moves+1; s.Begin == 0 {
				most, moves = 0, 0
			}
			limit := most * float64(max(s.Last, now)-s.Begin) / 3600e6
			if counted {
				limit = counterGain*limit + maxLoad*float64(s.Hole)/3600e3 + counterStep*float64(moves)
			}
			if s.Begin != 0 && s.Energy.kWh() > limit*1.000001+1e-9 {
				t.Fatalf("%v kWh, at most %v W since %v s", s.Energy.kWh(), most, (now-s.Begin)/1000)
			}
			for _, v := range sessionValues() {
				v.get(&frame{slots: []slot{{val: in.power, seen: now}, {}, {val: 1, seen: now}, {val: 1, seen: now}, {}, {}}, sess: s, now: now})
			}
		}
	})
}

func rebooted(t *rapid.T, s *session) *session {
	data, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var again session
	if err := json.Unmarshal(data, &again); err != nil || !again.intact() {
		t.Fatalf("%v %s", err, data)
	}
	return &again
}

// FuzzSession restores anything, and then lives on.
func FuzzSession(f *testing.F) {
	f.Add([]byte(`{"last":1700000000000,"power":200,"active":true,"begin":1699999000000,"peak":200,"flat":{"steps":[{"at":5,"low":190}],"n":1},"levels":[{"at":1,"w":2}],"known":1}`))
	f.Add([]byte(`{"knee":true,"tailSince":-9223372036854775808,"swings":[1,2,3],"learned":[{"card":7,"used":9,"lessons":"AAAAAAAA"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var s session
		if json.Unmarshal(data, &s) != nil || !s.intact() {
			return
		}
		for i, power := range []float64{200, 210, 20, 0, 0, 0, 0, 300, 300} {
			s.update(watchStart+int64(i)*120e3, sessionInput{power, float64(i), 1, 1, 7, 30})
		}
		s.update(watchStart+3600e3, sessionInput{0, 0, 0, 0, 0, 0})
		if _, err := json.Marshal(&s); err != nil {
			t.Fatal(err)
		}
	})
}

func TestSessionsDoNotAllocate(t *testing.T) {
	s, now := &session{}, int64(watchStart)
	in := sessionInput{200, 5, 1, 1, 7, 30}
	n := testing.AllocsPerRun(5000, func() {
		now += 15e3
		in.energy += 0.001
		in.power = 200 - 190*float64(now/60e3%7/6) // up and down, pauses and all
		s.update(now, in)
	})
	if n != 0 {
		t.Errorf("%v allocations per update", n)
	}
}

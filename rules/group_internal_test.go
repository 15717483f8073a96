package rules

// Inside the package to see what a condition says, not only what an alert makes of it.

import (
	"fmt"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linshao/linshao/drivers/device"
)

// zoneEngine is a zone of n detectors and one rule of the zone.
func zoneEngine(t testing.TB, n int, expr string) (*Engine, *subject) {
	t.Helper()
	text := fmt.Sprintf(`rules:
  - id: Z
    title: {zh: 区, en: zone}
    kind: zone
    params: {low: 2 %%LEL, span: 1m}
    expr: %q
    severity: B
    mode: armed
    message: {zh: "{place}", en: "{place}"}
`, expr)
	set, err := Load([]Source{{Name: "z.yaml", Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	var devices []device.Device
	for i := range n {
		id := fmt.Sprintf("g%d", i)
		devices = append(devices, device.Device{ID: id, Kind: "gas", Zone: "k", Points: []device.Point{{Device: id, Name: "level", Unit: "%LEL"}, {Device: id, Name: "status"}}})
	}
	e, err := NewEngine(set, devices, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range e.subjects {
		if s.device.Kind == kindZone {
			return e, s
		}
	}
	t.Fatal("the zone is no subject")
	return nil, nil
}

// says is what the zone's rule says after the detectors have said level and status; NaN could not be read.
func says(e *Engine, zone *subject, at int64, values [][2]float64) tri {
	var rs []device.Reading
	for i, v := range values {
		for j, point := range []string{"level", "status"} {
			r := device.Reading{Device: fmt.Sprintf("g%d", i), Point: point, Value: v[j], Quality: device.Good, Time: time.UnixMilli(at)}
			if math.IsNaN(v[j]) {
				r.Quality, r.Reason = device.Bad, device.Timeout
			}
			rs = append(rs, r)
		}
	}
	e.Apply(rs)
	return zone.alerts[0].rule.expr.cond(e.see(zone, at))
}

// completions calls f with every way in which the unknown values could turn out.
func completions(values [][2]float64, f func([][2]float64)) {
	for i := range values {
		for j := range values[i] {
			if math.IsNaN(values[i][j]) {
				for v := range 4 {
					values[i][j] = float64(v)
					completions(values, f)
				}
				values[i][j] = math.NaN()
				return
			}
		}
	}
	f(values)
}

func TestGroupsAgreeWithAllCompletions(t *testing.T) {
	const n = 3
	cases := []struct {
		expr     string
		complete bool // says all that can be said; otherwise only nothing wrong
	}{
		{"count(zone.gas, level >= low or status == 1) >= 2", true}, {"count(zone.gas, level >= low) == 1", true},
		{"count(zone.gas, level >= low) != 3", true}, {"2 > count(zone.gas, level >= low and status != 0)", true},
		{"count(site.gas, level >= low) <= 1", true}, {"any(zone.gas, level >= low and status == 1)", true},
		{"all(zone.gas, level < low or status == 3)", true}, {"not any(site.gas, not (level < low))", true},
		{"count(zone.gas, level >= low) > count(zone.gas, status == 2)", false},
		{"sum(zone.gas.level) > 4", false}, {"avg(zone.gas.level) >= low", false}, {"max(site.gas.level) > low", false},
		{"min(zone.gas, level * 2) > 1", false}, {"count(zone.gas, level >= low) * 2 > 3", false},
	}
	for _, c := range cases {
		e, zone := zoneEngine(t, n, c.expr)
		now := int64(t0ms)
		rapid.Check(t, func(t *rapid.T) {
			values := make([][2]float64, n)
			for i := range values {
				for j := range values[i] {
					values[i][j] = rapid.SampledFrom([]float64{0, 1, 2, 3, math.NaN()}).Draw(t, "value")
				}
			}
			now += 1000
			got := says(e, zone, now, values)
			saw := map[tri]bool{}
			completions(values, func(all [][2]float64) {
				now += 1000
				saw[says(e, zone, now, all)] = true
			})
			switch {
			case saw[maybe]:
				t.Fatalf("%s: unknown although all is known", c.expr)
			case got != maybe && saw[got.not()]:
				t.Fatalf("%s of %v: says %v, and could be otherwise", c.expr, values, got)
			case got == maybe && c.complete && len(saw) == 1:
				t.Fatalf("%s of %v: says it cannot know, and could", c.expr, values)
			}
		})
	}
}

const t0ms = 1_795_338_900_000

func TestGroupsOfNobody(t *testing.T) {
	for expr, want := range map[string]tri{
		"count(zone.door, lock == 1) == 0": yes, "any(zone.door, lock == 1)": no, "all(zone.door, lock == 1)": yes,
		"sum(zone.socket.power) == 0": yes, "avg(zone.socket.power) == 0": maybe, "max(zone.socket.power) < 5": maybe,
	} {
		e, zone := zoneEngine(t, 1, expr+" and count(zone.gas, level >= low) >= 0") // a rule that finds nothing to count judges no zone
		if got := says(e, zone, t0ms, nil); got != want {
			t.Errorf("%s: %v, want %v", expr, got, want)
		}
	}
}

// A member that falls silent is unknown from the tick on that finds it so.
func TestMembersGrowOld(t *testing.T) {
	e, zone := zoneEngine(t, 2, "sum(zone.gas.level) > 1")
	if got := says(e, zone, t0ms, [][2]float64{{1, 0}, {2, 0}}); got != yes {
		t.Fatalf("got %v", got)
	}
	for at := int64(t0ms); at < t0ms+20_000; at += 1000 {
		e.Apply([]device.Reading{{Device: "g0", Point: "level", Value: 1, Quality: device.Good, Time: time.UnixMilli(at)}})
		e.Tick(time.UnixMilli(at))
	}
	if got := zone.alerts[0].rule.expr.cond(e.see(zone, t0ms+20_000)); got != maybe {
		t.Errorf("got %v", got)
	}
}

func TestGroupsDoNotAllocate(t *testing.T) {
	e, _ := zoneEngine(t, 3, "sum(zone.gas.level) > 1000 or count(zone.gas, avg(level, span) > low) > 2")
	rs := []device.Reading{{Device: "g0", Point: "level", Value: 1, Quality: device.Good}, {Device: "g1", Point: "level", Value: 1, Quality: device.Good}}
	now := time.UnixMilli(t0ms)
	n := testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Second)
		for i := range rs {
			rs[i].Time, rs[i].Value = now, float64(now.Second())
		}
		e.Apply(rs)
		e.Tick(now)
	})
	if n != 0 {
		t.Errorf("%v allocations per poll and tick", n)
	}
}

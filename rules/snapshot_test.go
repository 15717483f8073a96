package rules_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

func restarted(t *testing.T, e *rules.Engine, set *rules.Set, devices []device.Device) *rules.Engine {
	t.Helper()
	data, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	fresh := engine(t, set, devices, nil)
	if err := fresh.Restore(data); err != nil {
		t.Fatal(err)
	}
	return fresh
}

func TestStateSurvivesARestart(t *testing.T) {
	set := shippedSet(t)
	e := engine(t, set, gasSite(), nil)
	id := e.Apply(gas(30, 2, 0))[0].Alert
	e.Apply(gas(0, 0, time.Second))
	e = restarted(t, e, set, gasSite())
	if active := e.Active(); len(active) != 1 || active[0].Alert != id || active[0].State != rules.Firing || active[0].Message.ZH == "" {
		t.Fatalf("got %+v", active)
	}
	if got := states(e.Tick(t0.Add(time.Hour))); got != "" {
		t.Fatalf("before the first reading all is unknown: got %q", got)
	}
	if got := states(e.Reset(id, t0.Add(time.Hour))); got != "R16 resolved" {
		t.Fatalf("got %q", got)
	}
}

func TestAlertOfAChangedRuleEndsAndBeginsAnew(t *testing.T) {
	old := mustLoad(t, good)
	e := engine(t, old, gasSite(), nil)
	id := e.Apply(gas(30, 0, 0))[0].Alert
	changed := mustLoad(t, strings.Replace(good, "25 %LEL", "20 %LEL", 1))
	e = restarted(t, e, changed, gasSite())
	events := e.Tick(t0.Add(time.Minute))
	if states(events) != "X1 resolved" || events[0].Alert != id || !events[0].At.Equal(t0.Add(time.Minute)) || events[0].Version != old.Rules()[0].Version {
		t.Fatalf("got %+v", events)
	}
	if got := states(e.Tick(t0.Add(2 * time.Minute))); got != "" {
		t.Fatalf("told twice: %q", got)
	}
	if got := states(e.Apply(gas(30, 0, 3*time.Minute))); got != "X1 firing" {
		t.Fatalf("got %q", got)
	}
	gone := restarted(t, e, mustLoad(t, good), gasSite()[1:])
	if got := states(gone.Tick(t0.Add(4 * time.Minute))); got != "X1 resolved" {
		t.Fatalf("device gone: got %q", got)
	}
}

func TestDamagedSnapshotsAreRefused(t *testing.T) {
	for _, text := range []string{"", "{", "null", `{"version":2}`, `{"version":1,"sessions":{"A-03.1":null}}`,
		`{"version":1,"sessions":{"A-03.1":{"flat":{"n":9}}}}`, `{"version":1,"alerts":[{"rule":"R16","subject":"gas-1802","state":"odd"}]}`} {
		e := engine(t, shippedSet(t), gasSite(), nil)
		if err := e.Restore([]byte(text)); err == nil {
			t.Errorf("%q was taken", text)
		}
		if got := states(e.Apply(gas(30, 2, 0))); got != "R16 firing" {
			t.Errorf("after %q the engine does not work: %q", text, got)
		}
	}
}

func FuzzRestore(f *testing.F) {
	f.Add([]byte(`{"version":1,"alerts":[{"rule":"R16","ruleVersion":"x","subject":"gas-1802","state":"firing"}],"sessions":{"A-03.1":{"active":true,"begin":5,"flat":{"n":3}}}}`))
	set := shippedSet(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		e := engine(t, set, gasSite(), nil)
		if e.Restore(data) != nil {
			return
		}
		e.Tick(t0)
		for i := range 5 {
			e.Apply([]device.Reading{reading("A-03.1", "power", 200, time.Duration(i)*time.Minute), reading("A-03.1", "energy", 4, time.Duration(i)*time.Minute)})
		}
		if _, err := e.Snapshot(); err != nil {
			t.Fatal(err)
		}
	})
}

// Whatever the readings, whenever: nothing panics, an alert's events come in an order that makes sense, a snapshot in the
// middle changes nothing that a person would be told later, and it can always be made.
func TestRandomReadings(t *testing.T) {
	set := shippedSet(t)
	devices := gasSite()
	rapid.Check(t, func(t *rapid.T) {
		e, err := rules.NewEngine(set, devices, nil)
		if err != nil {
			t.Fatal(err)
		}
		open, level := map[string]rules.State{}, map[string]int{}
		now := t0
		check := func(events []rules.AlertEvent) {
			for _, ev := range events {
				before := open[ev.Alert]
				ok := map[rules.State]bool{
					rules.Pending: before == "", rules.Firing: before == "" || before == rules.Pending || before == rules.Firing && (ev.Level != level[ev.Alert] || ev.Shelved),
					rules.Resolved: before == rules.Firing, rules.Cancelled: before == rules.Pending,
				}[ev.State]
				if !ok {
					t.Fatalf("%s: %q after %q", ev.Alert, ev.State, before)
				}
				open[ev.Alert], level[ev.Alert] = ev.State, ev.Level
				if len(ev.Actions) > 0 && (ev.State != rules.Firing || ev.Shadow) {
					t.Fatalf("actions on %+v", ev)
				}
			}
		}
		for range rapid.IntRange(1, 60).Draw(t, "polls") {
			now = now.Add(time.Duration(rapid.Int64Range(-2000, 7_200_000).Draw(t, "ms")) * time.Millisecond)
			d := devices[rapid.SampledFrom([]int{0, 3}).Draw(t, "device")]
			var rs []device.Reading
			for _, p := range d.Points {
				v := rapid.OneOf(rapid.Float64Range(0, 400), rapid.SampledFrom([]float64{0, 1, 2, 3, 192}), rapid.Float64()).Draw(t, "value")
				q := rapid.SampledFrom([]device.Quality{device.Good, device.Good, device.Good, device.Uncertain, device.Bad}).Draw(t, "quality")
				rs = append(rs, device.Reading{Device: d.ID, Point: p.Name, Value: v, Quality: q, Time: now})
			}
			check(e.Apply(rs))
			check(e.Tick(now))
		}
		if _, err := e.Snapshot(); err != nil {
			t.Fatal(err)
		}
	})
}

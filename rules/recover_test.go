package rules_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// held is a rule with a hold time, of each policy.
const held = `rules:
  - id: H1
    title: {zh: 标题, en: title}
    kind: gas
    expr: level >= 25
    for: 1m
    clear: level < 20
    clear_for: 1m
    unknown: {pending: PENDING, firing: FIRING}
    severity: B
    mode: notify-only
    message: {zh: "{level}", en: "{level}"}
`

func policy(t testing.TB, pending, firing string) *rules.Set {
	return mustLoad(t, strings.NewReplacer("PENDING", pending, "FIRING", firing).Replace(held))
}

// killed is the engine of the next start: what a snapshot had, and the events behind it.
func killed(t testing.TB, set *rules.Set, devices []device.Device, snapshot []byte, behind []rules.AlertEvent) *rules.Engine {
	t.Helper()
	e := engine(t, set, devices, nil)
	if snapshot != nil {
		if err := e.Restore(snapshot); err != nil {
			t.Fatal(err)
		}
	}
	e.Recover(behind)
	return e
}

func snapshotOf(t testing.TB, e *rules.Engine) []byte {
	t.Helper()
	data, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// A kill before the first snapshot: the log alone knows that the hold time runs.
func TestAPendingTimerIsTakenFromTheLog(t *testing.T) {
	set := policy(t, "hold", "hold")
	e := engine(t, set, gasSite(), nil)
	rose := e.Apply(gas(30, 0, 0))
	e = killed(t, set, gasSite(), nil, rose)
	if got := states(e.Tick(t0.Add(40 * time.Second))); got != "" {
		t.Fatalf("while nothing is read: %q", got)
	}
	fired := e.Apply(gas(30, 0, 61*time.Second))
	if states(fired) != "H1 firing" || fired[0].Alert != rose[0].Alert || !fired[0].Since.Equal(t0) {
		t.Fatalf("%+v, rose as %s", fired, rose[0].Alert)
	}
}

func TestAFiringAlertIsNotToldTwice(t *testing.T) {
	set := shippedSet(t)
	e := engine(t, set, gasSite(), nil)
	before := snapshotOf(t, e)
	told := e.Apply(gas(30, 0, 0))
	for name, snapshot := range map[string][]byte{"older snapshot": before, "snapshot with it": snapshotOf(t, e), "none": nil} {
		e := killed(t, set, gasSite(), snapshot, told)
		if got := states(e.Apply(gas(30, 0, time.Second))); got != "" {
			t.Errorf("%s: told again: %q", name, got)
		}
		active := e.Active()
		if len(active) != 1 || active[0].Alert != told[0].Alert || len(active[0].Actions) == 0 {
			t.Errorf("%s: %+v", name, active)
		}
	}
}

func TestAnAlertThatEndedStaysEnded(t *testing.T) {
	set := shippedSet(t)
	e := engine(t, set, gasSite(), nil)
	told := e.Apply(gas(30, 0, 0))
	snapshot := snapshotOf(t, e)
	e.Apply(gas(0, 0, time.Second))
	ended := e.Reset(told[0].Alert, t0.Add(time.Second))
	if states(ended) != "R16 resolved" {
		t.Fatal(states(ended))
	}
	if e := killed(t, set, gasSite(), snapshot, append(told, ended...)); len(e.Active()) != 0 {
		t.Errorf("%+v", e.Active())
	}
}

// After a restart all is unknown until it is read, for as long as it takes; each rule says itself what that does.
func TestTheHoleOfARestartFollowsThePolicy(t *testing.T) {
	type story struct{ pending, firing, whilePending, whileFiring string }
	for _, s := range []story{
		{"hold", "hold", "H1 firing@61s first", "H1 resolved@122s"},
		{"reset", "hold", "H1 cancelled@30s first, H1 pending@61s second, H1 firing@121s second", "H1 resolved@122s"},
		{"hold", "clear", "H1 firing@61s first", "H1 resolved@90s"},
	} {
		set := policy(t, s.pending, s.firing)
		first := ""
		tell := func(events []rules.AlertEvent, named bool) (words []string) {
			for _, ev := range events {
				word := fmt.Sprintf("%s %s@%.0fs", ev.Rule, ev.State, ev.At.Sub(t0).Seconds())
				if named && ev.Alert == first {
					word += " first"
				} else if named {
					word += " second"
				}
				words = append(words, word)
			}
			return words
		}
		e := engine(t, set, gasSite(), nil)
		rose := e.Apply(gas(30, 0, 0))
		first = rose[0].Alert
		var got []string
		e = killed(t, set, gasSite(), nil, rose)
		got = append(got, tell(e.Tick(t0.Add(30*time.Second)), true)...)
		got = append(got, tell(e.Apply(gas(30, 0, 61*time.Second)), true)...)
		if s.pending == "reset" {
			got = append(got, tell(e.Apply(gas(30, 0, 121*time.Second)), true)...)
		}
		if all := strings.Join(got, ", "); all != s.whilePending {
			t.Errorf("pending %s: %s\nwant %s", s.pending, all, s.whilePending)
		}

		// It fires, begins to clear, and the gateway is killed: what was seen of the recovery before does not count.
		e = engine(t, set, gasSite(), nil)
		e.Apply(gas(30, 0, -60*time.Second))
		log := e.Apply(gas(30, 0, 0))
		e.Apply(gas(5, 0, 5*time.Second))
		e = killed(t, set, gasSite(), snapshotOf(t, e), log)
		got = tell(e.Tick(t0.Add(30*time.Second)), false)
		if s.firing == "clear" {
			got = append(got, tell(e.Tick(t0.Add(90*time.Second)), false)...)
		} else {
			for _, at := range []time.Duration{62, 100, 121, 122} {
				got = append(got, tell(e.Apply(gas(5, 0, at*time.Second)), false)...)
			}
		}
		if all := strings.Join(got, ", "); all != s.whileFiring {
			t.Errorf("firing %s: %s\nwant %s", s.firing, all, s.whileFiring)
		}
	}
}

func TestAChangedRulesAlertIsEndedFromTheLogToo(t *testing.T) {
	old := mustLoad(t, good)
	e := engine(t, old, gasSite(), nil)
	told := e.Apply(gas(30, 0, 0))
	for what, next := range map[string]*rules.Engine{
		"changed":     killed(t, mustLoad(t, strings.Replace(good, "25 %LEL", "20 %LEL", 1)), gasSite(), nil, told),
		"in shadow":   killed(t, mustLoad(t, strings.Replace(good, "mode: armed", "mode: shadow", 1)), gasSite(), nil, told),
		"device gone": killed(t, old, gasSite()[1:], snapshotOf(t, e), told),
	} {
		events := next.Tick(t0.Add(time.Minute))
		if states(events) != "X1 resolved" || events[0].Alert != told[0].Alert || !strings.HasPrefix(events[0].Message.EN, "Rule or device changed") {
			t.Errorf("%s: %+v", what, events)
		}
		if again := killed(t, mustLoad(t, strings.Replace(good, "25 %LEL", "20 %LEL", 1)), gasSite(), nil, append(told, events...)); states(again.Tick(t0.Add(2*time.Minute))) != "" {
			t.Errorf("%s: its end is told again at the next start", what)
		}
	}
}

func TestAFailedActionIsTakenFromTheLog(t *testing.T) {
	set := shippedSet(t)
	e := engine(t, set, gasSite(), nil)
	e.Apply([]device.Reading{reading("valve-1802", "open", 1, 0)})
	told := e.ActionFailed(rules.Action{Device: "valve-1802", Point: "open", Value: 0}, 3, t0)
	e = killed(t, set, gasSite(), nil, told)
	if again := e.ActionFailed(rules.Action{Device: "valve-1802", Point: "open", Value: 0}, 3, t0.Add(time.Minute)); again != nil {
		t.Errorf("told twice: %+v", again)
	}
	snapshotOf(t, e)
	done := e.Apply([]device.Reading{reading("valve-1802", "open", 0, 2*time.Minute)})
	if states(done) != "R26 resolved" || done[0].Alert != told[0].Alert {
		t.Errorf("%+v", done)
	}
	if e = killed(t, set, gasSite(), nil, append(told, done...)); len(e.Active()) != 0 {
		t.Errorf("%+v", e.Active())
	}
	told[0].Evidence = told[0].Evidence[:1] // of a program that did not tell what was wanted
	if e = killed(t, set, gasSite(), nil, told); len(e.Active()) != 1 {
		t.Errorf("%+v", e.Active())
	}
	snapshotOf(t, e)
}

// A timer on a charging session that began after the snapshot goes on too: the event that told of it has the session.
func TestASessionIsTakenFromTheEventThatSawIt(t *testing.T) {
	set := mustLoad(t, `rules:
  - id: S1
    title: {zh: 标题, en: title}
    kind: socket
    expr: session.active and session.duration > 20s and power > 50
    for: 1m
    severity: B
    mode: notify-only
    message: {zh: "{session.energy}", en: "{session.energy}"}
`)
	e := engine(t, set, gasSite(), nil)
	charge := func(at time.Duration) []rules.AlertEvent {
		return e.Apply([]device.Reading{reading("A-03.1", "power", 200, at*time.Second)})
	}
	charge(0)
	before := snapshotOf(t, e)
	var rose []rules.AlertEvent
	for at := time.Duration(5); rose == nil && at < 60; at += 5 {
		rose = charge(at)
	}
	if states(rose) != "S1 pending" {
		t.Fatal(states(rose))
	}
	for _, snapshot := range [][]byte{nil, before} {
		e = killed(t, set, gasSite(), snapshot, rose)
		var got []rules.AlertEvent
		for at := time.Duration(60); at <= 90; at += 5 {
			got = append(got, charge(at)...)
		}
		if states(got) != "S1 firing" || got[0].Alert != rose[0].Alert || got[0].At.Sub(got[0].Since) != time.Minute {
			t.Errorf("%+v", got)
		}
	}
}

// An id is given once, however often an alert comes and goes within a second, also when there is a restart in it.
func TestIDsAreGivenOnce(t *testing.T) {
	set := mustLoad(t, good)
	e := engine(t, set, gasSite(), nil)
	seen := map[string]bool{}
	for i := range time.Duration(4) {
		at := 100 * i * time.Millisecond
		for _, ev := range e.Apply(gas(30, 0, at)) {
			if seen[ev.Alert] {
				t.Errorf("%s is given again", ev.Alert)
			}
			seen[ev.Alert] = true
		}
		e.Apply(gas(0, 0, at+50*time.Millisecond))
		e.Tick(t0.Add(at + 60*time.Millisecond))
		e = killed(t, set, gasSite(), snapshotOf(t, e), nil)
	}
	if len(seen) != 4 {
		t.Error(seen)
	}
}

// Nor does a clock that goes back give one again.
func TestIDsOnlyGoForward(t *testing.T) {
	e := engine(t, mustLoad(t, good), gasSite(), nil)
	seen := map[string]bool{}
	for _, at := range []time.Duration{0, 2 * time.Second, 0, 2 * time.Second, time.Second, 3 * time.Second} {
		for _, ev := range e.Apply(gas(30, 0, at)) {
			if seen[ev.Alert] {
				t.Errorf("%s is given again", ev.Alert)
			}
			seen[ev.Alert] = true
		}
		e.Apply(gas(0, 0, at+50*time.Millisecond))
		e.Tick(t0.Add(at + 60*time.Millisecond))
	}
	if len(seen) < 4 {
		t.Error(seen)
	}
}

// Whatever happens, and whenever the snapshot was made: it and the events behind it give the alerts that there were, also
// when more events are read again than are behind it.
func TestSnapshotAndEventsGiveTheState(t *testing.T) {
	set := shippedSet(t)
	devices := gasSite()
	rapid.Check(t, func(t *rapid.T) {
		e, err := rules.NewEngine(set, devices, nil)
		if err != nil {
			t.Fatal(err)
		}
		var log []rules.AlertEvent
		snapshots, at := [][]byte{nil}, []int{0}
		now := t0
		for range rapid.IntRange(1, 40).Draw(t, "polls") {
			now = now.Add(time.Duration(rapid.Int64Range(100, 4_000_000).Draw(t, "ms")) * time.Millisecond)
			d := devices[rapid.SampledFrom([]int{0, 0, 3}).Draw(t, "device")]
			var rs []device.Reading
			for _, p := range d.Points {
				v := rapid.OneOf(rapid.Float64Range(0, 400), rapid.SampledFrom([]float64{0, 1, 2, 3, 192})).Draw(t, "value")
				rs = append(rs, device.Reading{Device: d.ID, Point: p.Name, Value: v, Quality: device.Good, Time: now})
			}
			log = append(log, e.Apply(rs)...)
			log = append(log, e.Tick(now)...)
			if rapid.IntRange(0, 9).Draw(t, "fails") == 0 {
				log = append(log, e.ActionFailed(rules.Action{Device: "valve-1802", Point: "open", Value: 0}, 3, now)...)
			}
			data, err := e.Snapshot()
			if err != nil {
				t.Fatal(err)
			}
			snapshots, at = append(snapshots, data), append(at, len(log))
		}
		which := rapid.IntRange(0, len(at)-1).Draw(t, "snapshot")
		from := rapid.IntRange(0, at[which]).Draw(t, "from")
		next, err := rules.NewEngine(set, devices, nil)
		if err != nil {
			t.Fatal(err)
		}
		if which > 0 {
			if err := next.Restore(snapshots[which]); err != nil {
				t.Fatal(err)
			}
		}
		for _, ev := range log[from:] {
			next.Recover([]rules.AlertEvent{ev})
		}
		if got, want := told(next.Active()), told(e.Active()); got != want {
			t.Fatalf("got\n%s\nwant\n%s", got, want)
		}
	})
}

func told(active []rules.AlertEvent) string {
	var lines []string
	for _, a := range active {
		lines = append(lines, fmt.Sprintf("%s %s since %v at %v: %s %v", a.Alert, a.State, a.Since, a.At, a.Message.EN, a.Actions))
	}
	return strings.Join(lines, "\n")
}

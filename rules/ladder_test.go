package rules_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// rung3 is a rule of three rungs: the second goes down again, the third does not.
const rung3 = `rules:
  - id: L1
    title: {zh: 标题, en: title}
    kind: gas
    expr: level >= 10
    for: 10s
    clear: level < 5
    clear_for: 10s
    severity: C
    mode: armed
    message: {zh: "低 {level}。{actions}", en: "low {level}. {actions}"}
    card: [{zh: 看, en: look}]
    ladder:
      - expr: level >= 20
        severity: B
        clear: level < 15
        clear_for: 5s
        message: {zh: "中 {level}。{actions}", en: "mid {level}. {actions}"}
        card: [{zh: 去, en: go}]
        actions: [{of: zone, kind: siren, point: "on", value: 1, do: {zh: 响, en: sound}}]
      - expr: level >= 50 or status == 2
        severity: A
        actions: [{of: zone, kind: valve, point: open, value: 0, do: {zh: 关阀, en: shut}}]
        forbid: [{of: zone, kind: valve, point: open, value: 1}]
`

// rungs are the events in short: "C0 firing siren-1.on=1".
func rungs(events []rules.AlertEvent) string {
	var words []string
	for _, e := range events {
		word := fmt.Sprintf("%s%d %s", e.Severity, e.Level, e.State)
		for _, a := range e.Actions {
			word += fmt.Sprintf(" %s=%v", a.Device, a.Value)
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func gasAt(level float64, seconds int) []device.Reading {
	return gas(level, 0, time.Duration(seconds)*time.Second)
}

func TestLadderGoesUpAndDown(t *testing.T) {
	e := engine(t, mustLoad(t, rung3), openValve(), nil)
	var all []rules.AlertEvent
	steps := []struct {
		level float64
		at    int
		want  string
	}{
		{12, 0, "C0 pending"},
		{12, 10, "C0 firing"},
		{22, 11, "B1 firing siren-1=1"},
		{30, 12, ""},
		{14, 13, ""}, // has to last
		{14, 17, ""},
		{14, 18, "C0 firing"},
		{22, 20, "B1 firing siren-1=1"}, // reached again, commanded again
		{60, 21, "A2 firing valve-1802=0"},
		{14, 22, ""}, // the third rung has no clear: it stays
		{14, 40, ""},
		{4, 41, ""},
		{4, 51, "A2 resolved"},
	}
	for _, s := range steps {
		events := e.Apply(gasAt(s.level, s.at))
		if got := rungs(events); got != s.want {
			t.Fatalf("at %d s: got %q, want %q", s.at, got, s.want)
		}
		all = append(all, events...)
	}
	for _, ev := range all {
		if ev.Alert != all[0].Alert || !ev.Since.Equal(t0) {
			t.Errorf("one alert, one id: %s since %v", ev.Alert, ev.Since)
		}
	}
	if m := all[2]; m.Message.ZH != "中 22 %LEL。已命令响" || m.Card[0].EN != "go" {
		t.Errorf("a rung's own words: %+v", m)
	}
	if m := all[3].Message.EN; m != "Has eased: low 14 %LEL." {
		t.Errorf("going down: %q", m)
	}
	if m := all[5].Message.EN; m != "low 60 %LEL. Commanded: shut" {
		t.Errorf("a rung without words takes the rule's: %q", m)
	}
}

// openValve is gasSite with a valve that its profile would let be opened, so that there is something to forbid.
func openValve() []device.Device {
	devices := gasSite()
	devices[1].Points[0].Writable = []float64{0, 1}
	return devices
}

func TestRungsJumpedOverCountAsReached(t *testing.T) {
	e := engine(t, mustLoad(t, rung3), openValve(), nil)
	events := e.Apply(gasAt(60, 0))
	if got := rungs(events); got != "A2 firing siren-1=1 valve-1802=0" {
		t.Fatalf("danger does not wait for the hold time of a milder rung: got %q", got)
	}
	if m := events[0].Message.EN; m != "low 60 %LEL. Commanded: sound, shut" {
		t.Errorf("message: %q", m)
	}
	open := rules.Action{Device: "valve-1802", Point: "open", Value: 1}
	if len(events[0].Forbids) != 1 || events[0].Forbids[0] != open || len(e.Forbidden(open)) != 1 {
		t.Errorf("forbids: %+v", events[0].Forbids)
	}
	e = restartedWith(t, e, mustLoad(t, rung3), openValve(), nil)
	active := e.Active()
	if got := rungs(active); got != "A2 firing siren-1=1 valve-1802=0" || len(active[0].Forbids) != 1 || len(e.Forbidden(open)) != 1 {
		t.Fatalf("after a restart: %q, %+v", got, active)
	}
	e.Apply(gasAt(1, 1))
	if got := rungs(e.Apply(gasAt(1, 11))); got != "A2 resolved" || e.Forbidden(open) != nil {
		t.Fatalf("got %q, still forbidden by %v", got, e.Forbidden(open))
	}
}

func restartedWith(t *testing.T, e *rules.Engine, set *rules.Set, devices []device.Device, own map[string]rules.Override) *rules.Engine {
	t.Helper()
	data, err := e.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	fresh := engine(t, set, devices, own)
	if err := fresh.Restore(data); err != nil {
		t.Fatal(err)
	}
	return fresh
}

func TestLadderKeepsItsTimesOverARestart(t *testing.T) {
	set := mustLoad(t, strings.Replace(rung3, "expr: level >= 20\n", "expr: level >= 20\n        for: 30s\n", 1))
	e := engine(t, set, openValve(), nil)
	e.Apply(gasAt(22, 0))
	e.Apply(gasAt(22, 10))
	e = restartedWith(t, e, set, openValve(), nil)
	if got := rungs(e.Apply(gasAt(22, 29))); got != "" {
		t.Fatalf("got %q", got)
	}
	if got := rungs(e.Apply(gasAt(22, 30))); got != "B1 firing siren-1=1" {
		t.Fatalf("got %q", got)
	}
}

func TestLatchedLadderOnlyGoesUp(t *testing.T) {
	set := mustLoad(t, strings.Replace(rung3, "severity: C", "latch: true\n    severity: C", 1))
	e := engine(t, set, openValve(), nil)
	first := e.Apply(gasAt(22, 0))[0]
	id := first.Alert
	if !first.Latched {
		t.Error("it does not tell that it is latched")
	}
	for _, s := range []int{1, 20, 60} {
		if got := rungs(e.Apply(gasAt(0, s))); got != "" {
			t.Fatalf("got %q", got)
		}
	}
	if got := rungs(e.Apply(gasAt(60, 61))); got != "A2 firing valve-1802=0" {
		t.Fatalf("got %q", got)
	}
	if e.Reset(id, t0.Add(62*time.Second)) != nil {
		t.Fatal("reset while it is true")
	}
	e.Apply(gasAt(0, 63))
	if got := rungs(e.Reset(id, t0.Add(64*time.Second))); got != "A2 resolved" {
		t.Fatalf("got %q", got)
	}
}

func TestUnknownOnARung(t *testing.T) {
	e := engine(t, mustLoad(t, rung3), openValve(), nil)
	bad := []device.Reading{device.BadReading(gasSite()[0].Points[0], device.Timeout, t0.Add(12*time.Second)), reading("gas-1802", "status", 0, 12*time.Second)}
	e.Apply(gasAt(22, 0))
	if got := rungs(e.Apply(bad)); got != "" {
		t.Fatalf("unknown neither raises nor eases: got %q", got)
	}
	for i := 13; i < 60; i++ {
		if got := rungs(e.Tick(t0.Add(time.Duration(i) * time.Second))); got != "" {
			t.Fatalf("got %q", got)
		}
	}
	clears := strings.Replace(rung3, "severity: C", "unknown: {firing: clear}\n    severity: C", 1)
	e = engine(t, mustLoad(t, clears), openValve(), nil)
	e.Apply(gasAt(22, 0))
	e.Apply(bad)
	if got := rungs(e.Tick(t0.Add(18 * time.Second))); got != "C0 firing" {
		t.Fatalf("unknown clears where the rule says so: got %q", got)
	}
	if got := rungs(e.Tick(t0.Add(23 * time.Second))); got != "C0 resolved" {
		t.Fatalf("got %q", got)
	}
}

func TestRungThatOnlyNotifiesCommandsNothing(t *testing.T) {
	set := mustLoad(t, strings.Replace(rung3, "severity: A\n", "severity: A\n        mode: notify-only\n", 1))
	e := engine(t, set, openValve(), nil)
	events := e.Apply(gasAt(60, 0))
	if got := rungs(events); got != "A2 firing siren-1=1" || events[0].Forbids != nil {
		t.Fatalf("got %q, %+v", got, events[0].Forbids)
	}
	if m := events[0].Message.EN; m != "low 60 %LEL. Commanded: sound; Not done, this rule only notifies: shut" {
		t.Errorf("message: %q", m)
	}
	e = engine(t, set, openValve(), map[string]rules.Override{"L1": {Mode: rules.Armed}})
	if got := rungs(e.Apply(gasAt(60, 0))); got != "A2 firing siren-1=1 valve-1802=0" {
		t.Fatalf("a site's mode is of all rungs: got %q", got)
	}
}

// ticked is an engine that has seen time pass for half a minute.
func ticked(t *testing.T, set *rules.Set, level float64) *rules.Engine {
	t.Helper()
	e := engine(t, set, openValve(), nil)
	for i := range 30 {
		e.Apply(gasAt(level, i))
		e.Tick(at(time.Duration(i) * time.Second))
	}
	return e
}

func TestTimersFollowJumpsOfTheClock(t *testing.T) {
	slow := mustLoad(t, strings.Replace(rung3, "    for: 10s\n", "    for: 60s\n", 1))
	for _, jump := range []int{-7200, -40, 40, 7200} {
		e := ticked(t, slow, 12)
		var fired []int
		for i := 30; i < 100; i++ {
			events := e.Apply(gasAt(12, i+jump))
			events = append(events, e.Tick(at(time.Duration(i+jump)*time.Second))...)
			if rungs(events) != "" {
				fired = append(fired, i)
			}
		}
		if len(fired) != 1 || fired[0] < 60-max(jump, 0)%61 || fired[0] > 62 {
			t.Errorf("clock moved by %d s: a hold time of 60 s has passed after %v s", jump, fired)
		}
	}
	clearing := mustLoad(t, strings.Replace(rung3, "    clear_for: 10s\n", "    clear_for: 60s\n", 1))
	for _, jump := range []int{-7200, 7200} {
		e := ticked(t, clearing, 12)
		var ended []int
		for i := 30; i < 120; i++ {
			shift := 0
			if i >= 40 {
				shift = jump
			}
			events := e.Apply(gasAt(1, i+shift))
			events = append(events, e.Tick(at(time.Duration(i+shift)*time.Second))...)
			if rungs(events) != "" {
				ended = append(ended, i)
			}
		}
		if len(ended) != 1 || ended[0] < 89 || ended[0] > 92 {
			t.Errorf("clock moved by %d s: a clear time of 60 s from 30 s on has passed after %v s", jump, ended)
		}
	}
}

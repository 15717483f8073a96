package rules_test

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

var t0 = time.Date(2026, 11, 22, 9, 15, 0, 0, time.UTC)

// gasSite is a kitchen with a detector, a valve and a siren, and a socket.
func gasSite() []device.Device {
	point := func(id, name, unit string, writable ...float64) device.Point {
		return device.Point{Device: id, Name: name, Unit: unit, Writable: writable}
	}
	return []device.Device{
		{ID: "gas-1802", Kind: "gas", Place: "1802 厨房", Zone: "k1802", Poll: time.Second, Points: []device.Point{
			point("gas-1802", "level", "%LEL"),
			{Device: "gas-1802", Name: "status", Labels: map[int64]string{0: "正常", 3: "传感器故障", 192: "探测器故障"}},
		}},
		{ID: "valve-1802", Kind: "valve", Zone: "k1802", Points: []device.Point{point("valve-1802", "open", "", 0)}},
		{ID: "siren-1", Kind: "siren", Zone: "k1802", Points: []device.Point{point("siren-1", "on", "", 0, 1)}},
		{ID: "A-03.1", Kind: "socket", Name: "A-03 插座 1", Place: "车棚", Poll: 5 * time.Second, Points: []device.Point{
			point("A-03.1", "power", "W"), point("A-03.1", "energy", "kWh"), point("A-03.1", "voltage", "V"), point("A-03.1", "relay", "", 0, 1),
		}},
	}
}

func engine(t testing.TB, set *rules.Set, devices []device.Device, overrides map[string]rules.Override) *rules.Engine {
	t.Helper()
	e, err := rules.NewEngine(set, devices, overrides)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func reading(dev, point string, v float64, at time.Duration) device.Reading {
	return device.Reading{Device: dev, Point: point, Value: v, Quality: device.Good, Time: t0.Add(at)}
}

func gas(level, status float64, at time.Duration) []device.Reading {
	return []device.Reading{reading("gas-1802", "level", level, at), reading("gas-1802", "status", status, at)}
}

// states are the events in short: "R16 firing".
func states(events []rules.AlertEvent) string {
	var words []string
	for _, e := range events {
		words = append(words, e.Rule+" "+string(e.State))
	}
	return strings.Join(words, ", ")
}

func TestAlertEventIsComplete(t *testing.T) {
	set := shippedSet(t)
	e := engine(t, set, gasSite(), nil)
	e.Apply(gas(0, 0, 0))
	events := e.Apply(gas(26, 0, time.Second))
	if len(events) != 1 {
		t.Fatalf("got %s", states(events))
	}
	got := events[0]
	want := rules.AlertEvent{
		Alert: "R16/gas-1802/20261122T091501Z", Rule: "R16", Version: set.Rules()[indexOf(set, "R16")].Version,
		Subject: "gas-1802", Zone: "k1802", Severity: "A", State: rules.Firing, Since: t0.Add(time.Second), At: t0.Add(time.Second),
		Title:    rules.Text{ZH: "燃气高报", EN: "Gas high alarm"},
		Message:  rules.Text{ZH: "1802 厨房 燃气泄漏，浓度 26 %LEL（高报 25 %LEL）。已命令关闭燃气阀、启动警报器。", EN: "1802 厨房: gas leak, 26 %LEL (alarm at 25 %LEL). Commanded: close the gas valve, sound the siren."},
		Card:     got.Card,
		Evidence: []rules.Evidence{{Name: "level", Unit: "%LEL", Value: 26, Quality: device.Good}, {Name: "status", Value: 0, Quality: device.Good}},
		Limit:    &rules.Limit{Point: "level", Value: 25, Unit: "%LEL", Above: true}, Latched: true,
		Actions: []rules.Action{{Device: "valve-1802", Point: "open", Value: 0}, {Device: "siren-1", Point: "on", Value: 1}},
		Why: []rules.Text{
			{ZH: "level 26 %LEL ≥ limit 25 %LEL → 成立", EN: "level 26 %LEL ≥ limit 25 %LEL → true"},
			{ZH: "或 status 0（正常） = 2 → 不成立", EN: "or status 0 = 2 → false"},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
	if len(got.Card) < 3 {
		t.Errorf("the card says nothing: %v", got.Card)
	}
	active := e.Active()
	if len(active) != 1 || active[0].Alert != got.Alert || active[0].Message != got.Message || active[0].State != rules.Firing {
		t.Errorf("active: %+v", active)
	}
}

func indexOf(set *rules.Set, id string) int {
	for i, r := range set.Rules() {
		if r.ID == id {
			return i
		}
	}
	return -1
}

func TestEvidenceSaysWhyAValueIsMissing(t *testing.T) {
	e := engine(t, shippedSet(t), gasSite(), nil)
	bad := device.BadReading(gasSite()[0].Points[0], device.Timeout, t0)
	events := e.Apply([]device.Reading{bad, reading("gas-1802", "status", 3, 0)})
	if states(events) != "R19 firing" {
		t.Fatalf("got %s", states(events))
	}
	level := events[0].Evidence[1]
	if level.Name != "level" || !math.IsNaN(level.Value) || level.Quality != device.Bad || level.Reason != device.Timeout {
		t.Errorf("level in evidence: %+v", level)
	}
	if m := events[0].Message.ZH; !strings.Contains(m, "状态 传感器故障，浓度 未知") {
		t.Errorf("message: %s", m)
	}
}

// The readings of one poll are judged together: level alone would say R15 here before status says R16.
func TestAPollIsJudgedWhole(t *testing.T) {
	e := engine(t, shippedSet(t), gasSite(), map[string]rules.Override{"R15": {Params: map[string]rules.Param{"low": {Normal: "10 %LEL"}}}})
	if got := states(e.Apply(gas(12, 2, 0))); got != "R16 firing" {
		t.Errorf("got %q", got)
	}
}

func TestSameInputSameEvents(t *testing.T) {
	run := func() (all []string) {
		e := engine(t, shippedSet(t), gasSite(), map[string]rules.Override{"R03": {Mode: rules.Armed}})
		for i := range 600 {
			at := time.Duration(i) * time.Minute
			rs := gas(float64(i%40), float64(i%3), at)
			rs = append(rs, reading("A-03.1", "power", 331, at), reading("A-03.1", "relay", 1, at))
			events := append(e.Apply(rs), e.Tick(t0.Add(at+time.Second))...)
			for _, a := range e.Active() {
				events = append(events, e.Reset(a.Alert, t0.Add(at+2*time.Second))...) // what is latched would silence R15 for good
			}
			for _, ev := range events {
				limit := fmt.Sprint(ev.Limit != nil && ev.Limit.Value > 0)
				ev.Limit = nil // %v would print where it is, not what it says
				all = append(all, fmt.Sprintf("%+v %s", ev, limit))
			}
		}
		return all
	}
	a, b := run(), run()
	if !reflect.DeepEqual(a, b) || len(a) < 10 {
		t.Fatalf("two runs over the same readings differ: %d and %d events", len(a), len(b))
	}
}

// make demo runs the clock 600 times too fast: polls of 0.1 to 2 s are stamped 1 to 20 min apart, ticks 10 min.
func TestFastForwardIsNoSilence(t *testing.T) {
	e := engine(t, shippedSet(t), gasSite(), nil)
	var events []rules.AlertEvent
	for at := time.Duration(0); at < 8*time.Hour; at += time.Minute {
		if at%(10*time.Minute) == 0 {
			events = append(events, e.Tick(t0.Add(at))...)
		}
		if at%(20*time.Minute) == 5*time.Minute {
			events = append(events, e.Apply(gas(1, 0, at))...)
		}
	}
	if events != nil {
		t.Fatalf("a healthy detector in fast-forward: %s", states(events))
	}
	for at := 8 * time.Hour; at < 8*time.Hour+time.Minute; at += time.Second { // the clock has met the present
		events = append(append(events, e.Apply(gas(1, 0, at))...), e.Tick(t0.Add(at))...)
	}
	if events != nil {
		t.Fatalf("after it: %s", states(events))
	}
	for at := 8*time.Hour + time.Minute; at < 8*time.Hour+90*time.Second; at += time.Second {
		events = append(events, e.Tick(t0.Add(at))...)
	}
	if states(events) != "R19 firing" {
		t.Fatalf("silence in real time must be seen, got %q", states(events))
	}
}

// The overcharge of make demo: 213 W into a 1.30 kWh battery, read every 10 min of its fast clock, from 7.5 h ago.
func TestFastForwardOvercharge(t *testing.T) {
	devices := gasSite()[3:]
	devices[0].Labels = map[string]string{"battery": "pb"}
	for lag := time.Duration(0); lag <= 10*time.Minute; lag += 2 * time.Minute {
		e := engine(t, shippedSet(t), devices, map[string]rules.Override{"R03": {Mode: rules.Armed}})
		var events []rules.AlertEvent
		for at := lag; at < 7*time.Hour+30*time.Minute; at += 10*time.Minute + 7*time.Second {
			events = append(events, e.Tick(t0.Add(at-time.Minute))...)
			events = append(events, e.Apply([]device.Reading{
				reading("A-03.1", "power", 213, at), reading("A-03.1", "energy", 1203.4+0.213*at.Hours(), at), reading("A-03.1", "relay", 1, at),
			})...)
		}
		if states(events) != "R03 firing" || len(events[0].Actions) != 1 {
			t.Errorf("first read after %v: got %q", lag, states(events))
		}
	}
}

func TestClockSetBack(t *testing.T) {
	e := engine(t, shippedSet(t), gasSite(), nil)
	e.Apply(gas(12, 0, time.Hour))
	if got := states(e.Apply(gas(12, 0, 0))); got != "" {
		t.Fatalf("got %q", got)
	}
	if got := states(e.Apply(gas(12, 0, 15*time.Second))); got != "R15 firing" {
		t.Fatalf("the hold time begins anew, at worst: got %q", got)
	}
	e = engine(t, shippedSet(t), gasSite(), nil)
	charge := func(from, to, shift time.Duration) (events []rules.AlertEvent) {
		for at := from; at < to; at += time.Minute {
			events = append(events, e.Apply([]device.Reading{reading("A-03.1", "power", 331, at+shift)})...)
		}
		return events
	}
	events := append(charge(0, 3*time.Hour, 0), charge(3*time.Hour, 7*time.Hour, -2*time.Hour)...)
	if states(events) != "R03 firing" {
		t.Fatalf("a session lasts as long as it lasts: got %q", states(events))
	}
}

func TestResetIsRefusedWhileTheConditionHolds(t *testing.T) {
	e := engine(t, shippedSet(t), gasSite(), nil)
	id := e.Apply(gas(30, 2, 0))[0].Alert
	if events := e.Reset(id, t0.Add(time.Second)); events != nil {
		t.Fatalf("got %s", states(events))
	}
	e.Apply(gas(0, 0, 2*time.Second))
	if events := e.Reset("R16/other/20261122T091500Z", t0.Add(3*time.Second)); events != nil {
		t.Fatalf("another alert: %s", states(events))
	}
	events := e.Reset(id, t0.Add(3*time.Second))
	if states(events) != "R16 resolved" || events[0].Actions != nil || !strings.HasPrefix(events[0].Message.ZH, "已人工复位：1802 厨房") {
		t.Fatalf("got %+v", events)
	}
	again := e.Apply(gas(30, 2, 3*time.Second))
	if states(again) != "R16 firing" || again[0].Alert == id {
		t.Fatalf("a new leak is a new alert: %+v", again)
	}
}

func TestActionsWithoutADeviceAreWarnings(t *testing.T) {
	devices := gasSite()
	devices[1].Points[0].Writable = nil // a valve that can only be read
	for i := range 5 {
		id := fmt.Sprintf("gas-%d", i)
		devices = append(devices, device.Device{ID: id, Kind: "gas", Points: []device.Point{{Device: id, Name: "level", Unit: "%LEL"}}})
	}
	e := engine(t, shippedSet(t), devices, nil)
	var warnings []string
	for _, w := range e.Warnings() {
		warnings = append(warnings, w.ZH, w.EN)
	}
	want := []string{
		"规则 R16：gas-1802 告警时没有设备可关闭燃气阀：燃气阀的点表不允许把 open 写成 0",
		"rule R16 for gas-1802: no device can close the gas valve: the profile of the valve does not let open be set to 0",
		"gas-1802、gas-0、gas-1 等 6 台 没有标签 installed，从它算起的时间按未知处理",
		"no label installed at 6 devices (gas-1802, gas-0, gas-1, …): the time since then is taken as unknown",
		"gas-1802、gas-0、gas-1 等 6 台 没有标签 tested，从它算起的时间按未知处理",
		"no label tested at 6 devices (gas-1802, gas-0, gas-1, …): the time since then is taken as unknown",
		"规则 R09：A-03.1 没有点位 temperature，按未知处理",
		"rule R09: no point temperature at A-03.1, taken as unknown",
		"规则 R16：gas-0、gas-1、gas-2 等 5 台 告警时没有设备可关闭燃气阀：设备不属于任何区域",
		"rule R16 for 5 devices (gas-0, gas-1, gas-2, …): no device can close the gas valve: the device is in no zone",
		"规则 R16：gas-0、gas-1、gas-2 等 5 台 告警时没有设备可启动警报器：设备不属于任何区域",
		"rule R16 for 5 devices (gas-0, gas-1, gas-2, …): no device can sound the siren: the device is in no zone",
		"规则 R16 R17 R15 R19：gas-0、gas-1、gas-2 等 5 台 没有点位 status，按未知处理",
		"rule R16 R17 R15 R19: no point status at 5 devices (gas-0, gas-1, gas-2, …), taken as unknown",
	}
	if !slices.Equal(warnings, want) { // nothing of R02 and R03, which only notify, and R17 does not repeat R16
		t.Errorf("got\n%s\nwant\n%s", strings.Join(warnings, "\n"), strings.Join(want, "\n"))
	}
	ev := e.Apply(gas(30, 2, 0))[0]
	if len(ev.Actions) != 1 || !strings.Contains(ev.Message.ZH, "已命令启动警报器，本区无设备可关闭燃气阀") {
		t.Errorf("got %v %s", ev.Actions, ev.Message.ZH)
	}
}

func TestMistakesInOverridesAndDevices(t *testing.T) {
	devices := gasSite()
	devices[3].Points[0].Unit = "kW"
	_, err := rules.NewEngine(shippedSet(t), devices, map[string]rules.Override{
		"R99": {}, "R03": {Mode: "armd", Params: map[string]rules.Param{"min_durations": {Normal: "6h"}, "factor": {Normal: "1 W"}, "flat_time": {Normal: "60"}}},
	})
	for _, want := range []string{
		`override R99: there is no such rule (did you mean "R19"?)`,
		`override R03.mode: mode "armd" is not known (did you mean "armed"?)`,
		`override R03.params.min_durations: rule R03 has no parameter "min_durations" (did you mean "min_duration"?)`,
		`override R03.params.factor: factor is a number in W, and must be a plain number (as shipped: 1.15)`,
		`override R03.params.flat_time: flat_time is a plain number, and must be a duration (as shipped: 60m)`,
		`device A-03.1: point power comes in "kW", rules count in "W"`,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("missing %s in\n%v", want, err)
		}
	}
}

func TestUnknownPolicies(t *testing.T) {
	text := strings.Replace(good, "severity: A", "severity: A\n    for: 10s\n    unknown: {pending: reset, firing: clear}", 1)
	e := engine(t, mustLoad(t, text), gasSite(), nil)
	bad := func(at time.Duration) []device.Reading {
		p := gasSite()[0].Points
		return []device.Reading{device.BadReading(p[0], device.Timeout, t0.Add(at)), device.BadReading(p[1], device.Timeout, t0.Add(at))}
	}
	steps := []struct {
		rs   []device.Reading
		want string
	}{
		{gas(30, 0, 0), "X1 pending"},
		{bad(5 * time.Second), "X1 cancelled"},
		{gas(30, 0, 6*time.Second), "X1 pending"},
		{gas(30, 0, 16*time.Second), "X1 firing"},
		{bad(17 * time.Second), "X1 resolved"},
	}
	for i, s := range steps {
		if got := states(e.Apply(s.rs)); got != s.want {
			t.Errorf("step %d: got %q, want %q", i, got, s.want)
		}
	}
}

func TestQuietReadingsDoNotAllocate(t *testing.T) {
	e := engine(t, shippedSet(t), gasSite(), nil)
	rs := append(gas(1, 0, 0), reading("A-03.1", "power", 200, 0), reading("A-03.1", "energy", 3, 0), reading("A-03.1", "relay", 1, 0), reading("A-03.1", "voltage", 230, 0))
	now := t0
	n := testing.AllocsPerRun(1000, func() {
		now = now.Add(time.Second)
		for i := range rs {
			rs[i].Time = now
		}
		e.Apply(rs)
		e.Tick(now)
	})
	if n != 0 {
		t.Fatalf("%v allocations per poll and tick", n)
	}
}

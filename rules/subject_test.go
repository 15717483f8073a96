package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// placed is a rule in short; body is what comes after its title.
func placed(id, kind, expr, more string) string {
	return "  - id: " + id + "\n    title: {zh: 标题, en: title}\n    kind: " + kind + "\n    expr: " + expr +
		"\n    mode: armed\n    message: {zh: \"{place}：{actions}\", en: \"{place}: {actions}\"}\n" + more
}

// busSite is two detectors on a bus, in one zone that is called like the first of them, and three sockets in another.
func busSite() []device.Device {
	point := func(id, name, unit string) device.Point { return device.Point{Device: id, Name: name, Unit: unit} }
	bus := device.Device{ID: "bus-1", Kind: "channel", Points: []device.Point{point("bus-1", "up", ""), point("bus-1", "answering", ""), point("bus-1", "devices", "")}}
	all := []device.Device{}
	for _, id := range []string{"g1", "g2"} {
		all = append(all, device.Device{ID: id, Kind: "gas", Zone: "g1", Place: "厨房", Channel: "bus-1", Poll: time.Second, Points: []device.Point{point(id, "level", "%LEL"), point(id, "status", "")}})
	}
	for _, id := range []string{"s1", "s2", "s3"} {
		relay := point(id, "relay", "")
		relay.Writable = []float64{0, 1}
		all = append(all, device.Device{ID: id, Kind: "socket", Zone: "shed", Poll: time.Second, Points: []device.Point{point(id, "power", "W"), relay}})
	}
	return append(all, bus)
}

func levels(seconds int, levels ...float64) []device.Reading {
	var rs []device.Reading
	for i, v := range levels {
		id := []string{"g1", "g2"}[i]
		rs = append(rs, reading(id, "level", v, time.Duration(seconds)*time.Second), reading(id, "status", 0, time.Duration(seconds)*time.Second))
	}
	return rs
}

// told are the events in short: "Z/zone firing".
func toldOf(events []rules.AlertEvent) string {
	var words []string
	for _, e := range events {
		words = append(words, e.Rule+"/"+e.Subject+" "+string(e.State))
	}
	return strings.Join(words, ", ")
}

func TestOneCauseOneMessageAcrossSubjects(t *testing.T) {
	set := mustLoad(t, "rules:\n"+
		placed("Lost", "gas", "absent_for(level) > 5s", "    severity: B\n    unless: [Bus, Storm, Zone]\n")+
		placed("Bus", "channel", "up == 0", "    severity: B\n    unless: [Storm]\n")+
		placed("Zone", "zone", "count(zone.gas, level >= 10) >= 2", "    severity: A\n    unless: [Storm]\n")+
		placed("Storm", "site", "count(site.gas, level >= 50) >= 2", "    severity: C\n"))
	e := engine(t, set, busSite(), nil)
	e.Apply(append(levels(0, 1, 1), reading("bus-1", "up", 1, 0)))
	e.Tick(at(0))
	if got := toldOf(e.Apply([]device.Reading{reading("bus-1", "up", 0, time.Second)})); got != "Bus/bus-1 firing" {
		t.Fatalf("got %q", got)
	}
	for i := 2; i < 40; i++ {
		e.Apply([]device.Reading{reading("bus-1", "up", 0, time.Duration(i)*time.Second)})
		if got := toldOf(e.Tick(at(time.Duration(i) * time.Second))); got != "" {
			t.Fatalf("the bus has said it: got %q", got)
		}
	}
	e = restartedWith(t, e, set, busSite(), nil)
	for i := 40; i < 60; i++ {
		if got := toldOf(e.Tick(at(time.Duration(i) * time.Second))); got != "" {
			t.Fatalf("got %q", got)
		}
	}
	if got := toldOf(e.Apply([]device.Reading{reading("bus-1", "up", 1, 60*time.Second)})); got != "Bus/bus-1 resolved" {
		t.Fatalf("got %q", got)
	}
	events := e.Tick(at(61 * time.Second))
	if got := toldOf(events); got != "Lost/g1 firing, Lost/g2 firing" {
		t.Fatalf("the bus is well and they are not: got %q", got)
	}
	// Then both detectors answer, and see gas: the zone speaks; later the site does, and the zone gives way.
	if got := toldOf(e.Apply(levels(62, 12, 12))); got != "Lost/g1 resolved, Lost/g2 resolved, Zone/g1 firing" {
		t.Fatalf("got %q", got)
	}
	events = append(e.Apply(levels(63, 60, 60)), e.Tick(at(63*time.Second))...)
	if got := toldOf(events); got != "Storm/site firing, Zone/g1 resolved" {
		t.Fatalf("got %q", got)
	}
	if m := events[1].Message.EN; m != "Taken over by Storm: 厨房:" || events[0].Message.ZH != "本小区：" {
		t.Errorf("got %q and %q", m, events[0].Message.ZH)
	}
}

func TestZoneAlertOverARestart(t *testing.T) {
	set := mustLoad(t, "rules:\n"+placed("Zone", "zone", "count(zone.gas, level >= 10) >= 2", "    for: 5s\n    severity: A\n")+placed("One", "gas", "level >= 10", "    severity: B\n"))
	e := engine(t, set, busSite(), nil)
	events := e.Apply(levels(0, 12, 12))
	if got := toldOf(events); got != "One/g1 firing, One/g2 firing, Zone/g1 pending" {
		t.Fatalf("got %q", got)
	}
	id := events[2].Alert
	e = restartedWith(t, e, set, busSite(), nil)
	if got := toldOf(e.Tick(at(6 * time.Second))); got != "" {
		t.Fatalf("unknown does not fire: got %q", got)
	}
	events = e.Apply(levels(7, 12, 12))
	if got := toldOf(events); got != "Zone/g1 firing" || events[0].Alert != id || len(e.Active()) != 3 {
		t.Fatalf("zone and detector of one name keep their alerts apart: got %q", got)
	}
	if !events[0].Window.Equal(t0) {
		t.Errorf("it looked since %v", events[0].Window)
	}
	e = restartedWith(t, e, set, busSite()[2:], nil)
	if got := toldOf(e.Tick(at(8 * time.Second))); got != "Zone/g1 resolved, One/g1 resolved, One/g2 resolved" {
		t.Fatalf("of a zone that is no more: got %q", got)
	}
}

func TestZonesWithoutWhatARuleCounts(t *testing.T) {
	set := mustLoad(t, "rules:\n"+placed("Both", "zone", "all(zone.gas, level < 1) and all(zone.socket, power < 1)", "    severity: A\n")+
		placed("Doors", "zone", "all(zone.door, lock == 1)", "    severity: A\n"))
	e := engine(t, set, busSite(), nil)
	if got := e.Warnings(); len(got) != 0 {
		t.Errorf("zones differ: warnings %v", got)
	}
	if got := toldOf(e.Tick(t0)); got != "" {
		t.Errorf("all of nothing is no alarm: got %q", got)
	}
}

func TestPickNewest(t *testing.T) {
	set := mustLoad(t, "rules:\n"+placed("Over", "zone", "sum(zone.socket.power) > 500", "    severity: B\n    actions: [{of: zone, kind: socket, point: relay, value: 0, pick: newest, do: {zh: 断, en: cut the newest}}]\n"+
		"    ladder: [{expr: sum(zone.socket.power) > 500, for: 10s, actions: [{of: zone, kind: socket, point: relay, value: 0, pick: newest}]}]\n"))
	e := engine(t, set, busSite(), nil)
	var events []rules.AlertEvent
	powers := func(from, to int, p ...float64) {
		for i := from; i < to; i++ {
			var rs []device.Reading
			for j, id := range []string{"s1", "s2", "s3"} {
				relay := 1.0
				if p[j] < 0 {
					relay = 0
				}
				rs = append(rs, reading(id, "power", max(p[j], 0), time.Duration(i)*time.Second), reading(id, "relay", relay, time.Duration(i)*time.Second))
			}
			events = append(events, e.Apply(rs)...)
			events = append(events, e.Tick(at(time.Duration(i)*time.Second))...)
		}
	}
	powers(0, 30, 0, 200, 0)
	powers(30, 60, 0, 200, 200)
	powers(60, 90, 200, 200, 0)
	if len(events) != 0 {
		t.Fatalf("got %s", toldOf(events))
	}
	powers(90, 92, 400, 200, 0)
	if got := rungs(events); got != "B0 firing s1=0" || events[0].Message.EN != "shed: Commanded: cut the newest" {
		t.Fatalf("got %q: %s", got, events[0].Message.EN)
	}
	e = restartedWith(t, e, set, busSite(), nil)
	if got := rungs(e.Active()); got != "B0 firing s1=0" {
		t.Fatalf("a restart picks no other: got %q", got)
	}
	events = nil
	powers(92, 102, -1, 300, 300) // it is off, and there is still too much
	if got := rungs(events); got != "B1 firing s3=0" {
		t.Fatalf("got %q", got)
	}
}

func oneLevel(id string, level float64, seconds int) []device.Reading {
	return []device.Reading{reading(id, "level", level, time.Duration(seconds)*time.Second), reading(id, "status", 0, time.Duration(seconds)*time.Second)}
}

// Zones that different rules are about: what keeps one quiet keeps no other quiet.
func TestEachZoneHasItsOwnRules(t *testing.T) {
	set := mustLoad(t, "rules:\n"+placed("Gas", "zone", "not emergency and any(zone.gas, level >= 10)", "    severity: A\n")+
		placed("Shed", "zone", "emergency and any(zone.socket, power > 10)", "    severity: B\n"))
	for range 2 {
		e := engine(t, set, busSite(), nil)
		e.Tick(t0)
		if got := toldOf(e.Apply(append(levels(1, 12, 1), reading("s1", "power", 20, time.Second)))); got != "Gas/g1 firing" {
			t.Errorf("got %q", got)
		}
		if got := toldOf(e.SetEmergency(true, at(2*time.Second))); got != "Gas/g1 resolved, Shed/shed firing" && got != "Shed/shed firing, Gas/g1 resolved" {
			t.Errorf("got %q", got)
		}
	}
}

package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// kitchens are three detectors in a zone, and one in another.
func kitchens() []device.Device {
	var devices []device.Device
	for _, id := range []string{"a", "b", "c", "d"} {
		d := gasSite()[0]
		d.ID, d.Zone = id, map[bool]string{true: "k2", false: "k1"}[id == "d"]
		d.Points = append([]device.Point(nil), d.Points...)
		for i := range d.Points {
			d.Points[i].Device = id
		}
		devices = append(devices, d)
	}
	return devices
}

func level(id string, v float64, at time.Duration) []device.Reading {
	return []device.Reading{reading(id, "level", v, at)}
}

// A vote is complete with the reading that completes it, whoever's it is.
func TestVoteOfTwoDetectors(t *testing.T) {
	vote := ruleOf("count(zone.gas, level >= limit) >= 2", "{limit: 10 %LEL}")
	ofZone := strings.NewReplacer("kind: gas", "kind: zone", "{place} {level}", "{place}", "X1", "Z1").Replace(vote)
	e := engine(t, mustLoad(t, vote+strings.TrimPrefix(ofZone, "rules:\n")), kitchens(), nil)
	if got := states(append(e.Apply(level("a", 12, 0)), e.Apply(level("d", 12, 0))...)); got != "" {
		t.Fatalf("one is no vote: %s", got)
	}
	events := e.Apply(level("b", 11, time.Second))
	var subjects []string
	for _, ev := range events {
		subjects = append(subjects, ev.Rule+"/"+ev.Subject+" "+string(ev.State))
	}
	want := "X1/b firing, X1/a firing, X1/c firing, Z1/k1 firing"
	if got := strings.Join(subjects, ", "); got != want {
		t.Fatalf("got %s, want %s", got, want)
	}
	votes := events[3].Evidence[len(events[3].Evidence)-1]
	if votes.Name != "count(zone.gas, level >= limit)" || !(votes.Value != votes.Value) || votes.Quality != device.Bad {
		t.Errorf("two or three, c was never read: %+v", votes)
	}
	e.Apply(level("c", 1, 2*time.Second))
	if got := states(e.Apply(level("b", 1, 3*time.Second))); !strings.Contains(got, "Z1 resolved") {
		t.Errorf("got %q", got)
	}
}

func TestSiteRulesAreJudgedAtTicks(t *testing.T) {
	text := strings.NewReplacer("kind: gas", "kind: site", "{place} {level}", "{place}").Replace(ruleOf("count(site.gas, level >= limit) >= 3", "{limit: 10 %LEL}"))
	e := engine(t, mustLoad(t, text), kitchens(), nil)
	for _, id := range []string{"a", "b", "d"} {
		if got := states(e.Apply(level(id, 12, 0))); got != "" {
			t.Fatalf("got %q", got)
		}
	}
	events := e.Tick(t0.Add(time.Second))
	if states(events) != "X1 firing" || events[0].Subject != "site" {
		t.Fatalf("got %+v", events)
	}
}

// A device that lacks a point which others count over makes the count unknown, and somebody must be told.
func TestMembersWithoutAPointAreToldOf(t *testing.T) {
	devices := kitchens()
	devices[1].Points = devices[1].Points[1:]
	text := strings.NewReplacer("kind: gas", "kind: zone", "{place} {level}", "{place}").Replace(ruleOf("sum(zone.gas.level) > limit", "{limit: 10 %LEL}"))
	var warned []string
	e := engine(t, mustLoad(t, text), devices, nil)
	for _, w := range e.Warnings() {
		warned = append(warned, w.EN)
	}
	if got := strings.Join(warned, "\n"); got != "rule X1: no point level at b, taken as unknown" {
		t.Errorf("got %q", got)
	}
	for _, id := range []string{"a", "c"} {
		if got := states(e.Apply(level(id, 99, 0))); got != "" {
			t.Errorf("got %q", got)
		}
	}
}

func TestDatesInLabels(t *testing.T) {
	devices := kitchens()
	devices[0].Labels = map[string]string{"installed": "2023-11-22"}
	devices[1].Labels = map[string]string{"installed": "2025-06-30T08:00:00+08:00"}
	devices[2].Labels = map[string]string{"installed": "last year"}
	e := engine(t, mustLoad(t, ruleOf("since(label.installed) > life", "{life: 1095d}")), devices, nil)
	var events []rules.AlertEvent
	for _, d := range devices {
		events = append(events, e.Apply(level(d.ID, 0, 0))...)
	}
	events = append(events, e.Tick(t0)...)
	if states(events) != "X1 firing" || events[0].Subject != "a" {
		t.Errorf("got %s", states(events))
	}
	var warned []string
	for _, w := range e.Warnings() {
		warned = append(warned, w.EN)
	}
	want := "label installed at c is no date (last year), taken as unknown; write 2026-01-31\nno label installed at d: the time since then is taken as unknown"
	if got := strings.Join(warned, "\n"); got != want {
		t.Errorf("got %s", got)
	}
}

// Zones without the devices that a rule counts over have no such alert: what is left must still be the right ones.
func TestZonesOfDifferentDevices(t *testing.T) {
	of := func(id, expr string) string {
		r := strings.NewReplacer("kind: gas", "kind: zone", "{place} {level}", "{place}", "X1", id).Replace(ruleOf(expr, "{}"))
		return strings.TrimPrefix(r, "rules:\n")
	}
	devices := kitchens()
	devices = append(devices, device.Device{ID: "door", Kind: "door", Zone: "k1", Points: []device.Point{{Device: "door", Name: "contact"}}})
	e := engine(t, mustLoad(t, "rules:\n"+of("Z1", "any(zone.door, contact == 1)")+of("Z2", "any(zone.gas, level > 10)")+of("Z3", "any(zone.gas, level > 20)")), devices, nil)
	e.Tick(t0)
	if got := states(append(e.Apply(level("d", 12, time.Second)), e.Tick(t0.Add(time.Second))...)); got != "Z2 firing" {
		t.Errorf("zone k2: %q", got)
	}
	if got := states(append(e.Apply(level("a", 22, time.Second)), e.Apply([]device.Reading{reading("door", "contact", 1, time.Second)})...)); got != "Z2 firing, Z3 firing, Z1 firing" {
		t.Errorf("zone k1: %q", got)
	}
}

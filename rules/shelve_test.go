package rules_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/rules"
)

// flickers is a rule whose alert comes and goes with level, and gets worse from 50 on.
const flickers = `rules:
  - id: F
    title: {zh: 标题, en: title}
    kind: gas
    params: {limit: {normal: 25 %LEL, emergency: 10 %LEL}}
    expr: level >= limit
    severity: B
    mode: armed
    message: {zh: "{limit}", en: "{limit}"}
    ladder: [{expr: level >= 50, clear: level < 50, severity: A}]
  - id: Flood
    title: {zh: 标题, en: title}
    kind: site
    expr: alarms(10m) >= 4
    severity: C
    mode: armed
    message: {zh: "{place}", en: "{place}"}
`

// shelves are the events in short: "B firing shelved".
func shelves(events []rules.AlertEvent) string {
	var words []string
	for _, e := range events {
		word := fmt.Sprintf("%s %s", e.Severity, e.State)
		if e.Shelved {
			word += " shelved"
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

func TestChatterIsShelvedAndSaysSoOnce(t *testing.T) {
	set := mustLoad(t, flickers)
	e := engine(t, set, gasSite(), nil)
	beat := func(s int, level float64) []rules.AlertEvent {
		return append(e.Apply(gasAt(level, s)), e.Tick(at(time.Duration(s)*time.Second))...)
	}
	var third []rules.AlertEvent
	for i := range 3 {
		third = append(beat(20*i, 30), beat(20*i+10, 0)...)
	}
	if got := shelves(third); got != "B firing, B resolved" || !strings.HasPrefix(third[0].Message.ZH, "（1 分钟内第 3 次，此后 30 分钟只记录不通知）") {
		t.Fatalf("the third is told, and that it is the last: %s: %s", got, third[0].Message.ZH)
	}
	if got := shelves(beat(60, 30)); got != "B firing shelved" {
		t.Fatalf("got %q", got)
	}
	e = restartedWith(t, e, set, gasSite(), nil)
	if got := shelves(beat(61, 60)); got != "A firing" {
		t.Fatalf("A is never shelved, also after a restart: got %q", got)
	}
	if got := shelves(beat(62, 30)); got != "B firing shelved" {
		t.Fatalf("got %q", got)
	}
	if got := shelves(beat(63, 0)); got != "B resolved shelved" {
		t.Fatalf("got %q", got)
	}
	for s := 64; s < 1800; s++ {
		beat(s, 0)
	}
	if got := shelves(beat(1800, 30)); got != "B firing shelved" {
		t.Fatalf("got %q", got)
	}
	var end []rules.AlertEvent
	for s := 1801; s < 1900; s++ {
		end = append(end, beat(s, 30)...)
	}
	if got := shelves(end); got != "B firing" || end[0].Actions != nil || !strings.HasPrefix(end[0].Message.EN, "Still firing: ") {
		t.Fatalf("what lasts is told when its time on the shelf is over: got %q", got)
	}
}

func TestAlarmsCountWhatDisturbs(t *testing.T) {
	devices := gasSite()
	for i := range 4 {
		d := gasSite()[0]
		d.ID = fmt.Sprintf("g%d", i)
		for j := range d.Points {
			d.Points[j].Device = d.ID
		}
		devices = append(devices, d)
	}
	set := mustLoad(t, flickers)
	e := engine(t, set, devices, nil)
	for i := range 4 {
		e.Tick(at(time.Duration(i) * time.Minute))
		e.Apply(oneLevel(fmt.Sprintf("g%d", i), 30, i*60))
		e = restartedWith(t, e, set, devices, nil)
	}
	if got := toldOf(e.Tick(at(4 * time.Minute))); got != "Flood/site firing" {
		t.Fatalf("got %q", got)
	}
	if got := toldOf(e.Tick(at(599 * time.Second))); got != "" {
		t.Fatalf("got %q", got)
	}
	if got := toldOf(e.Tick(at(601 * time.Second))); got != "Flood/site resolved" {
		t.Fatalf("got %q", got)
	}
}

func TestEmergencyChangesParametersAtOnce(t *testing.T) {
	set := mustLoad(t, strings.Replace(flickers, "expr: level >= limit\n", "expr: level >= limit\n    for: 10s\n    limit: {point: level, param: limit, above: true}\n", 1))
	e := engine(t, set, gasSite(), nil)
	e.Apply(gasAt(15, 0))
	events := e.SetEmergency(true, at(time.Second))
	if got := shelves(events); got != "B pending" || events[0].Limit.Value != 10 || events[0].Message.EN != "10 %LEL" {
		t.Fatalf("got %q, %+v", got, events)
	}
	if e.SetEmergency(true, at(2*time.Second)) != nil {
		t.Error("nothing has changed")
	}
	e = restartedWith(t, e, set, gasSite(), nil)
	if got := shelves(e.Apply(gasAt(15, 11))); got != "B firing" {
		t.Fatalf("the mode and the time waited outlast a restart: got %q", got)
	}
	if got := shelves(e.SetEmergency(false, at(12*time.Second))); got != "B resolved" {
		t.Fatalf("got %q", got)
	}
	own := map[string]rules.Override{"F": {Params: map[string]rules.Param{"limit": {Normal: "14 %LEL", Emergency: "12 %LEL"}}}}
	e = engine(t, set, gasSite(), own)
	if got := shelves(e.Apply(gasAt(13, 0))); got != "" {
		t.Fatalf("got %q", got)
	}
	if got := shelves(e.SetEmergency(true, at(time.Second))); got != "B pending" {
		t.Fatalf("a site's own: got %q", got)
	}
}

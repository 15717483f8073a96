package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

const ventilate = `rules:
  - id: V
    title: {zh: 通风, en: Ventilate}
    kind: gas
    params: {low: 10 %LEL}
    expr: level >= low
    severity: B
    mode: armed
    message: {zh: "{actions}", en: "{actions}"}
    actions: [{of: zone, kind: fan, point: "on", value: 1, do: {zh: 启动排风, en: start the fan}}]
`

// A fan may be the spark: only one that the site has labelled as safe in gas is ever started.
func TestAFanIsStartedOnlyWhenLabelledExRated(t *testing.T) {
	set, err := rules.Load([]rules.Source{{Name: "v.yaml", Data: []byte(ventilate)}})
	if err != nil {
		t.Fatal(err)
	}
	fan := func(id string, labels map[string]string) device.Device {
		return device.Device{ID: id, Kind: "fan", Zone: "k", Labels: labels, Points: []device.Point{{Device: id, Name: "on", Writable: []float64{0, 1}}}}
	}
	gas := device.Device{ID: "gas-1", Kind: "gas", Zone: "k", Points: []device.Point{{Device: "gas-1", Name: "level", Unit: "%LEL"}}}
	leak := []device.Reading{{Device: "gas-1", Point: "level", Value: 12, Quality: device.Good, Time: time.Unix(1, 0)}}

	ordinary := fan("fan-1", map[string]string{"ex_rated": "no"})
	engine, err := rules.NewEngine(set, []device.Device{gas, ordinary}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if w := engine.Warnings(); len(w) != 1 || !strings.Contains(w[0].EN, `the fan has no label ex_rated: "true"`) {
		t.Errorf("warnings %q", w)
	}
	if ev := engine.Apply(leak); len(ev) != 1 || len(ev[0].Actions) != 0 {
		t.Errorf("with an ordinary fan: %+v", ev)
	}
	if engine, err = rules.NewEngine(set, []device.Device{gas, ordinary, fan("fan-2", map[string]string{"ex_rated": "true"})}, nil); err != nil {
		t.Fatal(err)
	}
	if ev := engine.Apply(leak); len(ev) != 1 || len(ev[0].Actions) != 1 || ev[0].Actions[0].Device != "fan-2" {
		t.Errorf("with one that is safe in gas: %+v", ev)
	}
}

// No file can make a rule do what makes a danger worse.
func TestInterlocksOfTheKinds(t *testing.T) {
	for _, write := range []string{"valve, point: open, value: 1", "socket, point: relay, value: 1", "meter, point: relay, value: 1", "door, point: lock, value: 0", "fan, point: \"on\", value: 0"} {
		text := strings.Replace(ventilate, `fan, point: "on", value: 1`, write, 1)
		if _, err := rules.Load([]rules.Source{{Name: "v.yaml", Data: []byte(text)}}); err == nil || !strings.Contains(err.Error(), "no rule may write") {
			t.Errorf("%s: %v", write, err)
		}
	}
}

// A label that a rule asks for is true only where it says so.
func TestALabelIsACondition(t *testing.T) {
	text := strings.Replace(strings.Split(ventilate, "    actions:")[0], "expr: level >= low", "expr: level >= low and label.lab", 1)
	set, err := rules.Load([]rules.Source{{Name: "v.yaml", Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		labels map[string]string
		want   int
	}{{nil, 0}, {map[string]string{"lab": "no"}, 0}, {map[string]string{"lab": "true"}, 1}} {
		gas := device.Device{ID: "gas-1", Kind: "gas", Labels: c.labels, Points: []device.Point{{Device: "gas-1", Name: "level", Unit: "%LEL"}}}
		engine, err := rules.NewEngine(set, []device.Device{gas}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if ev := engine.Apply([]device.Reading{{Device: "gas-1", Point: "level", Value: 12, Quality: device.Good, Time: time.Unix(1, 0)}}); len(ev) != c.want {
			t.Errorf("labels %v: %+v", c.labels, ev)
		}
	}
}

// A hold time that is a parameter is the site's own, and another in an emergency.
func TestAHoldTimeIsAParameter(t *testing.T) {
	text := strings.Replace(strings.Split(ventilate, "    actions:")[0], "params: {low: 10 %LEL}", "params: {low: 10 %LEL, wait: {normal: 20s, emergency: 5s}}\n    for: wait", 1)
	set, err := rules.Load([]rules.Source{{Name: "v.yaml", Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	gas := device.Device{ID: "gas-1", Kind: "gas", Points: []device.Point{{Device: "gas-1", Name: "level", Unit: "%LEL"}}}
	for _, c := range []struct {
		own       map[string]rules.Param
		emergency bool
		after     time.Duration
	}{{nil, false, 20 * time.Second}, {nil, true, 5 * time.Second}, {map[string]rules.Param{"wait": {Normal: "10s"}}, false, 10 * time.Second}} {
		engine, err := rules.NewEngine(set, []device.Device{gas}, map[string]rules.Override{"V": {Params: c.own}})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Unix(1, 0)
		engine.SetEmergency(c.emergency, start)
		for at := time.Duration(0); at <= c.after; at += time.Second {
			ev := engine.Apply([]device.Reading{{Device: "gas-1", Point: "level", Value: 12, Quality: device.Good, Time: start.Add(at)}})
			if fired := len(ev) == 1 && ev[0].State == rules.Firing; fired != (at == c.after) {
				t.Errorf("%+v: after %v: %+v", c, at, ev)
			}
		}
	}
	for word, want := range map[string]string{"low": "low is a number in %LEL, not a duration", "wiat": `"wiat" is no duration`} {
		wrong := strings.Replace(text, "for: wait", "for: "+word, 1)
		if _, err := rules.Load([]rules.Source{{Name: "v.yaml", Data: []byte(wrong)}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("for: %s: %v", word, err)
		}
	}
}

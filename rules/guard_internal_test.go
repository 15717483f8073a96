package rules

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linshao/linshao/drivers/device"
)

// Guards must change nothing but the time it takes.
func TestGuardsChangeNothing(t *testing.T) {
	parts := []string{
		"level >= 25", "level < 3", "level == 7", "level != 7", "3 < level", "status == 2", "status != 0", "not (level > 5)", "-level < -20", "level * 2 > 30",
		"level - 3 * level > 4", "unknown(level)", "not unknown(status)", "absent_for(level) > 15s", "absent_for(status) < 15s", "avg(level, 10s) > 12", "max(level, 1m) - min(level, 1m) > 20",
		"changed(status, 10s)", "not changed(level, 10s)", "count(level > 10, 1m) >= 2", "count(level > 10, 1m) < 2", "count(zone.gas, level > 10) >= 2", "any(zone.gas, status == 1)",
		"all(site.gas, level < 20)", "sum(zone.gas.level) > 30", "first_known(level, 30) > 20", "limit < level", "level > limit + 2", "emergency", "level == level", "least(level, limit) > 3",
	}
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.SampledFrom(parts)
		var text strings.Builder
		text.WriteString("rules:\n")
		for i := range 6 {
			expr := "(" + part.Draw(t, "a") + rapid.SampledFrom([]string{") and (", ") or ("}).Draw(t, "op") + part.Draw(t, "b") + ")"
			if rapid.Bool().Draw(t, "third") {
				expr = "not (" + expr + ") or " + part.Draw(t, "c") + " and " + part.Draw(t, "d")
			}
			fmt.Fprintf(&text, "  - {id: G%d, title: {zh: t, en: t}, kind: gas, params: {limit: {normal: 20 %%LEL, emergency: 5 %%LEL}}, expr: %q, for: %s, severity: B, mode: armed, message: {zh: x, en: x}",
				i, expr, rapid.SampledFrom([]string{"0s", "5s"}).Draw(t, "for"))
			if rapid.Bool().Draw(t, "patient") {
				text.WriteString(", max_age: 1m")
			}
			if rapid.Bool().Draw(t, "ladder") {
				fmt.Fprintf(&text, ", ladder: [{severity: A, expr: %q}]", part.Draw(t, "rung"))
			}
			text.WriteString("}\n")
		}
		set, err := Load([]Source{{Name: "g.yaml", Data: []byte(text.String())}})
		if err != nil {
			t.Fatalf("%v\n%s", err, text.String())
		}
		var devices []device.Device
		for _, id := range []string{"a", "b", "c"} {
			devices = append(devices, device.Device{ID: id, Kind: "gas", Zone: "k", Points: []device.Point{{Device: id, Name: "level", Unit: "%LEL"}, {Device: id, Name: "status"}}})
		}
		guarded, plain := bothEngines(t, set, devices)
		now := time.UnixMilli(t0ms)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			now = now.Add(time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond)
			var got, want []AlertEvent
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				on := rapid.Bool().Draw(t, "emergency")
				got, want = guarded.SetEmergency(on, now), plain.SetEmergency(on, now)
			case 1, 2:
				now = now.Add(time.Second)
				got, want = guarded.Tick(now), plain.Tick(now)
			default:
				rs := randomReadings(t, now)
				got, want = append(guarded.Apply(rs), guarded.Tick(now)...), append(plain.Apply(rs), plain.Tick(now)...)
			}
			if a, b := brief(got), brief(want); !reflect.DeepEqual(a, b) {
				t.Fatalf("with guards %v, without %v\n%s", a, b, text.String())
			}
		}
	})
}

// bothEngines are the same engine with guards and without.
func bothEngines(t *rapid.T, set *Set, devices []device.Device) (guarded, plain *Engine) {
	guarded, err := NewEngine(set, devices, nil)
	if err != nil {
		t.Fatal(err)
	}
	plain, _ = NewEngine(set, devices, nil)
	for _, v := range plain.vigils {
		v.scales = nil
		for i := range v.always {
			v.always[i] = math.MaxUint64
		}
	}
	for _, s := range plain.subjects {
		for i := range s.watcher.awake {
			s.watcher.awake[i] = math.MaxUint64
		}
	}
	return guarded, plain
}

func randomReadings(t *rapid.T, now time.Time) []device.Reading {
	var rs []device.Reading
	id := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "device")
	for _, point := range []string{"level", "status"} {
		r := device.Reading{Device: id, Point: point, Quality: device.Good, Time: now}
		switch k := rapid.IntRange(0, 9).Draw(t, "quality"); {
		case k == 0:
			r.Quality, r.Value, r.Reason = device.Bad, math.NaN(), device.Timeout
		case k == 1:
			continue
		case point == "level":
			r.Value = float64(rapid.SampledFrom([]int{0, 2, 3, 5, 7, 10, 12, 20, 22, 25, 30, 99}).Draw(t, "level"))
		default:
			r.Value = float64(rapid.IntRange(0, 4).Draw(t, "status"))
		}
		rs = append(rs, r)
	}
	return rs
}

// brief is what happened, in any order: what time alone brings about, guards may leave to the tick that follows.
func brief(events []AlertEvent) []string {
	var all []string
	for _, ev := range events {
		all = append(all, fmt.Sprint(ev.Alert, " ", ev.State, " ", ev.Level))
	}
	slices.Sort(all)
	return all
}

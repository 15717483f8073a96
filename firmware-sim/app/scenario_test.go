package app_test

import (
	"strings"
	"testing"

	"github.com/linshao/linshao/firmware-sim/app"
)

const demo = "../../configs/demo/scenario.yaml"

func TestDemoScenarioLoads(t *testing.T) {
	s, err := app.LoadScenario(demo)
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Devices) != 11 || len(s.Channels) != 3 || len(s.Timeline) != 5 || s.Warp != 600 {
		t.Errorf("%d devices, %d channels, %d events, warp %g", len(s.Devices), len(s.Channels), len(s.Timeline), s.Warp)
	}
}

const head = `site: x
begin: -1h
warp: 60
channels:
  - {id: tcp, kind: modbus-tcp}
  - {id: bus, kind: dlt645}
devices:
  - {id: A-03, kind: station, channel: tcp, unit: 3}
  - {id: v, kind: valve, channel: tcp, unit: 9}
`

func TestMistakesAreToldWithTheirPlace(t *testing.T) {
	for _, c := range []struct{ yaml, want string }{
		{"", "s.yaml: file is empty"},
		{"site: x\nwrap: 3\n", `s.yaml:2:1: unknown key "wrap"`},
		{"site: [x\n", "s.yaml:1:7: "},
		{"begin: soon\n", `s.yaml:1:8: "soon" is no length of time`},
		{"begin: 7\n", "s.yaml:1:8: 7 is no length of time"},
		{"begin: 1h\n", "s.yaml:1:8: begin is 1h0m0s: write a negative time, or 0"},
		{"begin: -1h\nwarp: 1\n", "s.yaml:2:7: warp is 1: simulated time never meets the present"},
		{"channels:\n  - {id: a, kind: canbus}\n", `s.yaml:2:19: channel a: kind is "canbus"`},
		{"channels:\n  - {id: a, kind: dlt645}\n  - {id: a, kind: dlt645}\n", `s.yaml:3:10: there are two channels "a"`},
		{head + "  - {id: A-03, kind: siren, channel: tcp, unit: 9}\n", `s.yaml:10:10: there are two devices "A-03"`},
		{head + "  - {id: b, kind: toaster, channel: tcp, unit: 9}\n", `s.yaml:10:19: device b: unknown kind "toaster"`},
		{head + "  - {id: b, kind: station, channel: tcpp, unit: 4}\n", `s.yaml:10:37: device b: there is no channel "tcpp"`},
		{head + "  - {id: b, kind: station, channel: bus, unit: 4}\n", `s.yaml:10:37: device b: a station does not speak dlt645`},
		{head + "  - {id: b, kind: station, channel: tcp, unit: 3}\n", `s.yaml:10:48: device b: unit 3 on tcp is taken`},
		{head + "  - {id: b, kind: station, channel: tcp, unit: 248}\n", `s.yaml:10:48: device b: unit is 248, not 1..247`},
		{head + "  - {id: b, kind: valve, channel: tcp, unit: 9}\n", `s.yaml:10:46: device b: unit 9 has a valve already: v`},
		{head + "  - {id: b, kind: camera, channel: tcp, width: 64, height: 48, fps: 5}\n", `s.yaml:10:36: device b: a camera has a port of its own`},
		{head + "  - {id: b, kind: camera, width: 8, height: 48, fps: 5}\n", `camera b: needs width`},
		{head + "  - {id: b, kind: gas, channel: tcp, unit: 5, valve: w}\n", `s.yaml:10:54: device b: there is no valve "w"`},
		{head + "  - {id: b, kind: feeder, channel: tcp, unit: 5, behind: [A-03, A-3]}\n", `s.yaml:10:65: device b: there is no station "A-3"`},
		{head + "timeline:\n  - {at: noon, device: v, do: open}\n", `s.yaml:11:10: at is "noon": write begin+2h, present or present+3s`},
		{head + "timeline:\n  - {at: begin+2, device: v, do: open}\n", `at is "begin+2"`},
		{head + "timeline:\n  - {at: begin, device: w, do: open}\n", `s.yaml:11:25: there is no device or channel "w"`},
		{head + "timeline:\n  - {at: begin, device: v, do: explode}\n", `s.yaml:11:32: unknown deed "explode"`},
		{head + "timeline:\n  - {at: begin, device: A-03.1, do: plug, pack: aa}\n", `plug: unknown pack "aa"`},
		{head + "timeline:\n  - {at: begin, device: A-03.1, do: plug, pack: pb-48v20ah, curve: round}\n", `plug: unknown curve "round"`},
		{head + "timeline:\n  - {at: begin, device: v, do: leak}\n", `leak: needs a rate`},
		{head + "timeline:\n  - {at: begin, device: bus, do: fault, fault: gremlins}\n", `fault: unknown fault "gremlins"`},
		{head + "timeline:\n  - {at: x, device: w, do: y}\n", "s.yaml:11:10: "},
	} {
		_, err := app.ParseScenario("s.yaml", []byte(c.yaml))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n got: %v\nwant: %s", c.yaml, err, c.want)
		}
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	_, err := app.ParseScenario("s.yaml", []byte(head+"timeline:\n  - {at: x, device: w, do: y}\n"))
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("three mistakes on three lines, got: %v", err)
	}
}

func FuzzParseScenario(f *testing.F) {
	f.Add([]byte(head))
	f.Add([]byte("timeline: [{at: begin, do: plug}]"))
	f.Fuzz(func(t *testing.T, in []byte) { _, _ = app.ParseScenario("s.yaml", in) })
}

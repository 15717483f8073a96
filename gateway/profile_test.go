package main

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/linshao/linshao/gateway/internal/config"
)

// Every shipped profile says what stands on the wire for each of its points, and the driver must make the right value of it.
func TestShippedProfiles(t *testing.T) {
	files, names, err := profileFiles("")
	if err != nil || len(names) < 40 {
		t.Fatalf("%d profiles, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			data, err := fs.ReadFile(files, name)
			if err != nil {
				t.Fatal(err)
			}
			tested, err := testProfile(t.Context(), config.English, name, data)
			if err != nil || !tested.right() {
				t.Errorf("%v %v %v", err, tested.Problems, tested.Findings)
			}
			m, _ := config.ReadModel(name, data, config.English)
			for _, p := range m.Points {
				if want, known := unitOf(m.Kind, p.Name); known && p.Unit != want {
					t.Errorf("%s has unit %q, rules know it in %q", p.Name, p.Unit, want)
				}
			}
		})
	}
}

var phase = regexp.MustCompile(`_l[123]$`)

// unitOf is the unit of a word that rules know, as in rules/kinds.go.
func unitOf(kind, point string) (unit string, known bool) {
	switch point = phase.ReplaceAllString(point, ""); {
	case kind == "gas" && point == "level":
		return "%LEL", true
	case kind == "co" && point == "level":
		return "ppm", true
	case kind == "meter" || kind == "socket":
		unit, known = map[string]string{"power": "W", "voltage": "V", "current": "A", "energy": "kWh", "frequency": "Hz", "temperature": "°C", "power_factor": ""}[point]
	case kind == "rcd":
		unit, known = map[string]string{"leakage_current": "mA", "tripped": ""}[point]
	}
	return unit, known
}

const goodProfile = `model: probe
title: {zh: 表, en: Probe}
kind: meter
protocol: modbus
source: a test
max_registers: 4
points:
  - {name: voltage, unit: V, at: input 0x0000, type: u16, scale: 0.1, special: {0xFFFF: sensor_fault}, min: 0, max: 300}
  - {name: power, unit: W, at: holding 0xA000, type: i32, swap: true}
  - {name: imported, unit: kWh, at: holding 0xB000, type: u64, scale: 0.01}
  - {name: balance, unit: kWh, at: holding 0xB004, type: i64, swap: true}
  - {name: exact, unit: kWh, at: holding 0xB008, type: f64}
  - {name: closed, at: coil 9, type: bool}
golden:
  voltage: {"08ED": 228.5, "FFFF": sensor_fault, "FFFE": out_of_range}
  power: {"FEAA FFFF": -342}
  imported: {"0000 0000 0001 E240": 1234.56}
  balance: {"FEAA FFFF FFFF FFFF": -342}
  exact: {"4093 4A45 6D5C FAAD": 1234.5678}
  closed: {"1": 1}
`

func TestProfileTest(t *testing.T) {
	cases := []struct{ name, old, new, want string }{
		{"right", "", "", "ok    probe.yaml  6 points, 8 golden values\n1 models, 0 failed"},
		{"wrong value", "228.5", "228.6", "voltage: 08 ed gives 228.5, want 228.6"},
		{"wrong order", "swap: true", "swap: false", "power: fe aa ff ff gives"},
		{"wrong reason", "sensor_fault, \"", "shielded, \"", "voltage: ff ff gives sensor_fault, want shielded"},
		{"no value", "  closed: {\"1\": 1}\n", "", "point closed has no golden value"},
		{"half a register", `"08ED"`, `"8ED"`, `probe.yaml:15:13  error  voltage: golden value "8ED": 228.5 is not usable`},
		{"no reason", "out_of_range", "out_of_rang", "is not usable"},
		{"no point", "  closed: {", "  shut: {", "there is no point shut"},
		{"broken", "kind: meter", "kind: metre", "did you mean meter?"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "probe.yaml"), []byte(strings.Replace(goodProfile, c.old, c.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			code, out, errs := gateway(t, dir, "en", "profile", "test", "probe.yaml")
			if want := exitFinding; !strings.Contains(out, c.want) || code != want && c.name != "right" || c.name == "right" && code != exitOK {
				t.Errorf("%d\n%s%s\nwant %s", code, out, errs, c.want)
			}
			code, out, _ = gateway(t, dir, "zh", "profile", "test", "--json", "probe.yaml")
			var all []testedProfile
			if err := json.Unmarshal([]byte(out), &all); err != nil || len(all) != 1 || all[0].right() != (code == exitOK) {
				t.Errorf("%d %v\n%s", code, err, out)
			}
		})
	}
	if code, _, errs := gateway(t, t.TempDir(), "en", "profile", "test", "nowhere.yaml"); code != exitUsage {
		t.Errorf("%d %s", code, errs)
	}
}

func TestProfileList(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := gateway(t, dir, "zh", "profile", "list")
	if code != exitOK || !strings.Contains(out, "正泰单相电表") || !strings.Contains(out, "2×7") {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	code, out, _ = gateway(t, dir, "en", "profile", "list", "--json")
	var list []listedModel
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != exitOK {
		t.Fatalf("%d %v\n%s", code, err, out)
	}
	for _, m := range list {
		if m.Source == "" || m.Points == 0 || m.Title.ZH == "" || m.Title.EN == "" {
			t.Errorf("%+v", m)
		}
	}
}

func TestProfileShow(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "probe.yaml"), []byte(goodProfile), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := gateway(t, dir, "en", "profile", "show", "probe.yaml")
	for _, want := range []string{"probe  Probe", "0xA000", "440961", "low word first", "0.1", "0…300", "source: a test", "0xFFFF sensor_fault"} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("%d, no %q in\n%s%s", code, want, out, errs)
		}
	}
	for _, c := range []struct{ model, want string }{
		{"fga1000", "40001"}, {"linshao-socket-2", "两路充电插座"}, {"linshao-door", "10004"}, {"dlt645-2007", "02 01 01 00"}, {"cjt188-gas", "90 1F"}, {"pzem-016", "低字在前"},
	} {
		if code, out, _ := gateway(t, dir, "zh", "profile", "show", c.model); code != exitOK || !strings.Contains(out, c.want) {
			t.Errorf("%s: %d, no %q in\n%s", c.model, code, c.want, out)
		}
	}
	if code, _, errs := gateway(t, dir, "en", "profile", "show", "fga100"); code != exitUsage || !strings.Contains(errs, "did you mean fga1000?") {
		t.Errorf("%d %s", code, errs)
	}
}

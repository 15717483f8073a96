package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/plausible"
)

// Limits of the shipped profiles: a counter is taken for stuck only after it should have moved three of its steps, and no point
// that moves an output by itself waits for a second reading: gas, carbon monoxide, a socket's heat, leakage.
func TestShippedLimits(t *testing.T) {
	files, err := filepath.Glob("../../../configs/profiles/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	counters := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m, problems := config.ReadModel(file, data, config.English)
		if m == nil {
			t.Fatal(problems)
		}
		if (m.Kind == "gas" || m.Kind == "co") && plausible.Of(m.Points) != nil {
			t.Errorf("%s: a leak may have to wait", m.Name)
		}
		for _, p := range m.Points {
			if p.Rate != 0 && m.Kind != "sensor" {
				t.Errorf("%s %s has a rate", m.Name, p.Name)
			}
			if p.Stuck == nil {
				continue
			}
			counters++
			step := p.Scale // kWh
			if p.Register.Type == "f32" {
				step = 0.1 // the makers do not say
			}
			if p.Register.Type == "XXXXXX.XX" {
				step = 0.01
			}
			if moved := p.Stuck.Above * p.Stuck.After.Hours() / 1000; p.Unit != "kWh" || p.Stuck.While != "power" || moved < 3*step {
				t.Errorf("%s %s: %v kWh in %v at %v W, its step is %v", m.Name, p.Name, moved, p.Stuck.After, p.Stuck.Above, step)
			}
		}
	}
	if counters < 30 {
		t.Errorf("%d counters are watched", counters)
	}
}

func TestMistakesOfLimits(t *testing.T) {
	head := "model: m\ntitle: {zh: 表, en: m}\nkind: KIND\nprotocol: modbus\nsource: test\npoints:\n  - {name: power, at: holding 1}\n  - {name: a, at: holding 2, "
	cases := []struct{ name, kind, keys, want string }{
		{"rate", "meter", "rate: -1", "rate -1 is not usable"},
		{"rate of a detector", "gas", "rate: 5", "a point of a detector has no rate (a leak may rise fast, and its alarm must not wait)"},
		{"rate of a state", "meter", "rate: 5, labels: {0: {zh: 关, en: off}}", "a state has no rate"},
		{"after", "meter", "stuck: {while: power > 20}", "after is missing"},
		{"duration", "meter", "stuck: {after: 1s}", `"1s" is no usable duration`},
		{"while", "meter", "stuck: {after: 10m, while: power < 20}", `"power < 20" is not usable`},
		{"while what", "meter", "stuck: {after: 10m, while: powr > 20}", `there is no other point "powr" (did you mean power?)`},
		{"while itself", "meter", "stuck: {after: 10m, while: a > 20}", `there is no other point "a"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			problems := config.CheckProfile("m.yaml", []byte(strings.Replace(head, "KIND", c.kind, 1)+c.keys+"}\n"), config.English)
			if len(problems) != 1 || !strings.Contains(problems[0].Error(), c.want) {
				t.Fatalf("got\n%v\nwant\n%s", problems, c.want)
			}
		})
	}
}

// What a profile may hold is written down.
func TestEveryKeyIsDescribed(t *testing.T) {
	page, err := os.ReadFile("../../../configs/PROFILES.md")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile("raw.go")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, of := range []string{"type rawProfile struct", "type rawPoint struct"} {
		_, body, _ := strings.Cut(text, of)
		body, _, _ = strings.Cut(body, "\n}")
		for part := range strings.SplitSeq(body, `yaml:"`) {
			if key, _, is := strings.Cut(part, `"`); is && !strings.Contains(string(page), "`"+key+"`") {
				t.Errorf("PROFILES.md does not describe %q", key)
			}
		}
	}
}

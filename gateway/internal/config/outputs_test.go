package config_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/config"
)

// mistaken are the problems that are not warnings.
func mistaken(all configs.Problems) configs.Problems {
	return slices.DeleteFunc(all, func(p configs.Problem) bool { return p.Warning })
}

func TestOutputs(t *testing.T) {
	site, problems := config.Load(write(t, good+`outputs:
  - {device: A-03.2, point: relay, safe: {value: 0, on: [start]}, lockout: 0s}
  - {kind: socket, point: relay, safe: {value: 0, on: [failure, stale], after: 90s}}
  - {kind: valve, point: open, safe: {value: 0, on: [failure]}}
`), config.English)
	if problems = mistaken(problems); len(problems) > 0 {
		t.Fatal(problems)
	}
	show := func(s action.Setting) string { return fmt.Sprintf("%+v %v", *s.Safe, s.Lockout) }
	for key, want := range map[device.Key]action.Setting{
		{Device: "A-03.1", Point: "relay"}: {Safe: &action.Safe{Failure: true, Stale: true, After: 90 * time.Second}, Lockout: 10 * time.Minute},
		{Device: "A-03.2", Point: "relay"}: {Safe: &action.Safe{Start: true, After: time.Minute}},
		{Device: "valve-1", Point: "open"}: {Safe: &action.Safe{Failure: true, After: time.Minute}},
	} {
		if got, ok := site.Outputs[key]; !ok || show(got) != show(want) {
			t.Errorf("%v: %+v, want %s", key, got, show(want))
		}
	}
}

// TestStaleIsSlowerThanTheReadings: an input that is read once a minute is not stale after a minute.
func TestStaleIsSlowerThanTheReadings(t *testing.T) {
	slow := strings.Replace(good, "zone: k1802\n", "zone: k1802\n        poll: 1m\n", 1)
	entry := "outputs:\n  - {kind: socket, point: relay, safe: {value: 0, on: [stale], after: %s}}\n"
	_, problems := config.Load(write(t, slow+fmt.Sprintf(entry, "119s")), config.English)
	if problems = mistaken(problems); len(problems) != 1 || !strings.Contains(problems.Error(), "A-03.1 is read once in 1m0s: 1m59s without a reading do not make it stale (2m0s)") {
		t.Error(problems)
	}
	if _, problems = config.Load(write(t, slow+fmt.Sprintf(entry, "2m")), config.English); len(mistaken(problems)) > 0 {
		t.Error(problems)
	}
}

func TestBadOutputs(t *testing.T) {
	for entry, want := range map[string]string{
		`{point: relay}`: `:35:6: an output has a device or a kind`,
		`{kind: socket, device: A-03.1, point: relay}`:                                `:35:6: an output has a device or a kind`,
		`{kind: soket, point: relay}`:                                                 `:35:12: there is no kind "soket" (did you mean socket?)`,
		`{device: A-03, point: relay}`:                                                `:35:14: there is no device "A-03"`,
		`{kind: socket, point: power}`:                                                `:35:27: socket has no writable point "power" (use relay)`,
		`{kind: socket, point: relay, safe: {value: 1, on: [start]}}`:                 `:35:48: socket.relay is safe at 0, not at 1 (0)`,
		`{device: valve-1, point: open, safe: {value: 1, on: [failure]}}`:             `:35:50: valve.open is safe at 0, not at 1 (0)`,
		`{kind: valve, point: open, safe: {value: 0, on: [stale]}}`:                   `:35:53: there is no gas detector in the zone of valve-1: stale would never be noticed`,
		`{kind: socket, point: relay, safe: {on: [start]}}`:                           `value is missing`,
		`{kind: socket, point: relay, safe: {value: 0}}`:                              `on is missing (use start | failure | stale)`,
		`{kind: socket, point: relay, safe: {value: 0, on: [fail]}}`:                  `:35:56: on cannot be "fail"`,
		`{kind: socket, point: relay, safe: {value: 0, on: [start], after: 60s}}`:     `:35:71: after does nothing without stale`,
		`{kind: socket, point: relay, safe: {value: 0, on: [stale], after: 1s}}`:      `:35:71: 1s is out of range (10s to 24h0m0s)`,
		`{kind: socket, point: relay, lockout: 48h}`:                                  `:35:43: 48h is out of range (0s to 24h0m0s)`,
		"{kind: socket, point: relay, lockout: 1m}\n  - {kind: socket, point: relay}": `:36:6: output socket.relay is there twice (first in line 35)`,
	} {
		for _, lang := range []config.Language{config.English, config.Chinese} {
			_, problems := config.Load(write(t, good+"outputs:\n  - "+entry+"\n"), lang)
			problems = mistaken(problems)
			if lang == config.Chinese && (len(problems) != 1 || strings.Contains(problems[0].Message, " is ")) || lang == config.English && (len(problems) != 1 || !strings.Contains(problems.Error(), want)) {
				t.Errorf("%s\n got %v\nwant %s", entry, problems, want)
			}
		}
	}
}

package rules

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
)

// What is remembered of evaluations stays small, even were every rule of a large site to change eight times for every socket.
func TestTrailsAreSmall(t *testing.T) {
	var files []Source
	names, err := fs.Glob(configs.FS, "rules/*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if data, err := fs.ReadFile(configs.FS, name); err == nil && !strings.HasSuffix(name, "_test.yaml") {
			files = append(files, Source{name, data})
		}
	}
	set, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEngine(set, []device.Device{{ID: "s", Kind: "socket"}, {ID: "g", Kind: "gas", Zone: "z"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	const perTrace = 48 + 24 // beside its values
	worst, sum, n := 0, 0, 0
	for _, r := range e.rules {
		size := (trailLength + 1) * (perTrace + 8*r.width())
		worst = max(worst, size)
		if r.kind.name == "socket" {
			sum, n = sum+size, n+1
		}
	}
	t.Logf("%d rules of sockets: a socket whose every alert changed %d times %d B, 2,000 of them %.1f MB; the largest alert %d B", n, trailLength, sum, float64(sum)*2000/1e6, worst)
	if worst > 8000 {
		t.Errorf("an alert remembers %d B", worst)
	}
	s := e.byID()["s"]
	for i := range 20 {
		e.Tick(time.UnixMilli(t0ms + int64(i)*1000))
	}
	for _, a := range s.alerts {
		if a.State == "" && a.trail != nil {
			t.Errorf("%s was never open and has a trail", a.rule.text.ID)
		}
	}
}

// An alert that stays as it is costs no allocation, though its last evaluation is kept.
func TestAnOpenAlertDoesNotAllocate(t *testing.T) {
	set, err := Load([]Source{{"r.yaml", []byte("rules:\n  - id: X1\n    title: {zh: 题, en: t}\n    kind: gas\n    expr: avg(level, 5s) > 1 or level > 3\n    for: 1h\n    severity: B\n    mode: armed\n    message: {zh: 题, en: t}\n")}})
	if err != nil {
		t.Fatal(err)
	}
	e, err := NewEngine(set, []device.Device{{ID: "g", Kind: "gas", Points: []device.Point{{Device: "g", Name: "level", Unit: "%LEL"}}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	at := time.UnixMilli(t0ms)
	rs := []device.Reading{{Device: "g", Point: "level", Value: 20, Quality: device.Good}}
	apply := func() {
		at = at.Add(time.Second)
		rs[0].Time = at
		if events := e.Apply(rs); len(events) > 0 && events[0].State != Pending {
			t.Fatal(events)
		}
		e.Tick(at)
	}
	for range 10 {
		apply()
	}
	if n := testing.AllocsPerRun(200, apply); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

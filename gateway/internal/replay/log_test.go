package replay_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/replay"
	"github.com/linshao/linshao/rules"
)

// TestTheSameHistoryGivesTheSameEvents: an engine judges live, with ticks and restarts, what a tape records; the replay of the tape tells
// the same events, word for word, whatever is cut into which record.
func TestTheSameHistoryGivesTheSameEvents(t *testing.T) {
	set, devices := shipped(t), yard(12, 4, 5*time.Second)
	for seed := range uint64(2) {
		p, f := newTape(t), newField(seed)
		p.most = 100 + int(seed)*999
		p.start(noon)
		engine, err := rules.NewEngine(set, devices, nil)
		if err != nil {
			t.Fatal(err)
		}
		var live []string
		tell := func(events []rules.AlertEvent) {
			for _, ev := range events {
				live = append(live, judged(ev))
			}
		}
		var resets []rules.ReplayReset
		due := make([]time.Duration, len(devices))
		for s := 0; s < 3*3600; s++ {
			now := noon.Add(time.Duration(s) * time.Second)
			if s == 3000 || s == 7000 {
				engine = restarted(t, engine, set, devices)
				p.stop(now)
				s += 900 // the gateway is off
				now = noon.Add(time.Duration(s) * time.Second)
				p.start(now)
			}
			tell(engine.Tick(now))
			for i, d := range devices {
				if at := time.Duration(s) * time.Second; at >= due[i] {
					due[i] = at + d.Poll
					rs := f.poll(d, now.Add(time.Duration(i)*20*time.Millisecond))
					tell(engine.Apply(rs))
					p.add(now, rs)
				}
			}
			if s%600 == 599 {
				resets = append(resets, resetAll(engine, now.Add(500*time.Millisecond), tell)...)
			}
			if s%60 == 59 {
				p.flush(now.Add(time.Second))
			}
		}
		p.stop(noon.Add(3 * time.Hour))
		if len(live) < 40 {
			t.Fatalf("only %d events", len(live))
		}
		log, err := replay.OpenLog(p.dir, noon, noon.Add(3*time.Hour), devices, resets)
		if err != nil {
			t.Fatal(err)
		}
		got, report := played(t, log, rules.ReplayConfig{Set: set, Devices: devices, From: noon, To: noon.Add(3*time.Hour - time.Second)})
		for i := range min(len(got), len(live)) {
			if got[i] != live[i] {
				t.Fatalf("seed %d, event %d\nreplay %s\nlive   %s\n%v", seed, i, got[i], live[i], report.Holes)
			}
		}
		if len(got) != len(live) {
			t.Errorf("seed %d: %d events, live %d", seed, len(got), len(live))
		}
		if st := log.Stats(); st.Samples != report.Samples || st.Points != 12*7+4*2 {
			t.Errorf("%+v, %d samples judged", st, report.Samples)
		}
		if len(report.Holes) != 2 || report.Holes[0].Reason != rules.HoleRestart || report.Holes[0].To.Sub(report.Holes[0].From).Round(10*time.Second) != 15*time.Minute {
			t.Errorf("%+v", report.Holes)
		}
	}
}

func restarted(t *testing.T, engine *rules.Engine, set *rules.Set, devices []device.Device) *rules.Engine {
	t.Helper()
	data, err := engine.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if engine, err = rules.NewEngine(set, devices, nil); err != nil {
		t.Fatal(err)
	}
	if err := engine.Restore(data); err != nil {
		t.Fatal(err)
	}
	return engine
}

// resetAll is a person who resets what can be reset.
func resetAll(engine *rules.Engine, now time.Time, tell func([]rules.AlertEvent)) (done []rules.ReplayReset) {
	for _, a := range engine.Active() {
		if a.State != rules.Firing {
			continue
		}
		if events := engine.Reset(a.Alert, now); len(events) > 0 {
			tell(events)
			done = append(done, rules.ReplayReset{Rule: a.Rule, Subject: a.Subject, At: now})
		}
	}
	return done
}

// gasTape is ten hours of one detector, a record a minute.
func gasTape(t *testing.T) (*tape, []device.Device) {
	t.Helper()
	p, devices := newTape(t), yard(0, 1, 5*time.Second)
	p.start(noon)
	for s := 0; s < 36000; s += 5 {
		now := noon.Add(time.Duration(s) * time.Second)
		level := 0.0
		if s%7200 > 7000 {
			level = 30
		}
		p.add(now, []device.Reading{{Device: "gas-0", Point: "level", Value: level, Quality: device.Good, Time: now}, {Device: "gas-0", Point: "status", Value: 0, Quality: device.Good, Time: now}})
		if s%60 == 55 {
			p.flush(now)
		}
	}
	p.stop(noon.Add(10 * time.Hour))
	return p, devices
}

func TestHolesAreToldAndNotBridged(t *testing.T) {
	p, devices := gasTape(t)
	files, err := filepath.Glob(filepath.Join(p.dir, "telemetry", "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	reports := func(from, to time.Time) rules.ReplayReport {
		log, err := replay.OpenLog(p.dir, from, to, devices, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, report := played(t, log, rules.ReplayConfig{Set: shipped(t), Devices: devices, From: from})
		return report
	}
	whole := reports(noon, noon.Add(10*time.Hour))
	if len(whole.Holes) != 0 || len(whole.Alerts) == 0 || whole.Samples != 14400 {
		t.Fatalf("%d samples, holes %v, %d alerts", whole.Samples, whole.Holes, len(whole.Alerts))
	}
	around := reports(noon.Add(-time.Hour), noon.Add(12*time.Hour))
	if len(around.Holes) != 2 || around.Holes[0].Reason != rules.HoleBefore || around.Holes[1].Reason != rules.HoleBefore || len(around.Alerts) != len(whole.Alerts) {
		t.Errorf("%v", around.Holes)
	}
	// A file in the midst is damaged.
	slices.Sort(files)
	file := files[len(files)/2]
	data, err := os.ReadFile(file)
	if err != nil || len(data) < 20000 {
		t.Fatal(file, len(data), err)
	}
	for i := len(data) / 3; i < len(data)/2; i++ {
		data[i] ^= 0x55
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := reports(noon, noon.Add(10*time.Hour))
	if len(damaged.Holes) == 0 || damaged.Holes[0].Reason != rules.HoleLost || damaged.Samples >= whole.Samples || damaged.Samples == 0 {
		t.Errorf("%d samples, %v", damaged.Samples, damaged.Holes)
	}
}

func TestNothingIsRecorded(t *testing.T) {
	for _, dir := range []string{t.TempDir(), filepath.Join(t.TempDir(), "none")} {
		if _, err := replay.OpenLog(dir, noon, noon, nil, nil); !errors.Is(err, replay.ErrNothing) {
			t.Errorf("%v", err)
		}
	}
}

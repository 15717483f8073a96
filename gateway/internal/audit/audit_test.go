package audit_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/gashistory"
	"github.com/linshao/linshao/gateway/internal/audit"
	"github.com/linshao/linshao/gateway/internal/state"
)

// A kitchen has a detector with a log.
type kitchen struct {
	t      *testing.T
	dir    string
	alarms []time.Time // by the right time
	ahead  time.Duration
	told   []audit.Told
	known  time.Time
	busy   bool
	silent bool
	reads  int
	found  []audit.Missed
}

func (k *kitchen) auditor() *audit.Auditor {
	return audit.New(audit.Config{Logs: []audit.Log{{Device: "log", Detector: "gas", Zone: "k"}}, Daily: 3 * time.Hour, Location: time.UTC, Seed: "gw",
		File: filepath.Join(k.dir, "audit.state"), Now: time.Now, Log: slog.New(slog.NewTextHandler(k.t.Output(), nil)),
		Read: k.read, Busy: func(context.Context) bool { return k.busy },
		Told: func(context.Context, time.Time, time.Time) ([]audit.Told, time.Time, error) {
			return k.told, k.known, nil
		},
		Found: func(m audit.Missed) { k.found = append(k.found, m) }})
}

func (k *kitchen) read(_ context.Context, _ audit.Log, at device.Register) (device.Reading, error) {
	k.reads++
	p := device.Point{Device: "log"}
	switch n := int(at.Addr & 0xFF); {
	case k.silent:
		return device.BadReading(p, device.Timeout, time.Now()), nil
	case at.Space == gashistory.Offset().Space:
		return device.Judge(p, k.ahead.Seconds(), time.Now()), nil
	case n == 0:
		return device.Judge(p, float64(len(k.alarms)), time.Now()), nil
	default:
		return device.Judge(p, float64(k.alarms[n-1].Add(k.ahead).Truncate(time.Minute).Unix()), time.Now()), nil
	}
}

// run lets a gateway run for some time.
func (k *kitchen) run(d time.Duration) *audit.Auditor {
	a := k.auditor()
	ctx, cancel := context.WithTimeout(k.t.Context(), d)
	defer cancel()
	if err := a.Run(ctx, func() {}); err != nil {
		k.t.Error(err)
	}
	return a
}

func pass(d time.Duration) { <-time.After(d) }

func TestAnAlarmDuringAnOutageIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kitchen{t: t, dir: t.TempDir(), ahead: -25 * time.Minute}
		k.alarms = []time.Time{time.Now().Add(-30 * 24 * time.Hour)} // before anybody could see it
		if _, known := k.run(time.Hour).Count("log"); known {
			t.Error("there is a count before the first audit")
		}
		pass(2 * time.Hour) // the gateway is without power
		during := time.Now()
		k.alarms = append(k.alarms, during)
		pass(2 * time.Hour)
		seen := time.Now().Add(time.Hour)
		k.alarms = append(k.alarms, seen)
		k.told = []audit.Told{{Subject: "gas", From: seen.Add(20 * time.Second), To: seen.Add(time.Minute)}, {Subject: "other", From: during, To: during}}
		a := k.run(12 * time.Hour)
		if n, known := a.Count("log"); n != 1 || !known || len(k.found) != 1 {
			t.Fatalf("%d missed, %v, told %+v", n, known, k.found)
		}
		if off := k.found[0].At.Sub(during); off > time.Minute || off < -time.Minute || k.found[0].Log.Device != "log" {
			t.Errorf("told %+v, was at %v", k.found[0], during)
		}
		if n, known := k.run(30 * time.Hour).Count("log"); n != 0 || !known || len(k.found) != 1 {
			t.Errorf("a day later: %d missed, %v, told %d times", n, known, len(k.found))
		}
		k.silent = true
		if _, known := k.run(60 * time.Hour).Count("log"); known {
			t.Error("a detector that does not answer has a count")
		}
	})
}

func TestWhatIsNotJudged(t *testing.T) {
	for name, prepare := range map[string]func(k *kitchen, alarm time.Time){
		"an alarm that an alert of the zone told of": func(k *kitchen, alarm time.Time) { k.told = []audit.Told{{Subject: "k", From: alarm, To: alarm}} },
		"an alarm while an alert still fires": func(k *kitchen, alarm time.Time) {
			k.told = []audit.Told{{Subject: "gas", From: alarm.Add(-time.Hour)}}
		},
		"an alarm that the events log has lost": func(k *kitchen, alarm time.Time) { k.known = alarm.Add(time.Hour) },
		"two nights of class A":                 func(k *kitchen, _ time.Time) { k.busy = true },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := &kitchen{t: t, dir: t.TempDir()}
				k.run(24 * time.Hour)
				alarm := time.Now().Add(time.Hour)
				k.alarms = []time.Time{alarm}
				prepare(k, alarm)
				before := k.reads
				k.run(48 * time.Hour)
				if len(k.found) > 0 {
					t.Errorf("told %+v", k.found)
				}
				if k.busy && k.reads != before {
					t.Errorf("%d reads while an alert fires", k.reads-before)
				}
			})
		})
	}
}

func TestAClockThatIsSetMakesNoMissedAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kitchen{t: t, dir: t.TempDir()}
		k.run(24 * time.Hour)
		alarm := time.Now().Add(time.Hour)
		k.alarms, k.told = []time.Time{alarm}, []audit.Told{{Subject: "gas", From: alarm, To: alarm}}
		pass(90 * time.Minute)
		k.ahead, k.alarms[0] = 5*time.Hour, alarm.Add(-5*time.Hour) // what it noted stays as it was noted
		k.run(72 * time.Hour)
		if len(k.found) > 0 {
			t.Errorf("told %+v", k.found)
		}
	})
}

func TestOneAuditANight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kitchen{t: t, dir: t.TempDir()}
		for range 200 {
			k.alarms = append(k.alarms, time.Now())
		}
		k.run(7 * 24 * time.Hour)
		if k.reads != 7*202 {
			t.Errorf("%d reads in a week, want %d", k.reads, 7*202)
		}
	})
}

func TestAMemoryWithNothingInIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kitchen{t: t, dir: t.TempDir()}
		if err := state.SaveSealed(filepath.Join(k.dir, "audit.state"), time.Now(), []byte("null")); err != nil {
			t.Fatal(err)
		}
		if n, known := k.run(6 * time.Hour).Count("log"); n != 0 || !known {
			t.Errorf("%d missed, %v", n, known)
		}
	})
}

func TestADamagedMemoryTellsNothingOfBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &kitchen{t: t, dir: t.TempDir()}
		k.run(time.Hour)
		k.alarms = []time.Time{time.Now()}
		pass(time.Hour)
		if err := os.WriteFile(filepath.Join(k.dir, "audit.state"), []byte("rubbish"), 0o600); err != nil {
			t.Fatal(err)
		}
		if n, known := k.run(24 * time.Hour).Count("log"); n != 0 || !known {
			t.Errorf("%d missed, %v", n, known)
		}
	})
}

package app_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/rules"
)

// deadLog is a log whose disk takes nothing: its folder is gone and every record needs a new file.
func deadLog(t *testing.T, stream uint32) *outbox.Log {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "log")
	log, err := outbox.Open(outbox.Config{Dir: dir, Stream: stream, Quota: 1 << 20, Segment: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(wire.TypeEvent, time.Now(), 0, []byte("the last that went well")); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() }) // it cannot be closed well
	return log
}

// ends runs f in a bubble and expects it to end within the limits of the shutdown, with so many records given up.
func ends(t *testing.T, stream uint32, lost uint64, f func(*outbox.Log)) {
	t.Helper()
	log := deadLog(t, stream)
	_, _, before := log.State()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		f(log)
		if took := time.Since(began); took > 3*time.Second {
			t.Errorf("it took %v", took)
		}
	})
	if _, _, next := log.State(); next-before != lost {
		t.Errorf("%d records were given up, want %d", next-before, lost)
	}
}

func TestADeadDiskDoesNotHoldUpTheShutdown(t *testing.T) {
	ends(t, wire.StreamEvents, 500, func(log *outbox.Log) { app.EndJournal(log, 500) })
	many := make([]device.Reading, wire.MaxReadings)
	for i := range many {
		many[i] = device.Reading{Device: "gas-1", Point: "level", Time: time.Now()}
	}
	parts := deadLog(t, wire.StreamParts) // the part that it had is lost too: one gap more
	ends(t, wire.StreamTelemetry, 4, func(log *outbox.Log) {
		if err := app.EndRecorder(log, parts, many, many, many[:1]); err != nil {
			t.Error(err)
		}
	})
}

// TestRulesAreSavedWhenTheDiskIsBack: nothing has changed since the write that failed, and nothing will.
func TestRulesAreSavedWhenTheDiskIsBack(t *testing.T) {
	engine, gas := leak(t)
	dir := filepath.Join(t.TempDir(), "data") // not there yet
	log := eventsLog(t)
	synctest.Test(t, func(t *testing.T) {
		j := app.NewJudge(engine, action.New(action.Config{}), filepath.Join(dir, "rules.state"), log)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); j.Run(ctx) }()
		j.Read([]device.Reading{device.Judge(gas, 62, time.Now())})
		<-time.After(5 * time.Second)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Error(err)
		}
		<-time.After(5 * time.Second)
		if memory(t, filepath.Join(dir, "rules.state")) != "gas-1" {
			t.Error("the alert is not saved")
		}
		stop()
		<-done
	})
}

// leak is an engine with one rule, and the point that it looks at.
func leak(t *testing.T) (*rules.Engine, device.Point) {
	t.Helper()
	set, err := rules.Load([]rules.Source{{Name: "gas.yaml", Data: []byte(`rules:
  - id: R16
    title: {zh: 燃气高报, en: Gas high alarm}
    kind: gas
    params: {limit: 25 %LEL}
    expr: level >= limit
    latch: true
    severity: A
    mode: armed
    message: {zh: "{place} 燃气 {level}", en: "{place} gas {level}"}
`)}})
	if err != nil {
		t.Fatal(err)
	}
	point := device.Point{Device: "gas-1", Name: "level", Unit: "%LEL", Scale: 1}
	engine, err := rules.NewEngine(set, []device.Device{{ID: "gas-1", Name: "gas-1", Kind: "gas", Poll: time.Second, Points: []device.Point{point}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return engine, point
}

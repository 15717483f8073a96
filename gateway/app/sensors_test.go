package app_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/health"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// sensorNotices are those in a log, in Chinese.
func sensorNotices(t *testing.T, log *outbox.Log) (texts []string) {
	t.Helper()
	_, _, next := log.State()
	for from := uint64(1); from < next; {
		records, err := log.Read(from, 1<<20)
		if err != nil || len(records) == 0 {
			t.Fatalf("%d records from %d, %v", len(records), from, err)
		}
		for _, r := range records {
			var e wire.Event
			if err := proto.Unmarshal(r.Payload, &e); err != nil {
				t.Fatal(err)
			}
			if n := e.GetNotice(); n.GetKind() != "sensor_health" || n.GetDevice() != "gas-1" || n.GetChannel() != "rs485-1" || n.GetText().GetEn() == "" || n.GetAtMs() == 0 {
				t.Errorf("notice %v", n)
			}
			texts, from = append(texts, e.GetNotice().GetText().GetZh()), r.Seq+1
		}
	}
	return texts
}

// A detector that reports a fault: its score goes the way of readings, people are told once, and after a restart it is known.
func TestSensorHealthIsTold(t *testing.T) {
	dir, log := t.TempDir(), eventsLog(t)
	devices := []device.Device{{ID: "gas-1", Name: "1802 厨房", Kind: "gas", Channel: "rs485-1", Poll: time.Second, Points: []device.Point{{Device: "gas-1", Name: "status"}}}}
	run := func(d time.Duration, status float64) (got []device.Reading) {
		synctest.Test(t, func(t *testing.T) {
			watch := health.New(devices, time.UTC)
			ctx, cancel := context.WithCancel(t.Context())
			out, done := make(chan []device.Reading, 1000), make(chan struct{})
			go func() { defer close(done); app.WatchSensors(ctx, watch, dir, log, out) }()
			synctest.Wait() // it has taken up what is known
			for range d / time.Second {
				watch.Observe([]device.Reading{{Device: "gas-1", Point: "status", Value: status, Quality: device.Good, Time: time.Now()}})
				<-time.After(time.Second)
			}
			cancel()
			<-done
			close(out)
			for rs := range out {
				got = append(got, rs...)
			}
		})
		return got
	}
	got := run(25*time.Minute+30*time.Second, 3)
	if len(got) != 3 || got[0].Key() != (device.Key{Device: "gas-1", Point: "health"}) || got[0].Value != 75 || got[0].Quality != device.Good {
		t.Errorf("told %+v", got)
	}
	if texts := sensorNotices(t, log); len(texts) != 1 || texts[0] != "1802 厨房 可信度 100 → 75 分：自报故障" {
		t.Errorf("notices %q", texts)
	}
	run(5*time.Minute, 3)
	if texts := sensorNotices(t, log); len(texts) != 1 {
		t.Errorf("after a restart it was told again: %q", texts)
	}
}

package app_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

// A card is a folder whose logs need a new file for each record, so that without the folder they take nothing.
type card struct {
	t                        *testing.T
	dir                      string
	events, telemetry, parts *outbox.Log
}

func newCard(t *testing.T) *card {
	t.Helper()
	c := &card{t: t, dir: filepath.Join(t.TempDir(), "card")}
	for stream, log := range map[uint32]**outbox.Log{wire.StreamEvents: &c.events, wire.StreamTelemetry: &c.telemetry, wire.StreamParts: &c.parts} {
		var err error
		if *log, err = outbox.Open(outbox.Config{Dir: filepath.Join(c.dir, wire.StreamName(stream)), Stream: stream, Quota: 1 << 20, Segment: 1}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = (*log).Close() })
		if !c.write(*log) {
			t.Fatal("a good card takes nothing")
		}
	}
	return c
}

func (c *card) write(log *outbox.Log) bool {
	_, err := log.Append(wire.TypeReadings, time.Now(), 0, []byte("readings"))
	return err == nil
}

func (c *card) pull() {
	if err := os.RemoveAll(c.dir); err != nil {
		c.t.Error(err)
	}
}

func (c *card) putBack() {
	for _, stream := range []uint32{wire.StreamEvents, wire.StreamTelemetry, wire.StreamParts} {
		if err := os.MkdirAll(filepath.Join(c.dir, wire.StreamName(stream)), 0o700); err != nil {
			c.t.Error(err)
		}
	}
}

// told are the storage events in the events log.
func (c *card) told() (all []*wire.Storage) {
	_, oldest, next := c.events.State()
	for from := oldest; from < next; {
		records, err := c.events.Read(from, 1<<20)
		if err != nil || len(records) == 0 {
			break
		}
		for _, r := range records {
			from = r.Seq + 1
			var e wire.Event
			if r.Type != wire.TypeEvent {
				continue
			}
			if err := proto.Unmarshal(r.Payload, &e); err != nil {
				c.t.Error(err)
			}
			all = append(all, e.GetStorage())
		}
	}
	return all
}

// degraded are the logs of which the metrics say so.
func degraded(t *testing.T, metrics *prometheus.Registry) int {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "linshao_outbox_degraded" {
				n += int(m.GetGauge().GetValue())
			}
		}
	}
	return n
}

// TestABadCardIsTold: on the page within a second, in the events when it takes them again, and that it is well only after it
// has been for a while. The parts are not written to meanwhile: a record shows that they are well too.
func TestABadCardIsTold(t *testing.T) {
	c, metrics := newCard(t), prometheus.NewRegistry()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		state, done := app.WatchStorage(ctx, c.events, c.telemetry, c.parts, metrics)
		pass := func(d time.Duration) { <-time.After(d); synctest.Wait() }
		pass(10 * time.Second)
		if since, _ := state(); !since.IsZero() || degraded(t, metrics) != 0 {
			t.Errorf("a good card is bad since %v", since)
		}
		c.pull()
		began := time.Now()
		if c.write(c.parts) {
			t.Error("a card that is not there takes a part")
		}
		pass(1100 * time.Millisecond)
		if since, cause := state(); !since.Equal(began) || !strings.Contains(cause, "no such file") || degraded(t, metrics) != 2 {
			t.Errorf("bad since %v: %q, %d logs", since, cause, degraded(t, metrics))
		}
		pass(time.Minute)
		c.putBack()
		pass(2 * time.Second)
		if told := c.told(); len(told) != 1 || !told[0].Degraded || told[0].SinceMs != began.UnixMilli() || told[0].Cause == "" {
			t.Errorf("told %v", told)
		}
		if !c.write(c.telemetry) {
			t.Error("it takes no record")
		}
		pass(25 * time.Second)
		if since, _ := state(); since.IsZero() {
			t.Error("it is called well too soon")
		}
		pass(10 * time.Second)
		if since, _ := state(); !since.IsZero() {
			t.Errorf("it is still bad since %v", since)
		}
		stop()
		<-done
		if told := c.told(); len(told) != 2 || told[1].Degraded || told[1].SinceMs != began.UnixMilli() || told[1].AtMs <= began.Add(90*time.Second).UnixMilli() {
			t.Errorf("told %v", told)
		}
	})
	if n, err := testutil.GatherAndCount(metrics); err != nil || n != 12 {
		t.Errorf("%d metrics, %v", n, err)
	}
}

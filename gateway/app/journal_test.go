package app_test

import (
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

func eventsLog(t *testing.T) *outbox.Log {
	t.Helper()
	log, err := outbox.Open(outbox.Config{Dir: t.TempDir(), Stream: wire.StreamEvents, Quota: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log
}

// alert is an event of some 600 bytes.
func alert(n int, text string) *wire.Event {
	return &wire.Event{Kind: &wire.Event_Alert{Alert: &wire.Alert{Alert: fmt.Sprint(n), Rule: "R16", Subject: "gas-1",
		Message: &wire.Text{Zh: text, En: strings.Repeat("gas high alarm ", 40)}}}}
}

// alerts are the names of those in a log, in its order.
func alerts(t *testing.T, log *outbox.Log) (names []string) {
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
			names, from = append(names, e.GetAlert().GetAlert()), r.Seq+1
		}
	}
	return names
}

// TestAFloodOfAlertsSharesFsyncs: on a card that takes 30 ms for each, a thousand alerts wait for half a second and not half a minute.
func TestAFloodOfAlertsSharesFsyncs(t *testing.T) {
	log := eventsLog(t)
	var flood []*wire.Event
	for n := range 1000 {
		flood = append(flood, alert(n, "燃气"))
	}
	before := log.Stats().Fsyncs
	if !app.Journal(log, flood...) {
		t.Error("alerts that the cloud does not have are not urgent")
	}
	if n := log.Stats().Fsyncs - before; n > 16 {
		t.Errorf("%d fsyncs for 1000 alerts", n)
	}
	for n, name := range alerts(t, log) {
		if name != fmt.Sprint(n) {
			t.Fatalf("alert %s comes as number %d", name, n)
		}
	}
	log.Ack(1000)
	if app.Journal(log) {
		t.Error("nothing waits and it is urgent")
	}
}

// TestAnEventThatNoRecordHoldsIsLostAlone: those that wait with it are kept.
func TestAnEventThatNoRecordHoldsIsLostAlone(t *testing.T) {
	log := eventsLog(t)
	app.Journal(log, alert(1, "a"), alert(2, strings.Repeat("x", wire.MaxPayload)), alert(3, "b"))
	if _, _, next := log.State(); next != 4 {
		t.Errorf("next number is %d", next)
	}
	if gaps := log.Gaps(); len(gaps) != 1 || gaps[0].First != 2 || gaps[0].Last != 2 || gaps[0].Reason != outbox.ReasonWrite {
		t.Errorf("gaps %+v", gaps)
	}
	for from, want := range map[uint64]string{1: "1", 2: "3"} {
		records, err := log.Read(from, 1)
		if err != nil || len(records) == 0 {
			t.Fatal(err)
		}
		var e wire.Event
		if err := proto.Unmarshal(records[0].Payload, &e); err != nil || e.GetAlert().GetAlert() != want {
			t.Errorf("record %d is alert %s, %v", records[0].Seq, e.GetAlert().GetAlert(), err)
		}
	}
}

// TestAnEventIsStampedWhenItHappens: the disk takes it later, and until then the clock has been set. The cloud moves the times of
// what was stamped under a wrong clock, by both of its clocks.
func TestAnEventIsStampedWhenItHappens(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		var synced atomic.Bool
		began := time.Now()
		now := func() time.Time {
			if synced.Load() {
				return time.UnixMilli(1_795_000_000_000).Add(time.Since(began))
			}
			return time.UnixMilli(0).Add(time.Since(began))
		}
		quality := func() uint32 {
			if synced.Load() {
				return wire.ClockSynced
			}
			return wire.ClockUnknown
		}
		log, err := outbox.Open(outbox.Config{Dir: dir, Stream: wire.StreamEvents, Quota: 1 << 20, Segment: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := log.Append(wire.TypeEvent, now(), 0, nil); err != nil { // the next one needs a file of its own
			t.Fatal(err)
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		put, end := app.RunJournal(log, now, quality)
		<-time.After(10 * time.Second)
		put(alert(1, "x"))
		<-time.After(time.Minute)
		synced.Store(true)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Second)
		end()
		records, err := log.Read(2, 1)
		if err != nil || len(records) != 1 || records[0].WallMs != 10_000 || records[0].Clock != wire.ClockUnknown || records[0].MonoMs != 10_000 {
			t.Errorf("%+v, %v", records, err)
		}
		_ = log.Close() // its first file is gone
	})
}

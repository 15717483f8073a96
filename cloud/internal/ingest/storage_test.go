package ingest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

// TestABadDiskIsInTheJournal: when it began, why, and for how long; once, although the batch comes twice.
func TestABadDiskIsInTheJournal(t *testing.T) { dbtest.Each(t, testABadDiskIsInTheJournal) }

func testABadDiskIsInTheJournal(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	storage := func(degraded bool, at time.Time) *wire.Record {
		return event(t, &wire.Event{Kind: &wire.Event_Storage{Storage: &wire.Storage{Degraded: degraded, Cause: "input/output error", SinceMs: t0.UnixMilli(), AtMs: at.UnixMilli()}}})
	}
	c.hello(7, state(1, 11, 1, 3), state(2, 12, 0, 1))
	both := batch(7, 1, 11, 1, storage(true, t0.Add(time.Second)), storage(false, t0.Add(25*time.Minute)))
	for range 2 {
		if a := one(t, c.send(wire.UpEvents, both)); a.Cum != 2 {
			t.Fatalf("ack %v", a)
		}
	}
	entries, err := org.Journal(t.Context(), c.db.Reader(), gw, 10)
	if err != nil || len(entries) != 2 {
		t.Fatalf("%+v, %v", entries, err)
	}
	well, bad := entries[0], entries[1]
	if bad.Kind != org.StorageBad || !bad.At.Equal(t0) || !strings.HasSuffix(bad.Text.ZH, "input/output error") || !strings.HasSuffix(bad.Text.EN, "input/output error") {
		t.Errorf("%+v", bad)
	}
	if well.Kind != org.StorageWell || !well.At.Equal(t0.Add(25*time.Minute)) || !strings.Contains(well.Text.ZH, "有 25 分钟写不进去") || !strings.Contains(well.Text.EN, "after 25 min") {
		t.Errorf("%+v", well)
	}
}

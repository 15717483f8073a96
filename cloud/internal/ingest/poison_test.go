package ingest_test

import (
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/ingest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

func (c *cloud) open() int {
	c.t.Helper()
	counts, err := incident.Count(c.t.Context(), c.db.Reader(), tree.Everywhere())
	if err != nil {
		c.t.Fatal(err)
	}
	return counts.Open
}

// A record that can never be applied costs itself alone: what is before and behind it goes through, whatever way it fails.
func TestPoisonIsParked(t *testing.T) { dbtest.Each(t, testPoisonIsParked) }

func testPoisonIsParked(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	for i, mistake := range []string{"error", "panic", "sql", "rows"} {
		c.mistake = mistake
		epoch := uint64(20 + i)
		c.hello(uint64(7+i), state(1, epoch, 1, 4))
		c.now = c.now.Add(time.Minute)
		b := batch(uint64(7+i), 1, epoch, 1, event(t, alert("before-"+mistake, rules.Firing)), event(t, alert("poison", rules.Firing)),
			event(t, alert("behind-"+mistake, rules.Firing)))
		for try := range 2 {
			if a := one(t, c.send(wire.UpEvents, b)); a.Cum != 1 || len(a.Rejects) != 0 {
				t.Fatalf("%s: try %d is answered %v", mistake, try+1, a)
			}
		}
		if a := one(t, c.send(wire.UpEvents, b)); a.Cum != 3 {
			t.Fatalf("%s: the last try is answered %v", mistake, a)
		}
		if n := c.open(); n != 2*(i+1) {
			t.Errorf("%s: %d incidents", mistake, n)
		}
		if n := c.journal(org.ParkedRecord); n != i+1 {
			t.Errorf("%s: %d journal entries", mistake, n)
		}
		var from, to int64
		if err := c.db.Reader().QueryRowContext(t.Context(), `SELECT from_ms, to_ms FROM gaps WHERE epoch = ? AND first = 2 AND last = 2 AND reason = 'parked'`, int64(epoch)).Scan(&from, &to); err != nil || from != t0.UnixMilli() {
			t.Errorf("%s: gap from %d to %d, %v", mistake, from, to, err)
		}
		c.reapply(mistake)
	}
	var n int
	if err := c.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM tries`).Scan(&n); err != nil || n != 0 {
		t.Errorf("%d tries are kept for nothing, %v", n, err)
	}
}

// reapply finds the parked record, fails with it once more, and applies it after the mistake is mended; then undoes its incident.
func (c *cloud) reapply(mistake string) {
	c.t.Helper()
	ctx := c.t.Context()
	parked, err := inbox.ParkedRecords(ctx, c.db.Reader(), gw, 10)
	if err != nil || len(parked) != 1 || parked[0].Seq != 2 || parked[0].Why == "" || len(parked[0].Payload) == 0 {
		c.t.Fatalf("%s: parked %+v, %v", mistake, parked, err)
	}
	if err := c.in.Reapply(ctx, parked[0].ID); err == nil || errors.Is(err, ingest.ErrApplied) {
		c.t.Errorf("%s: with the mistake still there it is applied: %v", mistake, err)
	}
	before := c.open()
	c.mistake = ""
	if err := c.in.Reapply(ctx, parked[0].ID); err != nil {
		c.t.Fatalf("%s: %v", mistake, err)
	}
	if err := c.in.Reapply(ctx, parked[0].ID); !errors.Is(err, ingest.ErrApplied) {
		c.t.Errorf("%s: applied twice: %v", mistake, err)
	}
	if err := c.in.Reapply(ctx, 999); !errors.Is(err, inbox.ErrUnknown) {
		c.t.Errorf("unknown: %v", err)
	}
	if c.open() != before+1 {
		c.t.Errorf("%s: its incident is missing", mistake)
	}
	if left, _ := inbox.ParkedRecords(ctx, c.db.Reader(), "", 10); len(left) != 0 {
		c.t.Errorf("%s: still listed %+v", mistake, left)
	}
	var gaps int
	if err := c.db.Reader().QueryRowContext(ctx, `SELECT count(*) FROM gaps WHERE reason = 'parked'`).Scan(&gaps); err != nil || gaps != 0 {
		c.t.Errorf("%s: %d gaps are left, %v", mistake, gaps, err)
	}
	if err := c.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM incidents WHERE alert = 'poison'`)
		if err == nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM incident_alerts WHERE alert = 'poison'`)
		}
		return err
	}); err != nil {
		c.t.Fatal(err)
	}
}

// What waits in one commit with a poisonous record is not touched by it.
func TestPoisonBesideOthers(t *testing.T) { dbtest.Each(t, testPoisonBesideOthers) }

func testPoisonBesideOthers(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.mistake = "rows"
	const others = 20
	f := newFleet(t, c, others+1)
	f.each(func(g *member) error {
		name := "a-" + g.id
		if g.n == 0 {
			name = "poison"
		}
		for {
			acks, err := g.send(wire.UpEvents, batch(g.session, 1, g.epoch, 1, event(t, alert(name, rules.Firing))))
			if err != nil {
				return err
			}
			if acks[0].Cum == 1 {
				return nil
			}
		}
	})
	if n := c.open(); n != others {
		t.Errorf("%d incidents, want %d", n, others)
	}
	if parked, err := inbox.ParkedRecords(t.Context(), c.db.Reader(), "", 10); err != nil || len(parked) != 1 {
		t.Errorf("parked %+v, %v", parked, err)
	}
}

// A record that another worker must take is neither taken nor counted as a try.
func TestLease(t *testing.T) { dbtest.Each(t, testLease) }

func testLease(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7, state(1, 11, 1, 2))
	c.lease = errors.New("the shard went to worker 2")
	if acks := c.send(wire.UpEvents, batch(7, 1, 11, 1, event(t, alert("a", rules.Firing)))); len(acks) != 0 || c.refused("lease") != 1 {
		t.Errorf("answered %v", acks)
	}
	if acks := c.hello(8, state(1, 11, 1, 2)); len(acks) != 0 {
		t.Errorf("hello answered %v", acks)
	}
	c.watch(10*time.Minute, nil)
	c.lease = nil
	if online, _ := org.Online(t.Context(), c.db.Reader()); len(online) != 1 {
		t.Error("a worker put another one's gateway offline")
	}
	if a := one(t, c.send(wire.UpEvents, batch(7, 1, 11, 1, event(t, alert("a", rules.Firing))))); a.Cum != 1 || c.counter("linshao_ingest_failed_total", "events") != 0 {
		t.Errorf("back here: %v", a)
	}
}

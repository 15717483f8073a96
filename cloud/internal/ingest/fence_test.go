package ingest_test

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

// The older of two gateways with one name is told to rest, in words that never acknowledge what is not here.
func TestFencedSessionIsTold(t *testing.T) { dbtest.Each(t, testFencedSessionIsTold) }

func testFencedSessionIsTold(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7, state(2, 12, 1, 9))
	c.send(wire.UpTelemetry, batch(7, 2, 12, 1, telemetry(t, t0, 1), telemetry(t, t0.Add(time.Second), 2)))
	c.hello(8, state(2, 12, 1, 9))
	c.now = c.now.Add(20 * time.Second)
	third := telemetry(t, t0.Add(2*time.Second), 3)
	for range 3 { // far ahead of the cursor, as behind lost batches; then right behind it
		if a := one(t, c.send(wire.UpTelemetry, batch(7, 2, 12, 6, third))); a.Session != 7 || a.Cum != 2 || a.Credit != 0 || a.RetryAfterMs != 300_000 {
			t.Fatalf("told %v", a)
		}
		c.now = c.now.Add(11 * time.Second)
	}
	if a := one(t, c.send(wire.UpTelemetry, batch(7, 2, 12, 2, third))); a.Cum != 1 {
		t.Errorf("told %v", a)
	}
	if n := c.journal(org.SecondTwin); n != 1 {
		t.Errorf("%d journal entries for one pair", n)
	}
	// As long as the newer one lives, the older one's hello does not take the name back.
	c.now = c.now.Add(11 * time.Second)
	if a := one(t, c.hello(7, state(2, 12, 1, 9))); a.Credit != 0 || a.RetryAfterMs != 300_000 || a.Cum != 2 {
		t.Errorf("hello of the older session is answered %v", a)
	}
	if a := one(t, c.send(wire.UpTelemetry, batch(8, 2, 12, 3, third))); a.Cum != 3 || a.Credit == 0 {
		t.Errorf("the newer session: %v", a)
	}
	// The newer one is gone: a copy that was tried out. The older one has the name again.
	c.now = c.now.Add(3 * time.Minute)
	if a := one(t, c.hello(7, state(2, 12, 1, 9))); a.Credit == 0 || a.Cum != 3 {
		t.Errorf("back: %v", a)
	}
}

// A fleet that comes back at once is let in at a rate; the rest is told when to come again, at different times.
func TestHerd(t *testing.T) {
	c := start(t, dbtest.SQLite(t))
	defer c.stop()
	const size = 1200
	members := make([]*member, size)
	for i := range members {
		members[i] = &member{c: c, ctx: t.Context(), n: i, id: fmt.Sprintf("gw-%05d", i), session: uint64(1000 + i), epoch: uint64(i + 1)}
	}
	f := &fleet{t: t, members: members}
	var mu sync.Mutex
	waits := map[uint32]int{}
	in := make([]bool, size)
	greet := func(g *member) error {
		if in[g.n] {
			return nil
		}
		acks, err := g.send(wire.UpHello, &wire.Hello{Gateway: g.id, Session: g.session, Streams: []*wire.StreamState{state(2, g.epoch, 1, 1)}})
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if in[g.n] = acks[0].Credit > 0; !in[g.n] {
			waits[acks[0].RetryAfterMs]++
		}
		return nil
	}
	f.each(greet)
	admitted := 0
	for _, ok := range in {
		if ok {
			admitted++
		}
	}
	if admitted != 400 || len(waits) < 300 {
		t.Errorf("%d admitted at once, the others in %d different times", admitted, len(waits))
	}
	for ms := range waits {
		if ms < 1000 || ms > 7000 {
			t.Errorf("asked to come again after %d ms", ms)
		}
	}
	for range 4 {
		c.now = c.now.Add(time.Second)
		f.each(greet)
	}
	for i, ok := range in {
		if !ok {
			t.Errorf("%s is not in", members[i].id)
		}
	}
}

// A gateway that was taken out of service leaves its site to others, and comes back without a word about losses.
func TestDecommission(t *testing.T) { dbtest.Each(t, testDecommission) }

func testDecommission(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	ctx := t.Context()
	inventory := func(site, name string) *wire.Record {
		return event(t, &wire.Event{Kind: &wire.Event_Inventory{Inventory: &wire.Inventory{Site: site, Name: name, Timezone: "Asia/Shanghai"}}})
	}
	other := &member{c: c, ctx: ctx, id: "gw-other", session: 5, epoch: 50}
	nameOf := func(site string) string {
		n, _, err := org.Zone(ctx, c.db.Reader(), site)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	send := func(leaf string, m proto.Message) {
		if _, err := other.send(leaf, m); err != nil {
			t.Fatal(err)
		}
	}
	c.hello(7, state(1, 11, 1, 9))
	c.send(wire.UpEvents, batch(7, 1, 11, 1, inventory("jinxiu", "锦绣花园")))
	send(wire.UpHello, &wire.Hello{Gateway: other.id, Session: 5, Streams: []*wire.StreamState{state(1, 50, 1, 9)}})
	for seq := range uint64(3) {
		send(wire.UpEvents, batch(5, 1, 50, seq+1, inventory("jinxiu", "别人的名字")))
	}
	if nameOf("jinxiu") != "锦绣花园" {
		t.Errorf("another gateway's inventory renamed the site to %s", nameOf("jinxiu"))
	}
	entries, err := org.Journal(ctx, c.db.Reader(), other.id, 10)
	if err != nil || len(entries) != 1 || entries[0].Kind != org.ForeignSite {
		t.Errorf("journal %+v, %v", entries, err)
	}
	if err := c.db.Update(ctx, func(tx *sql.Tx) error { return org.Decommission(ctx, tx, gw, c.now) }); err != nil {
		t.Fatal(err)
	}
	send(wire.UpEvents, batch(5, 1, 50, 4, inventory("jinxiu", "新名字")))
	if nameOf("jinxiu") != "新名字" {
		t.Errorf("the name is not free: %s", nameOf("jinxiu"))
	}
	c.hello(8, state(1, 21, 1, 9), state(2, 22, 1, 9))
	if n := c.journal(org.PossibleLoss); n != 0 {
		t.Errorf("%d losses told after a decommission", n)
	}
	if site, _ := org.SiteOf(ctx, c.db.Reader(), gw); site != gw {
		t.Errorf("it is in site %q", site)
	}
	c.hello(9, state(1, 31, 1, 9))
	if n := c.journal(org.PossibleLoss); n != 1 {
		t.Errorf("%d losses told: the second new log is one", n)
	}
}

// Whoever opens a page makes the gateway send readings as they come, for a while.
func TestWatch(t *testing.T) { dbtest.Each(t, testWatch) }

func testWatch(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.in.Run(ctx) }()
	if a := one(t, c.hello(7, state(2, 12, 1, 9))); a.LingerMs != 0 {
		t.Errorf("unwatched: %v", a)
	}
	c.send(wire.UpTelemetry, batch(7, 2, 12, 1, telemetry(t, t0, 1)))
	c.in.Watch(gw)
	var a wire.Ack
	if rs := <-c.published; len(rs) != 1 || proto.Unmarshal(rs[0].Payload, &a) != nil || a.Session != 7 || a.Cum != 1 || a.Credit == 0 || a.LingerMs != 1000 {
		t.Errorf("told %v", &a)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	// The process that has the gateway is another one than the page's.
	again := startIn(t, place, t.TempDir())
	defer again.stop()
	again.now = c.now.Add(80 * time.Second)
	if a := one(t, again.send(wire.UpTelemetry, batch(7, 2, 12, 2, telemetry(t, t0, 2)))); a.LingerMs != 1000 {
		t.Errorf("watched: %v", a)
	}
	again.now = c.now.Add(91 * time.Second)
	if a := one(t, again.send(wire.UpTelemetry, batch(7, 2, 12, 3, telemetry(t, t0, 3)))); a.LingerMs != 0 {
		t.Errorf("nobody looks any more: %v", a)
	}
}

// An acknowledgement may be lost: while batches come it is said again.
func TestAcksAreRepeated(t *testing.T) {
	c := start(t, dbtest.SQLite(t))
	defer c.stop()
	c.hello(7, state(2, 12, 1, 9))
	c.send(wire.UpTelemetry, batch(7, 2, 12, 1, telemetry(t, t0, 1)))
	c.now = c.now.Add(4 * time.Second)
	c.in.Repeat()
	c.now = c.now.Add(time.Second)
	c.in.Repeat()
	c.in.Repeat()
	var a wire.Ack
	if rs := <-c.published; len(rs) != 1 || proto.Unmarshal(rs[0].Payload, &a) != nil || a.Cum != 1 || a.Session != 7 || a.TimeMs != t0.UnixMilli() {
		t.Errorf("said again %v", &a)
	}
	c.now = c.now.Add(5 * time.Second)
	c.in.Repeat()
	<-c.published
	c.now = c.now.Add(6 * time.Second)
	c.in.Repeat()
	c.send(wire.UpTelemetry, batch(7, 2, 12, 2, telemetry(t, t0, 2)))
	c.hello(8, state(2, 12, 1, 9))
	c.now = c.now.Add(6 * time.Second)
	c.in.Repeat()
	select {
	case rs := <-c.published:
		t.Errorf("said again without data, or to an older session: %v", rs)
	default:
	}
}

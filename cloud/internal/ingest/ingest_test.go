package ingest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/ingest"
	"github.com/linshao/linshao/cloud/internal/ledger"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

const gw = "gw-0142"

var t0 = time.UnixMilli(1_795_300_000_000)

// seen keeps what an observer hears.
type seen struct {
	mu        sync.Mutex
	gateways  []string
	incidents []string
	readings  int
	newest    time.Time
}

func (s *seen) Gateway(g string)   { s.mu.Lock(); s.gateways = append(s.gateways, g); s.mu.Unlock() }
func (s *seen) Incident(id string) { s.mu.Lock(); s.incidents = append(s.incidents, id); s.mu.Unlock() }
func (s *seen) Wants(string) bool  { return true }
func (s *seen) Readings(_ string, rs []device.Reading) {
	s.mu.Lock()
	s.readings += len(rs)
	s.newest = rs[len(rs)-1].Time
	s.mu.Unlock()
}

// cloud is the part of the cloud behind a broker, on files in a folder, so that it can be started again on the same ones.
type cloud struct {
	t     testing.TB
	db    *db.DB
	store *series.SQLite
	in    *ingest.Service
	drain *inbox.Drain
	seen  *seen
	reg   *prometheus.Registry
	now   time.Time

	mistake   string // what an alert of the name "poison" does: error, panic, sql, rows, exit
	published chan []ingest.Reply
	lease     error         // of every gateway
	held      chan struct{} // a message of a camera's picture is held in hand; nil: none
}

// Enqueue implements the incidents' Notifier: the place where a record makes a mistake of ours happen.
func (c *cloud) Enqueue(ctx context.Context, tx *sql.Tx, in incident.Incident, _ string) error {
	if in.Alert != "poison" {
		return nil
	}
	switch c.mistake {
	case "error":
		return errors.New("nobody thought of this")
	case "panic":
		panic("a mistake")
	case "exit":
		os.Exit(crashCode)
	case "sql":
		_, err := tx.ExecContext(ctx, `INSERT INTO nowhere (x) VALUES (1)`)
		return err
	case "rows":
		rows, err := tx.QueryContext(ctx, `SELECT gateway FROM cursors`) // never closed, as a careless hand may leave it
		if err == nil {
			rows.Next()
			err = errors.New("left in the middle")
		}
		return err
	}
	return nil
}

// Check implements ingest's Lease.
func (c *cloud) Check(context.Context, *sql.Tx, string) error { return c.lease }

func start(t testing.TB, place *dbtest.Place) *cloud { return startIn(t, place, t.TempDir()) }

func startIn(t testing.TB, place *dbtest.Place, dir string) *cloud {
	t.Helper()
	d := place.Open(t)
	store, err := series.OpenSQLite(t.Context(), filepath.Join(dir, "series.db"))
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{t: t, db: d, store: store, seen: &seen{}, now: t0, reg: prometheus.NewRegistry(), published: make(chan []ingest.Reply, 64)}
	now := func() time.Time { return c.now }
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if c.drain, err = inbox.NewDrain(inbox.DrainConfig{DB: d, Sink: store, Now: now, Log: log, Registry: c.reg}); err != nil {
		t.Fatal(err)
	}
	c.in, err = ingest.New(ingest.Config{DB: d, Incidents: incident.New(incident.Config{DB: d, Notifier: c, Now: now, Zone: time.UTC}), Observer: c.seen,
		Publish: func(rs []ingest.Reply) { c.published <- rs }, Lease: c,
		Names: map[string]string{"renamed": "新名字"}, Stored: c.drain.Wake, Now: now, Log: log, Registry: c.reg,
		Look: func(string, *wire.Glimpse) {
			if c.held != nil {
				c.held <- struct{}{} // it is in hand
				<-c.held
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *cloud) stop() {
	if err := c.store.Close(); err != nil {
		c.t.Error(err)
	}
	if err := c.db.Close(); err != nil {
		c.t.Error(err)
	}
}

// send hands a message in and answers the acknowledgements.
func (c *cloud) send(leaf string, m proto.Message) []*wire.Ack {
	c.t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		c.t.Fatal(err)
	}
	replies, err := c.in.Handle(c.t.Context(), wire.Topic(gw, leaf), b)
	if err != nil {
		c.t.Fatal(err)
	}
	var acks []*wire.Ack
	for _, r := range replies {
		var a wire.Ack
		if err := proto.Unmarshal(r.Payload, &a); err != nil || r.Topic != wire.Topic(gw, wire.DownAck) {
			c.t.Fatalf("reply on %s: %v", r.Topic, err)
		}
		acks = append(acks, &a)
	}
	return acks
}

func (c *cloud) hello(session uint64, states ...*wire.StreamState) []*wire.Ack {
	c.t.Helper()
	return c.send(wire.UpHello, &wire.Hello{Gateway: gw, Session: session, Boot: 1, Version: "v1", Streams: states})
}

func state(stream uint32, epoch, oldest, next uint64) *wire.StreamState {
	return &wire.StreamState{Stream: stream, Epoch: epoch, Oldest: oldest, Next: next}
}

func telemetry(t testing.TB, at time.Time, v float64) *wire.Record {
	t.Helper()
	enc, err := wire.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	payload, err := enc.Encode([]device.Reading{{Device: "A-03.1", Point: "power", Value: v, Quality: device.Good, Time: at}})
	if err != nil {
		t.Fatal(err)
	}
	return &wire.Record{Type: wire.TypeReadings, WallMs: at.UnixMilli(), Payload: payload, Crc: wire.Checksum(payload)}
}

func event(t testing.TB, e *wire.Event) *wire.Record {
	t.Helper()
	b, err := proto.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	return &wire.Record{Type: wire.TypeEvent, WallMs: t0.UnixMilli(), Payload: b, Crc: wire.Checksum(b)}
}

func alert(name string, state rules.State) *wire.Event {
	return &wire.Event{Kind: &wire.Event_Alert{Alert: wire.FromAlert(rules.AlertEvent{Alert: name, Rule: "R16", Subject: "gas-1802", Severity: rules.SeverityA,
		State: state, Since: t0, At: t0, Title: rules.Text{ZH: "燃气高报", EN: "Gas high alarm"}, Message: rules.Text{ZH: "62 %LEL", EN: "62 %LEL"}})}}
}

func batch(session uint64, stream uint32, epoch, first uint64, rs ...*wire.Record) *wire.Batch {
	return &wire.Batch{Session: session, Stream: stream, Epoch: epoch, First: first, Records: rs}
}

func one(t testing.TB, acks []*wire.Ack) *wire.Ack {
	t.Helper()
	if len(acks) != 1 {
		t.Fatalf("%d acknowledgements", len(acks))
	}
	return acks[0]
}

// stored drains the inbox and answers how many readings the store has.
func (c *cloud) stored() int {
	c.t.Helper()
	for more := true; more; {
		var err error
		if more, err = c.drain.Once(c.t.Context()); err != nil {
			c.t.Fatal(err)
		}
	}
	res, err := c.store.Range(c.t.Context(), series.Query{Gateway: gw, Device: "A-03.1", Point: "power", From: t0, To: t0.Add(time.Hour), Max: 10000, Poll: time.Second})
	if err != nil {
		c.t.Fatal(err)
	}
	return len(res.Buckets)
}

func (c *cloud) refused(reason string) float64 {
	return c.counter("linshao_ingest_refused_total", reason)
}

func (c *cloud) counter(name, label string) float64 {
	c.t.Helper()
	families, err := c.reg.Gather()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && len(m.GetLabel()) == 1 && m.GetLabel()[0].GetValue() == label {
				return m.GetCounter().GetValue()
			}
		}
	}
	return 0
}

func (c *cloud) journal(kind string) int {
	c.t.Helper()
	entries, err := org.Journal(c.t.Context(), c.db.Reader(), gw, 100)
	if err != nil {
		c.t.Fatal(err)
	}
	return len(slices.DeleteFunc(entries, func(e org.Entry) bool { return e.Kind != kind }))
}

func TestRecordsGoThroughOnce(t *testing.T) { dbtest.Each(t, testRecordsGoThroughOnce) }

func testRecordsGoThroughOnce(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	acks := c.hello(7, state(1, 11, 0, 1), state(2, 12, 1, 5))
	if len(acks) != 2 || acks[1].Stream != 2 || acks[1].Cum != 0 || acks[1].Session != 7 || acks[1].Epoch != 12 || acks[1].Credit == 0 {
		t.Fatalf("answer to hello %v", acks)
	}
	b := batch(7, 2, 12, 1, telemetry(t, t0, 1), telemetry(t, t0.Add(time.Second), 2), telemetry(t, t0.Add(2*time.Second), 3))
	if a := one(t, c.send(wire.UpTelemetry, b)); a.Cum != 3 || a.TimeMs != t0.UnixMilli() {
		t.Fatalf("ack %v", a)
	}
	if a := one(t, c.send(wire.UpTelemetry, b)); a.Cum != 3 {
		t.Fatalf("a repeated batch is acknowledged again, got %v", a)
	}
	overlap := batch(7, 2, 12, 3, telemetry(t, t0.Add(2*time.Second), 3), telemetry(t, t0.Add(3*time.Second), 4))
	if a := one(t, c.send(wire.UpTelemetry, overlap)); a.Cum != 4 {
		t.Fatalf("ack %v", a)
	}
	if a := one(t, c.send(wire.UpTelemetry, batch(7, 2, 12, 9, telemetry(t, t0, 9)))); a.Cum != 4 {
		t.Fatalf("a batch ahead of the cursor is answered by the cursor, got %v", a)
	}
	if n := c.stored(); n != 4 {
		t.Errorf("%d readings stored, want 4", n)
	}
	if c.seen.readings != 4 {
		t.Errorf("%d readings told, want 4", c.seen.readings)
	}
}

// A crash between commit and acknowledgement: the gateway sends again to a cloud that has started anew.
func TestCrashBetweenCommitAndAck(t *testing.T) { dbtest.Each(t, testCrashBetweenCommitAndAck) }

func testCrashBetweenCommitAndAck(t *testing.T, place *dbtest.Place) {
	dir := t.TempDir()
	c := startIn(t, place, dir)
	c.hello(7, state(1, 11, 1, 3), state(2, 12, 1, 3))
	tele := batch(7, 2, 12, 1, telemetry(t, t0, 1), telemetry(t, t0.Add(time.Second), 2))
	events := batch(7, 1, 11, 1, event(t, alert("R16/gas-1802/1", rules.Firing)))
	c.send(wire.UpTelemetry, tele)
	c.send(wire.UpEvents, events)
	c.stop() // nothing was drained, the acknowledgements are lost

	c = startIn(t, place, dir)
	defer c.stop()
	if a := one(t, c.send(wire.UpTelemetry, tele)); a.Cum != 2 {
		t.Fatalf("the session goes on after a restart, got %v", a)
	}
	c.send(wire.UpEvents, events)
	acks := c.hello(8, state(1, 11, 1, 3), state(2, 12, 1, 3))
	if acks[0].Cum != 1 || acks[1].Cum != 2 {
		t.Fatalf("cursors %v", acks)
	}
	if n := c.stored(); n != 2 {
		t.Errorf("%d readings, want 2", n)
	}
	counts, err := incident.Count(t.Context(), c.db.Reader(), tree.Everywhere())
	if err != nil || counts.Open != 1 {
		t.Errorf("incidents %+v, %v", counts, err)
	}
}

// A crash of the drain after the store has taken readings and before the inbox is emptied.
func TestDrainTwice(t *testing.T) { dbtest.Each(t, testDrainTwice) }

func testDrainTwice(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7, state(2, 12, 1, 3))
	c.send(wire.UpTelemetry, batch(7, 2, 12, 1, telemetry(t, t0, 1), telemetry(t, t0.Add(time.Second), 2)))
	failing := sink(func(ctx context.Context, columns []series.Column) error {
		return fmt.Errorf("power cut: %w", c.store.Write(ctx, columns))
	})
	d, err := inbox.NewDrain(inbox.DrainConfig{DB: c.db, Sink: failing, Now: time.Now, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Once(t.Context()); err == nil {
		t.Fatal("the failure is told")
	}
	if n, err := inbox.Backlog(t.Context(), c.db.Reader()); err != nil || n != 2 {
		t.Fatalf("inbox holds %d, %v", n, err)
	}
	if n := c.stored(); n != 2 {
		t.Errorf("%d readings, want 2", n)
	}
	if n, err := inbox.Backlog(t.Context(), c.db.Reader()); err != nil || n != 0 {
		t.Errorf("inbox holds %d, %v", n, err)
	}
}

type sink func(context.Context, []series.Column) error

func (s sink) Write(ctx context.Context, columns []series.Column) error { return s(ctx, columns) }

// What the store refuses for good is parked with its reason, and everything else is not held up.
func TestParking(t *testing.T) { dbtest.Each(t, testParking) }

func testParking(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7, state(2, 12, 1, 3))
	c.send(wire.UpTelemetry, batch(7, 2, 12, 1, telemetry(t, t0, 1)))
	refusing := sink(func(_ context.Context, columns []series.Column) error {
		return &series.RefusedError{Refusals: []series.Refusal{{Column: columns[0], Why: "type conflict"}}}
	})
	d, err := inbox.NewDrain(inbox.DrainConfig{DB: c.db, Sink: refusing, Now: time.Now, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	var why string
	if err := c.db.Reader().QueryRowContext(t.Context(), `SELECT why FROM parked WHERE device = 'A-03.1' AND value = 1`).Scan(&why); err != nil || why != "type conflict" {
		t.Errorf("parked: %q, %v", why, err)
	}
	if n, _ := inbox.Backlog(t.Context(), c.db.Reader()); n != 0 {
		t.Errorf("inbox holds %d", n)
	}
}

func TestPoisonRecordsAreRejectedAlone(t *testing.T) {
	dbtest.Each(t, testPoisonRecordsAreRejectedAlone)
}

func testPoisonRecordsAreRejectedAlone(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7, state(1, 11, 1, 9), state(2, 12, 1, 9))
	broken := telemetry(t, t0, 1)
	broken.Crc++
	nonsense := &wire.Record{Type: wire.TypeReadings, Payload: []byte("no zstd"), Crc: wire.Checksum([]byte("no zstd"))}
	odd := &wire.Record{Type: 99, Crc: wire.Checksum(nil)}
	a := one(t, c.send(wire.UpTelemetry, batch(7, 2, 12, 1, telemetry(t, t0, 1), broken, nonsense, odd, telemetry(t, t0.Add(time.Second), 2))))
	if a.Cum != 5 || len(a.Rejects) != 2 || a.Rejects[0].First != 2 || a.Rejects[0].Last != 3 || a.Rejects[0].Code != "corrupt" || a.Rejects[1].First != 4 || a.Rejects[1].Code != "unknown_type" {
		t.Fatalf("ack %v", a)
	}
	if n := c.stored(); n != 2 {
		t.Errorf("%d readings, want 2", n)
	}
	var noted int
	if err := c.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM gaps WHERE stream = 2 AND epoch = 12 AND reason = 'rejected' AND first BETWEEN 2 AND 4`).Scan(&noted); err != nil || noted != 3 {
		t.Errorf("%d of 3 refused records are gaps, should the answer be lost: %v", noted, err)
	}
	bad := alert("x", rules.Firing)
	bad.GetAlert().Severity = "Z"
	if a := one(t, c.send(wire.UpEvents, batch(7, 1, 11, 1, event(t, bad), event(t, &wire.Event{})))); a.Cum != 2 || len(a.Rejects) != 1 || a.Rejects[0].First != 1 {
		t.Fatalf("an event of a kind from the future is kept, one without sense is not: %v", a)
	}
}

func TestOlderSessionsAreFencedOff(t *testing.T) { dbtest.Each(t, testOlderSessionsAreFencedOff) }

func testOlderSessionsAreFencedOff(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7, state(2, 12, 1, 3))
	c.hello(8, state(2, 12, 1, 3))
	c.now = c.now.Add(time.Minute)
	old := batch(7, 2, 12, 1, telemetry(t, t0, 1))
	if a := one(t, c.send(wire.UpTelemetry, old)); a.Session != 7 || a.Epoch != 12 || a.Cum != 0 || a.Credit != 0 || a.RetryAfterMs != 300_000 {
		t.Fatalf("the older session is told %v", a)
	}
	for range 2 {
		if acks := c.send(wire.UpTelemetry, old); len(acks) != 0 {
			t.Fatalf("told again at once: %v", acks)
		}
	}
	if c.refused("fenced") != 3 || c.journal(org.SecondTwin) != 1 {
		t.Errorf("counted %v, told %d times", c.refused("fenced"), c.journal(org.SecondTwin))
	}
	// A will of the old session arrives after the new one's hello: it means nothing.
	c.send(wire.StatusLeaf, &wire.Status{Online: false, Session: 7})
	if online, _ := org.Online(t.Context(), c.db.Reader()); len(online) != 1 {
		t.Error("an old will put the gateway offline")
	}
	c.send(wire.StatusLeaf, &wire.Status{Online: false, Session: 8})
	if online, _ := org.Online(t.Context(), c.db.Reader()); len(online) != 0 {
		t.Error("its own will did not")
	}
	c.send(wire.UpTelemetry, batch(8, 2, 12, 1, telemetry(t, t0, 1)))
	if online, _ := org.Online(t.Context(), c.db.Reader()); len(online) != 1 {
		t.Error("a batch did not bring it back")
	}
}

// What was under way when a gateway connected anew is refused without a word about a second gateway.
func TestOwnOldSessionHasGrace(t *testing.T) { dbtest.Each(t, testOwnOldSessionHasGrace) }

func testOwnOldSessionHasGrace(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7, state(2, 12, 1, 1))
	c.now = c.now.Add(time.Minute)
	c.hello(8, state(2, 12, 1, 1))
	late := batch(7, 2, 12, 1, telemetry(t, t0, 1))
	c.now = c.now.Add(10 * time.Second)
	if acks := c.send(wire.UpTelemetry, late); len(acks) != 0 || c.refused("fenced") != 1 || c.journal(org.SecondTwin) != 0 {
		t.Errorf("acks %v, refused %v, told %d times", acks, c.refused("fenced"), c.journal(org.SecondTwin))
	}
	c.now = c.now.Add(time.Second)
	for range 2 {
		c.send(wire.UpTelemetry, late)
	}
	if c.refused("fenced") != 3 || c.journal(org.SecondTwin) != 1 {
		t.Errorf("refused %v, told %d times", c.refused("fenced"), c.journal(org.SecondTwin))
	}
}

// The gateway splits an inventory that is larger than a record.
func TestInventoryInParts(t *testing.T) { dbtest.Each(t, testInventoryInParts) }

func testInventoryInParts(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7, state(1, 11, 1, 1))
	part := func(hash, model string, devices ...string) *wire.Inventory {
		inv := &wire.Inventory{Site: "s", Name: "S", ConfigHash: hash}
		if model != "" {
			inv.Models = []*wire.Model{{Name: model, Points: []*wire.Point{{Name: "p-" + model}}}}
		}
		for _, id := range devices {
			inv.Devices = append(inv.Devices, &wire.Device{Id: id, Name: id, Model: "m"})
		}
		return inv
	}
	seq := uint64(1)
	send := func(of ...*wire.Inventory) (ids []string) {
		for _, inv := range of {
			c.send(wire.UpEvents, batch(7, 1, 11, seq, event(t, &wire.Event{Kind: &wire.Event_Inventory{Inventory: inv}})))
			seq++
		}
		devices, err := org.DevicesOf(t.Context(), c.db.Reader(), "s")
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range devices {
			ids = append(ids, d.ID)
			if len(d.Points) != 1 {
				t.Errorf("%s has points %+v", d.ID, d.Points)
			}
		}
		return ids
	}
	parts := []*wire.Inventory{part("h1", "m"), part("h1", "", "a", "b"), part("h1", "n", "c")}
	for range 2 { // it comes at every start
		if got := send(parts...); !slices.Equal(got, []string{"a", "b", "c"}) {
			t.Errorf("devices %v", got)
		}
	}
	if got := send(part("h2", "m", "c"), part("h2", "", "a")); !slices.Equal(got, []string{"c", "a"}) {
		t.Errorf("devices of a new configuration: %v", got)
	}
}

func TestNewEpochIsPossibleLoss(t *testing.T) { dbtest.Each(t, testNewEpochIsPossibleLoss) }

func testNewEpochIsPossibleLoss(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7, state(2, 12, 1, 3))
	if c.journal(org.PossibleLoss) != 0 {
		t.Fatal("the first epoch is no loss")
	}
	c.hello(8, state(2, 13, 1, 2))
	if c.journal(org.PossibleLoss) != 1 {
		t.Error("a new epoch was not told")
	}
	if acks := c.send(wire.UpTelemetry, batch(8, 2, 12, 1, telemetry(t, t0, 1))); len(acks) != 0 || c.refused("epoch") != 1 {
		t.Errorf("a batch of the old epoch was answered by %v", acks)
	}
	c.send(wire.UpTelemetry, batch(8, 2, 13, 1, telemetry(t, t0, 1), telemetry(t, t0, 2)))
	c.hello(9, state(2, 13, 1, 2))
	if c.journal(org.PossibleLoss) != 2 {
		t.Error("a log that went back was not told")
	}
}

func TestGapsLetTheCursorPass(t *testing.T) { dbtest.Each(t, testGapsLetTheCursorPass) }

func testGapsLetTheCursorPass(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7, state(1, 11, 1, 2), state(2, 12, 1, 20))
	c.send(wire.UpTelemetry, batch(7, 2, 12, 1, telemetry(t, t0, 1)))
	ahead := batch(7, 2, 12, 11, telemetry(t, t0.Add(time.Minute), 2))
	if a := one(t, c.send(wire.UpTelemetry, ahead)); a.Cum != 1 {
		t.Fatalf("ack %v", a)
	}
	gap := &wire.Event{Kind: &wire.Event_Gap{Gap: &wire.Gap{Stream: 2, Epoch: 12, First: 2, Last: 10, Reason: "evicted"}}}
	c.send(wire.UpEvents, batch(7, 1, 11, 1, event(t, gap)))
	if a := one(t, c.send(wire.UpTelemetry, ahead)); a.Cum != 11 {
		t.Fatalf("ack %v", a)
	}
	if why := c.why("A-03.1", t0.Add(time.Second), t0.Add(30*time.Second)); why != "evicted" {
		t.Errorf("a chart's gap says %q", why)
	}
	if c.journal(org.PossibleLoss) != 0 {
		t.Error("a gap that was told is no surprise")
	}
	// Without a gap event the hello decides: what the gateway does not hold cannot come.
	if a := c.hello(8, state(2, 12, 15, 20)); a[0].Cum != 14 || c.journal(org.PossibleLoss) != 1 {
		t.Errorf("ack %v, told %d", a, c.journal(org.PossibleLoss))
	}
}

func TestInventoryAndPresence(t *testing.T) { dbtest.Each(t, testInventoryAndPresence) }

func testInventoryAndPresence(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	ctx := t.Context()
	c.hello(7, state(1, 11, 1, 9))
	inv := &wire.Inventory{Site: "renamed", Name: "旧名字", Timezone: "Asia/Shanghai",
		Devices: []*wire.Device{{Id: "v", Name: "燃气阀", Kind: "valve", Model: "m", Place: "厨房", PollMs: 1000}, {Id: "gateway", Kind: "gateway", Model: "gw"}, {Id: "gone", Model: "m"}},
		Models:  []*wire.Model{{Name: "m", Points: []*wire.Point{{Name: "open", Labels: map[int64]string{0: "关闭"}}}}}}
	c.send(wire.UpEvents, batch(7, 1, 11, 1, event(t, &wire.Event{Kind: &wire.Event_Inventory{Inventory: inv}}),
		event(t, &wire.Event{Kind: &wire.Event_Device{Device: &wire.DeviceState{Device: "v", Online: true, AtMs: t0.UnixMilli()}}})))
	inv.Devices = inv.Devices[:2]
	c.send(wire.UpEvents, batch(7, 1, 11, 3, event(t, &wire.Event{Kind: &wire.Event_Inventory{Inventory: inv}})))
	sites, err := org.Sites(ctx, c.db.Reader(), tree.Everywhere())
	if err != nil || len(sites) != 1 || sites[0].Name != "新名字" || !sites[0].Online || sites[0].Devices != (org.Devices{Total: 1, Good: 1}) {
		t.Fatalf("sites %+v, %v", sites, err)
	}
	begun := c.now
	c.watch(95*time.Second, func() { c.in.Heard(gw, 30*time.Second) })
	c.watch(65*time.Second, nil)
	d, err := org.OneDevice(ctx, c.db.Reader(), gw, "v")
	if err != nil || d.Online || d.Reason != "gateway_off" || d.Points[0].Labels[0] != "关闭" {
		t.Fatalf("device %+v, %v", d, err)
	}
	if why := c.why("v", begun.Add(105*time.Second), c.now); why != ledger.GatewayOff {
		t.Errorf("a chart's gap says %q", why)
	}
}

// why is the reason that the ledger gives for the begin of a chart's gap.
func (c *cloud) why(device string, from, to time.Time) string {
	c.t.Helper()
	l := ledger.New(ledger.Config{DB: c.db, Readings: c.store, Now: func() time.Time { return c.now }, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	spans, err := l.Explain(c.t.Context(), series.Query{Gateway: gw, Device: device, From: from, To: to.Add(time.Minute), Poll: time.Second},
		[]series.Gap{{From: from.UnixMilli(), To: to.UnixMilli()}}, series.Result{})
	if err != nil || len(spans) == 0 {
		c.t.Fatalf("%d spans, %v", len(spans), err)
	}
	return spans[0].Reason
}

func TestBadMessagesAreCounted(t *testing.T) { dbtest.Each(t, testBadMessagesAreCounted) }

func testBadMessagesAreCounted(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	hello, err := proto.Marshal(&wire.Hello{Gateway: "gw-other", Session: 1})
	if err != nil {
		t.Fatal(err)
	}
	first, err := proto.Marshal(batch(7, 2, 1, math.MaxUint64, &wire.Record{}))
	if err != nil {
		t.Fatal(err)
	}
	c.hello(7)
	cases := []struct {
		name, topic string
		payload     []byte
		reason      string
	}{
		{"no topic of ours", "x/y", nil, "topic"},
		{"wrong shard", "ls/1/zz/gw-0142/up/hello", nil, "topic"},
		{"id that could be a filter", "ls/1/00/+/up/hello", nil, "topic"},
		{"unknown leaf", wire.Topic(gw, "up/else"), nil, "leaf"},
		{"too large", wire.Topic(gw, wire.UpHello), make([]byte, wire.MaxMessage+1), "too_large"},
		{"another's hello", wire.Topic(gw, wire.UpHello), hello, "identity"},
		{"no protobuf", wire.Topic(gw, wire.UpTelemetry), []byte{0xff, 0xff}, "malformed"},
		{"empty batch", wire.Topic(gw, wire.UpTelemetry), nil, "malformed"},
		{"sequence that wraps", wire.Topic(gw, wire.UpTelemetry), first, "malformed"},
		{"events on the telemetry topic", wire.Topic(gw, wire.UpTelemetry), mustBatch(t, 1), "malformed"},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			before := c.refused(k.reason)
			if replies, err := c.in.Handle(t.Context(), k.topic, k.payload); err != nil || len(replies) != 0 {
				t.Fatalf("answered %v, %v", replies, err)
			}
			if c.refused(k.reason) != before+1 {
				t.Errorf("not counted as %q", k.reason)
			}
		})
	}
}

func mustBatch(t testing.TB, stream uint32) []byte {
	b, err := proto.Marshal(batch(7, stream, 12, 1, telemetry(t, t0, 1)))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A database that fails is no reason to confirm.
func TestFailingDatabase(t *testing.T) { dbtest.Each(t, testFailingDatabase) }

func testFailingDatabase(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	c.hello(7, state(2, 12, 1, 3))
	c.stop()
	b := mustBatch(t, 2)
	if replies, err := c.in.Handle(t.Context(), wire.Topic(gw, wire.UpTelemetry), b); err == nil {
		t.Fatalf("answered %v", replies)
	}
}

// A mistake of ours costs one message, not the process with all gateways.
func TestPanicIsATry(t *testing.T) { dbtest.Each(t, testPanicIsATry) }

func testPanicIsATry(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.reg = prometheus.NewRegistry()
	broken := incident.New(incident.Config{DB: c.db, Now: func() time.Time { panic("a mistake") }, Zone: time.UTC})
	var err error
	if c.in, err = ingest.New(ingest.Config{DB: c.db, Incidents: broken, Observer: c.seen, Stored: c.drain.Wake, Now: func() time.Time { return c.now },
		Log: slog.New(slog.DiscardHandler), Registry: c.reg}); err != nil {
		t.Fatal(err)
	}
	c.hello(1, state(wire.StreamEvents, 7, 1, 2))
	poison := batch(1, wire.StreamEvents, 7, 1, event(t, alert("a", rules.Firing)))
	if a := one(t, c.send(wire.UpEvents, poison)); a.Cum != 0 || c.counter("linshao_ingest_failed_total", "events") != 1 {
		t.Errorf("answered %v", a)
	}
	if ack := one(t, c.hello(2, state(wire.StreamEvents, 7, 1, 2))); ack.GetCum() != 0 {
		t.Errorf("acknowledged %d, which is not stored", ack.GetCum())
	}
}

func FuzzHandle(f *testing.F) {
	f.Add(wire.UpHello, []byte{})
	f.Add(wire.UpTelemetry, mustBatch(f, 2))
	f.Add(wire.UpEvents, mustBatch(f, 1))
	f.Add(wire.StatusLeaf, []byte{8, 1})
	c := start(f, dbtest.SQLite(f))
	defer c.stop()
	if _, err := c.in.Handle(f.Context(), wire.Topic(gw, wire.UpHello), helloBytes(f)); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, leaf string, payload []byte) {
		if _, err := c.in.Handle(t.Context(), wire.Topic(gw, leaf), payload); err != nil {
			t.Fatalf("a message made the database fail: %v", err)
		}
	})
}

func helloBytes(f *testing.F) []byte {
	b, err := proto.Marshal(&wire.Hello{Gateway: gw, Session: 7, Streams: []*wire.StreamState{state(1, 12, 1, 9), state(2, 12, 1, 9)}})
	if err != nil {
		f.Fatal(err)
	}
	return b
}

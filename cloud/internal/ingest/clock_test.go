package ingest_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// clocked is a gateway's clock: what it shows when it is really t0 and the gateway has run for mono.
type clocked struct {
	boot    uint32
	quality uint32
	wall    time.Time
	mono    time.Duration
}

func (k clocked) hello(session uint64, states ...*wire.StreamState) *wire.Hello {
	return &wire.Hello{Gateway: gw, Session: session, Boot: k.boot, Clock: k.quality, TimeMs: k.wall.UnixMilli(), MonoMs: uint64(k.mono.Milliseconds()), Streams: states}
}

// record was made so long before t0, as this clock saw it.
func (k clocked) record(r *wire.Record, before time.Duration) *wire.Record {
	r.Boot, r.Clock, r.WallMs, r.MonoMs = k.boot, k.quality, k.wall.Add(-before).UnixMilli(), uint64((k.mono - before).Milliseconds())
	return r
}

// Whatever a gateway's clock showed, its readings and alerts are shown when they were.
func TestTimesAreMended(t *testing.T) { dbtest.Each(t, testTimesAreMended) }

func testTimesAreMended(t *testing.T, place *dbtest.Place) {
	long := time.Hour
	cases := []struct {
		name  string
		clock clocked
	}{
		{"1970", clocked{3, wire.ClockUnknown, time.UnixMilli(7_200_000), 2 * long}},
		{"RTC years behind", clocked{4, wire.ClockLast, t0.AddDate(-3, 0, 0), 2 * long}},
		{"RTC years ahead", clocked{5, wire.ClockLast, t0.AddDate(5, 0, 0), 2 * long}},
	}
	c := start(t, place)
	defer c.stop()
	for i, k := range cases {
		c.now = t0
		session, epoch := uint64(100+i), uint64(200+i)
		states := []*wire.StreamState{state(1, epoch, 1, 9), state(2, epoch, 1, 9)}
		for range 2 { // the hello is repeated
			c.send(wire.UpHello, k.clock.hello(session, states...))
		}
		readings := k.clock.record(named(t, k.name, k.clock.wall.Add(-long)), long)
		c.send(wire.UpTelemetry, batch(session, 2, epoch, 1, readings))
		e := alert("alert "+k.name, rules.Firing)
		e.GetAlert().SinceMs, e.GetAlert().AtMs = k.clock.wall.Add(-long-time.Minute).UnixMilli(), k.clock.wall.Add(-long).UnixMilli()
		c.send(wire.UpEvents, batch(session, 1, epoch, 1, k.clock.record(event(t, e), long)))
		c.expect(k.name, t0.Add(-long))
		if since := c.since("alert " + k.name); since != t0.Add(-long-time.Minute).UnixMilli() {
			t.Errorf("%s: the alert is since %v", k.name, time.UnixMilli(since))
		}
		// The gateway's clock becomes right: its own word counts from now on.
		c.now = t0.Add(10 * time.Second)
		right := clocked{k.clock.boot, wire.ClockSynced, t0.Add(13 * time.Second), k.clock.mono + 10*time.Second}
		c.send(wire.UpHello, right.hello(session, states...))
		c.send(wire.UpTelemetry, batch(session, 2, epoch, 2, k.clock.record(named(t, k.name, k.clock.wall), 0)))
		c.expect(k.name, t0.Add(3*time.Second))
		// And what it recorded itself with a right clock is left as it is.
		c.send(wire.UpTelemetry, batch(session, 2, epoch, 3, right.record(named(t, k.name, right.wall), 0)))
		c.expect(k.name, right.wall)
	}
}

// An earlier start that never knew the time is mended by what its own later records say; without any, it keeps its time
// and is counted.
func TestEarlierStarts(t *testing.T) { dbtest.Each(t, testEarlierStarts) }

func testEarlierStarts(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	now := clocked{9, wire.ClockSynced, t0, time.Minute}
	c.send(wire.UpHello, now.hello(7, state(1, 11, 1, 9), state(2, 12, 1, 9)))
	lost := clocked{7, wire.ClockUnknown, time.UnixMilli(600_000), 10 * time.Minute}
	c.send(wire.UpTelemetry, batch(7, 2, 12, 1, lost.record(named(t, "lost", lost.wall), 0)))
	c.expect("lost", lost.wall)
	early := clocked{8, wire.ClockUnknown, time.UnixMilli(600_000), 10 * time.Minute}
	synced := clocked{8, wire.ClockSynced, t0.Add(-48 * time.Hour), 20 * time.Minute}
	// A timer that went on from an earlier start has a time of that start, and keeps it.
	e := alert("of 8", rules.Firing)
	e.GetAlert().SinceMs, e.GetAlert().AtMs = t0.Add(-72*time.Hour).UnixMilli(), synced.wall.UnixMilli()
	c.send(wire.UpEvents, batch(7, 1, 11, 1, synced.record(event(t, e), 0)))
	c.send(wire.UpTelemetry, batch(7, 2, 12, 2, early.record(named(t, "early", early.wall), 0)))
	c.expect("early", t0.Add(-48*time.Hour-10*time.Minute))
	if since := c.since("of 8"); since != t0.Add(-72*time.Hour).UnixMilli() {
		t.Errorf("alert since %v", time.UnixMilli(since))
	}
	var untimed int
	if err := c.db.Reader().QueryRowContext(t.Context(), `SELECT untimed FROM boots WHERE gateway = ? AND boot = 7 AND quality = 0`, gw).Scan(&untimed); err != nil || untimed != 1 {
		t.Errorf("%d records without a time are counted, %v", untimed, err)
	}
	// The disk was put back: the number of a start comes again, long after.
	c.now = t0.Add(240 * time.Hour)
	again := clocked{9, wire.ClockUnknown, time.UnixMilli(5000), 5 * time.Second}
	c.send(wire.UpHello, again.hello(8, state(2, 13, 1, 9)))
	c.send(wire.UpTelemetry, batch(8, 2, 13, 1, again.record(named(t, "again", again.wall), 0)))
	c.expect("again", c.now)
}

// The live lane shows values as of now although the gateway does not know the time, keeps nothing, and refuses nonsense.
func TestLive(t *testing.T) { dbtest.Each(t, testLive) }

func testLive(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	k := clocked{3, wire.ClockUnknown, time.UnixMilli(60_000), time.Minute}
	c.send(wire.UpHello, k.hello(7, state(2, 12, 1, 9)))
	c.now = t0.Add(time.Minute)
	payload := named(t, "live", k.wall.Add(time.Minute)).GetPayload()
	c.send(wire.UpLive, &wire.Live{Session: 7, Readings: payload})
	if c.seen.readings != 1 || !c.seen.newest.Equal(c.now) {
		t.Errorf("%d readings, newest %v", c.seen.readings, c.seen.newest)
	}
	c.send(wire.UpLive, &wire.Live{Session: 7, Readings: payload})
	if c.refused("rate") != 1 {
		t.Error("more often than once a second")
	}
	c.now = c.now.Add(2 * time.Second)
	for _, bad := range [][]byte{nil, []byte("no zstd"), make([]byte, wire.MaxPayload+1)} {
		c.send(wire.UpLive, &wire.Live{Session: 7, Readings: bad})
		c.now = c.now.Add(2 * time.Second)
	}
	if c.refused("malformed") != 3 {
		t.Errorf("%v of 3 refused", c.refused("malformed"))
	}
	c.send(wire.UpLive, &wire.Live{Session: 6, Readings: payload})
	if c.refused("fenced") != 1 || c.seen.readings != 1 {
		t.Error("taken of another session")
	}
	if n := c.stored(); n != 0 {
		t.Errorf("%d stored", n)
	}
}

// named is a record of one reading of a device of its own.
func named(t testing.TB, name string, at time.Time) *wire.Record {
	t.Helper()
	enc, err := wire.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	payload, err := enc.Encode([]device.Reading{{Device: name, Point: "power", Value: 1, Quality: device.Good, Time: at}})
	if err != nil {
		t.Fatal(err)
	}
	return &wire.Record{Type: wire.TypeReadings, Payload: payload, Crc: wire.Checksum(payload)}
}

// expect looks for a reading of the device at a time, in the store.
func (c *cloud) expect(name string, at time.Time) {
	c.t.Helper()
	c.stored()
	res, err := c.store.Range(c.t.Context(), series.Query{Gateway: gw, Device: name, Point: "power", From: at, To: at, Max: 10, Poll: time.Second})
	if err != nil || len(res.Buckets) != 1 {
		c.t.Errorf("%s: %d readings at %v from t0, %v", name, len(res.Buckets), at.Sub(t0), err)
	}
}

func (c *cloud) since(name string) (ms int64) {
	c.t.Helper()
	if err := c.db.Reader().QueryRowContext(c.t.Context(), `SELECT since FROM incidents WHERE alert = ?`, name).Scan(&ms); err != nil {
		c.t.Fatal(err)
	}
	return ms
}

// originating says that the readings of a record are of this clock, and the record of another start.
func (k clocked) originating(t *testing.T, r *wire.Record) *wire.Record {
	t.Helper()
	var rs wire.Readings
	if err := proto.Unmarshal(r.GetPayload(), &rs); err != nil {
		t.Fatal(err)
	}
	rs.Origin = &wire.Origin{Boot: k.boot, Clock: k.quality, WallMs: k.wall.UnixMilli(), MonoMs: uint64(k.mono.Milliseconds())}
	b, err := proto.Marshal(&rs)
	if err != nil {
		t.Fatal(err)
	}
	r.Payload, r.Crc = b, wire.Checksum(b)
	return r
}

// Readings that a start took and the next one made a record of are mended by the clock of the start that took them.
func TestTimesOfOrigin(t *testing.T) { dbtest.Each(t, testTimesOfOrigin) }

func testTimesOfOrigin(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	const long = time.Hour
	blind := func(boot uint32, mono time.Duration) clocked {
		return clocked{boot, wire.ClockUnknown, time.UnixMilli(0).Add(mono), mono}
	}
	// Start 5 is known by the cloud's clock: it said hello an hour before it was killed.
	five := blind(5, 3*long)
	c.send(wire.UpHello, five.hello(5, state(2, 12, 1, 99)))
	killed := c.now.Add(long)
	five = blind(5, 4*long)
	c.now = t0.Add(2 * long)
	six, right := blind(6, time.Minute), clocked{6, wire.ClockSynced, c.now, time.Minute}
	c.send(wire.UpHello, six.hello(6, state(2, 12, 1, 99)))
	seq := uint64(0)
	take := func(record, origin clocked, name string, at, want time.Time) {
		seq++
		if a := one(t, c.send(wire.UpTelemetry, batch(6, 2, 12, seq, record.record(origin.originating(t, named(t, name, at)), 0)))); a.Cum != seq {
			t.Fatalf("%s: %v", name, a)
		}
		c.expect(name, want)
	}
	take(six, five, "both blind", five.wall.Add(-time.Second), killed.Add(-time.Second))
	take(right, five, "the record knows", five.wall.Add(-time.Second), killed.Add(-time.Second))
	knew := clocked{4, wire.ClockSynced, t0.Add(-long), 2 * long}
	take(six, knew, "the origin knew", knew.wall.Add(-time.Second), knew.wall.Add(-time.Second))
	early := blind(4, long) // taught by the record before
	take(six, early, "the origin knew later", early.wall.Add(-time.Second), t0.Add(-2*long-time.Second))
	never := blind(3, long)
	take(right, never, "nobody knows", never.wall.Add(-time.Second), never.wall.Add(-time.Second))
	var untimed int
	if err := c.db.Reader().QueryRowContext(t.Context(), `SELECT untimed FROM boots WHERE gateway = ? AND boot = 3`, gw).Scan(&untimed); err != nil || untimed != 1 {
		t.Errorf("%d records of start 3 without a time, %v", untimed, err)
	}
	var end int64
	if err := c.db.Reader().QueryRowContext(t.Context(), `SELECT to_ms FROM runs WHERE gateway = ? AND boot = 5`, gw).Scan(&end); err != nil || end != killed.UnixMilli() {
		t.Errorf("start 5 ran until %v, %v", time.UnixMilli(end), err)
	}
}

// A later version of the format is nothing damaged: it is refused by that name.
func TestLaterVersionOfReadings(t *testing.T) {
	c := start(t, dbtest.SQLite(t))
	defer c.stop()
	c.hello(7, state(2, 12, 1, 9))
	for i, x := range []struct {
		version byte
		code    string
	}{{0, "corrupt"}, {2, "unknown_type"}} {
		payload, err := proto.Marshal(&wire.Readings{Columns: []byte{x.version, 1, 2, 3}})
		if err != nil {
			t.Fatal(err)
		}
		r := &wire.Record{Type: wire.TypeReadings, Payload: payload, Crc: wire.Checksum(payload)}
		if a := one(t, c.send(wire.UpTelemetry, batch(7, 2, 12, uint64(i+1), r))); len(a.Rejects) != 1 || a.Rejects[0].Code != x.code {
			t.Errorf("version %d is answered %v", x.version, a)
		}
	}
}

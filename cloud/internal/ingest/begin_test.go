package ingest_test

import (
	"database/sql"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// A message that ended the program again and again, and that is not even the next one, acknowledges nothing before it.
func TestNothingBeforeAHoleIsAcknowledged(t *testing.T) {
	dbtest.Each(t, testNothingBeforeAHoleIsAcknowledged)
}

func testNothingBeforeAHoleIsAcknowledged(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7, state(1, 11, 1, 9))
	if err := c.db.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := inbox.Begun(t.Context(), tx, inbox.Cursor{Gateway: gw, Stream: 1, Epoch: 11, Cum: 5}, t0, 3)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if a := one(t, c.send(wire.UpEvents, batch(7, 1, 11, 5, event(t, alert("behind a hole", rules.Firing))))); a.Cum != 0 {
		t.Errorf("nothing is stored, and %d is acknowledged", a.Cum)
	}
}

// A record whose times cannot be mended, here because it does not fit any more, is parked like any other that cannot be
// applied; its stream goes on.
func TestTimesThatCannotBeMended(t *testing.T) { dbtest.Each(t, testTimesThatCannotBeMended) }

func testTimesThatCannotBeMended(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	k := clocked{3, wire.ClockUnknown, time.UnixMilli(7_200_000), 2 * time.Hour}
	c.send(wire.UpHello, k.hello(7, state(2, 12, 1, 3)))
	random := rand.New(rand.NewPCG(1, 2))
	var rs []device.Reading
	for i := range 3000 {
		times := []int64{-2000 - random.Int64N(1000), random.Int64N(1000), 1000 + random.Int64N(1000)} // before the start and in it
		for _, at := range times[:2+i%2] {                                                             // of different lengths: none tells the next one's
			rs = append(rs, device.Reading{Device: "d" + strconv.Itoa(i/60), Point: "p" + strconv.Itoa(i%60), Value: math.Float64frombits(random.Uint64() >> 2),
				Quality: device.Good, Time: time.UnixMilli(at)})
		}
	}
	enc, err := wire.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	payload, _, err := enc.EncodeFirst(&wire.Readings{}, rs)
	if err != nil {
		t.Fatal(err)
	}
	full := k.record(&wire.Record{Type: wire.TypeReadings, Payload: payload, Crc: wire.Checksum(payload)}, 0)
	b := batch(7, 2, 12, 1, full, k.record(telemetry(t, k.wall, 1), 0))
	for try := range 3 {
		want := uint64(0)
		if try == 2 {
			want = 2
		}
		if a := one(t, c.send(wire.UpTelemetry, b)); a.Cum != want {
			t.Fatalf("try %d is answered %v", try+1, a)
		}
	}
	if n := c.journal(org.ParkedRecord); n != 1 {
		t.Errorf("%d journal entries", n)
	}
}

// A hello with numbers that SQL cannot keep is refused.
func TestHelloBeyondAllNumbers(t *testing.T) {
	c := start(t, dbtest.SQLite(t))
	defer c.stop()
	if acks := c.hello(7, state(1, 11, 1<<63, 1<<63+1)); len(acks) != 0 || c.refused("malformed") != 1 {
		t.Errorf("answered %v", acks)
	}
}

// A start whose time nobody knows is no run of the ledger's.
func TestStartWithoutTime(t *testing.T) { dbtest.Each(t, testStartWithoutTime) }

func testStartWithoutTime(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	now := clocked{9, wire.ClockSynced, t0, time.Minute}
	c.send(wire.UpHello, now.hello(7, state(1, 11, 1, 9)))
	lost := clocked{7, wire.ClockUnknown, time.UnixMilli(600_000), 10 * time.Minute}
	booted := func(k clocked) *wire.Record {
		return k.record(event(t, &wire.Event{Kind: &wire.Event_Boot{Boot: &wire.Boot{Boot: k.boot, AtMs: k.wall.UnixMilli()}}}), 0)
	}
	c.send(wire.UpEvents, batch(7, 1, 11, 1, booted(lost), booted(now)))
	var n, first int
	if err := c.db.Reader().QueryRowContext(t.Context(), `SELECT count(*), min(boot) FROM runs WHERE gateway = ?`, gw).Scan(&n, &first); err != nil || n != 1 || first != 9 {
		t.Errorf("%d runs from %d on, %v", n, first, err)
	}
}

// A gateway that this database never heard of, since it is a new one, is no second gateway: it is asked for its hello, soon.
func TestUnknownGatewayIsAskedForItsHello(t *testing.T) {
	c := start(t, dbtest.SQLite(t))
	defer c.stop()
	c.now = c.now.Add(time.Minute)
	if a := one(t, c.send(wire.UpTelemetry, batch(7, 2, 12, 40, telemetry(t, t0, 1)))); a.Session != 7 || a.Cum != 0 || a.Credit != 0 || a.RetryAfterMs == 0 || a.RetryAfterMs > 10_000 {
		t.Errorf("answered %v", a)
	}
	if n := c.journal(org.SecondTwin); n != 0 {
		t.Errorf("%d journal entries", n)
	}
}

// To look at a gateway that there is not leaves nothing.
func TestWatchNobody(t *testing.T) { dbtest.Each(t, testWatchNobody) }

func testWatchNobody(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7)
	var n int
	for _, gateway := range []string{gw, "nobody"} {
		if err := c.db.Update(t.Context(), func(tx *sql.Tx) error { return org.Watch(t.Context(), tx, gateway, t0) }); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM watches`).Scan(&n); err != nil || n != 1 {
		t.Errorf("%d are watched, %v", n, err)
	}
}

// What is missing at the begin of a new log lies behind the newest record of the log before, not since 1970: the ledger would
// blame that gap for everything.
func TestGapOfANewLogBeginsWhereTheOldOneEnded(t *testing.T) { dbtest.Each(t, testGapOfANewLog) }

func testGapOfANewLog(t *testing.T, place *dbtest.Place) {
	c := start(t, place)
	defer c.stop()
	c.hello(7, state(2, 12, 1, 3))
	c.send(wire.UpTelemetry, batch(7, 2, 12, 1, telemetry(t, t0, 1)))
	c.hello(8, state(2, 13, 5, 6))
	var from int64
	if err := c.db.Reader().QueryRowContext(t.Context(), `SELECT from_ms FROM gaps WHERE epoch = 13`).Scan(&from); err != nil || from != t0.UnixMilli() {
		t.Errorf("the gap is from %d on, %v", from, err)
	}
}

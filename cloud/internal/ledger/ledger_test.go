package ledger_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/ledger"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

const (
	gw   = "gw-0142"
	dev  = "A-03.1"
	poll = 5 * time.Second
)

// t0 is the begin of every story; times in the stories are minutes after it.
var t0 = time.UnixMilli(1_795_300_000_000)

func minute(n float64) time.Time { return t0.Add(time.Duration(n * float64(time.Minute))) }

// world is a cloud's memory with one gateway of two devices on one channel and a third on another.
type world struct {
	t     testing.TB
	db    *db.DB
	store *series.SQLite
	reg   *prometheus.Registry
	l     *ledger.Ledger
	now   time.Time
}

func newWorld(t testing.TB, place *dbtest.Place) *world {
	t.Helper()
	w := &world{t: t, db: place.Open(t), reg: prometheus.NewRegistry(), now: minute(60)}
	var err error
	if w.store, err = series.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "series.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.store.Close(); err != nil {
			t.Error(err)
		}
	})
	w.l = ledger.New(ledger.Config{DB: w.db, Readings: w.store, Now: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler), Registry: w.reg})
	w.update(func(ctx context.Context, tx *sql.Tx) error {
		if err := org.Connect(ctx, tx, &wire.Hello{Gateway: gw, Session: 1, Boot: 1}, t0); err != nil {
			return err
		}
		_, err := org.Seen(ctx, tx, gw, t0)
		return err
	})
	w.inventory(0, "A-03.1", "A-03.2", "gas-1802")
	w.boot(1, 0)
	return w
}

func (w *world) update(fn func(ctx context.Context, tx *sql.Tx) error) {
	w.t.Helper()
	if err := w.db.Update(w.t.Context(), func(tx *sql.Tx) error { return fn(w.t.Context(), tx) }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) sql(query string, args ...any) {
	w.t.Helper()
	w.update(func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

func (w *world) note(at float64, e *wire.Event) {
	w.t.Helper()
	w.update(func(ctx context.Context, tx *sql.Tx) error {
		return ledger.Note(ctx, tx, gw, minute(at).UnixMilli(), e)
	})
}

func (w *world) inventory(at float64, ids ...string) {
	w.t.Helper()
	inv := &wire.Inventory{Site: "s", ConfigHash: ids[0] + ids[len(ids)-1], Models: []*wire.Model{{Name: "m", Points: []*wire.Point{{Name: "power"}, {Name: "relay"}}}}}
	for _, id := range ids {
		channel := "bus-1"
		if id == "gas-1802" {
			channel = "bus-2"
		}
		inv.Devices = append(inv.Devices, &wire.Device{Id: id, Name: id, Kind: "socket", Model: "m", Channel: channel, PollMs: uint32(poll.Milliseconds())})
	}
	w.update(func(ctx context.Context, tx *sql.Tx) error {
		if err := org.Apply(ctx, tx, gw, inv); err != nil {
			return err
		}
		return ledger.Note(ctx, tx, gw, minute(at).UnixMilli(), &wire.Event{Kind: &wire.Event_Inventory{Inventory: inv}})
	})
}

func (w *world) boot(n uint32, at float64) {
	w.t.Helper()
	w.note(at, &wire.Event{Kind: &wire.Event_Boot{Boot: &wire.Boot{Boot: n, AtMs: minute(at).UnixMilli()}}})
}

func (w *world) state(id string, at float64, online bool, why device.Reason) {
	w.t.Helper()
	w.note(at, &wire.Event{Kind: &wire.Event_Device{Device: &wire.DeviceState{Device: id, Online: online, Reason: uint32(why), AtMs: minute(at).UnixMilli()}}})
}

// good stores a reading each poll of the minutes, of the run.
func (w *world) good(boot uint32, from, to float64) {
	w.t.Helper()
	w.read(boot, from, to, device.ReasonNone)
}

func (w *world) read(boot uint32, from, to float64, why device.Reason) {
	w.t.Helper()
	var rs []device.Reading
	for at := minute(from); at.Before(minute(to)); at = at.Add(poll) {
		r := device.Reading{Device: dev, Point: "power", Value: 42, Quality: device.Good, Time: at}
		if why != device.ReasonNone {
			r = device.BadReading(device.Point{Device: dev, Name: "power"}, why, at)
		}
		rs = append(rs, r)
	}
	if err := w.store.Write(w.t.Context(), series.Columns(gw, rs)); err != nil {
		w.t.Fatal(err)
	}
	w.ran(boot, from, to)
}

// ran tells that telemetry of the run has arrived.
func (w *world) ran(boot uint32, from, to float64) {
	w.t.Helper()
	w.update(func(ctx context.Context, tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO cursors (gateway, stream, epoch, cum, wall_ms, current) VALUES (?, 2, 7, 1, ?, 1)
			ON CONFLICT (gateway, stream, epoch) DO UPDATE SET wall_ms = excluded.wall_ms`, gw, minute(to).UnixMilli()); err != nil {
			return err
		}
		return ledger.Saw(ctx, tx, gw, ledger.Seen{Boot: boot, From: minute(from).UnixMilli(), To: minute(to).UnixMilli()})
	})
}

func (w *world) of(from, to float64) []ledger.Span {
	w.t.Helper()
	spans, err := w.l.Of(w.t.Context(), gw, dev, "power", minute(from).UnixMilli(), minute(to).UnixMilli())
	if err != nil {
		w.t.Fatal(err)
	}
	whole(w.t, spans, minute(from), minute(to))
	return spans
}

// whole checks that the spans are the range, each moment once, and that neighbours differ.
func whole(t testing.TB, spans []ledger.Span, from, to time.Time) {
	t.Helper()
	at, last := from.UnixMilli(), ""
	for _, s := range spans {
		word := s.State + s.Reason
		if s.From != at || s.To <= s.From || word == last || (s.Reason == "") != (s.State == ledger.Data) {
			t.Fatalf("span %+v of %+v", s, spans)
		}
		at, last = s.To, word
	}
	if at != to.UnixMilli() {
		t.Fatalf("the spans end at %v, not %v", time.UnixMilli(at), to)
	}
}

// is checks the states in order, each with the minute at which it begins, to within half a minute.
func is(t *testing.T, got []ledger.Span, want ...any) {
	t.Helper()
	ok := len(got) == len(want)/2
	for i := 0; ok && i < len(got); i++ {
		word := got[i].Reason
		if word == "" {
			word = got[i].State
		}
		begin := time.UnixMilli(got[i].From).Sub(t0).Minutes()
		ok = word == want[2*i] && begin > want[2*i+1].(float64)-0.5 && begin < want[2*i+1].(float64)+0.5
	}
	if ok {
		return
	}
	t.Errorf("want %v, got:", want)
	for _, s := range got {
		t.Errorf("  %5.1f – %5.1f  %s %s", time.UnixMilli(s.From).Sub(t0).Minutes(), time.UnixMilli(s.To).Sub(t0).Minutes(), s.State, s.Reason)
	}
}

func TestStories(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) { stories(t, dbtest.SQLite) })
	t.Run("postgres", func(t *testing.T) { stories(t, dbtest.Postgres) })
}

func stories(t *testing.T, place func(testing.TB) *dbtest.Place) {
	for _, c := range []struct {
		name string
		tell func(w *world)
		want []any
	}{
		{"all is there", func(w *world) { w.good(1, 0, 60) }, []any{"data", 0.}},
		{"a device falls silent and comes back", func(w *world) {
			w.good(1, 0, 20)
			w.read(1, 20, 22, device.Timeout)
			w.state(dev, 20.5, false, device.Timeout)
			w.state(dev, 30, true, 0)
			w.good(1, 30, 60)
		}, []any{"data", 0., ledger.DeviceSilent, 20., "data", 30.}},
		{"the whole channel falls silent", func(w *world) {
			w.good(1, 0, 20)
			w.state(dev, 20, false, device.Timeout)
			w.state("A-03.2", 20.1, false, device.Timeout)
			w.state(dev, 30, true, 0)
			w.state("A-03.2", 30, true, 0)
			w.good(1, 30, 60)
		}, []any{"data", 0., ledger.BusDown, 20., "data", 30.}},
		{"the line is cut", func(w *world) {
			w.good(1, 0, 20)
			w.read(1, 20, 30, device.ChannelDown)
			w.good(1, 30, 60)
		}, []any{"data", 0., ledger.BusDown, 20., "data", 30.}},
		{"the sensor is broken", func(w *world) {
			w.good(1, 0, 20)
			w.read(1, 20, 40, device.SensorFault)
			w.good(1, 40, 60)
		}, []any{"data", 0., "sensor_fault", 20., "data", 40.}},
		{"the gateway is off for a while", func(w *world) {
			w.good(1, 0, 20)
			w.boot(2, 40)
			w.good(2, 40.2, 60)
		}, []any{"data", 0., ledger.GatewayOff, 20., "data", 40.}},
		{"a silent device, then the gateway is killed, and sends its last second after the start", func(w *world) {
			w.good(1, 0, 10)
			w.state(dev, 10, false, device.Timeout)
			w.boot(2, 40)
			w.update(func(ctx context.Context, tx *sql.Tx) error {
				return ledger.Saw(ctx, tx, gw, ledger.Seen{Boot: 2, From: minute(40).UnixMilli(), To: minute(40).UnixMilli(),
					Readings: []ledger.Reported{{Oldest: minute(20).UnixMilli(), Before: func(int64) (int64, error) { return minute(20).UnixMilli(), nil }}}})
			})
			w.state(dev, 40.1, true, 0)
			w.good(2, 40.2, 60)
		}, []any{"data", 0., ledger.DeviceSilent, 10., ledger.GatewayOff, 20., "data", 40.2}},
		{"records were evicted", func(w *world) {
			w.good(1, 0, 20)
			w.gap("evicted", 20, 30)
			w.good(1, 30, 60)
		}, []any{"data", 0., "evicted", 20., "data", 30.}},
		{"a record was parked", func(w *world) {
			w.good(1, 0, 20)
			w.gap("parked", 21, 21)
			w.good(1, 21, 60)
		}, []any{"data", 0., ledger.Parked, 20., "data", 21.}},
		{"a power cut is the gateway being off, and not all of it a lost record", func(w *world) {
			w.good(1, 0, 20)
			w.gap("power_cut", 20, 40)
			w.boot(2, 40)
			w.good(2, 40, 60)
		}, []any{"data", 0., ledger.GatewayOff, 20., "data", 40.}},
		{"a reading was refused by the store", func(w *world) {
			w.good(1, 0, 20)
			w.sql(`INSERT INTO parked (at, gateway, device, point, time_ms, quality, why) VALUES (0, ?, ?, 'power', ?, 2, 'x')`, gw, dev, minute(20.2).UnixMilli())
			w.good(1, 20.5, 60)
		}, []any{"data", 0., ledger.Parked, 20., "data", 20.5}},
		{"the gateway cannot be reached", func(w *world) {
			w.good(1, 0, 40)
			w.sql(`UPDATE gateways SET online = 0`)
		}, []any{"data", 0., ledger.LinkDown, 40.}},
		{"the gateway is back and history is on its way", func(w *world) { w.good(1, 0, 40) }, []any{"data", 0., ledger.Late, 40.}},
		{"the device was silent before the line to the gateway broke", func(w *world) {
			w.good(1, 0, 10)
			w.state(dev, 10, false, device.Timeout)
			w.ran(1, 10, 30)
			w.sql(`UPDATE gateways SET online = 0`)
		}, []any{"data", 0., ledger.DeviceSilent, 10., ledger.LinkDown, 30.}},
		{"the gateway did not know the time after a start", func(w *world) {
			w.good(1, 0, 20)
			w.sql(`INSERT INTO boots (gateway, boot, offset_ms, quality, start_ms, skew_ms, untimed) VALUES (?, 2, 0, 0, 0, 0, 5)`, gw)
			w.good(3, 40, 60)
		}, []any{"data", 0., ledger.ClockUnknown, 20., "data", 40.}},
		{"the device came later and left again", func(w *world) {
			w.inventory(10, "A-03.2", "gas-1802")
			w.inventory(20, "A-03.1", "A-03.2", "gas-1802")
			w.good(1, 20, 40)
			w.inventory(40, "A-03.2", "gas-1802")
			w.ran(1, 40, 60)
		}, []any{ledger.DeviceSilent, 0., ledger.NotConfigured, 10., "data", 20., ledger.NotConfigured, 40.}},
		{"a new device is slow to answer, and its neighbour changes meanwhile", func(w *world) {
			w.good(1, 0, 10)
			w.inventory(10, "A-03.2", "gas-1802")
			w.inventory(20, "A-03.1", "A-03.2", "gas-1802")
			w.state("A-03.2", 22, true, 0)
			w.good(1, 25, 60)
		}, []any{"data", 0., ledger.NotConfigured, 10., ledger.DeviceSilent, 20., "data", 25.}},
		{"a device that is read seldom warms up: the reading that says so speaks until the next", func(w *world) {
			w.good(1, 0, 10)
			w.read(1, 20, 20.01, device.WarmingUp)
			for at := 30.; at < 60; at += 5 {
				w.good(1, at, at+0.01)
			}
		}, []any{"data", 0., "warming_up", 10., "data", 30.}},
		{"values that are further apart than the polls, as those of a clock that runs ahead, are no holes", func(w *world) {
			for at := 0.; at < 30; at += 2 {
				w.good(1, at, at+0.01)
			}
			w.good(1, 30, 60)
		}, []any{"data", 0.}},
		{"nothing explains it", func(w *world) { w.good(1, 0, 20); w.good(1, 30, 60) }, []any{"data", 0., ledger.Unexplained, 20., "data", 30.}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, place(t))
			if c.want[0] == ledger.DeviceSilent {
				w.state(dev, 0, false, device.Timeout)
			}
			c.tell(w)
			is(t, w.of(0, 60), c.want...)
			w.of(0, 60)
			alarm := 0.
			for i := 0; i < len(c.want); i += 2 {
				if c.want[i] == ledger.Unexplained {
					alarm++
				}
			}
			if n := w.alarms(); n != alarm {
				t.Errorf("%v unexplained holes counted, want %v", n, alarm)
			}
		})
	}
}

func (w *world) gap(reason string, from, to float64) {
	w.t.Helper()
	w.sql(`INSERT INTO gaps (gateway, stream, epoch, first, last, reason, from_ms, to_ms) VALUES (?, 2, 7, 1, 9, ?, ?, ?)`,
		gw, reason, minute(from).UnixMilli(), minute(to).UnixMilli())
}

func (w *world) alarms() float64 {
	w.t.Helper()
	families, err := w.reg.Gather()
	if err != nil || len(families) != 1 {
		w.t.Fatalf("%d metrics, %v", len(families), err)
	}
	return families[0].GetMetric()[0].GetCounter().GetValue()
}

func TestShare(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) { shares(t, newWorld(t, place)) })
}

func shares(t *testing.T, w *world) {
	w.good(1, 0, 30)
	w.read(1, 30, 45, device.SensorFault)
	s := ledger.Sum(w.of(0, 60))
	if s.Share < 66 || s.Share > 67.5 || s.Reasons["sensor_fault"] < 14*60_000 || s.Reasons[ledger.Late] < 14*60_000 {
		t.Errorf("%+v", s)
	}
	if got := ledger.Sum(nil).Share; got != 100 {
		t.Errorf("of nothing %v", got)
	}
	if got := ledger.Sum([]ledger.Span{{0, 999_999, ledger.Data, ""}, {999_999, 1_000_000, ledger.None, "late?"}}).Share; got != 99.99 {
		t.Errorf("what is not all was rounded to %v", got)
	}
	site, err := w.l.Site(t.Context(), "s", minute(0).UnixMilli(), minute(60).UnixMilli())
	if err != nil || len(site.Devices) != 3 || site.Devices[2].Device != dev || site.Devices[2].Share < 66 || site.Devices[0].Share != 0 {
		t.Errorf("%+v, %v", site, err)
	}
	if _, err := w.l.Site(t.Context(), "other", 0, 1); !errors.Is(err, org.ErrUnknown) {
		t.Error(err)
	}
	if _, err := w.l.Of(t.Context(), gw, "nobody", "", 0, 1); !errors.Is(err, org.ErrUnknown) {
		t.Error(err)
	}
	if _, err := w.l.Of(t.Context(), gw, dev, "nothing", 0, 1); !errors.Is(err, org.ErrUnknown) {
		t.Error(err)
	}
}

// Whatever the sources say, every moment belongs to exactly one span, and a time with values is never told as a hole.
func TestEveryMomentOnce(t *testing.T) {
	for seed := range uint64(6) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t, dbtest.SQLite(t))
		boot := uint32(1)
		reasons := []device.Reason{device.Timeout, device.ChannelDown, device.SensorFault, device.NotRead}
		for at := 0.; at < 60; {
			end := at + 0.1 + 6*r.Float64()
			switch r.IntN(7) {
			case 0, 1, 2:
				w.good(boot, at, end)
			case 3:
				w.read(boot, at, end, reasons[r.IntN(len(reasons))])
			case 4:
				w.state([]string{dev, "A-03.2"}[r.IntN(2)], at, r.IntN(2) == 0, device.Timeout)
			case 5:
				w.sql(`INSERT INTO gaps (gateway, stream, epoch, first, last, reason, from_ms, to_ms) VALUES (?, 2, 7, ?, ?, 'evicted', ?, ?)
					ON CONFLICT (gateway, stream, epoch, first) DO NOTHING`, gw, int64(at*1000), int64(at*1000), minute(at-3*r.Float64()).UnixMilli(), minute(end).UnixMilli())
			case 6:
				boot++
				w.boot(boot, end)
			}
			at = end
		}
		w.sql(`UPDATE gateways SET online = ?`, r.IntN(2))
		w.of(0, 60)
		w.of(10*r.Float64(), 20+40*r.Float64())
	}
}

package health_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/health"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/ledger"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

// t0 is 10:00 in Shanghai.
var t0 = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

const gw = "gw-1"

// street is a database with one gateway, and health beside it. Time passes when the test says so.
type street struct {
	t    *testing.T
	d    *db.DB
	s    *health.Service
	now  time.Time
	told []string // notices of incidents
	zone *time.Location
}

func (k *street) Enqueue(_ context.Context, _ *sql.Tx, in incident.Incident, kind string) error {
	k.told = append(k.told, kind+" "+in.Severity+" "+in.Rule+" "+in.Device)
	return nil
}

func open(t *testing.T, place *dbtest.Place) *street {
	t.Helper()
	k := &street{t: t, d: place.Open(t), now: t0, zone: time.FixedZone("CST", 8*3600)}
	k.s = k.life()
	k.update(func(tx *sql.Tx) error {
		if err := org.Connect(t.Context(), tx, &wire.Hello{Gateway: gw, Session: 1, Boot: 1}, k.now); err != nil {
			return err
		}
		_, err := org.Seen(t.Context(), tx, gw, k.now)
		return err
	})
	k.inventory(device0("gas-1", "gas", "kitchen"), device0("gas-2", "gas", "hall"), device0("door-1", "door", "hall"))
	return k
}

// life is the service as a new process has it.
func (k *street) life() *health.Service {
	return health.New(health.Config{DB: k.d, Incidents: incident.New(incident.Config{DB: k.d, Notifier: k, Now: k.clock, Zone: k.zone}), Delivery: 2 * time.Minute,
		Tell: 5 * time.Minute, Now: k.clock, Zone: k.zone, Log: slog.New(slog.DiscardHandler)})
}

func (k *street) clock() time.Time { return k.now }

func device0(id, kind, zone string) *wire.Device {
	return &wire.Device{Id: id, Name: "设备 " + id, Kind: kind, Model: kind, Place: "3 栋", Zone: zone, PollMs: 1000}
}

func (k *street) inventory(ds ...*wire.Device) {
	k.t.Helper()
	inv := &wire.Inventory{Site: "jinxiu", Name: "锦绣花园", Devices: append([]*wire.Device{{Id: "gateway", Kind: "gateway", Model: "gateway", PollMs: 10000}}, ds...), Models: []*wire.Model{
		{Name: "gas", Points: []*wire.Point{{Name: "level", Unit: "%LEL"}, {Name: "health", ReportMs: 660000}}},
		{Name: "door", Points: []*wire.Point{{Name: "contact", ReportMs: 600000}, {Name: "health", ReportMs: 660000}}},
		{Name: "gateway", Points: []*wire.Point{{Name: "uptime"}}}}}
	k.update(func(tx *sql.Tx) error {
		if err := org.Apply(k.t.Context(), tx, gw, inv); err != nil {
			return err
		}
		return ledger.Note(k.t.Context(), tx, gw, k.now.UnixMilli(), &wire.Event{Kind: &wire.Event_Inventory{Inventory: inv}})
	})
	k.s.Gateway(gw)
}

func (k *street) update(fn func(*sql.Tx) error) {
	k.t.Helper()
	if err := k.d.Update(k.t.Context(), fn); err != nil {
		k.t.Fatal(err)
	}
}

// state is an event of a device that begins or ceases to answer.
func (k *street) state(id string, online bool) {
	k.t.Helper()
	e := &wire.DeviceState{Device: id, Online: online, AtMs: k.now.UnixMilli()}
	if !online {
		e.Reason = uint32(device.Timeout)
	}
	k.update(func(tx *sql.Tx) error {
		if err := org.DeviceState(k.t.Context(), tx, gw, e); err != nil {
			return err
		}
		return ledger.Note(k.t.Context(), tx, gw, k.now.UnixMilli(), &wire.Event{Kind: &wire.Event_Device{Device: e}})
	})
	k.s.Gateway(gw)
}

// hear is a batch of readings taken just now, with a health point when the score is not negative.
func (k *street) hear(score int, ids ...string) {
	k.t.Helper()
	var seen []health.Sighting
	for _, id := range ids {
		n := health.Sighting{Device: id, HeardMs: k.now.UnixMilli()}
		if score >= 0 {
			n.Score, n.ScoreMs = score, k.now.UnixMilli()
		}
		seen = append(seen, n)
	}
	k.s.Sighted(gw, seen)
	k.update(func(tx *sql.Tx) error {
		_, err := org.Seen(k.t.Context(), tx, gw, k.now)
		return err
	})
}

func (k *street) lost() {
	k.t.Helper()
	k.update(func(tx *sql.Tx) error {
		_, err := org.Lost(k.t.Context(), tx, gw, k.now)
		return err
	})
	k.s.Gateway(gw)
}

// later lets time pass, and health have a look.
func (k *street) later(d time.Duration) {
	k.t.Helper()
	k.now = k.now.Add(d)
	k.keep()
}

func (k *street) keep() {
	k.t.Helper()
	if err := k.s.Keep(k.t.Context()); err != nil {
		k.t.Fatal(err)
	}
}

func (k *street) ask() health.Ask {
	return health.Ask{Scope: tree.Everywhere(), Now: k.now.In(k.zone), Zone: k.zone}
}

func (k *street) sum() health.Overview {
	k.t.Helper()
	s, err := health.Sum(k.t.Context(), k.d.Reader(), k.ask())
	if err != nil {
		k.t.Fatal(err)
	}
	return s
}

// rows tells each device's state, trust and score, and for how long the state has been: "gas-1 good fresh 100 5m0s".
func (k *street) rows() string {
	k.t.Helper()
	all, err := health.All(k.t.Context(), k.d.Reader(), k.ask())
	if err != nil {
		k.t.Fatal(err)
	}
	var out []string
	for _, r := range all {
		score := "-"
		if r.Score != nil {
			score = fmt.Sprint(*r.Score)
		}
		since := "-"
		if r.Since > 0 {
			since = k.now.Sub(time.UnixMilli(r.Since)).String()
		}
		out = append(out, strings.Join([]string{r.Device, r.State, r.Trust, score, since}, " "))
	}
	return strings.Join(out, "; ")
}

func (k *street) want(what, want string) {
	k.t.Helper()
	if got := k.rows(); got != want {
		k.t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

// TestNeverAnOldGood: what was good is not told as good when it has grown old, by whatever way it did.
func TestNeverAnOldGood(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		k.keep()
		k.want("nothing heard yet", "gas-1 unknown unknown - -; gas-2 unknown unknown - -; door-1 unknown unknown - -")
		for _, id := range []string{"gas-1", "gas-2", "door-1"} {
			k.state(id, true)
		}
		k.hear(100, "gas-1", "gas-2", "door-1")
		k.later(time.Minute)
		k.want("all well", "gas-1 good fresh 100 1m0s; gas-2 good fresh 100 1m0s; door-1 good fresh 100 1m0s")
		if s := k.sum(); s.Counts.Good != 3 || s.Counts.Online != 1 || s.Histogram[9] != 3 || s.Bare != 0 || s.SilentAll != 0 || s.Sites != 1 {
			t.Errorf("%+v", s)
		}
		// Their readings stop, and nothing is said: a gas detector has 5 s and 2 min, the contact 10 min more.
		k.now = k.now.Add(2 * time.Minute) // nothing is kept anew: what is asked for later is judged later
		k.want("the detectors' readings have stopped", "gas-1 silent stale 85 55s; gas-2 silent stale 85 55s; door-1 good fresh 100 3m0s")
		if s := k.sum(); s.Bare != 2 || s.Counts.Silent != 2 {
			t.Errorf("zones without a detector to trust: %+v", s.Uncovered)
		}
		k.hear(75, "gas-1")
		k.hear(-1, "door-1")
		k.state("gas-2", false)
		k.keep()
		k.want("one fails a test, one does not answer", "gas-1 faulty fresh 75 0s; gas-2 offline fresh 75 0s; door-1 good fresh 100 3m0s")
		// The gateway is lost: nobody knows anything, at once.
		k.lost()
		k.want("the gateway is silent", "gas-1 unknown stale - 0s; gas-2 unknown stale - 0s; door-1 unknown stale - 0s")
		if s := k.sum(); s.SilentAll != 1 || s.Silent[0].Devices != 3 || s.Counts.Online != 0 {
			t.Errorf("%+v", s)
		}
		// A worker that died leaves its gateways online in the table: they are silent all the same.
		k.hear(100, "gas-1")
		k.keep()
		k.now = k.now.Add(health.SilentAfter + time.Second)
		k.want("nobody looks after it", "gas-1 unknown stale - 10m1s; gas-2 unknown stale - 10m1s; door-1 unknown stale - 10m1s")
	})
}

// TestClockAhead: a gateway whose clock runs ahead does not look fresh for longer.
func TestClockAhead(t *testing.T) {
	k := open(t, dbtest.SQLite(t))
	k.state("gas-1", true)
	k.s.Sighted(gw, []health.Sighting{{Device: "gas-1", HeardMs: k.now.Add(24 * time.Hour).UnixMilli(), Score: 100, ScoreMs: k.now.Add(24 * time.Hour).UnixMilli()}})
	k.later(2*time.Minute + 6*time.Second)
	if rows := k.rows(); !strings.HasPrefix(rows, "gas-1 silent stale") {
		t.Error(rows)
	}
}

// TestRepairs: breakdowns of ten minutes and more are counted, from when they began to when the device was well; the rate of a
// day is what the street could see. Computed by hand.
func TestRepairs(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		for _, id := range []string{"gas-1", "gas-2", "door-1"} {
			k.state(id, true)
		}
		every := func(d time.Duration, then func()) { // a minute at a time: readings come, except of what is away
			for range int(d / time.Minute) {
				then()
				k.later(time.Minute)
			}
		}
		well := func() { k.hear(100, "gas-1", "gas-2", "door-1") }
		every(time.Hour, well) // 10:00–11:00
		k.state("gas-1", false)
		every(5*time.Minute, func() { k.hear(100, "gas-2", "door-1") })
		k.state("gas-1", true) // five minutes: none
		every(25*time.Minute, well)
		k.state("gas-1", false) // 11:30
		every(30*time.Minute, func() { k.hear(100, "gas-2", "door-1") })
		k.state("gas-1", true) // 12:00, after 30 min
		every(time.Hour, func() { k.hear(100, "gas-1", "door-1"); k.hear(60, "gas-2") })
		every(time.Minute, well) // gas-2 failed from 12:00 to 13:00
		every(11*time.Minute, well)
		s := k.sum()
		if s.Repair != (health.Repair{Repairs: 2, MeanMs: (45 * time.Minute).Milliseconds()}) {
			t.Errorf("repairs: %+v", s.Repair)
		}
		k.lost() // 13:12 for 18 min
		k.later(18 * time.Minute)
		well()
		k.s.Gateway(gw)
		k.later(30 * time.Minute) // 14:00
		rates, err := health.OnlineRates(t.Context(), k.d.Reader(), k.ask(), "2026-11-22", "2026-11-22", health.ByKind)
		if err != nil {
			t.Fatal(err)
		}
		// Gas: two of 240 min, of which one was away for 35; door: 240 min; both blind for 18 min.
		ms := time.Minute.Milliseconds()
		want := []health.OnlineRate{{Of: "gas", DueMs: 480 * ms, OnlineMs: (480 - 35 - 36) * ms}, {Of: "door", DueMs: 240 * ms, OnlineMs: 222 * ms}}
		for i := range want {
			want[i].Rate = float64(want[i].OnlineMs) / float64(want[i].DueMs)
		}
		if !slices.Equal(rates, want) {
			t.Errorf("got %+v\nwant %+v", rates, want)
		}
		// The next day begins anew, and yesterday is whole.
		k.later(12 * time.Hour)
		rates, err = health.OnlineRates(t.Context(), k.d.Reader(), k.ask(), "2026-11-22", "2026-11-23", health.BySite)
		if err != nil || len(rates) != 1 || rates[0].Of != "jinxiu" || rates[0].DueMs != 3*16*60*ms {
			t.Errorf("%+v %v", rates, err)
		}
		// A removed device's breakdown is no repair.
		k.state("door-1", false)
		k.later(11 * time.Minute)
		if r := k.sum().Repair; r.Open != 1 {
			t.Errorf("%+v", r)
		}
		k.inventory(device0("gas-1", "gas", "kitchen"))
		k.keep()
		if r := k.sum().Repair; r.Open != 0 || r.Repairs != 2 {
			t.Errorf("%+v", r)
		}
	})
}

// TestSilentGateway: an incident for each outage that lasts, once, whoever looks how often; its condition ends with the outage.
func TestSilentGateway(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		tell := func(lives ...*health.Service) string {
			t.Helper()
			k.told = nil
			for _, s := range append(lives, k.s, k.s) {
				if err := s.TellSilent(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			return strings.Join(k.told, ", ")
		}
		silent := func(want int) {
			t.Helper()
			if got, err := incident.SilencesOf(t.Context(), k.d.Reader(), tree.Everywhere(), "jinxiu"); err != nil || len(got) != want {
				t.Errorf("silent: %v, %v", got, err)
			}
		}
		k.now = k.now.Add(time.Hour)
		k.lost()
		k.now = k.now.Add(4 * time.Minute)
		if got := tell(); got != "" {
			t.Errorf("after four minutes: %s", got)
		}
		k.now = k.now.Add(2 * time.Minute)
		if got := tell(k.life()); got != "opened B gateway_silent gateway" { // one that has just started is not sure yet
			t.Errorf("after six minutes: %s", got)
		}
		silent(1)
		k.hear(100, "gas-1")
		if got := tell(k.life()); got != "recovered B gateway_silent gateway" {
			t.Errorf("back: %s", got)
		}
		silent(0)
		k.now = k.now.Add(time.Minute)
		k.lost()
		k.now = k.now.Add(time.Hour)
		if got := tell(); got != "opened B gateway_silent gateway" {
			t.Errorf("a second outage: %s", got)
		}
		k.update(func(tx *sql.Tx) error { return org.Decommission(t.Context(), tx, gw, k.now) })
		if got := tell(); got != "recovered B gateway_silent gateway" {
			t.Errorf("out of service: %s", got)
		}
		k.now = k.now.Add(time.Hour)
		if got := tell(); got != "" {
			t.Errorf("for ever: %s", got)
		}
	})
}

// TestCalibrations: what is wrong is named by its line and left out; what is overdue shows at once.
func TestCalibrations(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		for _, id := range []string{"gas-1", "gas-2", "door-1"} {
			k.state(id, true)
		}
		k.hear(100, "gas-1", "gas-2", "door-1")
		k.later(time.Second)
		csv := "\ufeff网关,设备,到期日期,校准日期\ngw-1,gas-1,2026-11-21,2025-11-21\ngw-1,gas-9,2026-11-21,2025-11-21\n\ngw-1,gas-2,2027-01-01,2026-13-01\ngw-1,gas-2,2026-11-22,2025-11-22\n"
		list, mistakes := health.ParseCalibrations("a.csv", []byte(csv))
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		r, err := health.Calibrate(t.Context(), k.d, tree.Everywhere(), list, k.now)
		if err != nil || r.Taken != 2 || len(r.Mistakes) != 2 || r.Mistakes[0].Line != 3 || r.Mistakes[1].Line != 5 {
			t.Fatalf("%+v %v", r, err)
		}
		k.want("due yesterday, due today", "gas-1 suspect fresh 90 1s; gas-2 good fresh 100 1s; door-1 good fresh 100 1s")
		k.s.Gateway(gw)
		k.keep()
		rows, err := health.Worst(t.Context(), k.d.Reader(), k.ask(), health.Filter{State: health.Overdue, Limit: 10})
		if err != nil || len(rows) != 1 || rows[0].Due != "2026-11-21" || rows[0].Reasons[0].EN != "calibration overdue" {
			t.Errorf("%+v %v", rows, err)
		}
		if r, err := health.Calibrate(t.Context(), k.d, tree.Below("elsewhere"), list, k.now); err != nil || r.Taken != 0 {
			t.Errorf("of another's part of the street: %+v %v", r, err)
		}
		yaml, mistakes := health.ParseCalibrations("a.yaml", []byte("calibrations:\n  - {gateway: gw-1, device: gas-1, done: 2026-11-22, due: 2027-11-22}\n"))
		if len(mistakes) > 0 {
			t.Fatal(mistakes)
		}
		if r, err := health.Calibrate(t.Context(), k.d, tree.Everywhere(), yaml, k.now); err != nil || r.Taken != 1 || k.sum().Counts.Overdue != 0 {
			t.Errorf("%+v %v", r, err)
		}
	})
}

func TestWrongCalibrationFiles(t *testing.T) {
	for text, want := range map[string]string{
		"":                            "0 the file is empty",
		"gateway,device,done\n":       "1 column due is missing",
		"gateway,device,done,due\n\"": "0 this is not CSV",
		"\xff":                        "0 this is not UTF-8",
	} {
		_, m := health.ParseCalibrations("a.csv", []byte(text))
		if len(m) != 1 || !strings.HasPrefix(fmt.Sprint(m[0].Line, " ", m[0].Text.EN), strings.Replace(want, "0 the", "1 the", 1)) {
			t.Errorf("%q: %+v", text, m)
		}
	}
	if _, m := health.ParseCalibrations("a.yaml", []byte("calibrations:\n  - {gateway: g, devise: d}\n")); len(m) == 0 || m[0].Line != 2 {
		t.Errorf("%+v", m)
	}
}

// TestWords: the gateway's reasons reach the street.
func TestWords(t *testing.T) {
	k := open(t, dbtest.SQLite(t))
	k.state("gas-1", true)
	k.hear(75, "gas-1")
	k.update(func(tx *sql.Tx) error {
		return health.Told(t.Context(), tx, gw, &wire.Notice{Kind: wire.NoticeSensorHealth, Device: "gas-1", AtMs: 5, Text: &wire.Text{Zh: "设备 gas-1 健康 100 → 75：自报故障", En: "gas-1 health 100 → 75: reports a fault"}})
	})
	k.keep()
	rows, err := health.Worst(t.Context(), k.d.Reader(), k.ask(), health.Filter{State: health.Faulty, Limit: 1})
	if err != nil || len(rows) != 1 || len(rows[0].Reasons) != 1 || rows[0].Reasons[0] != (incident.Text{ZH: "自报故障", EN: "reports a fault"}) {
		t.Errorf("%+v %v", rows, err)
	}
}

func FuzzDigest(f *testing.F) {
	for _, b := range health.Seeds() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if ok, same := health.Decode(b); ok && !same {
			t.Errorf("%x is not read as it is written", b)
		}
	})
}

func FuzzCalibrations(f *testing.F) {
	f.Add("a.csv", []byte("gateway,device,done,due,note\ng,d,2026-01-01,2027-01-01,\"x\n"))
	f.Add("a.yaml", []byte("calibrations: [{gateway: g}]"))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		list, mistakes := health.ParseCalibrations(name, b)
		for _, m := range mistakes {
			if m.Text.ZH == "" || m.Text.EN == "" || strings.Contains(m.Text.EN, "%!") {
				t.Errorf("%+v", m)
			}
		}
		_ = list
	})
}

func TestScore(t *testing.T) {
	for want, s := range map[int]health.Share{100: {}, 60: {Offline: 1}, 75: {Failed: true}, 85: {Doubted: true}, 90: {Overdue: true}, 80: {Offline: .5}, 10: {Offline: 1, Failed: true, Doubted: true, Overdue: true}} {
		if got := health.Score(s); got != want {
			t.Errorf("%+v: %d, want %d", s, got, want)
		}
	}
}

// What a gateway says of its room is kept when it is news: another figure, or one that is old; never one of before.
func TestRoomOfAGateway(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		says := func(room int64, ago time.Duration) (kept, at int64) {
			t.Helper()
			k.s.Sighted(gw, []health.Sighting{{Device: health.RoomDevice, HeardMs: 1, Room: room, RoomMs: k.now.Add(-ago).UnixMilli()}})
			k.now = k.now.Add(time.Minute)
			if err := k.s.Keep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := k.d.Reader().QueryRowContext(t.Context(), `SELECT room_s, room_at FROM gateways WHERE id = ?`, gw).Scan(&kept, &at); err != nil {
				t.Fatal(err)
			}
			return kept, at
		}
		start := k.now.UnixMilli()
		for _, c := range []struct {
			room      int64
			ago       time.Duration
			want, age int64 // minutes since the start when it was said
		}{{50000, 0, 50000, 0}, {51000, 0, 50000, 0}, {20000, 0, 20000, 2}, {90000, time.Hour, 20000, 2}, {0, 0, 0, 4}} {
			if kept, at := says(c.room, c.ago); kept != c.want || at != start+c.age*60_000 {
				t.Errorf("%d said %v ago: %d kept, of minute %d", c.room, c.ago, kept, (at-start)/60_000)
			}
		}
	})
}

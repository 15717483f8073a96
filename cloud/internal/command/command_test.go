package command_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/command"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

const gateway = "gw-1"

// office is a cloud's commands with a clock that the test moves, and one gateway.
type office struct {
	t       *testing.T
	db      *db.DB
	svc     *command.Service
	now     time.Time
	session uint64
	blind   bool // the gateway's clock is not known
	sent    [][]byte
	public  ed25519.PublicKey
}

func open(t *testing.T, place *dbtest.Place) *office {
	o := &office{t: t, db: place.Open(t), now: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)}
	o.svc = o.service(nil)
	o.connect(1)
	safe := 0.0
	o.update(func(tx *sql.Tx) error {
		return org.Apply(t.Context(), tx, gateway, &wire.Inventory{Site: "jinxiu", Name: "锦绣花园", ConfigHash: "a", Devices: []*wire.Device{
			{Id: "socket-3", Name: "3 号插座", Kind: "socket", Model: "s", Outputs: []*wire.Output{{Point: "relay", Safe: &safe, Values: []float64{0, 1}}}},
			{Id: "valve-1", Name: "燃气阀", Kind: "valve", Model: "v", Outputs: []*wire.Output{{Point: "open", Safe: &safe, Values: []float64{0}}}},
			{Id: "lamp-1", Name: "灯", Kind: "relay", Model: "l", Outputs: []*wire.Output{{Point: "on", Values: []float64{0, 1}}}}},
			Models: []*wire.Model{{Name: "s", Points: []*wire.Point{{Name: "relay", Writable: true}, {Name: "power"}}}}})
	})
	return o
}

func (o *office) service(lease command.Lease) *command.Service {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	o.public, _ = key.Public().(ed25519.PublicKey)
	return command.New(command.Config{DB: o.db, Key: key, Lease: lease, Now: func() time.Time { return o.now }, Watch: func(string) {},
		Clock: func(_ string, session uint64) (uint64, uint32, bool) {
			return uint64(o.now.UnixMilli() % 1e9), 7, session == o.session && !o.blind
		},
		Publish: func(downs []command.Down) {
			for _, d := range downs {
				o.sent = append(o.sent, d.Payload)
			}
		}, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
}

func (o *office) update(fn func(*sql.Tx) error) {
	o.t.Helper()
	if err := o.db.Update(o.t.Context(), fn); err != nil {
		o.t.Fatal(err)
	}
}

// connect begins a session of the gateway.
func (o *office) connect(session uint64) {
	o.t.Helper()
	o.session = session
	o.update(func(tx *sql.Tx) error {
		if err := org.Connect(o.t.Context(), tx, &wire.Hello{Gateway: gateway, Session: session, Boot: 7}, o.now); err != nil {
			return err
		}
		_, err := org.Seen(o.t.Context(), tx, gateway, o.now)
		return err
	})
}

func (o *office) later(d time.Duration) { o.now = o.now.Add(d) }

func (o *office) turn() (sent int) {
	o.t.Helper()
	before := len(o.sent)
	if err := o.svc.Turn(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
	return len(o.sent) - before
}

func (o *office) make(device, point string, v float64) string {
	o.t.Helper()
	id, err := o.svc.Make(o.t.Context(), command.Wish{Gateway: gateway, Device: device, Point: point, Value: v, Reason: "起火", Who: "陈敏"})
	if err != nil {
		o.t.Fatal(err)
	}
	return id
}

func (o *office) get(id string) command.Command {
	o.t.Helper()
	c, err := command.Get(o.t.Context(), o.db.Reader(), id)
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

// state checks how a command stands, and through which steps it came.
func (o *office) state(id, want, steps string) command.Command {
	o.t.Helper()
	c := o.get(id)
	var all []string
	for _, s := range c.Steps {
		all = append(all, s.State)
		if s.Text.ZH == "" || s.Text.EN == "" {
			o.t.Errorf("step without words: %+v", s)
		}
	}
	if got := strings.Join(all, " "); c.State != want || got != steps {
		o.t.Errorf("%s by %q, want %s by %q", c.State, got, want, steps)
	}
	return c
}

func (o *office) told(id, outcome, reason string) {
	o.t.Helper()
	o.update(func(tx *sql.Tx) error {
		_, err := o.svc.Result(o.t.Context(), tx, gateway, &wire.ActionResult{Command: id, Outcome: outcome, Reason: reason, Owner: "cloud", AtMs: o.now.UnixMilli()})
		return err
	})
}

func (o *office) refused(err error, code string) {
	o.t.Helper()
	var r *command.Refusal
	if !errors.As(err, &r) || r.Code != code || r.Text.ZH == "" || r.Text.EN == "" {
		o.t.Errorf("got %v, want a refusal %s", err, code)
	}
}

func TestTowardSafeGoesAtOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		o := open(t, place)
		id := o.make("socket-3", "relay", 0)
		o.later(time.Second)
		if n := o.turn(); n != 1 {
			t.Fatalf("%d messages", n)
		}
		d, err := wire.Open(o.public, gateway, o.sent[0])
		c := d.GetCommand()
		if err != nil || c.GetId() != id || c.GetSession() != 1 || c.GetBoot() != 7 || c.GetUntilMs() != uint64(o.now.UnixMilli()%1e9+14_000) || c.GetApprover() != "" || c.GetIssuer() != "陈敏" {
			t.Fatal(d, err)
		}
		o.state(id, command.Sent, "asked sent")
		o.told(id, "intent", "")
		o.later(time.Second)
		if n := o.turn(); n != 0 {
			t.Errorf("sent again %d times though it was heard of", n)
		}
		o.state(id, command.Acting, "asked sent acting")
		o.told(id, "confirmed", "")
		o.told(id, "confirmed", "")
		o.told(id, "refused", "the command's time was over before it could begin") // to a duplicate
		o.state(id, command.Confirmed, "asked sent acting confirmed")
		var journal int
		if err := o.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM journal WHERE kind = 'output_moved'`).Scan(&journal); err != nil || journal != 1 {
			t.Error(journal, err)
		}
	})
}

func TestAwayFromSafeNeedsAnotherPerson(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		o := open(t, place)
		ctx := audit.By(t.Context(), audit.Person{Name: "陈敏", Role: "street"})
		for _, target := range []struct {
			device, point string
			value         float64
		}{{"socket-3", "relay", 1}, {"lamp-1", "on", 0}, {"lamp-1", "on", 1}} { // nobody knows where a lamp is safe
			id := o.make(target.device, target.point, target.value)
			if o.turn() != 0 {
				t.Error("sent without approval")
			}
			o.refused(o.svc.Approve(ctx, id, "陈敏"), "same_person")
			o.refused(o.svc.Approve(ctx, id, " 陈敏 "), "same_person")
			o.later(299 * time.Second)
			o.connect(o.session) // still there
			if err := o.svc.Approve(ctx, id, "李伟"); err != nil {
				t.Fatal(err)
			}
			o.refused(o.svc.Approve(ctx, id, "王芳"), "state")
			if o.turn() != 1 {
				t.Error("not sent when approved")
			}
			d, err := wire.Open(o.public, gateway, o.sent[len(o.sent)-1])
			if c := d.GetCommand(); err != nil || c.GetIssuer() != "陈敏" || c.GetApprover() != "李伟" {
				t.Error(d, err)
			}
			o.told(id, "refused", "gas alarm R16/gas-1/x in the zone: nothing is switched there")
			if c := o.state(id, command.Refused, "asked approved sent refused"); c.Why.ZH != "本区有燃气告警（R16/gas-1），不得操作电器和门" {
				t.Error(c.Why)
			}
		}
		late := o.make("socket-3", "relay", 1)
		o.later(301 * time.Second)
		o.refused(o.svc.Approve(ctx, late, "李伟"), "late")
		o.turn()
		o.state(late, command.Expired, "asked expired")
		back := o.make("socket-3", "relay", 1)
		if err := o.svc.Withdraw(ctx, back, "陈敏"); err != nil {
			t.Fatal(err)
		}
		o.refused(o.svc.Withdraw(ctx, back, "陈敏"), "state")
		o.state(back, command.Withdrawn, "asked withdrawn")
		var deeds int
		if err := o.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM audit WHERE act LIKE 'command.%'`).Scan(&deeds); err != nil || deeds != 9 {
			t.Errorf("%d deeds in the audit log, %v", deeds, err)
		}
	})
}

func TestWhatIsNeverMade(t *testing.T) {
	o := open(t, dbtest.SQLite(t))
	try := func(device, point string, v float64, incident string) error {
		_, err := o.svc.Make(t.Context(), command.Wish{Gateway: gateway, Device: device, Point: point, Value: v, Incident: incident, Reason: "x", Who: "陈敏"})
		return err
	}
	o.refused(try("valve-1", "open", 1, ""), "valve")
	o.refused(try("valve-1", "other", 1, ""), "valve")
	o.refused(try("socket-3", "relay", 2, ""), "value")
	o.refused(try("socket-3", "power", 0, ""), "unwritable")
	if err := try("socket-4", "relay", 0, ""); !errors.Is(err, org.ErrUnknown) {
		t.Error(err)
	}
	if err := try("socket-3", "relay", 0, "GJ-1"); !errors.Is(err, incident.ErrUnknown) {
		t.Error(err)
	}
	for range 16 {
		o.make("socket-3", "relay", 1)
	}
	o.refused(try("socket-3", "relay", 1, ""), "many")
	if err := try("socket-3", "relay", 0, ""); err != nil {
		t.Error("toward safe was refused: ", err)
	}
	o.update(func(tx *sql.Tx) error { _, err := org.Lost(t.Context(), tx, gateway, o.now); return err })
	o.refused(try("socket-3", "relay", 0, ""), "offline")
}

// TestNothingComesLater: lost messages are repeated within the command's life, and after that, or after a reconnect, it is over.
func TestNothingComesLater(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		o := open(t, place)
		lost := o.make("socket-3", "relay", 0)
		sent := 0
		for range 70 {
			sent += o.turn()
			o.later(time.Second)
		}
		if sent != 8 { // at once and each 2 s of 15
			t.Errorf("sent %d times", sent)
		}
		for _, payload := range o.sent {
			if !bytes.Equal(payload, o.sent[0]) {
				t.Error("not the same bytes each time: the gateway could take it for longer")
			}
		}
		o.state(lost, command.Expired, "asked sent expired")
		o.told(lost, "confirmed", "") // its word was held back by an outage
		o.state(lost, command.Confirmed, "asked sent expired confirmed")

		cut := o.make("socket-3", "relay", 0)
		o.turn()
		early := o.make("valve-1", "open", 0) // not sent yet
		o.connect(2)
		before := len(o.sent)
		o.turn()
		o.later(3 * time.Second)
		o.turn()
		if len(o.sent) != before {
			t.Error("sent into another session")
		}
		o.state(cut, command.Expired, "asked sent expired")
		o.state(early, command.Expired, "asked expired")

		o.blind = true
		blind := o.make("socket-3", "relay", 0)
		if o.turn() != 0 {
			t.Error("sent though nobody knows the gateway's clock")
		}
		o.later(16 * time.Second)
		o.turn()
		o.state(blind, command.Expired, "asked expired")

		o.blind = false
		begun := o.make("socket-3", "relay", 0)
		o.turn()
		o.told(begun, "intent", "")
		o.connect(3)
		o.later(4 * time.Minute)
		o.turn()
		o.state(begun, command.Acting, "asked sent acting")
		o.later(2 * time.Minute)
		o.turn()
		o.state(begun, command.Unknown, "asked sent acting unknown")
		o.told(begun, "failed", "read back 1 after writing 0")
		o.state(begun, command.Failed, "asked sent acting unknown failed")
	})
}

// holder is a lease that this worker has, or not.
type holder bool

func (h holder) Mine(string) bool { return bool(h) }

func (h holder) Check(context.Context, *sql.Tx, string) error {
	if !h {
		return errors.New("another worker's")
	}
	return nil
}

func TestOnlyTheWorkerThatHasTheGatewaySends(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		o := open(t, place)
		o.svc = o.service(holder(false))
		id := o.make("socket-3", "relay", 0)
		if o.turn() != 0 {
			t.Error("sent by who has not the gateway")
		}
		o.svc = o.service(holder(true))
		if o.turn() != 1 {
			t.Error("not sent by who has it")
		}
		o.state(id, command.Sent, "asked sent")
	})
}

func TestTheIncidentTellsOfIt(t *testing.T) {
	o := open(t, dbtest.SQLite(t))
	events := incident.New(incident.Config{DB: o.db, Now: func() time.Time { return o.now }, Zone: time.UTC})
	var in string
	o.update(func(tx *sql.Tx) (err error) {
		in, err = events.Apply(t.Context(), tx, gateway, rules.AlertEvent{Alert: "R16/socket-3/x", Rule: "R16", Subject: "socket-3", Severity: rules.SeverityB,
			State: rules.Firing, Since: o.now, At: o.now, Title: rules.Text{ZH: "过热", EN: "Hot"}})
		return err
	})
	id, err := o.svc.Make(t.Context(), command.Wish{Gateway: gateway, Device: "socket-3", Point: "relay", Value: 0, Reason: "过热", Incident: in, Who: "陈敏"})
	if err != nil {
		t.Fatal(err)
	}
	o.later(time.Second)
	o.turn()
	for _, outcome := range []string{"intent", "confirmed"} {
		o.later(time.Second)
		o.told(id, outcome, "")
	}
	list, err := incident.Timeline(t.Context(), o.db.Reader(), in)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, e := range list {
		if e.Kind == "action" {
			lines = append(lines, e.Text.ZH)
		}
	}
	want := []string{"远程命令：3 号插座 → 断开。理由：过热", "已发给网关", "网关开始执行：3 号插座 → 断开", "已确认（回读一致）：3 号插座 → 断开"}
	if !slices.Equal(lines, want) {
		t.Errorf("%q", lines)
	}
	all, err := command.List(t.Context(), o.db.Reader(), command.Filter{Incident: in, Scope: tree.Everywhere(), Limit: 10})
	if err != nil || len(all) != 1 || all[0].ID != id {
		t.Error(all, err)
	}
	if none, err := command.List(t.Context(), o.db.Reader(), command.Filter{Scope: tree.Below("elsewhere"), Limit: 10}); err != nil || len(none) != 0 {
		t.Error(none, err)
	}
}

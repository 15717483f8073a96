package push_test

import (
	"bytes"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/push"
	"github.com/linshao/linshao/cloud/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

const gateway = "gw-1"

// office is a cloud with one gateway and a clock that the test moves.
type office struct {
	t    *testing.T
	db   *db.DB
	svc  *push.Service
	now  time.Time
	sent []*wire.Config
}

func open(t *testing.T, place *dbtest.Place) *office {
	o := &office{t: t, db: place.Open(t), now: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)}
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	public, _ := key.Public().(ed25519.PublicKey)
	o.svc = push.New(push.Config{DB: o.db, Key: key, Now: func() time.Time { return o.now }, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
		Publish: func(downs []push.Down) {
			for _, d := range downs {
				down, err := wire.Open(public, gateway, d.Payload)
				if err != nil {
					t.Error(err)
				}
				o.sent = append(o.sent, down.GetConfig())
			}
		}})
	o.connect(1)
	o.update(func(tx *sql.Tx) error {
		return org.Apply(t.Context(), tx, gateway, &wire.Inventory{Site: "jinxiu", Name: "锦绣花园", ConfigHash: "a"})
	})
	return o
}

func (o *office) update(fn func(*sql.Tx) error) {
	o.t.Helper()
	if err := o.db.Update(o.t.Context(), fn); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) connect(session uint64) {
	o.t.Helper()
	o.update(func(tx *sql.Tx) error {
		if err := org.Connect(o.t.Context(), tx, &wire.Hello{Gateway: gateway, Session: session, Boot: 7}, o.now); err != nil {
			return err
		}
		_, err := org.Seen(o.t.Context(), tx, gateway, o.now)
		return err
	})
}

// says are the revisions that are said within some time.
func (o *office) says(d time.Duration) (all []uint64) {
	o.t.Helper()
	before := len(o.sent)
	for end := o.now.Add(d); o.now.Before(end); o.now = o.now.Add(2 * time.Second) {
		if err := o.svc.Turn(o.t.Context()); err != nil {
			o.t.Fatal(err)
		}
	}
	for _, c := range o.sent[before:] {
		all = append(all, c.GetRevision())
	}
	return all
}

func (o *office) answer(a *wire.ConfigState) {
	o.t.Helper()
	a.AtMs = o.now.UnixMilli()
	o.update(func(tx *sql.Tx) error { return o.svc.ConfigState(o.t.Context(), tx, gateway, a) })
}

func (o *office) put(w push.Wish) error {
	w.Gateway, w.Who, w.Reason = gateway, "陈敏", "调阈值"
	return o.svc.Put(o.t.Context(), w)
}

func (o *office) is(revision int64, state string, inForce int64) push.Revision {
	o.t.Helper()
	r, err := push.Of(o.t.Context(), o.db.Reader(), gateway, 0)
	if err != nil || r.Revision != revision || r.State != state || r.InForce != inForce {
		o.t.Errorf("%+v, %v; want revision %d %s, in force %d", r, err, revision, state, inForce)
	}
	return r
}

func TestWhatIsWantedIsSaidUntilItIsDecided(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		o := open(t, place)
		o.is(0, "none", 0)
		const file, text = "rules/site.yaml", "rules: []\n"
		if err := o.put(push.Wish{Parts: map[string]string{file: text}, Watch: 5 * time.Minute}); err != nil {
			t.Fatal(err)
		}
		if all := o.says(14 * time.Second); len(all) != 2 || o.sent[0].GetSite() != "jinxiu" || o.sent[0].GetWatchS() != 300 {
			t.Fatal(all, o.sent)
		}
		if r := o.is(1, "asked", 0); r.Parts[file] != text || r.Why.ZH == "" || r.Who != "陈敏" {
			t.Error(r)
		}
		o.answer(&wire.ConfigState{Revision: 1, State: "waits", Why: &wire.Text{Zh: "有 A 级告警", En: "busy"}})
		if all := o.says(time.Minute); len(all) != 2 {
			t.Errorf("while it waits: %v", all)
		}
		o.answer(&wire.ConfigState{Revision: 1, State: "refused", Have: 1, Why: &wire.Text{Zh: "没通过", En: "no"}, Mistakes: []*wire.Mistake{{File: file, Line: 1, Col: 8, Text: &wire.Text{Zh: "错", En: "wrong"}}}})
		if r := o.is(1, "refused", 0); len(r.Mistakes) != 1 || r.Mistakes[0].Col != 8 {
			t.Error(r)
		}
		if all := o.says(time.Minute); len(all) != 0 {
			t.Errorf("after it was refused: %v", all)
		}
		zero, one := int64(0), int64(1)
		var no *org.Refusal
		if err := o.put(push.Wish{If: &zero}); !errors.As(err, &no) {
			t.Errorf("somebody else was faster: %v", err)
		}
		if err := o.put(push.Wish{Parts: map[string]string{"overrides.yaml": "R16: {mode: shadow}\n"}, Merge: true, If: &one}); err != nil {
			t.Fatal(err)
		}
		if r := o.is(2, "asked", 0); len(r.Parts) != 2 {
			t.Error(r.Parts)
		}
		o.answer(&wire.ConfigState{Revision: 2, State: "trial", Have: 2, InForce: 2})
		o.answer(&wire.ConfigState{Revision: 2, State: "reverted", Have: 2, Why: &wire.Text{Zh: "设备不应答", En: "silent"}})
		o.is(2, "reverted", 0)
		if err := o.svc.Revert(t.Context(), gateway, 1, "陈敏", "退回"); err != nil {
			t.Fatal(err)
		}
		o.connect(2)
		if all := o.says(4 * time.Second); len(all) != 1 || all[0] != 3 {
			t.Error(all)
		}
		o.answer(&wire.ConfigState{Revision: 3, State: "refused", Have: 9, Why: &wire.Text{Zh: "有更新的", En: "newer"}}) // our database was put back
		if all := o.says(4 * time.Second); len(all) != 1 || all[0] != 10 {
			t.Error(all)
		}
		o.answer(&wire.ConfigState{Revision: 10, State: "applied", Have: 10, InForce: 10})
		if r := o.is(10, "applied", 10); len(r.Parts) != 1 {
			t.Error(r)
		}
		history, err := push.History(t.Context(), o.db.Reader(), gateway)
		if err != nil || len(history) != 3 || history[0].Revision != 10 || history[0].Parts != nil {
			t.Error(history, err)
		}
		var deeds int
		if err := o.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM audit WHERE act = 'gateway.config'`).Scan(&deeds); err != nil || deeds != 3 {
			t.Error(deeds, err)
		}
	})
}

func TestWhatCannotBePushed(t *testing.T) {
	o := open(t, dbtest.SQLite(t))
	for name, parts := range map[string]map[string]string{
		"the site": {"gateway.yaml": "x"}, "a way out": {"rules/../gateway.yaml": "x"}, "a hidden file": {"rules/.x.yaml": "x"}, "a test": {"rules/x_test.yaml": "x"},
		"too much": {"rules/x.yaml": strings.Repeat("x", 513<<10)}} {
		var no *org.Refusal
		if err := o.put(push.Wish{Parts: parts}); !errors.As(err, &no) || no.Text.ZH == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	o.is(0, "none", 0)
}

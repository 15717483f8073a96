package incident_test

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

// desk is the incidents of one street, with a clock that the test moves.
type desk struct {
	t    *testing.T
	db   *db.DB
	svc  *incident.Service
	now  time.Time
	told []string

	rules *rules.Set // of the watchers; read once
}

func open(t *testing.T, place *dbtest.Place) *desk {
	d := place.Open(t)
	// 23:59 in Shanghai: the day of an incident's number is the site's.
	k := &desk{t: t, db: d, now: time.Date(2026, 11, 22, 15, 59, 0, 0, time.UTC)}
	k.svc = incident.New(incident.Config{DB: d, Notifier: k, Now: func() time.Time { return k.now }, Zone: time.UTC})
	k.update(func(tx *sql.Tx) error {
		if err := org.Connect(t.Context(), tx, &wire.Hello{Gateway: "gw-1", Session: 1}, k.now); err != nil {
			return err
		}
		return org.Apply(t.Context(), tx, "gw-1", &wire.Inventory{Site: "jinxiu", Name: "锦绣花园", Timezone: "Asia/Shanghai",
			Devices: []*wire.Device{{Id: "gas-1", Name: "探测器", Model: "g", Place: "1802 厨房", Zone: "k1802"}, {Id: "valve-1", Name: "燃气阀", Model: "v"}},
			Models:  []*wire.Model{{Name: "v", Points: []*wire.Point{{Name: "open", Labels: map[int64]string{0: "关闭"}}}}}})
	})
	return k
}

func (k *desk) update(fn func(*sql.Tx) error) {
	k.t.Helper()
	if err := k.db.Update(k.t.Context(), fn); err != nil {
		k.t.Fatal(err)
	}
}

func (k *desk) apply(e rules.AlertEvent) (id string) {
	k.t.Helper()
	k.update(func(tx *sql.Tx) (err error) {
		id, err = k.svc.Apply(k.t.Context(), tx, "gw-1", e)
		return err
	})
	return id
}

func (k *desk) get(id string) incident.Incident {
	k.t.Helper()
	in, err := incident.Get(k.t.Context(), k.db.Reader(), id)
	if err != nil {
		k.t.Fatal(err)
	}
	return in
}

func (k *desk) kinds(id string) string {
	k.t.Helper()
	list, err := incident.Timeline(k.t.Context(), k.db.Reader(), id)
	if err != nil {
		k.t.Fatal(err)
	}
	var kinds []string
	for _, e := range list {
		kinds = append(kinds, e.Kind)
		if e.Text.ZH == "" || e.Text.EN == "" {
			k.t.Errorf("entry without words: %+v", e)
		}
	}
	return strings.Join(kinds, " ")
}

func (k *desk) refused(err error, words string) {
	k.t.Helper()
	var r *incident.Refusal
	if !errors.As(err, &r) || !strings.Contains(r.Text.ZH, words) || r.Text.EN == "" {
		k.t.Errorf("got %v, want a refusal with %q", err, words)
	}
}

func firing(k *desk, name string) rules.AlertEvent {
	return rules.AlertEvent{Alert: name, Rule: "R16", Subject: "gas-1", Severity: rules.SeverityB, State: rules.Firing, Since: k.now, At: k.now,
		Title: rules.Text{ZH: "燃气高报", EN: "Gas high"}, Message: rules.Text{ZH: "62 %LEL", EN: "62 %LEL"}, Card: []rules.Text{{ZH: "勿开关电器", EN: "Touch no switch"}},
		Evidence: []rules.Evidence{{Name: "level", Unit: "%LEL", Value: 62, Quality: device.Good}, {Name: "status", Value: math.NaN(), Reason: device.Timeout}},
		Limit:    &rules.Limit{Point: "level", Value: 25, Unit: "%LEL", Above: true}}
}

func (k *desk) later(d time.Duration) { k.now = k.now.Add(d) }

// Enqueue implements the incidents' Notifier.
func (k *desk) Enqueue(_ context.Context, _ *sql.Tx, _ incident.Incident, kind string) error {
	k.told = append(k.told, kind)
	return nil
}

func TestLifeOfAnIncident(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		ctx := t.Context()
		id := k.apply(firing(k, "a1"))
		if id != "GJ-20261122-0001" {
			t.Errorf("number %s", id)
		}
		in := k.get(id)
		if in.Condition != incident.Active || in.Handling != incident.Open || in.SiteName != "锦绣花园" || in.Place != "1802 厨房" || in.Deadline != k.now.Add(30*time.Minute).UnixMilli() {
			t.Errorf("%+v", in)
		}
		if in.Value == nil || in.Value.Value != 62 || *in.Value.Limit != 25 || len(in.Detail.Evidence) != 2 || in.Detail.Evidence[1].Value != nil {
			t.Errorf("value %+v, evidence %+v", in.Value, in.Detail.Evidence)
		}
		if why := incident.Why(in); why.ZH != "62 %LEL" {
			t.Errorf("why %+v", why)
		}
		k.refused(k.svc.Close(ctx, id, incident.Person{Name: "张三"}, incident.Closing{Outcome: "real"}), "还没有人接警")
		if err := k.svc.Take(ctx, id, incident.Person{Name: "张三"}); err != nil {
			t.Fatal(err)
		}
		k.refused(k.svc.Take(ctx, id, incident.Person{Name: "李四"}), "已由 张三 于 15:59 接警")
		k.refused(k.svc.Close(ctx, id, incident.Person{Name: "张三"}, incident.Closing{Outcome: "real"}), "仍在持续")
		k.refused(k.svc.Close(ctx, id, incident.Person{Name: "张三"}, incident.Closing{Outcome: "real", EvenActive: true}), "必须写明原因")

		worse := firing(k, "a1")
		worse.Severity, worse.At = rules.SeverityA, k.now.Add(time.Second)
		k.apply(worse)
		if in = k.get(id); in.Severity != "A" || in.Handling != incident.Handling {
			t.Errorf("after the upgrade %+v", in)
		}
		resolved := firing(k, "a1")
		resolved.State, resolved.At = rules.Resolved, k.now.Add(time.Minute)
		k.apply(resolved)
		if in = k.get(id); in.Condition != incident.Recovered || in.Handling != incident.Handling || in.RecoveredAt != resolved.At.UnixMilli() {
			t.Errorf("recovery must not close: %+v", in)
		}
		k.later(2 * time.Minute)
		if err := k.svc.Close(ctx, id, incident.Person{Name: "张三"}, incident.Closing{Outcome: "false_alarm", Note: "试验"}); err != nil {
			t.Fatal(err)
		}
		k.refused(k.svc.Close(ctx, id, incident.Person{Name: "李四"}, incident.Closing{Outcome: "real"}), "张三")
		k.refused(k.svc.Take(ctx, id, incident.Person{Name: "李四"}), "办结")
		if got := k.kinds(id); got != "fired taken severity recovered closed" {
			t.Errorf("timeline %q", got)
		}
		if got := strings.Join(k.told, " "); got != "opened taken severity recovered closed" {
			t.Errorf("told %q", got)
		}
		if err := k.svc.Take(ctx, "GJ-none", incident.Person{Name: "x"}); !errors.Is(err, incident.ErrUnknown) {
			t.Errorf("unknown incident: %v", err)
		}
	})
}

func TestNumbersAndPredecessors(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		first := k.apply(firing(k, "a1"))
		k.later(2 * time.Minute) // past midnight at the site
		second := k.apply(firing(k, "a2"))
		if second != "GJ-20261123-0001" || k.get(second).Previous != first {
			t.Errorf("%s after %s", second, k.get(second).Previous)
		}
		other := firing(k, "b1")
		other.Rule = "R15"
		if id := k.apply(other); id != "GJ-20261123-0002" || k.get(id).Previous != "" {
			t.Errorf("another rule: %s after %q", id, k.get(id).Previous)
		}
		k.later(25 * time.Hour)
		if id := k.apply(firing(k, "a3")); k.get(id).Previous != "" {
			t.Errorf("a day later: after %q", k.get(id).Previous)
		}
	})
}

func TestEventsOutOfTurn(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		pending := firing(k, "p")
		pending.State = rules.Pending
		if id := k.apply(pending); id != "" {
			t.Errorf("a pending alert made incident %s", id)
		}
		// What the gateway did is told before the alert it did it for.
		result := &wire.ActionResult{Alert: "a1", Action: &wire.Action{Device: "valve-1", Point: "open", Value: 0}, Outcome: "confirmed", Attempts: 1, AtMs: k.now.UnixMilli()}
		k.update(func(tx *sql.Tx) error {
			id, err := k.svc.Action(t.Context(), tx, "gw-1", result)
			if id != "" {
				t.Errorf("incident %s", id)
			}
			return err
		})
		id := k.apply(firing(k, "a1"))
		list, err := incident.Timeline(t.Context(), k.db.Reader(), id)
		if err != nil || len(list) != 2 || list[0].Text.ZH != "已确认：燃气阀 → 关闭" {
			t.Errorf("timeline %+v, %v", list, err)
		}
		// A resolution whose firing is in a gap.
		lost := firing(k, "a9")
		lost.State = rules.Resolved
		if in := k.get(k.apply(lost)); in.Condition != incident.Recovered || in.Handling != incident.Open {
			t.Errorf("%+v", in)
		}
		// A rule that only watches makes an incident but tells nobody.
		k.told = nil
		shadow := firing(k, "s1")
		shadow.Shadow = true
		if in := k.get(k.apply(shadow)); !in.Shadow || len(k.told) != 0 || in.Deadline != 0 {
			t.Errorf("shadow %v told %v", in.Shadow, k.told)
		}
		open, err := incident.OpenOf(t.Context(), k.db.Reader(), tree.Everywhere())
		if err != nil || open["jinxiu"] != (org.Open{B: 2}) {
			t.Errorf("open %+v, %v", open, err)
		}
	})
}

func TestPages(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		for _, name := range []string{"1", "2", "3", "4", "5"} {
			k.apply(firing(k, name))
			k.later(time.Duration(len(name)%2) * time.Second)
		}
		var got []string
		p := incident.Page{In: tree.Everywhere(), Handling: incident.Open, Limit: 2}
		for pages := 0; pages < 5; pages++ {
			list, next, err := incident.List(t.Context(), k.db.Reader(), p)
			if err != nil {
				t.Fatal(err)
			}
			for _, in := range list {
				got = append(got, in.ID[len(in.ID)-1:])
			}
			if p.Before = next; next == "" {
				break
			}
		}
		if strings.Join(got, "") != "54321" {
			t.Errorf("pages gave %v", got)
		}
		p.Before = "nonsense"
		_, _, err := incident.List(t.Context(), k.db.Reader(), p)
		k.refused(err, "翻页")
	})
}

package wall_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/wall"
	"github.com/linshao/linshao/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

const street = "id,kind,name,parent,sites\nyf,街道,云枫,,\nzz,社区,寨子坪,yf,\njx,小区,锦绣,zz,jinxiu\ndq,社区,大桥,yf,bridge never\n"

var noon = time.Date(2026, 11, 22, 12, 30, 0, 0, time.UTC)

// TestOneMoment: the snapshot shows what happened, and its figures are those of the list of incidents.
func TestOneMoment(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d, ctx, now := place.Open(t), t.Context(), noon
		if _, err := tree.Import(ctx, d, tree.Parse("x.csv", []byte(street)), tree.Options{Now: now}); err != nil {
			t.Fatal(err)
		}
		h := house{d, incident.New(incident.Config{DB: d, Notifier: nobody{}, Now: func() time.Time { return now }, Zone: time.UTC})}
		for i, site := range []string{"jinxiu", "bridge", "lonely"} {
			h.change(t, `INSERT INTO sites (id, name, timezone) VALUES (?, ?, '')`, site, "小区 "+site)
			h.change(t, `INSERT INTO gateways (id, site, session, boot, version, online, since, last_seen) VALUES (?, ?, 1, 1, '', ?, ?, ?)`, "gw-"+site, site, i%2, now.UnixMilli()-int64(i), now.UnixMilli())
		}
		h.fire(t, "jinxiu", "R16", "A", now)
		taken := h.fire(t, "jinxiu", "R07", "B", now.Add(-3*time.Hour))
		h.fire(t, "bridge", "R20", "C", now.Add(-40*time.Minute))
		now = now.Add(2 * time.Minute)
		if err := h.inc.Take(ctx, taken, incident.Person{Name: "li", Rights: []auth.Right{auth.See, auth.Take, auth.Work}}); err != nil {
			t.Fatal(err)
		}
		all, err := wall.Read(ctx, d, wall.View{Part: tree.Everywhere(), Now: now})
		if err != nil {
			t.Fatal(err)
		}
		cells := map[string]wall.Cell{}
		sum := 0
		for _, c := range all.Sites {
			cells[c.ID] = c
			sum += c.A + c.B + c.C + c.Maintenance
		}
		want := map[string]wall.Cell{
			"jinxiu": {ID: "jinxiu", Name: "小区 jinxiu", Group: "zz", A: 1, B: 1, Off: true, Since: noon.UnixMilli()},
			"bridge": {ID: "bridge", Name: "小区 bridge", Group: "dq", Maintenance: 1},
			"never":  {ID: "never", Name: "大桥", Group: "dq", Never: true},
			"lonely": {ID: "lonely", Name: "小区 lonely", Off: true, Since: noon.UnixMilli() - 2},
		}
		for id, w := range want {
			if cells[id] != w {
				t.Errorf("%s is %+v, want %+v", id, cells[id], w)
			}
		}
		counts, err := incident.Count(ctx, d.Reader(), tree.Everywhere())
		if n := all.Numbers; err != nil || n.Counts != counts || sum != counts.Open+counts.Handling || n.Taken != 1 || n.TakeMs != 2*time.Minute.Milliseconds() {
			t.Errorf("numbers %+v, %d in the cells; the list has %+v %v", n, sum, counts, err)
		}
		if q := all.Queue; len(q) != 3 || q[0].Severity != "A" || q[2].ID != taken {
			t.Errorf("the queue is %+v", q)
		}
		if b := all.Bars; b[23].A != 1 || b[20].B != 1 || b[22].C != 1 || len(all.Groups) != 3 || all.Groups[2].ID != "" {
			t.Errorf("bars %v, groups %v", b, all.Groups)
		}
		part, err := wall.Read(ctx, d, wall.View{Part: tree.Below("dq"), Now: now})
		if err != nil || len(part.Sites) != 2 || part.Numbers.Counts.Open != 1 || len(part.Queue) != 1 {
			t.Errorf("who sees 大桥 alone sees %+v %v", part, err)
		}
	})
}

// TestClosedToday: what was closed today is of dangers, as the median beside it and the reports are.
func TestClosedToday(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		h := house{d, incident.New(incident.Config{DB: d, Notifier: nobody{}, Now: func() time.Time { return noon }, Zone: time.UTC})}
		h.change(t, `INSERT INTO sites (id, name, timezone) VALUES ('jinxiu', '锦绣', '')`)
		h.change(t, `INSERT INTO gateways (id, site, session, boot, version, online, since, last_seen) VALUES ('gw-jinxiu', 'jinxiu', 1, 1, '', 1, 0, 0)`)
		li := incident.Person{Name: "li", Rights: []auth.Right{auth.See, auth.Take, auth.Work}}
		for _, rule := range []string{"R07", "R20"} { // a danger, and a device's own fault
			id := h.fire(t, "jinxiu", rule, "C", noon)
			if err := h.inc.Take(t.Context(), id, li); err != nil {
				t.Fatal(err)
			}
			if err := h.inc.Close(t.Context(), id, li, incident.Closing{Outcome: "real", Note: "seen", EvenActive: true}); err != nil {
				t.Fatal(err)
			}
		}
		s, err := wall.Read(t.Context(), d, wall.View{Part: tree.Everywhere(), Now: noon})
		if err != nil || s.Numbers.ClosedToday != 1 || s.Numbers.Taken != 1 {
			t.Errorf("numbers %+v, want one closed and one taken; %v", s.Numbers, err)
		}
	})
}

// nobody is told of anything.
type nobody struct{}

func (nobody) Enqueue(context.Context, *sql.Tx, incident.Incident, string) error { return nil }

type house struct {
	db  *db.DB
	inc *incident.Service
}

func (h house) change(t *testing.T, query string, args ...any) {
	t.Helper()
	if err := h.db.Update(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), query, args...)
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// fire lets a rule of a site's gateway see something.
func (h house) fire(t *testing.T, site, rule, severity string, at time.Time) (id string) {
	t.Helper()
	if err := h.db.Update(t.Context(), func(tx *sql.Tx) (err error) {
		id, err = h.inc.Apply(t.Context(), tx, "gw-"+site, rules.AlertEvent{Alert: rule, Rule: rule, Subject: "dev-" + rule, Severity: rules.Severity(severity), State: rules.Firing, Since: at, At: at})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return id
}

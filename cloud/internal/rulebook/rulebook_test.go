package rulebook_test

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/rulebook"
	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

var t0 = time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)

// street is a database with one site: a gas sensor, and what people found of two alerts.
func street(t testing.TB, d *db.DB, sensors int) {
	t.Helper()
	err := d.Update(t.Context(), func(tx *sql.Tx) error {
		do := func(query string, args ...any) {
			if _, err := tx.ExecContext(t.Context(), query, args...); err != nil {
				t.Fatalf("%s: %v", query, err)
			}
		}
		do(`INSERT INTO sites (id, name, timezone) VALUES ('s1', '锦绣', 'Asia/Shanghai')`)
		do(`INSERT INTO gateways (id, site, session, boot, version, online, since, last_seen) VALUES ('gw-1', 's1', 1, 1, 'v1', 1, 0, 0)`)
		do(`INSERT INTO devices (gateway, id, position, name, kind, model, place, zone, poll_ms) VALUES ('gw-1', 'gateway', 0, 'gw', 'gateway', 'gateway', '', '', 10000)`)
		for i := range sensors {
			do(`INSERT INTO devices (gateway, id, position, name, kind, model, place, zone, poll_ms) VALUES ('gw-1', ?, ?, '厨房', 'gas', 'g', '3栋', '', 5000)`, fmt.Sprintf("gas-%d", i+1), i+1)
		}
		do(`INSERT INTO points (gateway, model, name, position, unit, labels) VALUES ('gw-1', 'g', 'level', 0, '%LEL', '{}')`)
		for i, outcome := range []string{"real", "false_alarm"} {
			id, at := fmt.Sprint("GJ-", i+1), t0.Add(time.Duration(i+1)*time.Hour).UnixMilli()
			do(`INSERT INTO incidents (id, gateway, alert, site, device, rule, severity, title_zh, title_en, message_zh, message_en, detail, shadow, active, handling, since, opened_at, outcome, deadline, recovered_at, taken_by, taken_at, closed_by, closed_at, previous, late)
				VALUES (?, 'gw-1', ?, 's1', 'gas-1', 'R15', 'B', '', '', '', '', '{}', 0, 0, 'closed', ?, ?, ?, 0, 0, '', 0, '', 0, '', 0)`, id, id, at, at, outcome)
			do(`INSERT INTO incident_alerts (gateway, alert, incident, site, device, rule, zone, channel, danger, joined, severity, severity_now, active, shelved, told, counts, since, at, came, recovered_at, burst, title_zh, title_en, message_zh, message_en, detail)
				VALUES ('gw-1', ?, ?, 's1', 'gas-1', 'R15', '', '', '', '', 'B', 'B', 0, 0, 1, 1, ?, ?, ?, ?, 1, '', '', '', '', '{}')`, id, id, at, at, at, at+300_000)
		}
		return org.RuleSeen(t.Context(), tx, "gw-1", rules.AlertEvent{Rule: "R15", Version: "0123456789ab", At: t0})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// gas is what the sensor says: 12 %LEL for five minutes at 1:00, for 40 s at 2:00, nothing else.
func gas(at time.Time) float64 {
	switch since := at.Sub(t0); {
	case since >= time.Hour && since < time.Hour+5*time.Minute, since >= 2*time.Hour && since < 2*time.Hour+40*time.Second:
		return 12
	}
	return 1
}

func write(t testing.TB, store series.Store, sensors int, length time.Duration) {
	t.Helper()
	for from := time.Duration(0); from < length; from += time.Hour {
		var rs []device.Reading
		for at := from; at < from+time.Hour; at += 5 * time.Second {
			for i := range sensors {
				rs = append(rs, device.Reading{Device: fmt.Sprintf("gas-%d", i+1), Point: "level", Value: gas(t0.Add(at)), Quality: device.Good, Time: t0.Add(at)})
			}
			if at%(10*time.Second) == 0 {
				rs = append(rs, device.Reading{Device: "gateway", Point: "uptime", Value: at.Seconds(), Quality: device.Good, Time: t0.Add(at)})
			}
		}
		if err := store.Write(t.Context(), series.Columns("gw-1", rs)); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t testing.TB, d *db.DB) (*rulebook.Replayer, series.Store) {
	t.Helper()
	store, err := series.OpenSQLite(t.Context(), filepath.Join(dbtest.Dir(t), "series.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	book, err := rulebook.Open()
	if err != nil {
		t.Fatal(err)
	}
	return &rulebook.Replayer{Book: book, DB: d, Store: store, Now: time.Now}, store
}

// A draft that waits longer has the real alert still, and not the false one.
func TestADraftBesideTheShippedRule(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		street(t, d, 1)
		r, store := open(t, d)
		write(t, store, 1, 3*time.Hour)
		rule, ok, err := r.Book.Detail(t.Context(), d.Reader(), tree.Everywhere(), "R15", t0.Add(3*time.Hour))
		if err != nil || !ok || rule.Fired != 2 || rule.Real != 1 || rule.False != 1 || rule.Others != 1 || len(rule.Sites) != 1 || rule.Sites[0].Version != "0123456789ab" || rule.Sites[0].Subjects != 1 {
			t.Fatalf("%+v, %v, %v", rule, ok, err)
		}
		draft := r.Book.Check(strings.Replace(rule.Text, "{normal: 15s, emergency: 5s}", "90s", 1))
		if !draft.Good() {
			t.Fatalf("%+v", draft.Problems)
		}
		var went []float64
		got, err := r.Play(t.Context(), rulebook.Ask{Draft: draft, Sites: []string{"s1"}, From: t0, To: t0.Add(3 * time.Hour), Went: func(share float64) { went = append(went, share) }})
		if len(went) < 2 || !slices.IsSorted(went) || went[len(went)-1] != 1 {
			t.Errorf("how far it came: %v", went)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got.Current.Fired != 2 || got.Draft.Fired != 1 || got.Current.Outcomes["false_alarm"] != 1 || got.Draft.Outcomes["false_alarm"] != 0 || got.Draft.Outcomes["real"] != 1 || got.Both != 1 {
			t.Errorf("current %+v, draft %+v", got.Current, got.Draft)
		}
		if more := *got.Draft.DelayMs - *got.Current.DelayMs; more != 75_000 {
			t.Errorf("the draft is later by %d ms", more)
		}
		if len(got.Rows) != 1 || len(got.Rows[0].Current) != 2 || len(got.Rows[0].Draft) != 1 || len(got.Rows[0].Found) != 2 || got.Rows[0].Name != "厨房" {
			t.Errorf("rows %+v", got.Rows)
		}
		if c := got.Covered; len(c) != 1 || c[0].Left != "" || c[0].Holes != 0 || c[0].Told != 2 || c[0].Samples != 2160 {
			t.Errorf("covered %+v", c)
		}
		if v := got.Versions; len(v) != 1 || v[0].Current != rule.Version || v[0].Draft == v[0].Current {
			t.Errorf("versions %+v", v)
		}
	})
}

// A draft that would miss what was real says so; without readings, and without devices, nothing is made up.
func TestWhatADraftMissesAndWhatIsNotCovered(t *testing.T) {
	d := dbtest.SQLite(t).Open(t)
	street(t, d, 1)
	r, store := open(t, d)
	write(t, store, 1, 3*time.Hour)
	play := func(rule, old, new string, ask rulebook.Ask) rulebook.ReplayResult {
		t.Helper()
		detail, _, err := r.Book.Detail(t.Context(), d.Reader(), tree.Everywhere(), rule, t0)
		if err != nil {
			t.Fatal(err)
		}
		ask.Draft, ask.Sites = r.Book.Check(strings.Replace(detail.Text, old, new, 1)), []string{"s1"}
		got, err := r.Play(t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	three := rulebook.Ask{From: t0, To: t0.Add(3 * time.Hour)}
	if got := play("R15", "low: 10 %LEL", "low: 20 %LEL", three); got.Draft.Fired != 0 || len(got.Draft.Missed) != 1 || got.Draft.Missed[0].Alert != "GJ-1" || len(got.Current.Missed) != 0 {
		t.Errorf("%+v", got.Draft)
	}
	if got := play("R15", "", "", rulebook.Ask{From: t0.Add(100 * time.Hour), To: t0.Add(120 * time.Hour)}); got.Covered[0].Left != rulebook.LeftEmpty {
		t.Errorf("%+v", got.Covered)
	}
	if got := play("R01", "", "", three); got.Covered[0].Left != rulebook.LeftNone {
		t.Errorf("%+v", got.Covered)
	}
	slow := *r
	began, calls := time.Now(), 0
	slow.Now = func() time.Time { calls++; return began.Add(time.Duration(calls/2) * 6 * time.Second) }
	r = &slow
	if got := play("R15", "", "", rulebook.Ask{From: t0, To: t0.Add(3 * time.Hour)}); got.Covered[0].Left != rulebook.LeftTime && got.TookMs < 6000 {
		t.Errorf("%+v", got.Covered)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Play(ctx, rulebook.Ask{Draft: r.Book.Check("- id: X\n"), Sites: []string{"s1"}, From: t0, To: t0}); err == nil {
		t.Error("a replay that nobody waits for goes on")
	}
}

// Mistakes of a draft stand at its own lines, in both languages, whether it has the head of a file or not.
func TestMistakesStandWhereTheyAre(t *testing.T) {
	book, err := rulebook.Open()
	if err != nil {
		t.Fatal(err)
	}
	d, _, err := book.Detail(t.Context(), dbtest.SQLite(t).Open(t).Reader(), tree.Everywhere(), "R15", t0)
	if err != nil {
		t.Fatal(err)
	}
	broken := strings.Replace(d.Text, "kind: gas", "kind: gass", 1)
	line := 1 + strings.Count(broken[:strings.Index(broken, "kind: gass")], "\n")
	for text, want := range map[string]int{broken: line, "# mine\nrules:\n" + broken: line + 2} {
		got := book.Check(text)
		if got.Good() || len(got.Problems) == 0 || got.Problems[0].Line != want || got.Problems[0].Col == 0 || !strings.Contains(got.Problems[0].Message.ZH, "没有 \"gass\" 这类设备") || !strings.Contains(got.Problems[0].Hint.ZH, "gas") {
			t.Errorf("want line %d: %+v", want, got.Problems)
		}
	}
	if got := book.Check(strings.Repeat(d.Text+"\n", 9)); got.Good() || len(got.Problems) != 1 {
		t.Errorf("nine rules: %+v", got.Problems)
	}
}

func FuzzCheck(f *testing.F) {
	book, err := rulebook.Open()
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"", "- id: R15", "rules:\n  - id: X1\n    kind: gas", "rules: {", "- id: R15\n  expr: level >= 3 %LEL\n  unless: [R16]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := book.Check(text)
		lines := strings.Count(text, "\n") + 2
		for _, p := range d.Problems {
			if p.Line < 0 || p.Line > lines+1 || p.Message.ZH == "" || p.Message.EN == "" {
				t.Errorf("%+v of %q", p, text)
			}
		}
		if !d.Good() && len(d.Problems) == 0 {
			t.Errorf("%q is refused without a reason", text)
		}
	})
}

func BenchmarkReplay(b *testing.B) {
	d := dbtest.SQLite(b).Open(b)
	street(b, d, 20)
	r, store := open(b, d)
	write(b, store, 20, 24*time.Hour)
	detail, _, err := r.Book.Detail(b.Context(), d.Reader(), tree.Everywhere(), "R15", t0)
	if err != nil {
		b.Fatal(err)
	}
	draft := r.Book.Check(detail.Text)
	samples, began := uint64(0), time.Now()
	for b.Loop() {
		got, err := r.Play(b.Context(), rulebook.Ask{Draft: draft, Sites: []string{"s1"}, From: t0, To: t0.Add(24 * time.Hour)})
		if err != nil {
			b.Fatal(err)
		}
		samples += got.Samples
	}
	b.ReportMetric(float64(samples)/time.Since(began).Seconds(), "points/s")
}

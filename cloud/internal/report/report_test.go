package report_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/report"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

var shanghai = time.FixedZone("CST", 8*3600)

// a is one incident as the tests make it; times are minutes after t0, durations minutes after it was opened.
type a struct {
	id, site, node, rule, class, category, source, outcome string
	opened, lasted                                         int
	deeds                                                  []d
	rating, reworked                                       int
}

// d is a deed: what, to which step, so many minutes after the opening, and whether it was late.
type d struct {
	deed, to string
	at       int
	who      string
	late     bool
}

// t0 is midnight of 1 November 2026 in Shanghai.
var t0 = time.Date(2026, 11, 1, 0, 0, 0, 0, shanghai)

func ms(minutes int) int64 { return t0.UnixMilli() + int64(minutes)*60_000 }

func (in a) put(t testing.TB, tx *sql.Tx) {
	t.Helper()
	exec := func(query string, args ...any) {
		if _, err := tx.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	handling, closed, step, taken, by := "open", int64(0), "reported", int64(0), ""
	for i, n := range in.deeds {
		to := n.to
		if to == "" {
			to = step
		}
		exec(`INSERT INTO incident_steps (incident, n, deed, from_step, to_step, at, who, note, due, late, detail) VALUES (?, ?, ?, ?, ?, ?, ?, '', 0, ?, '{}')`,
			in.id, i+1, n.deed, step, to, ms(in.opened+n.at), n.who, n.late)
		step = to
		if to == "closed" {
			handling, closed = "closed", ms(in.opened+n.at)
		}
	}
	recovered := int64(0)
	if in.lasted > 0 {
		recovered = ms(in.opened + in.lasted)
	}
	source, category := in.source, in.category
	if source == "" {
		source = "sensor"
	}
	if category == "" {
		category = "danger"
	}
	exec(`INSERT INTO incidents (id, gateway, alert, site, device, rule, severity, title_zh, title_en, message_zh, message_en, detail, shadow, active, handling, since, opened_at, deadline,
		recovered_at, taken_by, taken_at, closed_at, outcome, source, category, node, rating, reworked, step) VALUES (?, 'gw', ?, ?, 'dev', ?, ?, '', '', '', '', '{}', 0, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		in.id, in.id, in.site, in.rule, in.class, in.lasted == 0, handling, ms(in.opened), ms(in.opened), recovered, by, taken, closed, in.outcome, source, category, in.node, in.rating, in.reworked, step)
	exec(`INSERT INTO report_dirty (incident) VALUES (?) ON CONFLICT (incident) DO NOTHING`, in.id)
}

func put(t testing.TB, base *db.DB, list []a) {
	t.Helper()
	if err := base.Update(t.Context(), func(tx *sql.Tx) error {
		for _, in := range list {
			in.put(t, tx)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func nodes(t testing.TB, base *db.DB) {
	t.Helper()
	if err := base.Update(t.Context(), func(tx *sql.Tx) error {
		for _, n := range [][3]string{{"street", "", ""}, {"east", "street", "e1"}, {"west", "street", "w1"}} {
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO nodes (id, parent, kind, name, dedicated, owner, owner_phone, deputy, deputy_phone, handover_from, handover_to) VALUES (?, ?, '', ?, 0, '', '', '', '', '', '')`,
				n[0], n[1], n[0]); err != nil {
				return err
			}
			if n[2] != "" {
				if _, err := tx.ExecContext(t.Context(), `INSERT INTO node_sites (site, node) VALUES (?, ?)`, n[2], n[0]); err != nil {
					return err
				}
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

func keep(t testing.TB, base *db.DB) {
	t.Helper()
	k := report.NewKeeper(report.Config{DB: base, Zone: shanghai, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	if err := k.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func ask(t testing.TB, base *db.DB, q report.Ask) report.Report {
	t.Helper()
	r, err := report.Make(t.Context(), base.Reader(), q)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func november(now int) report.Ask {
	return report.Ask{Scope: tree.Everywhere(), Kind: report.Month, From: t0, To: t0, Now: time.UnixMilli(ms(now)).In(shanghai)}
}

// small is a set whose figures were computed by hand.
func small() []a {
	whole := []d{{"report", "reported", 0, "", false}, {"verify", "verified", 2, "张三", false}, {"accept", "accepted", 3, "李四", false}, {"dispatch", "dispatched", 5, "李四", false},
		{"begin", "in_progress", 9, "王五", false}, {"finish", "", 29, "王五", false}, {"check", "checked", 40, "李四", false}, {"close", "closed", 50, "李四", false}, {"rate", "rated", 60, "居民", false}}
	reworked := slices.Clone(whole)
	reworked = slices.Insert(reworked, 6, d{"rework", "in_progress", 35, "李四", true})
	return []a{
		{id: "1", site: "e1", rule: "R16", class: "A", opened: 10, lasted: 20, outcome: "real", deeds: whole, rating: 5},
		{id: "2", site: "e1", rule: "R16", class: "B", opened: 20, lasted: 1500, outcome: "real", deeds: reworked, rating: 3, reworked: 1},
		{id: "3", site: "w1", rule: "R10", class: "C", opened: 30, lasted: 1, outcome: "false_alarm", deeds: []d{{"report", "reported", 0, "", false}, {"reject", "closed", 6, "张三", false}}},
		{id: "4", site: "w1", rule: "R10", class: "C", opened: 31},
		{id: "5", node: "west", class: "B", source: "complaint", opened: 40, lasted: 1, deeds: []d{{"report", "reported", 0, "接线员", false}, {"take", "in_progress", 4, "张三", false}}},
		{id: "6", site: "w1", rule: "R31", class: "B", category: "maintenance", opened: 50, lasted: 5},
		{id: "7", site: "e1", rule: "R16", class: "A", opened: -5, lasted: 2}, // in October
	}
}

// TestByHand: the figures of a small set are those computed by hand, whether or not they were put into blocks.
func TestByHand(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		base := place.Open(t)
		nodes(t, base)
		put(t, base, small()[:3])
		keep(t, base)
		put(t, base, small()[3:])
		first := ask(t, base, november(3*1440))
		keep(t, base)
		r := ask(t, base, november(3*1440))
		one, _ := json.Marshal(first)
		two, _ := json.Marshal(r)
		if !bytes.Equal(one, two) {
			t.Errorf("before:\n%s\nin blocks:\n%s", one, two)
		}
		f := r.Now
		for _, c := range []struct {
			name      string
			got, want any
		}{
			{"reported", f.Reported, 5}, {"handled", f.Handled, 3}, {"rate", *f.Rate, 60.0}, {"response", *f.Response, int64(3 * 60_000)}, // 2 2 4 6
			{"within", *f.Within, 66.7}, {"reworked", f.Reworked, 1}, {"rework rate", *f.ReworkRate, 20.0}, {"false", f.FalseAlarms, 1}, {"false rate", *f.FalseRate, 33.3},
			{"self", f.SelfFound, 4}, {"complaints", f.Complaints, 1}, {"satisfaction", *f.Satisfaction, 50.0}, {"ratings", f.Ratings, 2},
			{"maintenance", f.Maintenance.Reported, 1}, {"before", r.Before.Reported, 1}, {"by rule", fmt.Sprint(f.ByRule), "[{R10 1 1 100}]"}, {"by site", fmt.Sprint(f.BySite), "[{w1 1 1 100}]"},
			{"operators", f.Alarms.Operators, 3}, {"peak", f.Alarms.Peak, 2}, {"standing", f.Alarms.Standing, 2}, {"fleeting", f.Alarms.Fleeting, 0}, {"class A", *f.Alarms.SeverityA, 20.0},
			{"actors", fmt.Sprint(f.Alarms.BadActors), "[{e1 dev R16 2} {w1 dev R10 2}]"},
		} {
			if c.got != c.want {
				t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
			}
		}
		var steps []string
		for _, s := range f.Steps {
			text := "-"
			if s.Median != nil {
				text = fmt.Sprint(*s.Median / 60_000)
			}
			steps = append(steps, fmt.Sprint(text, "/", s.N))
		}
		// Closing took 10 min twice, and 6 min from the report once; checking 31 min, and 5 min after it was sent back.
		if got := strings.Join(steps, " "); got != "2/2 1/2 2/2 4/3 20/2 31/2 10/3 10/2" {
			t.Errorf("steps: %s", got)
		}
		for node, want := range map[string]int{"east": 2, "west": 3, "street": 5} {
			q := november(3 * 1440)
			q.Node = node
			if got := ask(t, base, q).Now.Reported; got != want {
				t.Errorf("%s: %d reported, want %d", node, got, want)
			}
			q.Scope = tree.Below("east")
			if got := ask(t, base, q).Now.Reported; node != "west" && got != 2 || node == "west" && got != 0 {
				t.Errorf("%s for who may see east alone: %d", node, got)
			}
		}
		// At noon of the first day, and at the hour of the day after.
		if r := ask(t, base, november(65)); r.Now.Handled != 2 {
			t.Errorf("after 65 minutes %d were closed", r.Now.Handled)
		}
	})
}

// TestAgainstNaive: any set, folded in any order, has the figures that are counted without blocks.
func TestAgainstNaive(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		base := place.Open(t)
		nodes(t, base)
		r := rand.New(rand.NewPCG(1, 2))
		var list []a
		for i := range 300 {
			in := a{id: fmt.Sprint(i), site: []string{"e1", "w1", "x1"}[r.IntN(3)], rule: fmt.Sprint("R", r.IntN(4)), class: []string{"A", "B", "C"}[r.IntN(3)], opened: r.IntN(90*1440) - 45*1440, lasted: r.IntN(3000)}
			in.deeds = []d{{"report", "reported", 0, "", false}}
			if r.IntN(3) > 0 {
				in.deeds = append(in.deeds, d{"take", "in_progress", 1 + r.IntN(500), "p", r.IntN(2) == 0}, d{"close", "closed", 501 + r.IntN(5000), "p", r.IntN(2) == 0})
				in.outcome = []string{"real", "false_alarm"}[r.IntN(2)]
			}
			list = append(list, in)
		}
		put(t, base, list[:150])
		keep(t, base)
		put(t, base, list[150:])
		for n, kind := range []string{report.Day, report.Week, report.Month, report.Custom} {
			from := t0.AddDate(0, 0, r.IntN(40)-20)
			q := report.Ask{Scope: tree.Everywhere(), Node: []string{"", "east", "west", "street"}[n], Kind: kind, From: from, To: from.AddDate(0, 0, 9), Now: t0.AddDate(0, 0, 30)}
			got := ask(t, base, q)
			begin, end, before := report.Bounds(kind, q.From, q.To)
			for _, p := range []struct {
				f        report.Figures
				from, to time.Time
			}{{got.Now, begin, end}, {got.Before, before, begin}} {
				if want := naive(list, q.Node, p.from, p.to, q.Now); want != fmt.Sprint(p.f.Reported, p.f.Handled, p.f.FalseAlarms, val(p.f.Response), val(p.f.Steps[6].Median)) {
					t.Errorf("%s from %v: %d %d %d %d %d, want %s", kind, p.from, p.f.Reported, p.f.Handled, p.f.FalseAlarms, val(p.f.Response), val(p.f.Steps[6].Median), want)
				}
			}
		}
	})
}

func val(p *int64) int64 {
	if p == nil {
		return -1
	}
	return *p
}

// naive counts a list by going through it.
func naive(list []a, node string, from, to, now time.Time) string {
	end := min(to.UnixMilli(), now.UnixMilli()+1)
	reported, handled, wrong := 0, 0, 0
	var response, closing []int64
	for _, in := range list {
		at := ms(in.opened)
		if at < from.UnixMilli() || at >= to.UnixMilli() || node == "east" && in.site != "e1" || node == "west" && in.site != "w1" || node == "street" && in.site == "x1" {
			continue
		}
		reported++
		if len(in.deeds) < 3 {
			continue
		}
		if took := int64(in.deeds[1].at) * 60_000; at+took < end {
			response = append(response, took)
		}
		closing = append(closing, int64(in.deeds[2].at-in.deeds[1].at)*60_000)
		if at+int64(in.deeds[2].at)*60_000 < end {
			handled++
			if in.outcome == "false_alarm" {
				wrong++
			}
		}
	}
	return fmt.Sprint(reported, handled, wrong, mid(response), mid(closing))
}

func mid(of []int64) int64 {
	slices.Sort(of)
	n := len(of)
	switch {
	case n == 0:
		return -1
	case n%2 == 1:
		return of[n/2]
	}
	return (of[n/2] + of[n/2-1]) / 2
}

// TestMedian: the middle is that of the sorted values.
func TestMedian(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		list := make([]int64, 1+r.IntN(40))
		for i := range list {
			list[i] = r.Int64N(1 + r.Int64N(60))
		}
		want := mid(slices.Clone(list))
		if got := *report.Median(list); got != want {
			t.Fatalf("%v: %d, want %d", list, got, want)
		}
	}
}

// BenchmarkYear is a report of 350,000 incidents of a year, on 200 sites.
func BenchmarkYear(b *testing.B) {
	base := dbtest.SQLite(b).Open(b)
	if err := base.Update(b.Context(), func(tx *sql.Tx) error {
		for month := range 12 {
			first := time.Date(2026, time.Month(1+month), 1, 0, 0, 0, 0, shanghai)
			for n := range 200 {
				site := fmt.Sprint("site-", n)
				if _, err := tx.ExecContext(b.Context(), `INSERT INTO report_blocks (month, site, node, body) VALUES (?, ?, '', ?)`, first.Format("2006-01"), site,
					report.Made(site, 146, first.UnixMilli())); err != nil {
					return err
				}
			}
		}
		return nil
	}); err != nil {
		b.Fatal(err)
	}
	q := report.Ask{Scope: tree.Everywhere(), Kind: report.Custom, From: time.Date(2026, 1, 1, 0, 0, 0, 0, shanghai), To: time.Date(2026, 12, 31, 0, 0, 0, 0, shanghai), Now: time.Date(2027, 1, 1, 0, 0, 0, 0, shanghai)}
	for b.Loop() {
		r, err := report.Make(b.Context(), base.Reader(), q)
		if err != nil || r.Now.Reported != 12*200*146 {
			b.Fatal(r.Now.Reported, err)
		}
	}
}

func TestPercent(t *testing.T) {
	for _, c := range []struct {
		part, whole int
		want        float64
	}{{8793, 9686, 90.8}, {1, 3, 33.3}, {2, 3, 66.7}, {1, 2000, 0.1}, {1, 2001, 0}, {5, 5, 100}, {0, 5, 0}, {9999, 10000, 99.9}} {
		if got := report.Percent(c.part, c.whole); *got != c.want {
			t.Errorf("%d of %d: %v, want %v", c.part, c.whole, *got, c.want)
		}
	}
	if report.Percent(0, 0) != nil {
		t.Error("a rate of nothing")
	}
}

func TestBounds(t *testing.T) {
	sunday := time.Date(2026, 11, 22, 15, 0, 0, 0, shanghai)
	for kind, want := range map[string]string{report.Day: "2026-11-22 2026-11-23 2026-11-21", report.Week: "2026-11-16 2026-11-23 2026-11-09", report.Month: "2026-11-01 2026-12-01 2026-10-01", report.Custom: "2026-11-22 2026-11-26 2026-11-18"} {
		var got []string
		begin, end, before := report.Bounds(kind, sunday, sunday.AddDate(0, 0, 3))
		for _, at := range []time.Time{begin, end, before} {
			got = append(got, at.Format(time.DateOnly))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", kind, got, want)
		}
	}
}

// TestFiles: the page and the table hold the figures, nothing of them is a script or a formula.
func TestFiles(t *testing.T) {
	base := dbtest.SQLite(t).Open(t)
	list := small()
	list[2].rule, list[2].site = "=cmd()", "<script>alert(1)</script>"
	put(t, base, list)
	r := ask(t, base, november(3*1440))
	var page, table bytes.Buffer
	if err := r.WritePage(&page, "zh", shanghai); err != nil {
		t.Fatal(err)
	}
	if err := r.WriteCSV(&table); err != nil {
		t.Fatal(err)
	}
	if s := page.String(); !strings.Contains(s, "60.0 %") || !strings.Contains(s, "处置率") || strings.Contains(s, "<script") || !strings.Contains(s, "2026-11-01 – 2026-11-30") {
		t.Error(s)
	}
	if s := table.String(); !strings.Contains(s, "处置率,Handling rate,60.0 %,0.0 %,") || strings.Contains(s, "\n,=cmd") || !strings.Contains(s, "'=cmd()") {
		t.Error(s)
	}
	for _, l := range r.Lines() {
		if !l.Head && l.Doc == "" {
			t.Errorf("%s is not defined", l.Name.EN)
		}
	}
}

func FuzzBlock(f *testing.F) {
	for _, b := range report.Seeds() {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if ok, same := report.Decode(b); ok && !same {
			t.Errorf("%x is not read as it is written", b)
		}
	})
}

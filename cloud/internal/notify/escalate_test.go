package notify_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/rules"
)

// A call of a receiver: which one, what it was told, under which key.
type said struct{ receiver, body, key string }

// command is a street whose people are reached by a group robot, text messages and calls. Its clock is the test's.
type command struct {
	t     *testing.T
	db    *db.DB
	svc   *notify.Service
	inc   *incident.Service
	links *notify.Links
	calls chan said

	mu  sync.Mutex
	now time.Time
}

const street = `INSERT INTO nodes (id, parent, kind, name, dedicated, owner, owner_phone, deputy, deputy_phone, handover_from, handover_to) VALUES
	('yunfeng', '', '街道', '云枫街道', 0, '陈主任', '13800000001', '', '', '', ''),
	('g1', 'yunfeng', '网格', '第一网格', 0, '王网格员', '13800000004', '李副', '13800000005', '', ''),
	('yuan', 'g1', '小区', '锦绣花园', 0, '', '', '', '', '', '');
INSERT INTO node_sites (site, node) VALUES ('jinxiu', 'yuan');
INSERT INTO gateways (id, site, session, boot, version, online, since, last_seen) VALUES ('gw-1', 'jinxiu', 0, 0, '', 1, 0, 0);
INSERT INTO node_entries (node, record, kind, name, phone, position, stock) VALUES ('yuan', 'resource', '微型消防站', '东门消防站', '13800000009', '', 1)`

func muster(t *testing.T, place *dbtest.Place, change func(*notify.Config)) *command {
	t.Helper()
	c := &command{t: t, db: place.Open(t), calls: make(chan said, 1000), now: time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)}
	for _, statement := range strings.Split(street, ";\n") {
		if err := c.db.Update(t.Context(), func(tx *sql.Tx) error { _, err := tx.ExecContext(t.Context(), statement); return err }); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		fmt.Fprint(w, `{"errcode":0}`)
		c.calls <- said{strings.TrimPrefix(r.URL.Path, "/"), string(body), r.Header.Get("Idempotency-Key")}
	}))
	form, err := notify.ParseHook(notify.HookText{Body: `{"to": {{json .Phone}}, "who": {{json .Name}}, "as": {{json .Role}}, "kind": {{json .Kind}}, "text": {{json .Text}}, "link": {{json .Link}}}`})
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"A", "B", "C"}
	cfg := notify.Config{DB: c.db, Now: c.clock, Zone: time.UTC, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Receivers: []notify.Receiver{
		{ID: "grid", Name: "网格群", Kind: notify.DingTalk, URL: server.URL + "/grid", Severities: all, AllowPrivate: true},
		{ID: "sms", Name: "短信", Kind: notify.Webhook, Hook: form, URL: server.URL + "/sms", Severities: all, AllowPrivate: true},
		{ID: "voice", Name: "电话", Kind: notify.Webhook, Hook: form, Means: notify.Voice, URL: server.URL + "/voice", Severities: []string{"A"}, AllowPrivate: true}}}
	c.links = notify.NewLinks("https://linshao.example", []byte("0123456789abcdef0123456789abcdef"), c.clock)
	cfg.Links = c.links
	if change != nil {
		change(&cfg)
	}
	c.svc = notify.New(cfg)
	c.inc = incident.New(incident.Config{DB: c.db, Notifier: c.svc, Now: c.clock, Zone: time.UTC})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.svc.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		server.Close()
		_ = c.db.Close()
	})
	return c
}

func (c *command) clock() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// pass lets time go by, and the senders look.
func (c *command) pass(d time.Duration) {
	c.mu.Lock()
	c.now = c.now.Add(d)
	c.mu.Unlock()
	c.svc.Wake()
}

func (c *command) fire(severity rules.Severity, alerts ...string) {
	c.t.Helper()
	h := house{t: c.t, db: c.db, inc: c.inc, svc: c.svc}
	h.fire(severity, alerts...)
}

// hear waits for n messages, sorted by receiver and body.
func (c *command) hear(n int) []said {
	c.t.Helper()
	var list []said
	for range n {
		select {
		case s := <-c.calls:
			list = append(list, s)
		case <-time.After(10 * time.Second):
			c.t.Fatalf("%d of %d messages: %v", len(list), n, list)
		}
	}
	slices.SortFunc(list, func(a, b said) int { return strings.Compare(a.receiver+a.body, b.receiver+b.body) })
	return list
}

// settled waits until nothing is due, and answers the states of all notices.
func (c *command) settled() map[string]int {
	c.t.Helper()
	tick, limit := time.NewTicker(10*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for {
		var due int
		if err := c.db.Reader().QueryRowContext(c.t.Context(), `SELECT count(*) FROM notices WHERE state = 'waiting' AND next_at <= ?`, c.clock().UnixMilli()).Scan(&due); err != nil {
			c.t.Fatal(err)
		}
		if due == 0 {
			break
		}
		select {
		case <-tick.C:
			c.svc.Wake()
		case <-limit:
			c.t.Fatalf("%d notices stay due", due)
		}
	}
	rows, err := c.db.Reader().QueryContext(c.t.Context(), `SELECT state, count(*) FROM notices GROUP BY state`)
	if err != nil {
		c.t.Fatal(err)
	}
	defer rows.Close()
	states := map[string]int{}
	for rows.Next() {
		var s string
		var n int
		if err := rows.Scan(&s, &n); err != nil {
			c.t.Fatal(err)
		}
		states[s] = n
	}
	return states
}

func (c *command) only() incident.Incident {
	c.t.Helper()
	var id string
	if err := c.db.Reader().QueryRowContext(c.t.Context(), `SELECT id FROM incidents`).Scan(&id); err != nil {
		c.t.Fatal(err)
	}
	in, err := incident.Get(c.t.Context(), c.db.Reader(), id)
	if err != nil {
		c.t.Fatal(err)
	}
	return in
}

// climb is what the watcher does at a rung.
func (c *command) climb(rung int) {
	c.t.Helper()
	in := c.only()
	in.Overdue = rung
	if err := c.db.Update(c.t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(c.t.Context(), `UPDATE incidents SET overdue = ?`, rung); err != nil {
			return err
		}
		return c.svc.Enqueue(c.t.Context(), tx, in, incident.KindOverdue)
	}); err != nil {
		c.t.Fatal(err)
	}
	c.svc.Wake()
}

// one checks that one of the messages, and no other, holds some words.
func (c *command) one(list []said, words string) {
	c.t.Helper()
	n := 0
	for _, s := range list {
		if strings.Contains(s.body, words) {
			n++
		}
	}
	if n != 1 {
		c.t.Errorf("%q stands in %d of %v", words, n, list)
	}
}

func (c *command) lacks(s said, parts ...string) {
	c.t.Helper()
	for _, p := range parts {
		if !strings.Contains(s.body, p) {
			c.t.Errorf("%s: %s lacks %s", s.receiver, s.body, p)
		}
	}
}

// A gas alert goes up the ladder: each rung tells its people by all means, the first within seconds by three receivers.
func TestRungsTellTheirPeople(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		c := muster(t, place, nil)
		began := time.Now()
		c.fire(rules.SeverityA, "a1")
		first := c.hear(3)
		if took := time.Since(began); took > 15*time.Second || first[0].receiver != "grid" || first[1].receiver != "sms" || first[2].receiver != "voice" {
			t.Fatalf("told after %v: %v", took, first)
		}
		c.lacks(first[0], `"atMobiles":["13800000004"]`, "责任人 王网格员(138****0004)", "@13800000004")
		c.lacks(first[1], `"to": "13800000004"`, `"who": "王网格员"`, `"kind": "opened"`, "燃气")
		c.climb(1)
		second := c.hear(5) // the group once; the deputy and the fire post by text message and call
		c.lacks(second[0], "李副(138****0005)", "微型消防站 东门消防站(138****0009)", "超时")
		c.lacks(second[1], `"to": "13800000005"`, `"as": "代理人"`)
		c.lacks(second[2], `"to": "13800000009"`, `"as": "微型消防站"`)
		c.climb(2)
		c.lacks(c.hear(3)[1], `"to": "13800000001"`, "联合哨")
		if states := c.settled(); states["sent"] != 11 || states["waiting"] != 3 {
			t.Errorf("%v", states)
		}
		list, err := incident.Timeline(t.Context(), c.db.Reader(), c.only().ID)
		if err != nil || !slices.ContainsFunc(list, func(e incident.Entry) bool { return e.Text.ZH == "已通知：短信 王网格员" }) {
			t.Errorf("timeline %v, %v", list, err)
		}
	})
}

// A rung that is passed over, because the cloud was down, leaves out nobody: its people are told with those of the next.
func TestPassedRungIsTold(t *testing.T) {
	c := muster(t, dbtest.SQLite(t), nil)
	c.fire(rules.SeverityA, "a1")
	c.hear(3)
	c.climb(2)
	list := c.hear(7) // the group once; deputy, fire post and street by text message and call
	for _, phone := range []string{"13800000001", "13800000005", "13800000009"} {
		n := 0
		for _, s := range list {
			if s.receiver != "grid" && strings.Contains(s.body, `"to": "`+phone) {
				n++
			}
		}
		if n != 2 {
			t.Errorf("%s is told %d times: %v", phone, n, list)
		}
	}
}

// Reminders come at their time, none early and not for ever, and end when somebody takes the incident.
func TestReminders(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		c := muster(t, place, func(cfg *notify.Config) {
			p := notify.DefaultPolicy()
			a := p["A"]
			a.Most = 2
			p["A"], cfg.Policy = a, p
		})
		c.fire(rules.SeverityA, "a1")
		c.hear(3)
		c.pass(3*time.Minute - time.Millisecond)
		c.settled()
		if len(c.calls) != 0 {
			t.Fatalf("early: %v", <-c.calls)
		}
		c.pass(time.Millisecond)
		c.lacks(c.hear(3)[1], "第 1 次提醒", `"to": "13800000004"`)
		c.settled()
		c.pass(3 * time.Minute)
		c.lacks(c.hear(3)[0], "第 2 次提醒", `"atMobiles":["13800000004"]`)
		c.settled()
		c.pass(time.Hour)
		if states := c.settled(); states["sent"] != 9 || states["waiting"] != 0 || len(c.calls) != 0 {
			t.Errorf("%v", states)
		}
		c.fire(rules.SeverityA, "a2")
		c.hear(3)
		var id string
		if err := c.db.Reader().QueryRowContext(t.Context(), `SELECT max(id) FROM incidents`).Scan(&id); err != nil {
			t.Fatal(err)
		}
		if err := c.inc.Take(t.Context(), id, incident.Person{Name: "张三"}); err != nil {
			t.Fatal(err)
		}
		c.pass(time.Hour)
		if states := c.settled(); states["void"] != 3 || states["waiting"] != 0 || len(c.calls) != 0 {
			t.Errorf("after it was taken: %v", states)
		}
	})
}

// Class C goes out together at its hour; quiet hours hold back all but class A.
func TestDigestAndQuietHours(t *testing.T) {
	c := muster(t, dbtest.SQLite(t), func(cfg *notify.Config) {
		cfg.Receivers[0].Quiet = notify.Quiet{From: 9 * time.Hour, To: 11 * time.Hour}
	})
	c.pass(30 * time.Minute) // 10:30
	c.fire(rules.SeverityC, "c1", "c2", "c3")
	c.fire(rules.SeverityB, "b1")
	c.fire(rules.SeverityA, "a1")
	for _, s := range c.hear(3) {
		c.lacks(s, "A级")
	}
	c.pass(30 * time.Minute)
	c.one(c.hear(5), "第 1 次提醒：仍无人接警 · 限时 30 分钟接警") // and the message of B, and three reminders of A
	c.settled()
	c.pass(time.Hour)           // 12:00
	c.one(c.hear(5), "3 条告警汇总") // and reminders of A and B
}

// What went out before the program was killed goes out again as it was, under the same key, and by itself.
func TestNextLifeRepeatsTheMessage(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		before := place.Open(t)
		idle := notify.New(notify.Config{DB: before, Links: notify.NewLinks("", nil, time.Now), Now: func() time.Time { return time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC) }, Zone: time.UTC,
			Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(), Receivers: []notify.Receiver{{ID: "grid", Kind: notify.DingTalk, Severities: []string{"B"}}}})
		h := house{t: t, db: before, svc: idle, inc: incident.New(incident.Config{DB: before, Notifier: idle, Now: time.Now, Zone: time.UTC})}
		h.fire(rules.SeverityB, "b1", "b2", "b3", "b4", "b5")
		if err := before.Update(t.Context(), func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE notices SET bundle = 'the-key' WHERE kind = 'opened' AND id IN (SELECT id FROM notices WHERE kind = 'opened' ORDER BY id DESC LIMIT 3)`)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if err := before.Close(); err != nil {
			t.Fatal(err)
		}
		c := muster(t, place, nil)
		keys := map[string]string{}
		for range 3 {
			s := c.hear(1)[0]
			keys[s.key] = s.body
		}
		if len(keys) != 3 || strings.Count(keys["the-key"], "【B级") != 3 {
			t.Errorf("%v", keys)
		}
	})
}

func TestPolicyTimes(t *testing.T) {
	at := func(clock string) time.Time {
		d, err := time.Parse(time.DateTime, "2026-11-20 "+clock)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	d := notify.Digest{Every: 2 * time.Hour, From: 8 * time.Hour, To: 20 * time.Hour}
	for now, want := range map[string]string{"00:00:00": "20 08:00", "08:00:00": "20 08:00", "08:00:01": "20 10:00", "19:59:59": "20 20:00", "20:00:01": "21 08:00"} {
		if got := notify.NextDigest(d, at(now)).Format("02 15:04"); got != want {
			t.Errorf("digest after %s: %s, want %s", now, got, want)
		}
	}
	q := notify.Quiet{From: 22 * time.Hour, To: 7 * time.Hour}
	for now, want := range map[string]string{"21:59:59": "", "22:00:00": "21 07:00", "00:30:00": "20 07:00", "07:00:00": "", "12:00:00": ""} {
		end, got := notify.QuietUntil(q, at(now)), ""
		if !end.IsZero() {
			got = end.Format("02 15:04")
		}
		if got != want {
			t.Errorf("quiet at %s until %q, want %q", now, got, want)
		}
	}
	p, one := notify.DefaultPolicy(), notify.Receiver{Kind: notify.WeCom, Severities: []string{"A"}}
	if p.Gaps([]notify.Receiver{one}) == "" || p.Gaps([]notify.Receiver{one, {Kind: notify.Webhook, Severities: []string{"A"}}}) == "" || p.Gaps([]notify.Receiver{one, one}) != "" {
		t.Error("gaps")
	}
}

// A link opens for the person to whom it was sent; an old or revoked one says whom to ask.
func TestLinksOfPeople(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		c := muster(t, place, nil)
		c.fire(rules.SeverityA, "a1")
		body := c.hear(3)[1].body
		_, key, _ := strings.Cut(body, "?k=")
		key, _, _ = strings.Cut(key, `"`)
		id := c.only().ID
		if o, err := c.svc.Open(t.Context(), key); err != nil || o.Name != "王网格员" || o.Incident != id {
			t.Fatalf("%s opens %+v, %v", key, o, err)
		}
		if _, err := c.svc.Open(t.Context(), key+"x"); err == nil || err != notify.ErrLink {
			t.Errorf("forged: %v", err)
		}
		dead := func(key string, revoked bool) {
			t.Helper()
			_, err := c.svc.Open(t.Context(), key)
			d, ok := err.(*notify.DeadLink)
			if !ok || d.Revoked != revoked || d.Ask == nil || d.Ask.Name != "王网格员" || d.Ask.Phone != "" {
				t.Errorf("%+v", err)
			}
		}
		resident := c.links.Key(id, notify.Resident)
		if o, err := c.svc.Open(t.Context(), resident); err != nil || !o.Resident {
			t.Errorf("%+v, %v", o, err)
		}
		if err := c.svc.Revoke(t.Context(), id); err != nil {
			t.Fatal(err)
		}
		dead(key, true)
		dead(resident, true)
		c.pass(time.Minute)
		fresh := c.links.Key(id, "grid")
		if o, err := c.svc.Open(t.Context(), fresh); err != nil || o.Name != "网格群" {
			t.Errorf("%+v, %v", o, err)
		}
		dead(c.links.Key(id, "removed"), true)
		c.pass(25 * time.Hour)
		dead(fresh, false)
	})
}

package notify_test

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

type call struct {
	header http.Header
	body   string
	query  url.Values
	method string
}

// light runs a test on the embedded database alone: what it shows does not depend on the database.
func light(t *testing.T, run func(*testing.T, *dbtest.Place)) { run(t, dbtest.SQLite(t)) }

// house is a cloud's notify with one receiver, which is a local server.
type house struct {
	t     *testing.T
	db    *db.DB
	svc   *notify.Service
	inc   *incident.Service
	links *notify.Links
	calls chan call
	reply chan func(http.ResponseWriter) // what the receiver answers next; none: it takes the message
	told  chan string
	title string // of the next incidents; empty: that of a gas alarm
}

func open(t *testing.T, place *dbtest.Place, kind string, private bool) *house {
	return openAs(t, place, notify.Receiver{Kind: kind, AllowPrivate: private, EveryChange: kind == notify.Webhook, Secret: []byte("0123456789abcdef")})
}

// openAs fills in who the receiver is, and its address if it has none.
func openAs(t *testing.T, place *dbtest.Place, r notify.Receiver) *house {
	d := place.Open(t)
	h := &house{t: t, db: d, calls: make(chan call, 100), reply: make(chan func(http.ResponseWriter), 100), told: make(chan string, 100)}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		select {
		case answer := <-h.reply:
			answer(w)
		default:
			fmt.Fprint(w, `{"errcode":0,"errmsg":"ok"}`)
		}
		h.calls <- call{r.Header, string(body), r.URL.Query(), r.Method}
	}))
	r.ID, r.Name, r.Severities = "duty", "值班群", []string{"A", "B"}
	r.URL = cmp.Or(r.URL, server.URL+"/send?key=secret-key")
	h.links = notify.NewLinks("https://linshao.example/", []byte("0123456789abcdef0123456789abcdef"), time.Now)
	h.svc = notify.New(notify.Config{DB: d, Links: h.links, Now: time.Now, Zone: time.UTC, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
		Told:      func(id string) { h.told <- id },
		Receivers: []notify.Receiver{r}})
	h.inc = incident.New(incident.Config{DB: d, Notifier: h.svc, Now: time.Now, Zone: time.UTC})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.svc.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		server.Close()
		_ = d.Close()
	})
	return h
}

// fire makes incidents in one transaction.
func (h *house) fire(severity rules.Severity, alerts ...string) {
	h.t.Helper()
	title := cmp.Or(h.title, "燃气<高>报")
	err := h.db.Update(h.t.Context(), func(tx *sql.Tx) error {
		for _, a := range alerts {
			if _, err := h.inc.Apply(h.t.Context(), tx, "gw-1", rules.AlertEvent{Alert: a, Rule: "R16", Subject: "gas-1", Severity: severity, State: rules.Firing,
				Since: time.Now(), At: time.Now(), Title: rules.Text{ZH: title, EN: "Gas"}, Message: rules.Text{ZH: "1802 燃气 62 %LEL(阈 25)", EN: "gas"}}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	h.svc.Wake()
}

func (h *house) next() call {
	h.t.Helper()
	select {
	case c := <-h.calls:
		return c
	case <-time.After(10 * time.Second):
		h.t.Fatal("no message within 10 s")
		panic("unreachable")
	}
}

func (h *house) sent(n int) {
	h.t.Helper()
	for range n {
		select {
		case <-h.told:
		case <-time.After(10 * time.Second):
			h.t.Fatal("not noted as sent within 10 s")
		}
	}
}

// stateOf waits until the only notice has this state, and answers what the receiver said.
func (h *house) await(state string) (answer string, attempts int) {
	h.t.Helper()
	tick, limit := time.NewTicker(20*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for {
		var got string
		if err := h.db.Reader().QueryRowContext(h.t.Context(), `SELECT state, answer, attempts FROM notices WHERE kind <> 'reminder'`).Scan(&got, &answer, &attempts); err != nil {
			h.t.Fatal(err)
		}
		if got == state && attempts > 0 {
			return answer, attempts
		}
		select {
		case <-tick.C:
		case <-limit:
			h.t.Fatalf("notice is %s (%s)", got, answer)
		}
	}
}

func TestWebhookIsSignedAndRepeatedUntilTaken(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		h := open(t, place, notify.Webhook, true)
		h.reply <- func(w http.ResponseWriter) { http.Error(w, "later", http.StatusServiceUnavailable) }
		h.fire(rules.SeverityA, "a1")
		first, second := h.next(), h.next()
		for _, c := range []call{first, second} {
			want := notify.Sign([]byte("0123456789abcdef"), c.header.Get("X-Timestamp"), c.header.Get("X-Nonce"), []byte(c.body))
			if c.header.Get("X-Signature") != want || len(c.header.Get("X-Nonce")) < 16 {
				t.Errorf("signature %s of %s", c.header.Get("X-Signature"), c.header.Get("X-Nonce"))
			}
		}
		if first.header.Get("Idempotency-Key") != second.header.Get("Idempotency-Key") || first.header.Get("X-Nonce") == second.header.Get("X-Nonce") {
			t.Error("a repeated message has the same event and another nonce")
		}
		var body struct {
			Kind     string            `json:"kind"`
			Link     string            `json:"link"`
			Incident incident.Incident `json:"incident"`
		}
		if err := json.Unmarshal([]byte(second.body), &body); err != nil || body.Kind != "opened" || body.Incident.Severity != "A" {
			t.Errorf("body %s, %v", second.body, err)
		}
		_, key, _ := strings.Cut(body.Link, "?k=")
		if in, who, err := h.links.Check(key); err != nil || in != body.Incident.ID || who != "duty" {
			t.Errorf("link %s: %s %s %v", body.Link, in, who, err)
		}
		h.sent(1)
		var attempts int
		if err := h.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM attempts WHERE answer LIKE '%later%' OR ok = 1`).Scan(&attempts); err != nil || attempts != 2 {
			t.Errorf("%d attempts kept, %v", attempts, err)
		}
		list, err := incident.Timeline(t.Context(), h.db.Reader(), body.Incident.ID)
		if err != nil || len(list) != 2 || list[1].Text.ZH != "已通知：值班群" {
			t.Errorf("timeline %+v, %v", list, err)
		}
		if err := h.inc.Take(t.Context(), body.Incident.ID, incident.Person{Name: "张三"}); err != nil {
			t.Fatal(err)
		}
		h.svc.Wake()
		if c := h.next(); !strings.Contains(c.body, `"kind":"taken"`) {
			t.Errorf("a webhook follows every change, got %s", c.body)
		}
	})
}

func TestRefusedForGood(t *testing.T) {
	for name, c := range map[string]struct {
		kind   string
		answer func(http.ResponseWriter)
		said   string
	}{
		"404":        {notify.Webhook, func(w http.ResponseWriter) { http.Error(w, "no such hook", http.StatusNotFound) }, "no such hook"},
		"redirect":   {notify.Webhook, func(w http.ResponseWriter) { w.Header().Set("Location", "http://127.0.0.1:1/"); w.WriteHeader(302) }, ""},
		"robot gone": {notify.WeCom, func(w http.ResponseWriter) { fmt.Fprint(w, `{"errcode":93000,"errmsg":"invalid webhook url"}`) }, "invalid webhook url"},
	} {
		t.Run(name, func(t *testing.T) {
			light(t, func(t *testing.T, place *dbtest.Place) {
				h := open(t, place, c.kind, true)
				h.reply <- c.answer
				h.fire(rules.SeverityA, "a1")
				if said, n := h.await("refused"); !strings.Contains(said, c.said) || n != 1 {
					t.Errorf("%d attempts, the last answered %q", n, said)
				}
			})
		})
	}
}

func TestWeComWords(t *testing.T) {
	light(t, func(t *testing.T, place *dbtest.Place) {
		h := open(t, place, notify.WeCom, true)
		h.fire(rules.SeverityA, "a1")
		var m struct {
			Type     string `json:"msgtype"`
			Markdown struct {
				Content string `json:"content"`
			} `json:"markdown"`
		}
		if err := json.Unmarshal([]byte(h.next().body), &m); err != nil || m.Type != "markdown" {
			t.Fatal(err)
		}
		for _, want := range []string{"【A级·燃气‹高›报】", "62 %LEL(阈 25)", "限时 3 分钟接警", "](https://linshao.example/a/GJ-"} {
			if !strings.Contains(m.Markdown.Content, want) {
				t.Errorf("%q lacks %q", m.Markdown.Content, want)
			}
		}
	})
}

// TestOverdueIsTold: how far it is behind when the message goes out.
func TestOverdueIsTold(t *testing.T) {
	light(t, func(t *testing.T, place *dbtest.Place) {
		h := open(t, place, notify.WeCom, true)
		h.fire(rules.SeverityA, "a1")
		h.next()
		for rung, want := range []string{"曾处置超时", "超时无人接警", "处置超时，联合哨", "处置超时，攻坚哨"} {
			err := h.db.Update(t.Context(), func(tx *sql.Tx) error {
				list, _, err := incident.List(t.Context(), tx, incident.Page{In: tree.Everywhere(), Limit: 1})
				if err != nil {
					return err
				}
				if _, err := tx.ExecContext(t.Context(), `UPDATE incidents SET overdue = ?`, rung); err != nil {
					return err
				}
				return h.svc.Enqueue(t.Context(), tx, list[0], incident.KindOverdue)
			})
			if err != nil {
				t.Fatal(err)
			}
			h.svc.Wake()
			if body := h.next().body; !strings.Contains(body, " · "+want+"\\n[接警 GJ-") || strings.Contains(body, "限时") {
				t.Errorf("%s lacks %s", body, want)
			}
		}
	})
}

// A storm: what the robot's budget cannot carry alone goes into one digest; every incident is told, none twice.
func TestStormBecomesADigest(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		h := open(t, place, notify.WeCom, true)
		var alerts []string
		for i := range 18 {
			alerts = append(alerts, fmt.Sprint("b", i))
		}
		h.fire(rules.SeverityB, alerts...)
		c := h.next()
		if !strings.Contains(c.body, "18 条告警汇总") || len(c.body) > 8192 {
			t.Errorf("got %s", c.body)
		}
		h.sent(18)
		select {
		case c := <-h.calls:
			t.Errorf("one more message: %s", c.body)
		default:
		}
	})
}

func TestInsideAddressesAreRefused(t *testing.T) {
	light(t, func(t *testing.T, place *dbtest.Place) {
		h := open(t, place, notify.Webhook, false)
		h.fire(rules.SeverityA, "a1")
		said, _ := h.await("waiting")
		if !strings.Contains(said, "private address") || strings.Contains(said, "secret-key") {
			t.Errorf("answer %q", said)
		}
		if len(h.calls) != 0 {
			t.Error("it was dialled")
		}
	})
}

func TestLinks(t *testing.T) {
	now := time.Unix(1_795_300_000, 0)
	l := notify.NewLinks("https://x", []byte("0123456789abcdef"), func() time.Time { return now })
	key := l.Key("GJ-20261122-0001", "duty")
	if in, who, err := l.Check(key); err != nil || in != "GJ-20261122-0001" || who != "duty" {
		t.Errorf("%s %s %v", in, who, err)
	}
	for _, wrong := range []string{"", ".", "...", key[:len(key)-1], strings.Replace(key, "0001", "0002", 1), strings.Replace(key, "duty", "boss", 1), "z" + key} {
		if _, _, err := l.Check(wrong); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
	now = now.Add(24*time.Hour + time.Second)
	if _, _, err := l.Check(key); err == nil {
		t.Error("an old link is taken")
	}
	if notify.NewLinks("", nil, time.Now).To("GJ-1", "duty") != "" {
		t.Error("a link without a public address")
	}
}

// Words come from gateways: their length is anybody's.
func TestEndlessTitle(t *testing.T) {
	light(t, func(t *testing.T, place *dbtest.Place) {
		h := open(t, place, notify.WeCom, true)
		h.title = strings.Repeat("长", 5000)
		h.fire("A", "a")
		if body := h.next().body; len(body) > 4096 || !strings.Contains(body, "接警 GJ-") {
			t.Errorf("%d bytes: %.200s", len(body), body)
		}
		h.fire("B", strings.Split("b,c,d,e,f,g,h,i,j,k,l,m,n,o,p", ",")...)
		if body := h.next().body; len(body) > 4096 || strings.Count(body, "打开](") < 5 {
			t.Errorf("digest of %d bytes: %.200s", len(body), body)
		}
	})
}

// A message that is under way when the cloud stops is not sent a second time by the next one.
func TestStopKeepsTheAnswer(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		ctx, stop := context.WithCancel(t.Context())
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			stop()
			fmt.Fprint(w, `{"errcode":0}`)
		}))
		defer server.Close()
		svc := notify.New(notify.Config{DB: d, Links: notify.NewLinks("", nil, time.Now), Now: time.Now, Zone: time.UTC, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
			Receivers: []notify.Receiver{{ID: "duty", Name: "值班群", Kind: notify.WeCom, URL: server.URL, Severities: []string{"A"}, AllowPrivate: true}}})
		h := &house{t: t, db: d, svc: svc, inc: incident.New(incident.Config{DB: d, Notifier: svc, Now: time.Now, Zone: time.UTC})}
		h.fire("A", "a", "b")
		if err := svc.Run(ctx); err != nil {
			t.Fatal(err)
		}
		var sent, all int
		if err := d.Reader().QueryRowContext(t.Context(), `SELECT coalesce(sum(CASE WHEN state = 'sent' THEN 1 ELSE 0 END), 0), count(*) FROM notices WHERE kind <> 'reminder'`).Scan(&sent, &all); err != nil || sent != 1 || all != 2 {
			t.Errorf("%d of %d kept as sent: %v", sent, all, err)
		}
	})
}

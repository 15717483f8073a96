package app_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/app"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

func TestMain(m *testing.M) {
	if file := os.Getenv(childEnv); file != "" {
		os.Exit(child(file))
	}
	goleak.VerifyTestMain(dbtest.Main(m))
}

const gw = "gw-0142"

// street is a whole cloud on loopback with one gateway on its broker.
type street struct {
	t     *testing.T
	base  string
	http  *http.Client
	mqtt  paho.Client
	acks  chan *wire.Ack
	seq   map[uint32]uint64
	stop  func()
	start time.Time
}

const password = "correct horse 电池"

func open(t *testing.T, place *dbtest.Place, dir string, demo bool, more ...string) *street {
	t.Helper()
	file := filepath.Join(dir, "cloud.yaml")
	text := "data: data\npublic_url: http://127.0.0.1:1\nhttp: {listen: 127.0.0.1:0}\nmqtt: {listen: 127.0.0.1:0}\n" + strings.Join(more, "") + place.YAML(t, dir)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := app.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, role := range map[string]string{"张三": "operator", "看客": "viewer"} {
		if demo {
			break // a password takes its time
		}
		if err := app.AddUser(t.Context(), cfg, app.Account{Name: name, Grants: []string{role}}, password); err != nil {
			t.Fatal(err)
		}
	}
	a, err := app.New(t.Context(), cfg, app.Options{Demo: demo, Version: "test", Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &street{t: t, base: "http://" + a.HTTP() + "/api/v1", http: &http.Client{Jar: jar, Transport: &http.Transport{}}, acks: make(chan *wire.Ack, 100),
		seq: map[uint32]uint64{}, start: time.Now().Add(-time.Minute).Truncate(time.Second)}
	stopped := false
	s.stop = func() {
		if stopped {
			return
		}
		stopped = true
		if s.mqtt != nil {
			s.mqtt.Disconnect(100)
		}
		s.http.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(s.stop)
	s.connect(a.MQTT())
	return s
}

// connect says hello as a gateway and sends what its site consists of.
func (s *street) connect(addr string) {
	s.t.Helper()
	o := paho.NewClientOptions().AddBroker("tcp://" + addr).SetClientID(gw).SetAutoReconnect(false).SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) {
		var a wire.Ack
		if err := proto.Unmarshal(m.Payload(), &a); err != nil {
			s.t.Error(err)
		}
		s.acks <- &a
	})
	s.mqtt = paho.NewClient(o)
	s.wait(s.mqtt.Connect())
	s.wait(s.mqtt.Subscribe(wire.Topic(gw, wire.DownAck), 0, nil))
	s.publish(wire.UpHello, &wire.Hello{Gateway: gw, Session: 7, Version: "v", Streams: []*wire.StreamState{{Stream: 1, Epoch: 11, Next: 1}, {Stream: 2, Epoch: 12, Next: 1}}})
	for range 2 {
		a := s.ack()
		s.seq[a.Stream] = a.Cum
	}
	s.event(&wire.Event{Kind: &wire.Event_Inventory{Inventory: &wire.Inventory{Site: "jinxiu", Name: "锦绣花园", Timezone: "Asia/Shanghai",
		Devices: []*wire.Device{{Id: "gas-1", Name: "探测器", Kind: "gas", Model: "g", Place: "1802 厨房", PollMs: 1000}},
		Models:  []*wire.Model{{Name: "g", Points: []*wire.Point{{Name: "level", Unit: "%LEL"}, {Name: "status", Labels: map[int64]string{2: "高报"}}}}}}}})
	s.event(&wire.Event{Kind: &wire.Event_Device{Device: &wire.DeviceState{Device: "gas-1", Online: true, AtMs: s.start.UnixMilli()}}})
}

func (s *street) wait(t paho.Token) {
	s.t.Helper()
	if !t.WaitTimeout(10*time.Second) || t.Error() != nil {
		s.t.Fatalf("mqtt: %v", t.Error())
	}
}

func (s *street) publish(leaf string, m proto.Message) {
	s.t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		s.t.Fatal(err)
	}
	s.wait(s.mqtt.Publish(wire.Topic(gw, leaf), 1, false, b))
}

func (s *street) ack() *wire.Ack {
	s.t.Helper()
	select {
	case a := <-s.acks:
		return a
	case <-time.After(10 * time.Second):
		s.t.Fatal("not acknowledged within 10 s")
		panic("unreachable")
	}
}

func (s *street) record(stream, typ uint32, payload []byte) {
	s.t.Helper()
	s.seq[stream]++
	s.publish(wire.UpLeaf(stream), &wire.Batch{Session: 7, Stream: stream, Epoch: uint64(10 + stream), First: s.seq[stream],
		Records: []*wire.Record{{Type: typ, WallMs: s.start.UnixMilli(), Payload: payload, Crc: wire.Checksum(payload)}}})
	a := s.ack()
	for a.Stream != stream || a.Cum < s.seq[stream] { // one that is said again because somebody looks at the site
		a = s.ack()
	}
	if a.Cum != s.seq[stream] {
		s.t.Fatalf("acknowledged %v, want %d", a, s.seq[stream])
	}
}

func (s *street) event(e *wire.Event) {
	s.t.Helper()
	b, err := proto.Marshal(e)
	if err != nil {
		s.t.Fatal(err)
	}
	s.record(1, wire.TypeEvent, b)
}

func (s *street) readings(rs ...device.Reading) {
	s.t.Helper()
	enc, err := wire.NewEncoder()
	if err != nil {
		s.t.Fatal(err)
	}
	b, err := enc.Encode(rs)
	if err != nil {
		s.t.Fatal(err)
	}
	s.record(2, wire.TypeReadings, b)
}

func (s *street) fire(alert string, state rules.State) {
	s.t.Helper()
	s.event(&wire.Event{Kind: &wire.Event_Alert{Alert: wire.FromAlert(rules.AlertEvent{Alert: alert, Rule: "R16", Subject: "gas-1", Severity: rules.SeverityA, State: state,
		Since: s.start, At: s.start, Title: rules.Text{ZH: "燃气高报", EN: "Gas high"}, Message: rules.Text{ZH: "62", EN: "62"},
		Evidence: []rules.Evidence{{Name: "level", Unit: "%LEL", Value: 62, Quality: device.Good}}, Limit: &rules.Limit{Point: "level", Value: 25, Unit: "%LEL", Above: true}})}})
}

func level(v float64, at time.Time) device.Reading {
	return device.Reading{Device: "gas-1", Point: "level", Value: v, Quality: device.Good, Time: at}
}

// ask makes a request; out is filled from the answer's JSON.
// encoding is how an answer comes.
func (s *street) encoding(path, accept string) string {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", accept)
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.Header.Get("Content-Encoding")
}

func (s *street) ask(method, path, body string, out any, header ...string) int {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.base+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(b, out); err != nil {
			s.t.Fatalf("%s %s: %v in %s", method, path, err, b)
		}
	}
	return resp.StatusCode
}

type problem struct {
	Code    string   `json:"code"`
	Message string   `json:"message"`
	Details []string `json:"details"`
}

// wrong asks and checks the refusal.
func (s *street) wrong(method, path, body string, status int, code string, header ...string) problem {
	s.t.Helper()
	var p problem
	if got := s.ask(method, path, body, &p, header...); got != status || p.Code != code || p.Message == "" {
		s.t.Errorf("%s %s: %d %+v, want %d %s", method, path, got, p, status, code)
	}
	return p
}

// text is an answer that is no JSON.
func (s *street) text(path string) string {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.base+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	resp, err := s.http.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/csv") {
		s.t.Errorf("%s: %d %s %v", path, resp.StatusCode, resp.Header.Get("Content-Type"), err)
	}
	return string(b)
}

func (s *street) login(name string) {
	s.t.Helper()
	if got := s.ask("POST", "/login", fmt.Sprintf(`{"name":%q,"password":%q}`, name, password), nil); got != 200 {
		s.t.Fatalf("login: %d", got)
	}
}

func TestRefusals(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		s := open(t, place, dbtest.Dir(t), false)
		s.fire("a1", rules.Firing)
		for _, path := range []string{"/session", "/incidents", "/incidents/outcomes.csv", "/incidents/GJ-1", "/sites", "/sites/jinxiu", "/sites/jinxiu/org", "/org", "/devices/" + gw + "/gas-1", "/series/" + gw + "/gas-1/level", "/stream"} {
			s.wrong("GET", path, "", 401, "login_required")
		}
		s.wrong("POST", "/incidents/GJ-1/take", "{}", 401, "login_required")
		if p := s.wrong("GET", "/session", "", 401, "login_required", "Accept-Language", "en-GB,zh;q=0.5"); p.Message != "please sign in" {
			t.Errorf("english: %q", p.Message)
		}
		if p := s.wrong("GET", "/session", "", 401, "login_required", "Accept-Language", "fr"); p.Message != "请先登录" {
			t.Errorf("chinese: %q", p.Message)
		}
		s.wrong("POST", "/login", `{"name":"张三"}`, 422, "bad_request")
		s.wrong("POST", "/login", `{`, 400, "bad_request")
		s.wrong("POST", "/login", `{"name":"张三","password":"`+strings.Repeat("x", 100<<10)+`"}`, 413, "too_large")
		s.wrong("POST", "/login", `{"name":"张三","password":"no"}`, 401, "bad_login")
		s.wrong("POST", "/login", `{"name":"nobody","password":"no"}`, 401, "bad_login")
		s.wrong("POST", "/logout", "", 403, "cross_origin", "Sec-Fetch-Site", "cross-site")
		s.wrong("POST", "/logout", "", 403, "cross_origin", "Origin", "https://evil.example")

		s.login("看客")
		var page struct {
			Incidents []struct{ ID string } `json:"incidents"`
		}
		if got := s.ask("GET", "/incidents", "", &page); got != 200 || len(page.Incidents) != 1 {
			t.Fatalf("incidents: %d %+v", got, page)
		}
		id := page.Incidents[0].ID
		s.wrong("POST", "/incidents/"+id+"/take", "{}", 403, "forbidden")
		s.wrong("POST", "/incidents/"+id+"/close", `{"outcome":"real"}`, 403, "forbidden")
		s.login("张三")
		s.wrong("GET", "/nothing", "", 404, "not_found")
		s.wrong("GET", "/incidents/GJ-1", "", 404, "not_found")
		s.wrong("POST", "/incidents/GJ-1/take", "{}", 404, "not_found")
		s.wrong("GET", "/sites/none", "", 404, "not_found")
		s.wrong("GET", "/sites/jinxiu/org", "", 404, "not_found") // it hangs on no node
		s.wrong("GET", "/org?node=none", "", 404, "not_found")
		s.wrong("GET", "/devices/"+gw+"/none", "", 404, "not_found")
		s.wrong("GET", "/series/"+gw+"/gas-1/none", "", 404, "not_found")
		s.wrong("GET", "/series/"+gw+"/gas-1/level?from=2000&to=1000", "", 422, "bad_range")
		s.wrong("GET", "/sites/jinxiu/ledger?from=1&to=86400000000", "", 422, "bad_range")
		s.wrong("GET", "/sites/jinxiu/ledger?from=1&to=3000000000", "", 422, "bad_range") // of all its devices: no more than a month
		s.wrong("GET", "/series/"+gw+"/gas-1/level?max=0", "", 422, "bad_request")
		s.wrong("GET", "/series/"+gw+"/gas-1/level?from=x", "", 422, "bad_request")
		s.wrong("GET", "/incidents?handling=done", "", 422, "bad_request")
		s.wrong("GET", "/incidents?limit=1000", "", 422, "bad_request")
		s.wrong("GET", "/incidents?before=nonsense", "", 422, "bad_request")
		s.wrong("POST", "/incidents/"+id+"/close", `{"outcome":"maybe"}`, 422, "bad_request")
		s.wrong("POST", "/incidents/"+id+"/close", `{"outcome":"real"}`, 409, "wrong_state")
		if got := s.ask("POST", "/incidents/"+id+"/take", "{}", nil); got != 200 {
			t.Errorf("take: %d", got)
		}
		if p := s.wrong("POST", "/incidents/"+id+"/take", "{}", 409, "wrong_state", "Accept-Language", "en"); !strings.Contains(p.Message, "already taken by 张三 at ") {
			t.Errorf("says %q", p.Message)
		}
		s.wrong("POST", "/incidents/"+id+"/close", `{"outcome":"real"}`, 409, "wrong_state")
		var session struct{ Rights map[string][]string }
		if got := s.ask("GET", "/session", "", &session); got != 200 || !slices.Equal(session.Rights["take"], []string{""}) || session.Rights["manage"] != nil {
			t.Errorf("%d, rights of an operator of the whole street: %v", got, session.Rights)
		}
		if got := s.ask("POST", "/logout", "", nil); got != 204 {
			t.Errorf("logout: %d", got)
		}
		s.wrong("GET", "/session", "", 401, "login_required")
		for range 3 {
			s.ask("POST", "/login", `{"name":"张三","password":"no"}`, nil)
		}
		for range 2 {
			s.ask("POST", "/login", `{"name":"张三","password":"no"}`, nil)
		}
		s.wrong("POST", "/login", fmt.Sprintf(`{"name":"张三","password":%q}`, password), 429, "locked")
	})
}

func TestStoryOfAnAlert(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		dir := dbtest.Dir(t)
		s := open(t, place, dir, true)
		s.readings(level(1, s.start), level(2, s.start.Add(time.Second)), device.Reading{Device: "gas-1", Point: "status", Value: 2, Quality: device.Good, Time: s.start})
		s.fire("a1", rules.Firing)
		var page struct {
			Incidents []struct{ ID, SiteName, Place, Handling, Condition string } `json:"incidents"`
			Counts    struct{ Open, Handling, Closed int }                        `json:"counts"`
		}
		s.ask("GET", "/incidents?handling=open", "", &page)
		if len(page.Incidents) != 1 || page.Counts.Open != 1 || page.Incidents[0].SiteName != "锦绣花园" || page.Incidents[0].Place != "1802 厨房" {
			t.Fatalf("%+v", page)
		}
		id := page.Incidents[0].ID
		var detail struct {
			TakenBy, Handling, Condition, Outcome string
			Why                                   struct{ ZH string }
			Chart                                 struct{ Point string }
			Snoozable                             bool
			Timeline                              []struct{ Kind string }
		}
		if got := s.ask("POST", "/incidents/"+id+"/take", "{}", &detail); got != 200 || detail.TakenBy != "演示" || detail.Chart.Point != "level" || detail.Snoozable || len(detail.Timeline) != 2 {
			t.Fatalf("%d %+v", got, detail)
		}
		if got := s.ask("POST", "/incidents/"+id+"/close", `{"outcome":"drill","note":"演练","evenActive":true}`, &detail); got != 200 || detail.Handling != "closed" || detail.Condition != "active" {
			t.Fatalf("%d %+v", got, detail)
		}
		if got := s.text("/incidents/outcomes.csv"); !strings.HasPrefix(got, "alert,outcome,rule,device,gateway,closed_at\n") || strings.Count(got, "\n") != 2 || !strings.Contains(got, "a1,drill,") {
			t.Error(got)
		}
		if got := s.text("/incidents/outcomes.csv?gateway=gw-other"); strings.Count(got, "\n") != 1 {
			t.Error(got)
		}
		s.fire("a1", rules.Resolved)
		if s.ask("GET", "/incidents/"+id, "", &detail); detail.Condition != "recovered" || detail.Outcome != "drill" {
			t.Errorf("%+v", detail)
		}
		var site struct {
			Name    string
			Online  bool
			Devices []struct {
				Online bool
				Points []struct {
					Name, Label, Quality string
					Value                *float64
				}
			}
		}
		s.eventually("values of the site", func() bool {
			s.ask("GET", "/sites/jinxiu", "", &site)
			p := site.Devices[0].Points
			return site.Online && site.Devices[0].Online && p[0].Value != nil && *p[0].Value == 2 && p[1].Label == "高报" && p[1].Quality == "good"
		})
		var sites struct {
			Sites []struct{ ID string }
			Total int
		}
		if s.ask("GET", "/sites?offline=true", "", &sites); len(sites.Sites) != 0 || sites.Total != 1 {
			t.Errorf("a site that is online among the silent ones: %+v", sites)
		}
		if s.ask("GET", "/sites", "", &sites); len(sites.Sites) != 1 || sites.Total != 1 {
			t.Errorf("%+v", sites)
		}
		var chart struct {
			Unit   string
			Points [][3]float64
		}
		if s.ask("GET", fmt.Sprintf("/series/%s/gas-1/level?from=%d&to=%d", gw, s.start.UnixMilli(), s.start.Add(2*time.Second).UnixMilli()), "", &chart); chart.Unit != "%LEL" || len(chart.Points) != 2 || chart.Points[1][1] != 2 {
			t.Errorf("%+v", chart)
		}
		var doc struct {
			Paths map[string]any `json:"paths"`
		}
		if s.ask("GET", "/openapi.json", "", &doc); len(doc.Paths) < 35 {
			t.Errorf("the document has %d paths", len(doc.Paths))
		}
		for _, c := range []struct{ path, accept, want string }{
			{"/openapi.json", "br, gzip;q=0.8", "gzip"}, {"/openapi.json", "gzip;q=0", ""}, {"/modes", "gzip", ""}, {"/stream", "gzip", ""},
		} {
			if got := s.encoding(c.path, c.accept); got != c.want {
				t.Errorf("%s for %q comes as %q, want %q", c.path, c.accept, got, c.want)
			}
		}
		s.stop() // and the state is there after a restart
		s = open(t, place, dir, true)
		if s.ask("GET", "/incidents/"+id, "", &detail); detail.Outcome != "drill" {
			t.Errorf("after a restart %+v", detail)
		}
	})
}

func (s *street) eventually(what string, look func() bool) {
	s.t.Helper()
	tick, limit := time.NewTicker(50*time.Millisecond), time.After(10*time.Second)
	defer tick.Stop()
	for !look() {
		select {
		case <-tick.C:
		case <-limit:
			s.t.Fatalf("%s: not within 10 s", what)
		}
	}
}

// stream opens a live stream; next answers its events.
func (s *street) stream(query string, header ...string) (next func() (id, kind, data string), end func()) {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", s.base+"/stream"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := s.http.Do(req)
	if err != nil || resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		s.t.Fatalf("stream: %v %v", resp, err)
	}
	lines := bufio.NewScanner(resp.Body)
	timer := time.AfterFunc(20*time.Second, cancel)
	return func() (id, kind, data string) {
			for lines.Scan() {
				key, value, _ := strings.Cut(lines.Text(), ": ")
				switch key {
				case "id":
					id = value
				case "event":
					kind = value
				case "data":
					data = value
				case "":
					if kind != "" && kind != "ping" {
						return id, kind, data
					}
					kind = ""
				}
			}
			s.t.Fatalf("stream ended: %v", lines.Err())
			return
		}, func() {
			timer.Stop()
			cancel()
			resp.Body.Close()
		}
}

func TestLiveStreamAndResume(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		s := open(t, place, dbtest.Dir(t), true)
		next, end := s.stream("?device=" + gw + "/gas-1")
		s.fire("a1", rules.Firing)
		seen := map[string]string{}
		last := ""
		for seen["incident"] == "" || !strings.Contains(seen["site"], `"open":{"A":1`) {
			id, kind, data := next()
			seen[kind], last = data, id
		}
		if !strings.Contains(seen["incident"], `"condition":"active"`) {
			t.Errorf("%v", seen)
		}
		s.readings(level(7, s.start))
		for {
			if _, kind, data := next(); kind == "readings" {
				if !strings.Contains(data, `"device":"gas-1"`) || !strings.Contains(data, `"value":7`) || !strings.Contains(data, `"unit":"%LEL"`) {
					t.Errorf("readings %s", data)
				}
				break
			}
		}
		end()
		s.fire("a1", rules.Resolved)
		next, end = s.stream("", "Last-Event-ID", last)
		for {
			_, kind, data := next()
			if kind == "reset" {
				t.Fatal("told to read everything again, though nothing was lost")
			}
			if kind == "incident" && strings.Contains(data, `"condition":"recovered"`) {
				break
			}
		}
		end()
		for _, id := range []string{"1", "99999999999999999"} {
			next, end = s.stream("", "Last-Event-ID", id)
			if _, kind, _ := next(); kind != "reset" {
				t.Errorf("an event number of another life got %q", kind)
			}
			end()
		}
	})
}

// The link of a message opens one incident, lets it be taken, shows its chart, and nothing else.
func TestLinkOfAMessage(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		calls := make(chan string, 10)
		street := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			var hook struct{ Link string }
			if err := json.NewDecoder(r.Body).Decode(&hook); err != nil {
				t.Error(err)
			}
			calls <- hook.Link
		}))
		defer street.Close()
		dir := dbtest.Dir(t)
		if err := os.WriteFile(filepath.Join(dir, "street.key"), []byte("0123456789abcdef"), 0o600); err != nil {
			t.Fatal(err)
		}
		notify := "notify:\n  - {id: duty, name: 值班群, kind: webhook, url: '" + street.URL + "', secret_file: street.key, allow_private: true}\n"
		s := open(t, place, dir, false, notify)
		s.fire("a1", rules.Firing)
		s.readings(level(1, s.start))
		var link string
		select {
		case link = <-calls:
		case <-time.After(10 * time.Second):
			t.Fatal("nobody was told")
		}
		address, k, _ := strings.Cut(link, "?k=")
		id := address[strings.LastIndexByte(address, '/')+1:]
		k = "?k=" + k
		var who struct{ User struct{ Name, Role string } }
		if got := s.ask("GET", "/session"+k, "", &who); got != 200 || who.User.Name != "值班群" || who.User.Role != "link" {
			t.Errorf("%d %+v", got, who)
		}
		if got := s.ask("GET", "/series/"+gw+"/gas-1/level"+k, "", nil); got != 200 {
			t.Errorf("chart: %d", got)
		}
		var detail struct{ TakenBy string }
		if got := s.ask("POST", "/incidents/"+id+"/take"+k, "{}", &detail); got != 200 || detail.TakenBy != "值班群" {
			t.Errorf("take: %d %+v", got, detail)
		}
		for _, path := range []string{"/incidents", "/sites", "/sites/jinxiu", "/sites/jinxiu/org", "/org", "/incidents/GJ-20261122-9999", "/devices/" + gw + "/gas-1", "/series/" + gw + "/gas-2/level"} {
			s.wrong("GET", path+k, "", 401, "login_required")
		}
		s.wrong("POST", "/incidents/"+id+"/close"+k, `{"outcome":"real"}`, 401, "login_required")
		s.wrong("GET", "/incidents/"+id+k+"x", "", 401, "login_required")
	})
}

func TestDemoNeedsLoopback(t *testing.T) {
	file := filepath.Join(dbtest.Dir(t), "cloud.yaml")
	if err := os.WriteFile(file, []byte("data: d\nhttp: {listen: 0.0.0.0:0, behind_proxy: true}\nmqtt: {listen: 127.0.0.1:0}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := app.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := app.New(t.Context(), cfg, app.Options{Demo: true, Log: slog.Default(), Now: time.Now}); err == nil || !strings.Contains(err.Error(), "loopback") {
		t.Errorf("got %v, %v", a, err)
	}
}

func TestPageIsServed(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		s := open(t, place, dbtest.Dir(t), false)
		root := strings.TrimSuffix(s.base, "/api/v1")
		for path, want := range map[string]int{"/": 200, "/sites/x": 200, "/a/GJ-1?k=x": 200, "/healthz": 200, "/metrics": 200, "/assets/none.js": 404} {
			resp, err := s.http.Get(root + path)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != want {
				t.Errorf("%s: %d, %v", path, resp.StatusCode, err)
			}
			if path == "/metrics" && !bytes.Contains(b, []byte("linshao_ingest_messages_total")) {
				t.Error("metrics lack ingest")
			}
		}
		u, _ := url.Parse(root)
		if len(s.http.Jar.Cookies(u)) != 0 {
			t.Error("a cookie without a login")
		}
	})
}

package status_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/status"
	"github.com/linshao/linshao/rules"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// page is a running status page of a small site.
type page struct {
	addr   string
	latest *status.Latest
	health error
	resets []string
}

func start(t *testing.T, change func(*status.Config)) *page {
	t.Helper()
	p := &page{latest: status.NewLatest()}
	at := time.Date(2026, 11, 22, 5, 0, 0, 0, time.UTC)
	d := device.Device{ID: "gas-1", Name: "<b>探测器", Poll: time.Second, Points: []device.Point{
		{Device: "gas-1", Name: "level", Unit: "%LEL"}, {Device: "gas-1", Name: "status", Labels: map[int64]string{0: "正常"}}, {Device: "gas-1", Name: "never"}, {Device: "gas-1", Name: "lost"}}}
	cfg := status.Config{Listen: "127.0.0.1:0", Site: "锦绣花园", Gateway: "gw-1", Version: "v1", Location: time.UTC, Devices: []device.Device{d},
		Now:     func() time.Time { return at },
		Healthy: func() error { return p.health },
		State: func() status.State {
			return status.State{Channels: []status.Channel{{ID: "rs485-1", Driver: "modbus-rtu", Up: true, Busy: .37}}, Events: status.Backlog{Records: 12}, Uplink: "offline"}
		},
		Alerts: func(context.Context) ([]rules.AlertEvent, error) {
			return []rules.AlertEvent{{Alert: "R16/gas-1/x", State: rules.Firing, Severity: rules.SeverityA, Title: rules.Text{ZH: "燃气高报", EN: "Gas high"}, Since: at}}, nil
		},
		Reset: func(_ context.Context, alert string) (bool, error) {
			p.resets = append(p.resets, alert)
			return true, nil
		},
		Outputs:  func() []action.View { return nil },
		Gatherer: prometheus.NewRegistry(), Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	in := make(chan []device.Reading, 1)
	in <- []device.Reading{{Device: "gas-1", Point: "level", Value: 62.5, Quality: device.Good, Time: at.Add(-2 * time.Second)},
		{Device: "gas-1", Point: "status", Value: 0, Quality: device.Good, Time: at.Add(-5 * time.Minute)},
		{Device: "gas-1", Point: "lost", Value: math.NaN(), Reason: device.Timeout, Time: at}}
	close(in)
	p.latest.Run(in)
	s, err := status.New(cfg, p.latest)
	if err != nil {
		t.Fatal(err)
	}
	p.addr = s.Addr()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// do sends a request and answers status and text.
func (p *page) do(t *testing.T, method, path string, set func(*http.Request)) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+p.addr+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	if set != nil {
		set(req)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

func TestThePageShowsValueQualityAgeAndReason(t *testing.T) {
	p := start(t, nil)
	_, text := p.do(t, "GET", "/", func(r *http.Request) { r.Header.Set("Accept-Language", "en") })
	for _, want := range []string{"62.5 %LEL", "<li class=\"good\"><span>level", "2 s ago", "<li class=\"uncertain\"><span>status", "正常", "5 min ago",
		"no reading yet", "timeout", "37 %", "Gas high", "down, readings stay here", "events 12", "&lt;b&gt;探测器", `lang="en"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if _, zh := p.do(t, "GET", "/", func(r *http.Request) { r.Header.Set("Accept-Language", "fr,zh-CN;q=0.9") }); !strings.Contains(zh, "没有应答") || !strings.Contains(zh, "燃气高报") {
		t.Error("no Chinese")
	}
	if t.Failed() {
		t.Log(text)
	}
}

func TestThePlainPageIsWordsAlone(t *testing.T) {
	p := start(t, nil)
	code, text := p.do(t, "GET", "/plain", nil)
	if code != 200 || !strings.Contains(text, "62.5 %LEL") || !strings.Contains(text, "燃气高报") {
		t.Error(code, text)
	}
	for _, no := range []string{"stylesheet", "script", "http-equiv"} {
		if strings.Contains(text, no) {
			t.Errorf("it has a %s", no)
		}
	}
}

func TestHealthz(t *testing.T) {
	p := start(t, nil)
	if code, text := p.do(t, "GET", "/healthz", nil); code != 200 || text != "{\"ok\":true}\n" {
		t.Error(code, text)
	}
	p.health = errors.New("the safety loop has not ticked for 11s")
	if code, text := p.do(t, "GET", "/healthz", nil); code != 503 || !strings.Contains(text, `"reason":"the safety loop`) {
		t.Error(code, text)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	open := start(t, nil)
	locked := start(t, func(c *status.Config) { c.User, c.Password = "op", "s3cret" })
	log := func(user, password string) func(*http.Request) {
		return func(r *http.Request) { r.SetBasicAuth(user, password) }
	}
	cases := []struct {
		name, method, path string
		page               *page
		set                func(*http.Request)
		want               int
	}{
		{"page", "GET", "/", open, nil, 200},
		{"style", "GET", "/style.css", open, nil, 200},
		{"foreign name", "GET", "/", open, func(r *http.Request) { r.Host = "evil.example" }, 421},
		{"reset", "POST", "/reset?alert=a", open, nil, 303},
		{"reset from elsewhere", "POST", "/reset?alert=b", open, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403},
		{"reset by GET", "GET", "/reset?alert=c", open, nil, 405},
		{"no such page", "GET", "/x", open, nil, 404},
		{"no password", "GET", "/", locked, nil, 401},
		{"health without password", "GET", "/healthz", locked, nil, 401},
		{"metrics without password", "GET", "/metrics", locked, nil, 401},
		{"wrong password", "GET", "/", locked, log("op", "s3cre"), 401},
		{"wrong user", "GET", "/", locked, log("root", "s3cret"), 401},
		{"log in", "GET", "/metrics", locked, log("op", "s3cret"), 200},
		{"log in under another name", "GET", "/", locked, func(r *http.Request) { r.Host = "gw.lan"; r.SetBasicAuth("op", "s3cret") }, 200},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if code, text := c.page.do(t, c.method, c.path, c.set); code != c.want {
				t.Errorf("%d, want %d: %s", code, c.want, text)
			}
		})
	}
	if len(open.resets) != 1 || open.resets[0] != "a" {
		t.Errorf("resets %v", open.resets)
	}
}

func TestAPageWithoutKnowingTheAlertsIsNoPage(t *testing.T) {
	p := start(t, func(c *status.Config) {
		c.Alerts = func(context.Context) ([]rules.AlertEvent, error) { return nil, errors.New("rules have ended") }
	})
	code, text := p.do(t, "GET", "/", func(r *http.Request) { r.Header.Set("Accept-Language", "en") })
	if code != 503 || strings.Contains(text, "No alerts now") || !strings.Contains(text, "its alerts are not known") {
		t.Error(code, text)
	}
}

// TestABadDiskIsOnThePage: since when, and what the system said.
func TestABadDiskIsOnThePage(t *testing.T) {
	p := start(t, func(c *status.Config) {
		c.State = func() status.State {
			return status.State{Uplink: "connected", Degraded: time.Date(2026, 11, 22, 4, 58, 7, 0, time.UTC), Cause: "sync segment: input/output error"}
		}
	})
	for lang, want := range map[string]string{"zh": "存储写不进去", "en": "The disk takes nothing"} {
		_, text := p.do(t, "GET", "/", func(r *http.Request) { r.Header.Set("Accept-Language", lang) })
		if !strings.Contains(text, want) || !strings.Contains(text, "11-22 04:58:07") || !strings.Contains(text, "sync segment: input/output error") {
			t.Errorf("%s: %s", lang, text)
		}
	}
	if _, text := start(t, nil).do(t, "GET", "/", nil); strings.Contains(text, "存储写不进去") {
		t.Error("a good disk is called bad")
	}
}

// TestRefusedRulesAreOnThePage: since when, and every mistake.
func TestRefusedRulesAreOnThePage(t *testing.T) {
	p := start(t, func(c *status.Config) {
		c.Rules = func() status.Rules {
			return status.Rules{Hash: "0123456789ab", Emergency: true, At: time.Date(2026, 11, 22, 4, 58, 7, 0, time.UTC),
				Problems: []string{"rules/gas.yaml:7:5: unknown key", "rules/gas.yaml:9:1: <b>"}}
		}
	})
	for lang, want := range map[string][2]string{"zh": {"规则文件有错误", "急模式"}, "en": {"The rule files have mistakes", "emergency mode"}} {
		_, text := p.do(t, "GET", "/", func(r *http.Request) { r.Header.Set("Accept-Language", lang) })
		for _, word := range []string{want[0], want[1], "11-22 04:58:07", "rules/gas.yaml:7:5: unknown key", "9:1: &lt;b&gt;"} {
			if !strings.Contains(text, word) {
				t.Errorf("%s: no %q in %s", lang, word, text)
			}
		}
	}
}

// Rules that hang are what people come to the page to see: it says so within seconds.
func TestThePageDoesNotWaitForRulesThatHang(t *testing.T) {
	p := start(t, func(c *status.Config) {
		c.Healthy = func() error { return errors.New("the safety loop has not ticked for 9s") }
		c.Alerts = func(ctx context.Context) ([]rules.AlertEvent, error) { <-ctx.Done(); return nil, ctx.Err() }
		c.Reset = func(ctx context.Context, _ string) (bool, error) { <-ctx.Done(); return false, ctx.Err() }
	})
	began := time.Now()
	if code, text := p.do(t, "GET", "/", nil); code != http.StatusServiceUnavailable || !strings.Contains(text, "has not ticked for 9s") {
		t.Error(code, text)
	}
	if code, text := p.do(t, "POST", "/reset?alert=a", nil); code != http.StatusServiceUnavailable || !strings.Contains(text, "稍后再试") {
		t.Error(code, text)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}

// A line that is too full says so, beside who takes its time.
func TestThePageShowsWhoFillsALine(t *testing.T) {
	p := start(t, func(cfg *status.Config) {
		cfg.State = func() status.State {
			return status.State{Channels: []status.Channel{
				{ID: "rs485-1", Driver: "modbus-rtu", Up: true, Busy: .97, Planned: true, Plan: 2.4, Over: true, Stretch: 2.37, Eaters: []status.Eater{{Name: "<A-03>", Share: .4}, {Name: "gas-1", Share: .052}}},
				{ID: "rs485-2", Driver: "dlt645", Planned: true, Plan: 1.2},
				{ID: "cameras", Driver: "rtsp", Busy: .5}}}
		}
	})
	_, en := p.do(t, "GET", "/", func(r *http.Request) { r.Header.Set("Accept-Language", "en") })
	_, zh := p.do(t, "GET", "/", nil)
	for _, want := range []string{"97 %", "240 %", "2.4 times as long", "<span>&lt;A-03&gt; 40.0 %</span> · <span>gas-1 5.2 %</span>", "more is configured than the line carries"} {
		if !strings.Contains(en, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Count(en, "class=\"eaters\"") != 1 || strings.Count(en, "<p class=\"full\">") != 2 || !strings.Contains(zh, "读不过来，周期拉长到 2.4 倍") || !strings.Contains(zh, "按配置排不下") || !strings.Contains(zh, "占用最多：<span>&lt;A-03&gt;") {
		t.Error("the lines are not shown right")
	}
}

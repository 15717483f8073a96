package app_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/sdk"
	"github.com/linshao/linshao/firmware-sim/freeport"
	"github.com/linshao/linshao/gateway/app"
)

// TestMain lets the test binary be a driver too.
func TestMain(m *testing.M) {
	if os.Getenv("LINSHAO_TEST_DRIVER") == "1" {
		sdk.Serve(fragile{})
		return
	}
	goleak.VerifyTestMain(m)
}

func TestALeakClosesTheValveAndIsOnDisk(t *testing.T) {
	k := &kitchen{open: true}
	dir := t.TempDir()
	s := site(t, dir, k.serve(t))
	g := start(t, app.Config{Site: s})
	eventually(t, "the detector is read", func() bool { reads, _, _ := k.state(); return reads > 2 })

	began := time.Now()
	k.set(62)
	eventually(t, "the valve closes", func() bool { _, _, open := k.state(); return !open })
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the valve closed %v after the leak, at a poll interval of 100 ms", took)
	}
	eventually(t, "the page shows the alert", func() bool {
		_, page := g.get(t, "/", "en-GB,en")
		return strings.Contains(page, "Gas high alarm") && strings.Contains(page, "62 %LEL") && strings.Contains(page, "Reset on site")
	})
	if _, page := g.get(t, "/", "zh-CN"); !strings.Contains(page, "燃气高报") || !strings.Contains(page, "设备") {
		t.Error("the Chinese page is not Chinese")
	}
	eventually(t, "the safety loop ticks", func() bool { code, _ := g.get(t, "/healthz", ""); return code == http.StatusOK })
	if _, text := g.get(t, "/metrics", ""); !strings.Contains(text, `linshao_channel_requests_total{channel="tcp"}`) || !strings.Contains(text, `linshao_actions_total{outcome="confirmed"} 1`) {
		t.Error("metrics are missing")
	}
	g.stop()

	got := strings.Join(events(t, dir), ", ")
	for _, want := range []string{"boot 1 first, inventory 4", "gas-1 online true", "R16 firing, valve-1 intent, valve-1 confirmed"} {
		if !strings.Contains(got, want) {
			t.Errorf("events: %s\nwant: %s", got, want)
		}
	}
	decoder, err := wire.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	points := map[string]int{}
	for _, r := range records(t, dir, wire.StreamTelemetry) {
		rs, err := decoder.Readings(r.Payload)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range rs {
			if x.Quality == device.Good {
				points[x.Device+"."+x.Point]++
			}
		}
	}
	if points["gas-1.level"] < 3 || points["valve-1.open"] < 2 || points["gateway.uptime"] < 1 {
		t.Errorf("telemetry: %v", points)
	}
}

func TestALatchedAlertSurvivesARestartAndIsResetByAPerson(t *testing.T) {
	k := &kitchen{open: true, level: 62}
	dir := t.TempDir()
	addr := k.serve(t)
	g := start(t, app.Config{Site: site(t, dir, addr)})
	eventually(t, "the valve closes", func() bool { _, _, open := k.state(); return !open })
	g.stop()
	_, writes, _ := k.state()

	g = start(t, app.Config{Site: site(t, dir, addr)})
	reads, _, _ := k.state()
	eventually(t, "the detector is read again", func() bool { now, _, _ := k.state(); return now > reads+5 })
	if _, page := g.get(t, "/", "en"); !strings.Contains(page, "Gas high alarm") {
		t.Error("the alert was forgotten")
	}
	if _, now, _ := k.state(); now != writes {
		t.Errorf("the valve was written %d times more after the restart", now-writes)
	}
	id := alertID(t, g)
	if to := g.reset(t, id, "http://"+g.StatusAddr()); to != "/?reset=held" {
		t.Errorf("a reset while there is gas answers %q", to)
	}
	if to := g.reset(t, id, "https://evil.example"); to != "403" {
		t.Errorf("a reset from a foreign page answers %q", to)
	}
	k.set(0)
	eventually(t, "the alert can be reset", func() bool { return g.reset(t, id, "http://"+g.StatusAddr()) == "/?reset=done" })
	g.stop()
	got := strings.Join(events(t, dir), ", ")
	if !strings.Contains(got, "boot 2 clean") || !strings.HasSuffix(got, "R16 resolved") || strings.Count(got, "R16 firing") != 1 {
		t.Errorf("events: %s", got)
	}
}

func TestAValveThatDoesNotCloseReachesPeople(t *testing.T) {
	k := &kitchen{open: true, level: 62, stuck: true}
	dir := t.TempDir()
	addr := k.serve(t)
	g := start(t, app.Config{Site: site(t, dir, addr)})
	eventually(t, "the failure is on the page", func() bool {
		_, page := g.get(t, "/", "en")
		return strings.Contains(page, "Action failed") && strings.Contains(page, "told to close the gas valve, not confirmed in 3 attempts")
	})
	g.stop()
	g = start(t, app.Config{Site: site(t, dir, addr)})
	eventually(t, "the failure is on the page after a restart", func() bool { _, page := g.get(t, "/", "en"); return strings.Contains(page, "Action failed") })
	k.mu.Lock()
	k.open = false // by hand
	k.mu.Unlock()
	eventually(t, "the failure is over", func() bool { _, page := g.get(t, "/", "en"); return !strings.Contains(page, "Action failed") })
	g.stop()
	got := strings.Join(events(t, dir), ", ")
	if !strings.Contains(got, "valve-1 failed, R26 firing") || strings.Count(got, "R26 firing") != 1 || !strings.Contains(got, "R26 resolved") {
		t.Errorf("events: %s", got)
	}
}

func alertID(t *testing.T, g *running) string {
	t.Helper()
	_, page := g.get(t, "/", "en")
	_, rest, ok := strings.Cut(page, `name="alert" value="`)
	id, _, closed := strings.Cut(rest, `"`)
	if !ok || !closed {
		t.Fatal("no form to reset")
	}
	return id
}

// reset presses the button of a page of an origin and answers where that leads, or the status.
func (r *running) reset(t *testing.T, alert, origin string) string {
	t.Helper()
	form := url.Values{"alert": {alert}}.Encode()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+r.StatusAddr()+"/reset", strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Origin", origin)
	req.Close = true
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSeeOther {
		return resp.Header.Get("Location")
	}
	return fmt.Sprint(resp.StatusCode)
}

func TestADeadFieldIsToldAndTheGatewayStartsAnyway(t *testing.T) {
	dir := t.TempDir()
	s := site(t, dir, freeport.Address(t))
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"rules.state", "boot.json"} {
		if err := os.WriteFile(filepath.Join(dir, "data", name), []byte("{damaged"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	g := start(t, app.Config{Site: s})
	eventually(t, "the page says that the channel is down", func() bool {
		_, page := g.get(t, "/", "en")
		return strings.Contains(page, "channel down") && strings.Contains(page, "not open")
	})
	g.stop()
	if got := strings.Join(events(t, dir), ", "); !strings.Contains(got, "unknown, inventory") || !strings.Contains(got, "gas-1 online false") {
		t.Errorf("events: %s", got)
	}
}

func TestReadOnce(t *testing.T) {
	k := &kitchen{open: true, level: 7}
	s := site(t, t.TempDir(), k.serve(t))
	devices, rs, err := app.ReadOnce(t.Context(), app.Config{Site: s, Log: slog.New(slog.DiscardHandler)}, "gas-1")
	if err != nil || len(devices) != 1 || len(rs) != 2 || rs[1].Value != 7 || rs[1].Quality != device.Good {
		t.Fatalf("%v %v %v", devices, rs, err)
	}
	if _, _, err := app.ReadOnce(t.Context(), app.Config{Site: s}, "gas-2"); err == nil || err.Error() != `there is no device "gas-2" (did you mean gas-1?)` {
		t.Error(err)
	}
}

func TestTheDemoClockMeetsThePresent(t *testing.T) {
	t0 := time.Now().Add(-10 * time.Second)
	played := func() time.Time { return t0.Add(-7*time.Hour - 30*time.Minute + 600*time.Since(t0)) }
	from := played()
	now := app.DemoClock(t0)()
	if to := played(); now.Before(from) || now.After(to) {
		t.Errorf("10 s after the start it is %v, want between %v and %v", now, from, to)
	}
	if late := app.DemoClock(time.Now().Add(-time.Hour))(); time.Since(late) > time.Second {
		t.Errorf("an hour after the start it is %v", late)
	}
}

func TestTheDemoClockIsRefusedBesideRealThings(t *testing.T) {
	s := site(t, t.TempDir(), "127.0.0.1:1502")
	if err := app.CheckDemo(s); err != nil {
		t.Error(err)
	}
	s.Cloud.URL = "mqtts://cloud.example:8883"
	if app.CheckDemo(s) == nil {
		t.Error("a real cloud was taken")
	}
	s = site(t, t.TempDir(), "192.168.1.20:502")
	if app.CheckDemo(s) == nil {
		t.Error("a real device was taken")
	}
}

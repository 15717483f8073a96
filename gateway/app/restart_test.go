package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/control"
	"github.com/linshao/linshao/gateway/internal/login"
)

// shop is a gateway that takes up its files anew when it is asked to.
type shop struct {
	t       *testing.T
	dir     string
	file    string
	builds  chan *app.App
	present *app.App
	stop    func()
}

func openShop(t *testing.T, k *kitchen) *shop {
	return openShopWith(t, k, func(*app.Config, string) {})
}

// openShopWith lets a test say more of the gateway; it is told where its site stands.
func openShopWith(t *testing.T, k *kitchen, more func(cfg *app.Config, file string)) *shop {
	t.Helper()
	dir, err := os.MkdirTemp("", "shop") // short: a socket's path has 108 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &shop{t: t, dir: dir, file: filepath.Join(dir, "site.yaml"), builds: make(chan *app.App, 1)}
	load := func() (*config.Site, configs.Problems) { return config.LoadForStart(s.file, config.English) }
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	cfg := app.Config{Site: site(t, dir, k.serve(t)), Version: "test", Log: slog.New(slog.DiscardHandler), Anew: load}
	more(&cfg, s.file)
	go func() { done <- app.Serve(ctx, cfg, func(a *app.App) { s.builds <- a }) }()
	s.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	s.present = <-s.builds
	return s
}

// fragment writes a fragment with a second valve, which the kitchen has too; empty text: removes it.
func (s *shop) fragment(text string) {
	s.t.Helper()
	dir := filepath.Join(s.dir, "devices.d")
	file := filepath.Join(dir, "a.yaml")
	var err error
	if text == "" {
		err = os.Remove(file)
	} else {
		err = errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(file, []byte(text), 0o600))
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

const second = "channel: tcp\ndevices:\n  - {id: valve-2, profile: valve, address: \"3\"}\n"

// restart asks the socket and waits for the next gateway.
func (s *shop) restart() error {
	var before app.Running
	if err := control.Ask(s.t.Context(), filepath.Join(s.dir, "data"), "POST", "/restart", &before); err != nil {
		return err
	}
	s.present = <-s.builds
	return nil
}

func TestARestartTakesUpNewDevices(t *testing.T) {
	k := &kitchen{open: true}
	s := openShop(t, k)
	eventually(t, "the detector is read", func() bool { reads, _, _ := k.state(); return reads > 2 })
	s.fragment(second)
	if err := s.restart(); err != nil {
		t.Fatal(err)
	}
	var now app.Running
	eventually(t, "the socket is there again", func() bool {
		return control.Ask(t.Context(), filepath.Join(s.dir, "data"), "GET", "/site", &now) == nil
	})
	if now.Devices != 3 || now.Boot != 2 {
		t.Errorf("%+v", now)
	}
	// Broken now: what runs goes on.
	s.fragment(strings.Replace(second, "profile: valve", "profile: vlave", 1))
	var refusal *control.Refusal
	if err := s.restart(); !errors.As(err, &refusal) || refusal.Code != "config" || !strings.Contains(refusal.More[0], `devices.d/a.yaml:3:28: there is no profile "vlave" (did you mean valve?)`) {
		t.Errorf("%v", err)
	}
	// A site that cannot be built gives way to the one before.
	s.fragment(second)
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().String()
	unusable := strings.Replace(string(text), `"127.0.0.1:0"`, `"`+taken+`"`, 1)
	if err := os.WriteFile(s.file, []byte(unusable), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.restart(); err != nil {
		t.Fatal(err)
	}
	s.stop()
	got := strings.Join(notices(t, s.dir), "\n")
	for _, want := range []string{"commissioned: device valve-2 was added: valve", "restart_refused: the new site cannot be run, the one before goes on"} {
		if !strings.Contains(got, want) {
			t.Errorf("not told: %s\n%s", want, got)
		}
	}
	if all := strings.Join(events(t, s.dir), ", "); strings.Contains(all, "unclean") {
		t.Errorf("a site that could not be built counts as a gateway that died: %s", all)
	}
}

// TestARefusedSiteLeavesTheRulesOfNow: what a reload has taken up stays in force when the site that was to follow cannot be built.
func TestARefusedSiteLeavesTheRulesOfNow(t *testing.T) {
	k := &kitchen{open: true}
	hup := make(chan os.Signal, 1)
	s := openShopWith(t, k, func(cfg *app.Config, file string) {
		cfg.Reload, cfg.Load = hup, func() (*config.Site, configs.Problems) { return config.LoadRules(file, config.English) }
	})
	edit := func(old, text string) {
		t.Helper()
		data, err := os.ReadFile(s.file)
		if err != nil || !strings.Contains(string(data), old) {
			t.Fatalf("no %q: %v", old, err)
		}
		if err := os.WriteFile(s.file, []byte(strings.Replace(string(data), old, text, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	edit("zones:", "emergency: true\nzones:")
	hup <- syscall.SIGHUP
	eventually(t, "the mode is taken up", func() bool { all := s.present.RuleChanges(); return len(all) > 0 && all[len(all)-1].GetEmergency() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	edit("127.0.0.1:0", l.Addr().String())
	if err := s.restart(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the detector is read again", func() bool {
		return control.Ask(t.Context(), filepath.Join(s.dir, "data"), "GET", "/site", nil) == nil
	})
	changes := s.present.RuleChanges()
	if last := changes[len(changes)-1]; !last.GetEmergency() {
		t.Errorf("the mode of before the reload is back: %v", last)
	}
	s.stop()
}

// TestANewClaimCodeIsInForceAfterARestart: whoever knew the old one is outside then; who has logged in stays so over any other restart.
func TestANewClaimCodeIsInForceAfterARestart(t *testing.T) {
	k := &kitchen{open: true}
	s := openShop(t, k)
	file := filepath.Join(s.dir, "data", app.CodeFile)
	old, err := login.Code(file)
	if err != nil {
		t.Fatal(err)
	}
	enter := func(code string) int {
		t.Helper()
		client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		defer client.CloseIdleConnections()
		res, err := client.PostForm("http://"+s.present.StatusAddr()+"/login", url.Values{"code": {code}})
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	fresh, err := login.NewCode(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := enter(old); got != http.StatusSeeOther {
		t.Errorf("the old code before the restart: %d", got)
	}
	if err := s.restart(); err != nil {
		t.Fatal(err)
	}
	if a, b := enter(old), enter(fresh); a != http.StatusForbidden || b != http.StatusSeeOther {
		t.Errorf("after the restart the old code gets %d, the new one %d", a, b)
	}
	s.stop()
}

func TestABrokenFragmentIsToldLoudly(t *testing.T) {
	k := &kitchen{open: true}
	s := openShop(t, k)
	s.stop()
	s.fragment("channel: tpc\ndevices:\n" + strings.Repeat("  - {id: valve-3, wrong: key}\n", 30))
	s = &shop{t: t, dir: s.dir, file: s.file}
	broken, _ := config.LoadForStart(s.file, config.English)
	if broken == nil {
		t.Fatal("the gateway does not start")
	}
	g := start(t, app.Config{Site: broken})
	if _, page := g.get(t, "/", "en"); !strings.Contains(page, "left out") || !strings.Contains(page, "a.yaml:1:10") {
		t.Error("the page does not tell")
	}
	g.stop()
	got := notices(t, s.dir) // one for a file: the page has all its mistakes
	if len(got) != 1 || !strings.HasPrefix(got[0], "fragment_left_out: a fragment of the configuration is broken") || !strings.Contains(got[0], "more mistakes") {
		t.Error(strings.Join(got, "\n"))
	}
}

// A restart is refused while gas leaks; afterwards the alert that is latched goes on, told once.
func TestNoRestartWhileAnAlertOfSeverityAFires(t *testing.T) {
	k := &kitchen{open: true, level: 62}
	s := openShop(t, k)
	var refusal *control.Refusal
	eventually(t, "the restart is refused", func() bool {
		err := s.restart()
		return errors.As(err, &refusal) && refusal.Code == "busy" && len(refusal.More) > 0 && strings.HasPrefix(refusal.More[0], "R16/gas-1/")
	})
	s.stop()
	if got := strings.Join(events(t, s.dir), ", "); strings.Count(got, "R16 firing") != 1 {
		t.Error(got)
	}
}

// Fifty restarts (LONG=1; four otherwise) leave nothing behind: no goroutine, no memory, no duplicate or hole in the logs.
func TestManyRestarts(t *testing.T) {
	k := &kitchen{open: true}
	s := openShop(t, k)
	var goroutines int
	var heap uint64
	var longest time.Duration
	rounds, settled := 4, 1
	if os.Getenv("LONG") == "1" {
		rounds, settled = 50, 9
	}
	for i := range rounds {
		if i%2 == 0 {
			s.fragment(second)
		} else {
			s.fragment("")
		}
		began := time.Now()
		if err := s.restart(); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, time.Since(began))
		eventually(t, "the socket is there again", func() bool {
			return control.Ask(t.Context(), filepath.Join(s.dir, "data"), "GET", "/site", nil) == nil
		})
		if i == settled || i == rounds-1 {
			runtime.GC()
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			if i == settled {
				goroutines, heap = runtime.NumGoroutine(), m.HeapAlloc
			} else if now := runtime.NumGoroutine(); now > goroutines+20 || m.HeapAlloc > heap+8<<20 {
				t.Errorf("after %d restarts %d goroutines and %d bytes, after %d %d and %d", settled+1, goroutines, heap, rounds, now, m.HeapAlloc)
			} else {
				t.Logf("after %d restarts %d goroutines, %d KiB; after %d %d, %d KiB; the longest restart took %v", settled+1, goroutines, heap>>10, rounds, now, m.HeapAlloc>>10, longest)
			}
		}
	}
	s.stop()
	seq := uint64(0)
	for _, r := range records(t, s.dir, wire.StreamTelemetry) {
		if r.Seq != seq+1 {
			t.Fatalf("record %d follows %d", r.Seq, seq)
		}
		seq = r.Seq
	}
	if all := strings.Join(events(t, s.dir), ", "); strings.Contains(all, "gap") || strings.Contains(all, "unclean") || !strings.Contains(all, fmt.Sprintf("boot %d clean", rounds+1)) {
		t.Error(all)
	}
}

// notices are those of the events log, in English.
func notices(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	for _, r := range records(t, dir, wire.StreamEvents) {
		var e wire.Event
		if err := proto.Unmarshal(r.Payload, &e); err != nil {
			t.Fatal(err)
		}
		if n := e.GetNotice(); n != nil {
			all = append(all, n.GetKind()+": "+n.GetText().GetEn())
		}
	}
	return all
}

package app_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/rules"
)

// TestTheGuardNoticesADeadLoopWithin10Seconds, brings outputs to their failure states, tells people, and tells when it is over.
func TestTheGuardNoticesADeadLoopWithin10Seconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		value, beat, told := 1.0, time.Now(), []string{}
		relay := device.Point{Device: "A.1", Name: "relay", Writable: []float64{0, 1}}
		x := action.New(action.Config{Devices: []device.Device{{ID: "A.1", Kind: "socket", Points: []device.Point{relay}}},
			Outputs: map[device.Key]action.Setting{relay.Key(): {Safe: &action.Safe{Value: 0, Failure: true}}},
			Write: func(_ context.Context, _ device.Key, v float64) error {
				mu.Lock()
				defer mu.Unlock()
				value = v
				return nil
			},
			Read: func(context.Context, device.Key) (device.Reading, error) {
				mu.Lock()
				defer mu.Unlock()
				return device.Reading{Value: value, Quality: device.Good}, nil
			}, Record: func(*wire.ActionResult) {}})
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { _ = x.Run(ctx) })
		all.Go(func() {
			app.Guard(ctx, func() error {
				mu.Lock()
				defer mu.Unlock()
				if time.Since(beat) > app.GuardStale {
					return errors.New("dead")
				}
				return nil
			}, x, func(e *wire.Event) {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, e.GetAlert().GetRule()+" "+e.GetAlert().GetState()+" "+e.GetAlert().GetSeverity())
			})
		})
		tick := func() { mu.Lock(); defer mu.Unlock(); beat = time.Now() }
		state := func() (float64, string) { mu.Lock(); defer mu.Unlock(); return value, strings.Join(told, ", ") }
		for range 60 {
			tick()
			<-time.After(time.Second)
		}
		if v, said := state(); v != 1 || said != "" {
			t.Errorf("a living loop: %v %q", v, said)
		}
		<-time.After(9 * time.Second) // the last tick was a second ago
		if v, said := state(); v != 0 || said != "R00 firing A" {
			t.Errorf("after 10 s: %v %q", v, said)
		}
		if r, err := x.Ask(ctx, action.Request{Owner: action.Cloud, Who: "Li", Approver: "Wang", Action: rules.Action{Device: "A.1", Point: "relay", Value: 1}}); err != nil || r.Outcome != action.Refused {
			t.Errorf("%+v %v", r, err)
		}
		tick()
		<-time.After(time.Second)
		if v, said := state(); v != 0 || said != "R00 firing A, R00 resolved A" {
			t.Errorf("over: %v %q", v, said)
		}
		if h := x.Outputs()[0].Holder; h != nil {
			t.Errorf("held by %+v", h)
		}
		cancel()
		all.Wait()
	})
}

// A gateway that stood still as a whole comes back with a loop that is late and alive: no output is moved for that. One that is
// dead afterwards is noticed all the same.
func TestTheGuardForgivesAGatewayThatStoodStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		frozen, beat, told := make(chan time.Duration, 1), time.Now(), 0
		tick := func() { mu.Lock(); defer mu.Unlock(); beat = time.Now() }
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			app.Guard(ctx, func() error {
				select {
				case d := <-frozen:
					<-time.After(d)
				default:
				}
				mu.Lock()
				defer mu.Unlock()
				if time.Since(beat) > app.GuardStale {
					return app.ErrLate
				}
				return nil
			}, action.New(action.Config{}), func(*wire.Event) { mu.Lock(); defer mu.Unlock(); told++ })
		}()
		said := func() int { mu.Lock(); defer mu.Unlock(); return told }
		<-time.After(3 * time.Second)
		tick()
		frozen <- 30 * time.Second
		<-time.After(31 * time.Second) // the guard is the first to wake
		tick()
		<-time.After(5 * time.Second)
		if said() != 0 {
			t.Error("the guard took a gateway that stood still for one without rules")
		}
		<-time.After(6 * time.Second)
		if said() != 1 {
			t.Error("a dead loop was not noticed")
		}
		cancel()
		<-done
	})
}

// TestAPanicOfTheRulesIsMendedOnce: the alerts go on as they were and nothing is told twice. The second one stops the rules, and
// that is told.
func TestAPanicOfTheRulesIsMendedOnce(t *testing.T) {
	k := &kitchen{open: true, level: 62}
	dir := t.TempDir()
	g := start(t, app.Config{Site: site(t, dir, k.serve(t))})
	eventually(t, "the valve closes", func() bool { _, _, open := k.state(); return !open })
	id := alertID(t, g)
	if err := g.PanicRules(t.Context()); err != nil {
		t.Error(err)
	}
	reads, writes, _ := k.state()
	eventually(t, "the detector is read again", func() bool { now, _, _ := k.state(); return now > reads+5 })
	if _, now, _ := k.state(); alertID(t, g) != id || now != writes {
		t.Error("the alert is another one, or the valve was written again")
	}
	if code, text := g.get(t, "/healthz", ""); code != http.StatusOK {
		t.Error(code, text)
	}
	if err := g.PanicRules(t.Context()); err != nil {
		t.Error(err)
	}
	eventually(t, "the gateway is ill", func() bool {
		code, text := g.get(t, "/healthz", "")
		return code == http.StatusServiceUnavailable && strings.Contains(text, "rules panicked: planted by a test")
	})
	g.stop()
	got := strings.Join(events(t, dir), ", ")
	if strings.Count(got, "R16 firing") != 1 || strings.Contains(got, "R16 resolved") {
		t.Errorf("events: %s", got)
	}
	g = start(t, app.Config{Site: site(t, dir, k.serve(t))})
	eventually(t, "the guard's alert is over after the restart", func() bool {
		_, page := g.get(t, "/", "en")
		return strings.Contains(page, "Gas high alarm") && !strings.Contains(page, "Safety loop stopped")
	})
	g.stop()
	if got := strings.Join(events(t, dir), ", "); !strings.Contains(got, "R00 firing") || !strings.Contains(got, "R00 resolved") {
		t.Errorf("events: %s", got)
	}
}

// TestSystemdIsFedWhileTheLoopLives, against a socket like systemd's.
func TestSystemdIsFedWhileTheLoopLives(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "notify")
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "2000000")
	said := func(wait time.Duration) string {
		data := make([]byte, 64)
		if err := listener.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		n, err := listener.Read(data)
		if err != nil {
			return "nothing"
		}
		return string(data[:n])
	}
	k := &kitchen{open: true}
	g := start(t, app.Config{Site: site(t, t.TempDir(), k.serve(t))})
	for _, want := range []string{"READY=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"} {
		if got := said(10 * time.Second); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	release := make(chan struct{})
	if err := g.BlockRules(t.Context(), release); err != nil {
		t.Fatal(err)
	}
	began, last := time.Now(), time.Now()
	for said(3*time.Second) == "WATCHDOG=1" {
		if last = time.Now(); last.Sub(began) > 20*time.Second {
			t.Fatal("fed for ever")
		}
	}
	if took := last.Sub(began); took > app.GuardStale+2*time.Second {
		t.Errorf("fed for another %v", took)
	}
	close(release)
	if got := said(10 * time.Second); got != "WATCHDOG=1" {
		t.Errorf("after the block: %s", got)
	}
	g.stop()
	for got := ""; got != "STOPPING=1"; {
		if got = said(time.Second); got == "nothing" {
			t.Fatal("the end was not told")
		}
	}
}

// TestTheUnitFile is what systemd takes, with the program replaced by one that is there.
func TestTheUnitFile(t *testing.T) {
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		if os.Getenv("LINSHAO_REQUIRE") == "1" {
			t.Fatal("needs systemd-analyze: apt-get install systemd")
		}
		t.Skip("needs systemd-analyze: apt-get install systemd")
	}
	unit, err := configs.FS.ReadFile("systemd/linshao-gateway.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Type=notify", "WatchdogSec=10", "Restart=always", "NoNewPrivileges=yes", "CapabilityBoundingSet=\n", "StateDirectory=linshao", "\nNice=-", "\nCPUWeight=", "\nIOWeight=", "\nOOMScoreAdjust=-"} {
		if !strings.Contains(string(unit), want) {
			t.Errorf("the unit lacks %s", want)
		}
	}
	file := filepath.Join(t.TempDir(), "linshao-gateway.service")
	if err := os.WriteFile(file, regexp.MustCompile(`(?m)^ExecStart=\S+`).ReplaceAll(unit, []byte("ExecStart=/bin/true")), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), path, "verify", file).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v: %s", err, out)
	}
}

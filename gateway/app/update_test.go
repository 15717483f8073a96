package app_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/update"
)

// A program on trial tells so, and is confirmed when it was well; the next one, whose rules stop, is given up and ends.
func TestATrialEnds(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public, _ := key.Public().(ed25519.PublicKey)
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	k := &kitchen{open: true}
	conf := app.Config{Site: site(t, dir, k.serve(t))}
	start(t, conf).stop() // makes the data folder
	slots, err := update.Open(data, public)
	if err != nil {
		t.Fatal(err)
	}
	bring := func(version, slot string) {
		t.Helper()
		var lsu bytes.Buffer
		if _, err := update.Write(&lsu, key, update.Manifest{Version: version, OS: runtime.GOOS, Arch: runtime.GOARCH}, []byte("x")); err != nil {
			t.Fatal(err)
		}
		if _, err := slots.Apply(&lsu, update.Options{Installed: "1.0.0"}); err != nil {
			t.Fatal(err)
		}
		if c, err := slots.Choose("1.0.0"); err != nil || c.Slot != slot {
			t.Fatal(c, err)
		}
		conf.Update = slots.Running(slot)
	}
	bring("1.1.0", "a")
	g := start(t, conf)
	g.judged(t, 200, update.Healthy+time.Second)
	g.stop()

	bring("1.2.0", "b")
	var why error
	conf.GiveUp = func(err error) { why = err }
	g = start(t, conf)
	for range 2 {
		if err := g.PanicRules(t.Context()); err != nil {
			t.Error(err)
		}
	}
	g.judged(t, 503, update.Limit+time.Second)
	g.stop()
	if !errors.Is(why, app.ErrGivenUp) {
		t.Errorf("given up: %v", why)
	}
	if c, err := slots.Choose("1.0.0"); err != nil || c.Version != "1.1.0" {
		t.Errorf("the next start: %+v %v", c, err)
	}
	conf.Update, conf.GiveUp = slots.Running("a"), nil
	start(t, conf).stop()
	said := strings.Join(events(t, dir), "\n")
	for _, want := range []string{"版本 1.1.0 开始试运行，之前是 1.0.0", "版本 1.1.0 已确认", "版本 1.2.0 开始试运行，之前是 1.1.0", "版本 1.2.0 已回退：30 分钟内没有持续正常"} {
		if strings.Count(said, want) != 1 {
			t.Errorf("%q is told %d times", want, strings.Count(said, want))
		}
	}
}

// judged lets a trial be judged at looks that lie a step apart, each at a gateway that answers so, until it is over: a busy machine
// may make it stumble at one of them.
func (r *running) judged(t *testing.T, health int, step time.Duration) {
	t.Helper()
	ticks, ended := make(chan time.Time), make(chan error, 1)
	go func() { ended <- r.JudgeTrial(t.Context(), ticks) }()
	eventually(t, "the rules have begun", func() bool { return r.Answering() >= 0 })
	for at := time.Now(); ; at = at.Add(step) {
		eventually(t, fmt.Sprintf("the gateway's health is %d", health), func() bool { code, _ := r.get(t, "/healthz", ""); return code == health })
		select {
		case ticks <- at:
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
			return
		}
	}
}

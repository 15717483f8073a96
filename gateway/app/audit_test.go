package app_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/firmware-sim/serial"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
)

// auditSite is the kitchen with the log of its detector; the audit begins at a time of day, or never.
func auditSite(t *testing.T, dir, field, port, at string) *config.Site {
	t.Helper()
	site(t, dir, field)
	file := filepath.Join(dir, "site.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	profile, err := configs.FS.ReadFile("profiles/gb15322-gas-history.yaml")
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "profiles", "gb15322-gas-history.yaml"), profile, 0o600)
	}
	if err == nil {
		text = fmt.Appendf(text, `  - id: log
    driver: gb15322
    address: %s
    devices:
      - {id: log-1, name: 厨房探测器记录, profile: gb15322-gas-history, zone: k, poll: 1s, labels: {detector: gas-1}}
audit: {at: %q}
`, port, at)
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, problems := config.Load(file, config.English)
	if s == nil {
		t.Fatal(problems)
	}
	return s
}

// noticesOf are those of a kind in the events log.
func noticesOf(t *testing.T, dir, kind string) (all []*wire.Notice) {
	t.Helper()
	for _, r := range records(t, dir, wire.StreamEvents) {
		var e wire.Event
		if err := proto.Unmarshal(r.Payload, &e); err != nil {
			t.Fatal(err)
		}
		if n := e.GetNotice(); n.GetKind() == kind {
			all = append(all, n)
		}
	}
	return all
}

// A detector that is not ours, on a real line, notes three alarms: one that the gateway saw, and two while it had no power.
func TestAnAlarmDuringAnOutageIsFoundAtNight(t *testing.T) {
	dir, k := t.TempDir(), &kitchen{open: true}
	field := k.serve(t)
	detector := &serial.GasLog{Ahead: -40 * time.Minute}
	line, err := serial.NewLine(serial.LineConfig{Path: filepath.Join(dir, "tty"), Baud: 4800, Bits: 11})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- line.Serve(ctx, detector.Talk) }()
	defer func() {
		cancel()
		if err := <-served; err != nil {
			t.Error(err)
		}
	}()
	var ago atomic.Int64
	now := func() time.Time { return time.Now().Add(-time.Duration(ago.Load())) }

	ago.Store(int64(3 * time.Hour))
	g := start(t, app.Config{Site: auditSite(t, dir, field, line.Path(), "off"), Now: now})
	eventually(t, "the detector and its log are read", func() bool { reads, _, _ := k.state(); return reads > 3 && detector.Asked() > 3 })
	ago.Store(int64(2 * time.Hour))
	k.set(30)
	eventually(t, "the alert", func() bool { _, page := g.get(t, "/", "en"); return strings.Contains(page, "gas leak") })
	detector.Note(now())
	k.set(0)
	eventually(t, "the alert can be reset", func() bool { return g.reset(t, alertID(t, g), "http://"+g.StatusAddr()) == "/?reset=done" })
	g.stop()

	missed := []time.Time{time.Now().Add(-time.Hour), time.Now().Add(-30 * time.Minute)}
	detector.Note(missed[0])
	detector.Note(missed[1])
	ago.Store(0)
	at := time.Now().Add(-2 * time.Hour).In(time.FixedZone("", 8*3600)).Format("15:04")
	for range 2 { // and not again
		g = start(t, app.Config{Site: auditSite(t, dir, field, line.Path(), at), Now: now})
		eventually(t, "the missed alarms are counted, and the rule fires", func() bool {
			_, page := g.get(t, "/", "en")
			return strings.Contains(page, "2 alarms that the gateway did not see")
		})
		g.stop()
	}
	found := noticesOf(t, dir, "missed_alarm")
	if len(found) != 2 {
		t.Fatalf("told %v", found)
	}
	for i, n := range found {
		noted := missed[i].Add(-40 * time.Minute).In(time.FixedZone("", 8*3600)).Format("2006-01-02 15:04")
		if off := time.UnixMilli(n.GetAtMs()).Sub(missed[i]); off > 2*time.Minute || off < -2*time.Minute || n.GetDevice() != "log-1" || n.GetChannel() != "log" ||
			!strings.Contains(n.GetText().GetZh(), noted) || !strings.Contains(n.GetText().GetEn(), noted) {
			t.Errorf("told %v, was at %v, noted %s", n, missed[i], noted)
		}
	}
}

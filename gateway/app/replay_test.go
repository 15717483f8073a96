package app_test

import (
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/replay"
	"github.com/linshao/linshao/rules"
)

// TestTheReplayTellsWhatTheGatewayTold: a gateway runs, is stopped and runs again, while gas comes and goes; readings that say nothing
// new are not recorded. Its alert events, and those of a replay of what it recorded, are the same within a tick.
func TestTheReplayTellsWhatTheGatewayTold(t *testing.T) {
	dir := t.TempDir()
	k := &kitchen{open: true}
	field := k.serve(t)
	site(t, dir, field)
	file := filepath.Join(dir, "site.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	thin := strings.Replace(string(text), "zone: k, place", "points: {level: {deadband: 2, report: 30s}, status: {deadband: 0, report: 30s}}, poll: 200ms, zone: k, place", 1)
	if err := os.WriteFile(file, []byte(thin), 0o600); err != nil {
		t.Fatal(err)
	}
	s, problems := config.Load(file, config.English)
	if s == nil {
		t.Fatal(problems)
	}
	began := time.Now()
	k.set(0)
	g := start(t, app.Config{Site: s})
	told := func(word string) func() bool {
		return func() bool { return strings.Contains(fmt.Sprint(wordsOf(alertsOf(t, dir))), word) }
	}
	eventually(t, "two reads", func() bool { reads, _, _ := k.state(); return reads > 5 })
	k.set(15)
	eventually(t, "low gas is pending", told("R15 pending"))
	k.set(0)
	eventually(t, "low gas went", told("R15 cancelled"))
	g.stop()
	k.set(62)
	g = start(t, app.Config{Site: s})
	eventually(t, "much gas", told("R16 firing"))
	g.stop()

	silence := map[device.Key]time.Duration{}
	for key, r := range s.Reporting {
		silence[key] = r.Silence
	}
	recorded, err := replay.ReadEvents(s.Data, began, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	log, err := replay.OpenLog(s.Data, began, time.Now(), s.Subjects(), recorded.Resets)
	if err != nil {
		t.Fatal(err)
	}
	var again []rules.AlertEvent
	var report rules.ReplayReport
	var failed error
	err = replay.Play(log, func(steps iter.Seq[rules.ReplayStep]) {
		report, failed = rules.Replay(rules.ReplayConfig{Set: s.Rules, Devices: s.Subjects(), Silence: silence, From: began, To: time.Now(),
			Told: func(ev rules.AlertEvent) { again = append(again, ev) }}, steps)
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	live := alertsOf(t, dir)
	if len(again) != len(live) {
		t.Fatalf("replay %v\nlive   %v", wordsOf(again), wordsOf(live))
	}
	for i := range live {
		if apart := live[i].At.Sub(again[i].At).Abs(); wordsOf(again)[i] != wordsOf(live)[i] || apart > 1500*time.Millisecond {
			t.Errorf("event %d: replay %s, live %s, %v apart", i, wordsOf(again)[i], wordsOf(live)[i], apart)
		}
	}
	if report.Filled == 0 || len(report.Holes) != 1 || report.Holes[0].Reason != rules.HoleRestart || len(recorded.Alerts) != len(report.Alerts) {
		t.Errorf("%d readings put back, holes %v, %d recorded alerts, %d replayed", report.Filled, report.Holes, len(recorded.Alerts), len(report.Alerts))
	}
}

// alertsOf are the alert events of the rules in a site's events log.
func alertsOf(t *testing.T, dir string) (all []rules.AlertEvent) {
	t.Helper()
	_, err := outbox.Inspect(filepath.Join(dir, "data", wire.StreamName(wire.StreamEvents)), func(r outbox.Record) error {
		var e wire.Event
		if a := &e; proto.Unmarshal(r.Payload, a) == nil && a.GetAlert() != nil && a.GetAlert().GetRule() != rules.ActionRule {
			all = append(all, a.GetAlert().Event())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func wordsOf(events []rules.AlertEvent) (words []string) {
	for _, e := range events {
		words = append(words, fmt.Sprint(e.Rule, " ", e.State, " ", e.Subject))
	}
	return words
}

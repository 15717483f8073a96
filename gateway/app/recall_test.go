package app_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/state"
)

// memory tells the subjects of the alerts in a snapshot, between spaces.
func memory(t *testing.T, file string) string {
	t.Helper()
	found, problems := state.LoadSnapshots(file)
	if len(found) == 0 {
		t.Fatal(problems)
	}
	var kept struct{ Alerts []struct{ Subject string } }
	if err := json.Unmarshal(found[0].Data, &kept); err != nil {
		t.Fatal(err)
	}
	var subjects []string
	for _, a := range kept.Alerts {
		subjects = append(subjects, a.Subject)
	}
	return strings.Join(subjects, " ")
}

// A life is the data of a judge over several runs of it.
type life struct {
	t   *testing.T
	dir string
}

func newLife(t *testing.T) *life { return &life{t: t, dir: t.TempDir()} }

func (l *life) file() string   { return filepath.Join(l.dir, "rules.state") }
func (l *life) events() string { return filepath.Join(l.dir, "events") }

// run gives a judge readings of the gas detector, one a second. It ends as a kill does, without a last snapshot. It answers what
// was said at the start, and the ids that are firing at the end.
func (l *life) run(levels ...float64) (said string, firing []string) {
	l.t.Helper()
	engine, gas := leak(l.t)
	log, err := outbox.Open(outbox.Config{Dir: l.events(), Stream: wire.StreamEvents, Quota: 16 << 20})
	if err != nil {
		l.t.Fatal(err)
	}
	synctest.Test(l.t, func(t *testing.T) {
		j := app.NewJudge(engine, action.New(action.Config{}), l.file(), log)
		ctx, stop := context.WithCancel(t.Context())
		texts := make(chan string, 1)
		go func() {
			var lines []string
			for _, text := range j.Run(ctx) {
				lines = append(lines, text.EN)
			}
			texts <- strings.Join(lines, "; ")
		}()
		for _, level := range levels {
			j.Read([]device.Reading{device.Judge(gas, level, time.Now())})
			<-time.After(time.Second)
		}
		stop()
		said = <-texts
	})
	for _, a := range engine.Active() {
		firing = append(firing, a.Alert)
	}
	if err := log.Close(); err != nil {
		l.t.Error(err)
	}
	return said, firing
}

// told counts the firing events in the log, by alert.
func (l *life) told() map[string]int {
	l.t.Helper()
	log, err := outbox.Open(outbox.Config{Dir: l.events(), Stream: wire.StreamEvents, Quota: 16 << 20})
	if err != nil {
		l.t.Fatal(err)
	}
	defer log.Close()
	times := map[string]int{}
	_, _, next := log.State()
	for from := uint64(1); from < next; {
		records, err := log.Read(from, 1<<20)
		if err != nil || len(records) == 0 {
			break
		}
		for _, r := range records {
			var e wire.Event
			if err := proto.Unmarshal(r.Payload, &e); err != nil {
				l.t.Fatal(err)
			}
			if e.GetAlert().GetState() == "firing" {
				times[e.GetAlert().GetAlert()]++
			}
			from = r.Seq + 1
		}
	}
	return times
}

func (l *life) remove(name string) {
	l.t.Helper()
	if err := os.RemoveAll(name); err != nil {
		l.t.Fatal(err)
	}
}

func (l *life) write(name string, data []byte) {
	l.t.Helper()
	if err := os.WriteFile(name, data, 0o600); err != nil {
		l.t.Fatal(err)
	}
}

// Whatever has happened to the snapshot between two runs: an alert whose first event is in the log keeps its id and is told once.
func TestAnAlertIsToldOnceWhateverHappensToTheSnapshot(t *testing.T) {
	for name, c := range map[string]struct {
		hurt func(l *life)
		said string
	}{
		"killed at once": {func(*life) {}, ""},
		"no snapshot":    {func(l *life) { l.remove(l.file()); l.remove(l.file() + ".old") }, "alerts are taken from the events log"},
		"torn":           {func(l *life) { l.write(l.file(), []byte("LSMEM")) }, "cannot be used"},
		"torn, and no older one": {func(l *life) { l.write(l.file(), nil); l.remove(l.file() + ".old") },
			"alerts are taken from the events log"},
		"only the older one": {func(l *life) { l.remove(l.file()) }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			l.run(0)
			_, before := l.run(0, 0, 62)
			c.hurt(l)
			said, after := l.run(62, 0, 62)
			if len(before) != 1 || len(after) != 1 || before[0] != after[0] {
				t.Errorf("was %v, is %v", before, after)
			}
			if told := l.told(); len(told) != 1 || told[before[0]] != 1 {
				t.Errorf("told %v", told)
			}
			if (c.said == "") != (said == "") || !strings.Contains(said, c.said) {
				t.Errorf("said %q, want %q", said, c.said)
			}
		})
	}
}

// A log that is gone, or older than the snapshot: the snapshot counts, and it is said.
func TestALogThatIsNotTheSnapshots(t *testing.T) {
	for name, c := range map[string]struct {
		hurt func(l *life, early string)
		said string
	}{
		"gone":     {func(l *life, _ string) { l.remove(l.events()) }, "events log is another one"},
		"restored": {func(l *life, early string) { l.remove(l.events()); l.copy(early, l.events()) }, "older than the rules' memory"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLife(t)
			_, first := l.run(62, 62)
			early := filepath.Join(l.dir, "early")
			l.copy(l.events(), early)
			l.run(0, 0, 0, 0, 0, 0, 0)
			engine, _ := leak(t)
			if found, _ := state.LoadSnapshots(l.file()); len(found) == 0 || engine.Restore(found[0].Data) != nil {
				t.Fatal("no snapshot")
			}
			l.note(20)
			c.hurt(l, early)
			said, after := l.run(0, 0)
			if len(after) != 1 || after[0] != first[0] {
				t.Errorf("was %v, is %v", first, after)
			}
			if !strings.Contains(said, c.said) {
				t.Errorf("said %q", said)
			}
			if again, _ := l.run(0); again != "" {
				t.Errorf("the next start says %q", again)
			}
		})
	}
}

// note moves the log on, and the snapshot with it.
func (l *life) note(n int) {
	l.t.Helper()
	log, err := outbox.Open(outbox.Config{Dir: l.events(), Stream: wire.StreamEvents, Quota: 16 << 20})
	if err != nil {
		l.t.Fatal(err)
	}
	for range n {
		if _, err := log.Append(wire.TypeEvent, time.Now(), 0, nil); err != nil {
			l.t.Fatal(err)
		}
	}
	if err := log.Close(); err != nil {
		l.t.Fatal(err)
	}
	l.run(0)
}

func (l *life) copy(from, to string) {
	l.t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		l.t.Fatal(err)
	}
}

// A snapshot that contains an alert waits for the alert's event: what the cloud would never hear of is not known after a restart.
func TestASnapshotWaitsForItsEvents(t *testing.T) {
	l := newLife(t)
	engine, gas := leak(t)
	dir := filepath.Join(t.TempDir(), "events")
	log, err := outbox.Open(outbox.Config{Dir: dir, Stream: wire.StreamEvents, Quota: 1 << 20, Segment: 1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := log.Append(wire.TypeEvent, time.Now(), 0, nil); err != nil { // the next one needs a file of its own
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		j := app.NewJudge(engine, action.New(action.Config{}), l.file(), log)
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); j.Run(ctx) }()
		<-time.After(2 * time.Second)
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
		j.Read([]device.Reading{device.Judge(gas, 62, time.Now())})
		<-time.After(time.Minute)
		if got := memory(t, l.file()); got != "" {
			t.Errorf("saved before its event: %q", got)
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Error(err)
		}
		<-time.After(10 * time.Second)
		if got := memory(t, l.file()); got != "gas-1" {
			t.Errorf("not saved after its event: %q", got)
		}
		stop()
		<-done
	})
	_ = log.Close()
}

// What earlier runs have not sent is urgent too.
func TestAlertsOfEarlierRunsAreUrgent(t *testing.T) {
	l := newLife(t)
	l.run(62)
	log, err := outbox.Open(outbox.Config{Dir: l.events(), Stream: wire.StreamEvents, Quota: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	engine, _ := leak(t)
	urgent := app.Urgent(engine, log, l.file())
	if !urgent() {
		t.Error("an alert of the last run that the cloud lacks is not urgent")
	}
	_, _, next := log.State()
	log.Ack(next - 1)
	if urgent() {
		t.Error("nothing waits and it is urgent")
	}
}

// A card wears: large snapshots come slowly, but never so slowly that a kill costs more than five minutes of a charge.
func TestLargeSnapshotsComeSlowly(t *testing.T) {
	for _, c := range []struct {
		bytes int64
		up    time.Duration
		want  time.Duration
	}{{0, time.Hour, 30 * time.Second}, {100 << 10, time.Hour, 30 * time.Second}, {800 << 10, time.Hour, 100 * time.Second}, {20 << 20, time.Hour, 5 * time.Minute}} {
		if got := app.SnapshotPace(c.bytes, c.up); got != c.want {
			t.Errorf("%d bytes after %v: every %v, want %v", c.bytes, c.up, got, c.want)
		}
	}
	if got := app.SnapshotPace(20<<20, 20*time.Second); got > 11*time.Second {
		t.Errorf("20 s after the start: every %v", got)
	}
}

package incident_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/rules"
)

func shipped(t *testing.T) *rules.Set {
	t.Helper()
	return load(t, text30(t))
}

func load(t *testing.T, text string) *rules.Set {
	t.Helper()
	set, err := rules.Load([]rules.Source{{Name: "incident.yaml", Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// watcher makes another life of the cloud's watcher, which remembers nothing of the one before.
func (k *desk) watcher(more func(*incident.WatchConfig)) *incident.Watcher {
	if k.rules == nil {
		k.rules = shipped(k.t) // once: a thousand watchers in a test would spend most of it on reading rules
	}
	cfg := incident.WatchConfig{DB: k.db, Notifier: k, Rules: k.rules, Now: func() time.Time { return k.now }, Log: slog.New(slog.DiscardHandler)}
	if more != nil {
		more(&cfg)
	}
	return incident.NewWatcher(cfg)
}

func (k *desk) judge(w *incident.Watcher) {
	k.t.Helper()
	if err := w.Judge(k.t.Context()); err != nil {
		k.t.Fatal(err)
	}
}

// overdue lets time pass in steps of the watcher and tells when the rung changed: "3m0s:1".
func (k *desk) overdue(id string, d time.Duration, watch func() *incident.Watcher) string {
	k.t.Helper()
	var changes []string
	rung, begin := k.get(id).Overdue, k.now
	for k.now.Sub(begin) < d {
		k.later(2 * time.Second)
		k.judge(watch())
		if now := k.get(id).Overdue; now != rung {
			rung = now
			changes = append(changes, fmt.Sprintf("%v:%d", k.now.Sub(begin), now))
		}
	}
	return strings.Join(changes, " ")
}

func graded(k *desk, name string, s rules.Severity) rules.AlertEvent {
	e := firing(k, name)
	e.Severity = s
	return e
}

// TestOverdue: an A that nobody takes climbs all rungs, told once each, by watchers that are new each time.
func TestOverdue(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		id := k.apply(graded(k, "a1", rules.SeverityA))
		k.told = nil
		every := func() *incident.Watcher { return k.watcher(nil) }
		if got := k.overdue(id, 12*time.Minute, every); got != "3m2s:1 10m2s:2" {
			t.Errorf("rungs %s", got)
		}
		list, err := incident.Timeline(t.Context(), k.db.Reader(), id)
		if err != nil || len(list) != 3 {
			t.Fatalf("%+v, %v", list, err)
		}
		if e := list[1]; e.Kind != "overdue" || e.Text.ZH != "3分2秒无人接警，转 B 角和微型消防站。" || e.Text.EN != "Nobody has taken it for 3 min 2 s. The deputy and the fire post are called." {
			t.Errorf("%+v", e)
		}
		if err := k.svc.Take(t.Context(), id, incident.Person{Name: "张三"}); err != nil {
			t.Fatal(err)
		}
		if got := k.overdue(id, 20*time.Minute, every); !strings.HasPrefix(got, "2s:0 18m") || !strings.HasSuffix(got, ":3") {
			t.Errorf("taken: rungs %s", got)
		}
		if err := k.svc.Close(t.Context(), id, incident.Person{Name: "张三"}, incident.Closing{Outcome: "real", EvenActive: true, Note: "试验"}); err != nil {
			t.Fatal(err)
		}
		if got := k.overdue(id, 10*time.Second, every); got != "2s:0" {
			t.Errorf("closed: rungs %s", got)
		}
		if got := k.kinds(id); got != "fired overdue overdue taken overdue closed" {
			t.Errorf("timeline %s", got)
		}
		if got := strings.Join(k.told, " "); got != "overdue overdue taken overdue closed" {
			t.Errorf("told %s", got)
		}
	})
}

// TestOverdueOfBAndC: told late, because the cloud did not run, they are told at the rung that they have reached.
func TestOverdueOfBAndC(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		b, c := k.apply(graded(k, "b1", rules.SeverityB)), k.apply(graded(k, "c1", rules.SeverityC))
		k.told = nil
		w := k.watcher(nil)
		for _, step := range []struct {
			at    time.Duration
			b, c  int
			taken bool
		}{{30 * time.Minute, 0, 0, false}, {time.Second, 1, 0, true}, {3*time.Hour + 29*time.Minute, 0, 0, false}, {4 * time.Minute, 2, 0, false}, {67 * time.Hour, 2, 0, false}, {2 * time.Hour, 2, 1, false}} {
			k.later(step.at)
			k.judge(w)
			if got := [2]int{k.get(b).Overdue, k.get(c).Overdue}; got != [2]int{step.b, step.c} {
				t.Errorf("after another %v: %v", step.at, got)
			}
			if step.taken {
				if err := k.svc.Take(t.Context(), b, incident.Person{Name: "张三"}); err != nil {
					t.Fatal(err)
				}
			}
		}
		late := k.apply(graded(k, "b2", rules.SeverityB))
		k.later(5 * time.Hour)
		k.judge(w)
		if in := k.get(late); in.Overdue != 2 || k.kinds(late) != "fired overdue" {
			t.Errorf("the cloud was away: rung %d, %s", in.Overdue, k.kinds(late))
		}
		if got := strings.Join(k.told, " "); got != "overdue taken overdue overdue opened overdue" {
			t.Errorf("told %s", got)
		}
	})
}

// TestNobodyIsLate: what people were not told of, and what was over before they could know.
func TestNobodyIsLate(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		shadow, shelved := graded(k, "s1", rules.SeverityA), graded(k, "s2", rules.SeverityC)
		shadow.Shadow, shelved.Shelved = true, true
		ids := []string{k.apply(shadow), k.apply(shelved)}
		over := graded(k, "l1", rules.SeverityA)
		k.update(func(tx *sql.Tx) error {
			id, err := k.svc.ApplyLate(t.Context(), tx, "gw-1", over)
			ids = append(ids, id)
			if err == nil {
				over.State, over.At = rules.Resolved, over.At.Add(time.Second)
				_, err = k.svc.ApplyLate(t.Context(), tx, "gw-1", over)
			}
			return err
		})
		worse := k.apply(graded(k, "w1", rules.SeverityC))
		k.later(2 * 24 * time.Hour)
		e := graded(k, "w1", rules.SeverityA)
		e.Level = 1
		k.apply(e)
		k.later(time.Minute)
		k.judge(k.watcher(nil))
		for _, id := range append(ids, worse) {
			if in := k.get(id); in.Overdue != 0 {
				t.Errorf("%s has rung %d", in.Alert, in.Overdue)
			}
		}
		k.later(3 * time.Minute)
		k.judge(k.watcher(nil))
		if in := k.get(worse); in.Overdue != 1 {
			t.Errorf("worse for 4 minutes: rung %d", in.Overdue)
		}
	})
}

// TestARungIsToldOnce: whatever ends the program in between, and whatever becomes of the rules.
func TestARungIsToldOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		id := k.apply(graded(k, "a1", rules.SeverityA))
		k.told = nil
		k.later(4 * time.Minute)
		if err := k.watcher(func(c *incident.WatchConfig) { c.Notifier = dying{} }).Judge(t.Context()); !errors.Is(err, errDies) {
			t.Fatalf("%v", err)
		}
		if in := k.get(id); in.Overdue != 0 || in.Detail.Watch != nil || k.kinds(id) != "fired" {
			t.Errorf("half of it is there: %+v", in)
		}
		k.judge(k.watcher(nil))
		k.judge(k.watcher(nil))
		other := strings.Replace(text30(t), "3m, emergency: 90s", "2m, emergency: 90s", 1)
		for _, set := range []*rules.Set{load(t, other), load(t, strings.ReplaceAll(text30(t), "id: R30", "id: R39")), shipped(t)} {
			k.update(func(tx *sql.Tx) error {
				_, err := tx.ExecContext(t.Context(), `UPDATE incidents SET judge_at = 0`) // as a start does
				return err
			})
			k.later(2 * time.Second)
			k.judge(k.watcher(func(c *incident.WatchConfig) { c.Rules = set }))
		}
		if in := k.get(id); in.Overdue != 1 {
			t.Errorf("rung %d", in.Overdue)
		}
		if got := strings.Join(k.told, " "); got != "overdue" || k.kinds(id) != "fired overdue" {
			t.Errorf("told %q, timeline %s", got, k.kinds(id))
		}
	})
}

func text30(t *testing.T) string {
	t.Helper()
	text, err := configs.FS.ReadFile("rules/incident.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var errDies = errors.New("dies")

// dying is a notifier at which the program ends.
type dying struct{}

// Enqueue implements the incidents' Notifier.
func (dying) Enqueue(context.Context, *sql.Tx, incident.Incident, string) error { return errDies }

// lease is what a worker holds: as far as it knows, and as the database has it.
type lease struct{ thinks, has bool }

// Mine implements the watcher's Lease.
func (l *lease) Mine(string) bool { return l.thinks }

// Check implements the watcher's Lease.
func (l *lease) Check(context.Context, *sql.Tx, string) error {
	if !l.has {
		return errors.New("another worker has it")
	}
	return nil
}

// TestWatcherRuns: it looks at once at all that is open, whenever the life before wanted to look at it.
func TestWatcherRuns(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		id := k.apply(graded(k, "a1", rules.SeverityA))
		k.later(365 * 24 * time.Hour) // a wrong clock
		k.judge(k.watcher(func(c *incident.WatchConfig) {
			c.Rules = load(t, strings.ReplaceAll(text30(t), "class == 1", "class == 9"))
		}))
		k.later(-365*24*time.Hour + 4*time.Minute)
		k.judge(k.watcher(nil))
		if in := k.get(id); in.Overdue != 0 {
			t.Fatalf("rung %d", in.Overdue)
		}
		ctx, cancel := context.WithCancel(t.Context())
		changed, done := make(chan string, 1), make(chan error, 1)
		w := k.watcher(func(c *incident.WatchConfig) { c.Changed = func(id string) { changed <- id } })
		go func() { done <- w.Run(ctx) }()
		if got := <-changed; got != id || k.get(id).Overdue != 1 {
			t.Errorf("%s changed, rung %d", got, k.get(id).Overdue)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestOnlyTheHolderJudges(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		k := open(t, place)
		id := k.apply(graded(k, "a1", rules.SeverityA))
		k.later(4 * time.Minute)
		var changed []string
		for _, l := range []lease{{false, true}, {true, false}, {true, true}, {true, true}} {
			if k.get(id).Overdue != 0 && !l.has {
				t.Errorf("judged before %+v", l)
			}
			k.judge(k.watcher(func(c *incident.WatchConfig) {
				c.Lease, c.Changed = &l, func(id string) { changed = append(changed, id) }
			}))
		}
		if k.get(id).Overdue != 1 || fmt.Sprint(changed) != "["+id+"]" {
			t.Errorf("rung %d, changed %v", k.get(id).Overdue, changed)
		}
	})
}

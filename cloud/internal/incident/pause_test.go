package incident_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/timer"
	"github.com/linshao/linshao/rules"
)

// office is the desk with the limits of the steps, and their timers.
func office(t *testing.T, place *dbtest.Place, change func(*incident.Config)) *desk {
	k := open(t, place)
	cfg := incident.Config{DB: k.db, Notifier: k, Now: func() time.Time { return k.now }, Zone: time.UTC, Limits: incident.DefaultLimits(), Merging: merging()}
	if change != nil {
		change(&cfg)
	}
	k.svc = incident.New(cfg)
	return k
}

// ring runs the timers that are due.
func (k *desk) ring() {
	k.t.Helper()
	s := timer.New(timer.Config{DB: k.db, Effects: k.svc.Effects(), Now: func() time.Time { return k.now }, Log: slog.New(slog.DiscardHandler)})
	if err := s.Round(k.t.Context()); err != nil {
		k.t.Fatal(err)
	}
}

func all(name string) incident.Person { return incident.Person{Name: name, Rights: auth.Rights()} }

func (k *desk) do(id, deed, who string, g incident.Given) {
	k.t.Helper()
	if err := k.svc.Do(k.t.Context(), id, deed, all(who), g); err != nil {
		k.t.Fatalf("%s: %v", deed, err)
	}
}

func (k *desk) deeds(id string) []incident.Step {
	k.t.Helper()
	list, err := incident.Steps(k.t.Context(), k.db.Reader(), id)
	if err != nil {
		k.t.Fatal(err)
	}
	return list
}

func until(k *desk, d time.Duration) incident.Given {
	return incident.Given{Note: "等材料", Facts: incident.Facts{Until: k.now.Add(d).UnixMilli()}}
}

// What works on an incident that is put off, or presses for it, takes it up again; a note leaves it where it is.
func TestWorkEndsAPause(t *testing.T) {
	note := incident.Given{Note: "现场情况"}
	for deed, resumes := range map[string]bool{incident.Finish: true, incident.Urge: true, incident.Blow: true, incident.Assign: true, incident.Close: true,
		incident.Remark: false, incident.Dispute: false} {
		k := office(t, dbtest.SQLite(t), nil)
		id := k.apply(graded(k, "a1", rules.SeverityB))
		k.apply(over(k, graded(k, "a1", rules.SeverityB)))
		k.do(id, incident.Take, "赵经理", incident.Given{})
		due := k.get(id).StepDue
		k.do(id, incident.Suspend, "李书记", until(k, 5*time.Hour))
		k.later(time.Hour)
		g := note
		g.Outcome, g.Whistle = "real", 2
		if deed == incident.Assign {
			g.Assignee = &incident.Assignee{Kind: "person", ID: "李书记"}
		}
		k.do(id, deed, "李书记", g)
		in, list := k.get(id), k.deeds(id)
		if resumed := list[len(list)-2].Deed == incident.Resume || deed == incident.Close && list[len(list)-4].Deed == incident.Resume; resumed != resumes || in.SuspendedAt > 0 == resumes {
			t.Errorf("%s: resumed %v, suspended at %d", deed, resumed, in.SuspendedAt)
		}
		if (deed == incident.Urge || deed == incident.Blow) && in.StepDue != due+time.Hour.Milliseconds() {
			t.Errorf("%s: due %d after %d", deed, in.StepDue, due)
		}
	}
}

package incident_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/rules"
)

// walk is one incident on its way through random deeds, events and hours.
type walk struct {
	*desk
	rt     *rapid.T
	alert  rules.AlertEvent // of an incident that a sensor told
	active bool
	id     string
	told   *[]string // "incident kind"
}

// state is all that a deed can change.
type state struct {
	in    incident.Incident
	steps []incident.Step
	lines []incident.Entry
	timer int64 // when the step's timer rings; 0: none
	told  int
}

func (w *walk) see() state {
	w.t.Helper()
	s := state{in: w.get(w.id), steps: w.deeds(w.id), told: len(*w.told)}
	var err error
	if s.lines, err = incident.Timeline(w.t.Context(), w.db.Reader(), w.id); err != nil {
		w.rt.Fatal(err)
	}
	err = w.db.Reader().QueryRowContext(w.t.Context(), `SELECT due_at FROM timers WHERE kind = 'incident.step' AND subject = ?`, w.id).Scan(&s.timer)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		w.rt.Fatal(err)
	}
	return s
}

// Whatever people, sensors and the clock do in whatever order, the handling keeps to its table.
func TestAnyDeeds(t *testing.T) {
	var told []string
	k := office(t, dbtest.SQLite(t), func(c *incident.Config) {
		c.Merging, c.Check = incident.Merging{}, []string{"A"}
		c.Notifier = noted(func(in incident.Incident, kind string) { told = append(told, in.ID+" "+kind) })
		c.Holders = func(context.Context, db.Querier, auth.Right, []string) ([]auth.User, error) {
			grants := []auth.Grant{{Role: auth.Street}}
			return []auth.User{{Name: "赵", Grants: grants}, {Name: "李", Grants: grants}}, nil
		}
	})
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		w := &walk{desk: k, rt: rt, told: &told}
		w.begin(n, rapid.Bool().Draw(rt, "report"))
		for range rapid.IntRange(4, 16).Draw(rt, "length") {
			switch rapid.IntRange(0, 9).Draw(rt, "what") {
			case 0:
				w.event()
			case 1, 2:
				w.wait(time.Duration(rapid.SampledFrom([]int{1, 20, 60, 300, 3000}).Draw(rt, "minutes")) * time.Minute)
			default:
				w.deed()
			}
			w.sound()
		}
	})
}

type noted func(in incident.Incident, kind string)

// Enqueue implements the incidents' Notifier.
func (f noted) Enqueue(_ context.Context, _ *sql.Tx, in incident.Incident, kind string) error {
	f(in, kind)
	return nil
}

func (w *walk) begin(n int, report bool) {
	if report {
		id, err := w.svc.Report(w.t.Context(), all("居民"), fmt.Sprint(n), incident.Reporting{Kind: "charging", Text: "鼓包", Site: "jinxiu", Source: incident.FromPerson})
		if err != nil {
			w.rt.Fatal(err)
		}
		w.id = id
		return
	}
	w.alert, w.active = w.desk.alert("R16", fmt.Sprintf("dev-%d", n), rules.SeverityB), true
	w.id = w.apply(w.alert)
}

// event is the gateway's: it is over, it is back, it is worse. None of it is anybody's deed.
func (w *walk) event() {
	if w.alert.Rule == "" {
		return
	}
	before := w.see()
	e := w.alert
	e.At = w.now
	switch rapid.IntRange(0, 2).Draw(w.rt, "event") {
	case 0:
		e.State, w.active = rules.Resolved, false
	case 1:
		w.active = true
	default:
		e.Severity, w.active = rules.SeverityA, true
		w.alert.Severity = rules.SeverityA
	}
	w.apply(e)
	after := w.see()
	if after.in.Step != before.in.Step || after.in.Handling != before.in.Handling || after.in.Outcome != before.in.Outcome {
		w.rt.Fatalf("%s made %s of %s", e.State, after.in.Step, before.in.Step)
	}
	if n := len(after.steps) - len(before.steps); n > 1 || n == 1 && (before.in.SuspendedAt == 0 || after.steps[len(after.steps)-1].Deed != incident.Resume) {
		w.rt.Fatalf("an event did %d deeds", n)
	}
}

// wait lets time pass, and the timers ring: twice, for the second must find nothing.
func (w *walk) wait(d time.Duration) {
	before := w.see()
	w.later(d)
	w.ring()
	after, now := w.see(), w.now.UnixMilli()
	w.ring()
	if again := w.see(); !reflect.DeepEqual(again, after) {
		w.rt.Fatal("the same limit twice")
	}
	lines, told := after.lines[len(before.lines):], (*w.told)[before.told:]
	switch {
	case before.timer == 0 || before.timer > now:
		if !reflect.DeepEqual(before.in, after.in) || len(lines) != 0 {
			w.rt.Fatal("time alone changed it")
		}
	case before.in.SuspendedAt > 0:
		last := after.steps[len(after.steps)-1]
		if after.in.SuspendedAt > 0 || last.Deed != incident.Resume || last.By != "" || len(lines) != 1 || !slices.Contains(told, w.id+" resumed") {
			w.rt.Fatalf("the pause did not end: %+v %v %v", last, lines, told)
		}
	default:
		tells := slices.Contains(told, w.id+" late")
		if !after.in.StepLate || len(lines) != 1 || lines[0].Kind != "overdue" || tells != (after.in.Assignee != nil) || len(after.steps) != len(before.steps) {
			w.rt.Fatalf("late: %v, %v, %v", after.in.StepLate, lines, told)
		}
		if before.in.Step == incident.Reported && !strings.HasSuffix(lines[0].Text.ZH, "前接警") {
			w.rt.Fatalf("late to take: %v", lines)
		}
	}
}

func (w *walk) given(deed string) incident.Given {
	g := incident.Given{Note: rapid.SampledFrom([]string{"看过了", "看过了", ""}).Draw(w.rt, "note"), EvenActive: rapid.Bool().Draw(w.rt, "even active")}
	g.Outcome, g.Rating, g.Whistle = "real", 4, rapid.IntRange(0, 3).Draw(w.rt, "whistle")
	g.Until = w.now.Add(time.Duration(rapid.IntRange(-1, 200).Draw(w.rt, "until")) * time.Minute).UnixMilli()
	if to := rapid.SampledFrom([]string{"", "赵", "李", "无人"}).Draw(w.rt, "to"); to != "" {
		g.Assignee = &incident.Assignee{Kind: "person", ID: to}
	}
	if deed == incident.Verify || deed == incident.Accept {
		g.Severity = rapid.SampledFrom([]string{"", "", "A", "C"}).Draw(w.rt, "severity")
	}
	return g
}

// parts are what the deeds consist of, as they are documented.
func parts(deed string, in incident.Incident) (list []string) {
	switch {
	case deed == incident.Take:
		list = []string{incident.Verify, incident.Accept, incident.Dispatch, incident.Begin}
		list = list[slices.Index([]string{incident.Reported, incident.Verified, incident.Accepted, incident.Dispatched}, in.Step):]
	case deed == incident.Reject && in.Step == incident.Reported:
		list = []string{incident.Verify, incident.Reject}
	case deed == incident.Close && in.Step == incident.InProgress && in.FinishedAt == 0:
		list = []string{incident.Finish, incident.Check, incident.Close}
	case deed == incident.Close && in.Step == incident.InProgress:
		list = []string{incident.Check, incident.Close}
	default:
		list = []string{deed}
	}
	if in.SuspendedAt > 0 && !slices.Contains([]string{incident.Resume, incident.Remark, incident.Dispute, incident.Uphold}, deed) {
		list = append([]string{incident.Resume}, list...)
	}
	return list
}

func (w *walk) deed() {
	table := incident.Transitions()
	tr := rapid.SampledFrom(table).Draw(w.rt, "deed")
	if before := w.get(w.id); rapid.IntRange(0, 3).Draw(w.rt, "sensible") > 0 { // mostly what fits the step
		table = slices.DeleteFunc(table, func(t incident.Transition) bool { return !slices.Contains(t.From, before.Step) })
		if len(table) > 0 {
			tr = rapid.SampledFrom(table).Draw(w.rt, "deed that fits")
		}
	}
	who := incident.Person{Name: rapid.SampledFrom([]string{"赵", "李", "王"}).Draw(w.rt, "who"), Rights: auth.Rights(), Caller: tr.Deed == incident.Rate}
	g, before := w.given(tr.Deed), w.see()
	err := w.svc.Do(w.t.Context(), w.id, tr.Deed, who, g)
	after := w.see()
	if err != nil {
		if _, refused := errors.AsType[*incident.Refusal](err); !refused || !reflect.DeepEqual(before, after) {
			w.rt.Fatalf("%s at %s: %v, and it changed: %v", tr.Deed, before.in.Step, err, !reflect.DeepEqual(before, after))
		}
		return
	}
	to := tr.To
	if to == "" {
		to = before.in.Step
	}
	if !slices.Contains(tr.From, before.in.Step) || after.in.Step != to {
		w.rt.Fatalf("%s led from %s to %s", tr.Deed, before.in.Step, after.in.Step)
	}
	if before.in.Condition == incident.Active && (tr.Deed == incident.Close || tr.Deed == incident.Reject) && (!g.EvenActive || g.Note == "") {
		w.rt.Fatalf("%s hid an active condition", tr.Deed)
	}
	var did []string
	for _, st := range after.steps[len(before.steps):] {
		did = append(did, st.Deed)
		if st.By != who.Name || st.At != max(w.now.UnixMilli(), before.in.StepAt) {
			w.rt.Fatalf("%+v by %s", st, who.Name)
		}
	}
	last := after.steps[len(after.steps)-1]
	if want := parts(tr.Deed, before.in); !slices.Equal(did, want) || len(after.lines) != len(before.lines)+1 || last.Note != g.Note {
		w.rt.Fatalf("%s did %v and %d lines, want %v and one", tr.Deed, did, len(after.lines)-len(before.lines), want)
	}
	if told := (*w.told)[before.told:]; len(told) != 1 {
		w.rt.Fatalf("%s told %v", tr.Deed, told)
	}
}

// sound is what is true at all times.
func (w *walk) sound() {
	s := w.see()
	in, closed := s.in, s.in.Handling == incident.Closed
	if (in.Condition == incident.Active) != w.active {
		w.rt.Fatalf("condition %s, the alert is active: %v", in.Condition, w.active)
	}
	at, step := int64(0), ""
	for i, st := range s.steps {
		if st.N != i+1 || st.At < at || st.From != step {
			w.rt.Fatalf("deed %d at %d after %d, from %s after %s: %+v", i+1, st.At, at, st.From, step, st)
		}
		at, step = st.At, st.To
	}
	if step != in.Step || closed != slices.Contains([]string{incident.Archived, incident.Rated}, in.Step) {
		w.rt.Fatalf("at %s, %s after deeds to %s", in.Step, in.Handling, step)
	}
	due := in.StepDue
	switch {
	case closed && (in.StepDue > 0 || in.SuspendedAt > 0), !closed && in.StepDue == 0:
		w.rt.Fatalf("%s: due %d, suspended %d", in.Step, in.StepDue, in.SuspendedAt)
	case in.SuspendedAt > 0:
		due = in.SuspendedUntil
	case in.StepLate:
		due = 0
	}
	if s.timer != due {
		w.rt.Fatalf("timer at %d, want %d", s.timer, due)
	}
}

package incident

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/linshao/linshao/rules"
)

// A turn is one event on its way into an incident.
type turn struct {
	e       rules.AlertEvent
	gateway string
	now     time.Time
	late    bool
	fresh   bool // the alert was not known
	anew    bool // its incident is new
	joined  key  // by which cause it came into an incident that was there
	where   string
	alert   Alert
	in      Incident
	kind    string // what others are told at once
	unsaid  bool   // there is something that they are told when it is quiet
	hush    Hush   // what keeps it quiet
}

func (t *turn) at() int64 { return t.e.At.UnixMilli() }

// change moves the alert on, lets its incident follow along its condition axis, and writes the timeline.
func (s *Service) change(ctx context.Context, tx *sql.Tx, t *turn) error {
	was := t.in // as people know it
	before := t.alert.follow(t.e, t.fresh)
	t.hush.mark(&t.alert)
	if err := saveAlert(ctx, tx, t.alert); err != nil {
		return err
	}
	if err := project(ctx, tx, &t.in, &t.alert); err != nil {
		return err
	}
	if t.anew {
		was.Condition, was.Severity = Recovered, t.in.Severity
	}
	entries := t.condition(was, before)
	entries = append(entries, t.graded(was, before)...)
	entries = append(entries, t.shelving(was)...)
	for _, e := range entries {
		if err := addEntry(ctx, tx, t.in.ID, e); err != nil {
			return err
		}
	}
	return s.limits(ctx, tx, t, was)
}

// limits begins those times anew in which somebody must act.
func (s *Service) limits(ctx context.Context, tx *sql.Tx, t *turn, was Incident) error {
	in, now := &t.in, t.now.UnixMilli()
	switch {
	case t.anew:
		return nil
	case in.Severity < was.Severity: // A is worst
		in.Graded = now
		return s.worse(ctx, tx, in, now)
	case !was.Detail.Told && in.Detail.Told: // people hear of it now for the first time
		in.Graded = now
		return s.takeLimit(ctx, tx, in, now)
	case in.Handling == Open && in.Late && was.Condition != Active && in.Condition == Active && !t.late: // it was over before anybody could know
		return s.takeLimit(ctx, tx, in, now)
	}
	return nil
}

// condition says what the event made of the condition, and notes what people are told of it.
func (t *turn) condition(was Incident, before Alert) (out []Entry) {
	note := func(kind string, at int64, text Text) { out = append(out, Entry{at, kind, text, ""}) }
	a, in := &t.alert, &t.in
	firing := t.e.State == rules.Firing
	switch {
	case t.fresh && !t.anew:
		note("note", t.at(), joinedText(a, t.where, t.joined))
		t.news(firing)
	case t.fresh && !firing: // its firing is in a gap: the incident must not be missing
		note("fired", in.Since, a.fired())
	case firing && before.Condition != Active:
		note("fired", t.at(), a.fired())
		if t.kind = KindOpened; was.Condition == Active {
			t.kind = ""
			t.news(true)
		}
	}
	if firing || !t.fresh && before.Condition != Active {
		return out
	}
	switch {
	case in.Condition != Active && (t.anew || was.Condition == Active):
		t.kind = KindRecovered
		note("recovered", t.at(), Text{"报警条件已消失", "The alert's condition is gone"})
	case in.Condition == Active && !t.fresh:
		note("note", t.at(), Text{"其中一条已恢复：" + a.Title.ZH, "One of the alerts is over: " + a.Title.EN})
	}
	return out
}

// news is of an alert in an incident that people know: of class A they are told at once, of others together when it is quiet.
func (t *turn) news(active bool) {
	switch {
	case t.alert.SeverityNow == string(rules.SeverityA):
		t.kind = KindJoined
	case active && !t.alert.shelved:
		t.unsaid = true
	}
}

// graded says what the event made of the severity. Only getting worse is news, and the limit to take it runs anew.
func (t *turn) graded(was Incident, before Alert) (out []Entry) {
	a, in := &t.alert, &t.in
	note := func(text Text) { out = append(out, Entry{t.at(), "severity", text, ""}) }
	turned := func(from, to string) Text {
		return Text{fmt.Sprintf("级别由 %s 变为 %s", from, to), fmt.Sprintf("Severity changed from %s to %s", from, to)}
	}
	worse := in.Severity < was.Severity // A is worst
	switch {
	case t.fresh && worse:
		note(turned(was.Severity, in.Severity))
	case t.fresh || t.e.State != rules.Firing:
	case a.SeverityNow != before.SeverityNow:
		note(turned(before.SeverityNow, a.SeverityNow))
	case a.detail.Rung != before.detail.Rung:
		note(climbed(before.detail.Rung, a.detail.Rung))
	}
	if worse {
		t.kind = KindSeverity
	} else if t.kind == "" && !t.fresh && a.Severity == string(rules.SeverityA) && before.Severity != a.Severity {
		t.kind = KindJoined // another one of class A is in it
	}
	return out
}

// shelving says whether people are told of the incident now.
func (t *turn) shelving(was Incident) []Entry {
	in := &t.in
	if !t.anew && !was.Detail.Told && in.Detail.Told && !in.Shadow { // they hear of it for the first time
		t.kind = KindOpened
	}
	if in.Shelved == was.Shelved {
		return nil
	}
	if in.Shelved && t.hush.Snooze != nil {
		return []Entry{{t.at(), "note", Text{"设备静默中：只记录，暂不通知", "Its device is snoozed: recorded, and nobody is told for now"}, ""}}
	}
	if in.Shelved && t.hush.Window {
		return []Entry{{t.at(), "note", Text{"检修期间：只记录，暂不通知", "Its site is under maintenance: recorded, and nobody is told for now"}, ""}}
	}
	return []Entry{{t.at(), "note", shelving(in.Shelved), ""}}
}

// climbed words a change of the rung that changes no severity.
func climbed(from, to int) Text {
	if to > from {
		return Text{fmt.Sprintf("情况加重，升到第 %d 档", to+1), fmt.Sprintf("It has got worse: step %d", to+1)}
	}
	return Text{fmt.Sprintf("情况缓和，降到第 %d 档", to+1), fmt.Sprintf("It has got better: step %d", to+1)}
}

func shelving(on bool) Text {
	if on {
		return Text{"频繁告警，已搁置：只记录，暂不通知", "Fires too often, shelved: recorded, and nobody is told for a while"}
	}
	return Text{"搁置结束，恢复通知", "No longer shelved: people are told again"}
}

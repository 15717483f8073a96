package rules

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// An alert is the state of one rule for one subject. Its exported fields are what a snapshot keeps. Times are Unix ms.
type alert struct {
	rule    *rule
	actions []Action // resolved to devices
	mask    uint64   // the slots that its conditions look at
	lastID  string   // of the alert before this one
	betters []*alert // of the rules that this one gives way to

	State      State // "" while nothing is wrong
	ID         string
	Since      int64 // when the condition became true
	Changed    int64 // when the state last changed
	ClearSince int64 // when the condition for clearing became true; 0 while it is not
	Message    Text  // as told when it last changed
}

// step moves an alert on by one evaluation. What unknown does is the rule's own policy:
//
//	pending, hold   the hold time goes on from its beginning, but the alert does not fire while unknown
//	pending, reset  the alert is cancelled
//	firing, hold    the alert stays, and clear_for begins anew: a recovery must be seen, all of it
//	firing, clear   unknown counts as recovered
func (e *Engine) step(s *subject, a *alert, f *frame) {
	cond := a.cond(f)
	switch a.State {
	case "":
		if cond == yes {
			e.rise(s, a, f)
		}
	case Pending:
		a.Since = min(a.Since, f.now) // after the clock was set back
		switch {
		case cond == no, cond == maybe && a.rule.text.Unknown.Pending == "reset":
			e.cancel(s, a, f)
		case cond == yes && f.now-a.Since >= a.rule.hold:
			e.fire(s, a, f)
		}
	case Firing:
		e.clear(s, a, f, cond)
	}
}

func (e *Engine) rise(s *subject, a *alert, f *frame) {
	a.Since, a.ClearSince = f.now, 0
	a.ID = idAfter(fmt.Sprintf("%s/%s/%s", a.rule.text.ID, s.device.ID, time.UnixMilli(f.now).UTC().Format(idTime)), a.lastID)
	if a.rule.hold == 0 {
		e.fire(s, a, f)
		return
	}
	a.State, a.Changed = Pending, f.now
	a.Message = a.text(s, f)
	e.emit(s, a, f, Pending)
}

func (e *Engine) fire(s *subject, a *alert, f *frame) {
	a.State, a.Changed = Firing, f.now
	a.Message = a.text(s, f)
	e.emit(s, a, f, Firing)
	if s.sess != nil && a.rule.expr.judgesEnergy() {
		s.sess.Doubt = true // nothing is to be learned from this charge
	}
}

func (e *Engine) cancel(s *subject, a *alert, f *frame) {
	a.Message = prefixed(a.end(Text{ZH: "未持续：", EN: "Did not last: "}), a.Message)
	e.emit(s, a, f, Cancelled)
	a.close()
}

func (e *Engine) clear(s *subject, a *alert, f *frame, cond tri) {
	clear := cond.not()
	if a.rule.clear != nil {
		clear = clear.and(a.rule.clear.cond(f))
	}
	if clear == maybe && a.rule.text.Unknown.Firing == "clear" {
		clear = yes
	}
	switch {
	case a.rule.text.Latch:
	case clear != yes:
		a.ClearSince = 0
	default:
		if a.ClearSince == 0 || a.ClearSince > f.now {
			a.ClearSince = f.now
		}
		if f.now-a.ClearSince >= a.rule.clearFor {
			e.resolve(s, a, f, a.end(Text{ZH: "已恢复：", EN: "Recovered: "}))
		}
	}
}

func (e *Engine) resolve(s *subject, a *alert, f *frame, how Text) {
	a.Message = prefixed(how, a.Message)
	e.emit(s, a, f, Resolved)
	a.close()
}

func (a *alert) close() {
	*a = alert{rule: a.rule, actions: a.actions, mask: a.mask, betters: a.betters, lastID: a.ID}
}

func prefixed(p, t Text) Text { return Text{ZH: p.ZH + t.ZH, EN: p.EN + t.EN} }

// text fills in the rule's message as things are now.
func (a *alert) text(s *subject, f *frame) Text {
	r := a.rule
	return Text{
		ZH: r.message[zh].fill(f, s, s.told(r, zh), zh),
		EN: r.message[en].fill(f, s, s.told(r, en), en),
	}
}

// emit tells a change, with the evidence as the frame has it.
func (e *Engine) emit(s *subject, a *alert, f *frame, state State) {
	ev := e.event(s, a, state, f.now)
	ev.Message = a.Message
	ev.Evidence = e.evidence(a.rule, f)
	if state == Firing && a.rule.mode == Armed {
		ev.Actions = slices.Clone(a.actions)
	}
	e.events = append(e.events, ev)
}

// event is a change without message, evidence and actions.
func (e *Engine) event(s *subject, a *alert, state State, at int64) AlertEvent {
	r := a.rule
	ev := AlertEvent{
		Alert: a.ID, Rule: r.text.ID, Version: r.version, Subject: s.device.ID, Zone: s.device.Zone,
		Severity: r.text.Severity, State: state, Since: time.UnixMilli(a.Since).UTC(), At: time.UnixMilli(at).UTC(),
		Title: r.text.Title, Card: slices.Clone(r.text.Card), Shadow: r.mode == ShadowMode,
	}
	if l := r.text.Limit; l != nil {
		q := r.params[l.Param]
		unit := q.typ.unit
		if q.typ.class == duration {
			unit = "s"
		}
		ev.Limit = &Limit{Point: l.Point, Value: q.value, Unit: unit, Above: l.Above}
	}
	return ev
}

// evidence is every value that the rule looks at; for a rule about a charge, all of the session.
func (e *Engine) evidence(r *rule, f *frame) []Evidence {
	var all []Evidence
	for _, name := range r.uses.points {
		s := &f.slots[slices.Index(e.layout.points[r.kind.name], name)]
		all = append(all, f.proof(s, name, r.kind.point(name).unit))
	}
	for _, m := range r.uses.parts {
		all = append(all, m.proof(f))
	}
	if len(r.uses.session) == 0 {
		return all
	}
	power := f.proof(&f.slots[socketPower], "power", "W")
	if !slices.Contains(r.uses.points, "power") {
		all = append(all, power)
	}
	for _, v := range sessionValues() {
		ev := measure{name: v.name, typ: v.typ, get: v.get}.proof(f)
		if ev.Quality != device.Good {
			ev.Reason = power.Reason
		}
		all = append(all, ev)
	}
	return all
}

// proof is a point as the frame sees it: a value too old has none, for the reason that it was not read.
func (f *frame) proof(s *slot, name, unit string) Evidence {
	if s.seen == 0 || f.stale(s) {
		return Evidence{Name: name, Unit: unit, Value: math.NaN(), Quality: device.Bad, Reason: device.NotRead}
	}
	return Evidence{Name: name, Unit: unit, Value: s.val, Quality: s.q, Reason: s.why}
}

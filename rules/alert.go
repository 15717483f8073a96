package rules

import (
	"fmt"
	"slices"
	"time"
)

// An alert is the state of one rule for one subject. Its exported fields are what a snapshot keeps. Times are Unix ms.
type alert struct {
	rule    *rule
	orders  [][]order  // of each rung
	bans    [][]Action // of each rung: what nobody may write
	mask    uint64     // the slots that its conditions look at
	lastID  string     // of the alert before this one
	betters []*alert   // of the rules that this one gives way to
	timers  []timer    // of each rung
	chatter chatter
	trail   *trail // nil: it was never open

	State   State // "" while nothing is wrong
	ID      string
	Since   int64 // when the condition became true
	Changed int64 // when the state last changed
	Level   int   // the rung, while it fires
	Message Text  // as told when it last changed
	Picked  []Action
	Shelved bool // it began while it was shelved
}

// step moves an alert on by one evaluation. What unknown does is the rule's own policy, on every rung of its ladder:
//
//	pending, hold   the hold time goes on from its beginning, but the alert does not fire while unknown
//	pending, reset  the alert is cancelled
//	firing, hold    the alert stays, and clear_for begins anew: a recovery must be seen, all of it
//	firing, clear   unknown counts as recovered
func (e *Engine) step(s *subject, a *alert, f *frame) {
	switch a.State {
	case "":
		if !a.quiet(f) {
			e.rise(s, a, f)
		}
	case Pending:
		reached, open := a.climb(0, f)
		switch {
		case reached >= 0:
			e.fire(s, a, f, reached)
		case !open:
			e.cancel(s, a, f)
		}
	case Firing:
		e.follow(s, a, f)
	}
}

func (e *Engine) rise(s *subject, a *alert, f *frame) {
	a.Since = f.now
	a.ID = idAfter(fmt.Sprintf("%s/%s/%s", a.rule.text.ID, s.device.ID, time.UnixMilli(f.now).UTC().Format(idTime)), a.lastID)
	if reached, _ := a.climb(0, f); reached >= 0 {
		e.fire(s, a, f, reached)
		return
	}
	a.State, a.Changed = Pending, f.now
	a.Message = a.text(s, f, a.waiting(), told(slices.Concat(a.orders[:a.waiting()+1]...), true))
	e.emit(s, a, f, Pending, nil)
}

// fire lets an alert begin to fire on a rung.
func (e *Engine) fire(s *subject, a *alert, f *frame, level int) {
	a.State = Firing
	a.Shelved = a.chatter.shelved(f.now)
	urgent := a.rule.at(level).severity == SeverityA // people hear of it however often it comes
	chatters := !urgent && a.chatter.note(f.now) && !a.Shelved
	e.climbed(s, a, f, -1, level)
	if chatters {
		a.Message = prefixed(tooOften(), a.Message)
		e.events[len(e.events)-1].Message = a.Message
	}
	if !a.Shelved || urgent {
		e.begun.note(s, a.rule, f.now)
	}
}

// climbed tells that a firing alert has come to a rung, and commands what it and those just passed ask for.
func (e *Engine) climbed(s *subject, a *alert, f *frame, from, level int) {
	a.Level, a.Changed = level, f.now
	for i := range a.timers[:level+1] {
		a.timers[i].Clear = 0
	}
	var passed []order
	for _, orders := range a.orders[from+1 : level+1] {
		passed = append(passed, orders...)
	}
	for i := from + 1; i <= level; i++ {
		if s.sess != nil && a.rule.at(i).expr.judgesEnergy() {
			s.sess.Doubt = true // nothing is to be learned from this charge
		}
	}
	a.Message = a.text(s, f, level, told(passed, false))
	e.emit(s, a, f, Firing, a.command(passed))
}

// command is what orders write now. What was picked is kept: a restart must not pick another.
func (a *alert) command(orders []order) []Action {
	var writes []Action
	for i := range orders {
		o := &orders[i]
		if o.mode != Armed {
			continue
		}
		for _, w := range o.choose() {
			if !slices.Contains(writes, w) {
				writes = append(writes, w)
			}
			if o.text.Pick != "" {
				a.Picked = append(a.Picked, w)
			}
		}
	}
	return writes
}

func (e *Engine) cancel(s *subject, a *alert, f *frame) {
	a.Message = prefixed(a.end(Text{ZH: "未持续：", EN: "Did not last: "}), a.Message)
	e.emit(s, a, f, Cancelled, nil)
	a.close()
}

// follow moves a firing alert up its ladder, down, or to its end. One that is latched only goes up.
func (e *Engine) follow(s *subject, a *alert, f *frame) {
	if reached, _ := a.climb(a.Level+1, f); reached > a.Level {
		e.climbed(s, a, f, a.Level, reached)
		return
	}
	if a.rule.text.Latch {
		return
	}
	if a.over(f) {
		e.resolve(s, a, f, a.end(Text{ZH: "已恢复：", EN: "Recovered: "}))
		return
	}
	if level := a.descend(f); level < a.Level {
		for i := level + 1; i <= a.Level; i++ {
			a.timers[i] = timer{}
		}
		a.Level, a.Changed = level, f.now
		a.Message = prefixed(Text{ZH: "已缓和：", EN: "Has eased: "}, a.text(s, f, level, [2]string{}))
		e.emit(s, a, f, Firing, nil)
	}
}

func (e *Engine) resolve(s *subject, a *alert, f *frame, how Text) {
	a.Message = prefixed(how, a.Message)
	e.emit(s, a, f, Resolved, nil)
	a.close()
}

func (a *alert) close() {
	clear(a.timers)
	*a = alert{rule: a.rule, orders: a.orders, bans: a.bans, mask: a.mask, betters: a.betters, timers: a.timers, chatter: a.chatter, trail: a.trail, lastID: a.ID}
}

// waiting is the highest rung whose hold time runs.
func (a *alert) waiting() int {
	for i := len(a.timers) - 1; i > 0; i-- {
		if a.timers[i].Since != 0 {
			return i
		}
	}
	return 0
}

func prefixed(p, t Text) Text { return Text{ZH: p.ZH + t.ZH, EN: p.EN + t.EN} }

// text fills in a rung's message as things are now; done is what the alert does by itself, in both languages.
func (a *alert) text(s *subject, f *frame, level int, done [2]string) Text {
	g := a.rule.at(level)
	return Text{
		ZH: g.message[zh].fill(f, s, done[zh], zh),
		EN: g.message[en].fill(f, s, done[en], en),
	}
}

// emit tells a change, with the evidence as the frame has it.
func (e *Engine) emit(s *subject, a *alert, f *frame, state State, writes []Action) {
	ev := e.event(s, a, state, f.now)
	ev.Message = a.Message
	ev.Evidence = e.evidence(a.rule, f)
	if t := a.changed(state, f); state != Pending {
		ev.Why = e.why(s, a, t, f)
	}
	ev.Window = a.looked(s, state, f)
	ev.Actions = writes
	e.events = append(e.events, ev)
}

// event is a change without message, evidence and actions.
func (e *Engine) event(s *subject, a *alert, state State, at int64) AlertEvent {
	r, g := a.rule, a.rule.at(a.Level)
	ev := AlertEvent{
		Alert: a.ID, Rule: r.text.ID, Version: r.version, Subject: s.device.ID, Zone: s.device.Zone,
		Severity: g.severity, State: state, Since: time.UnixMilli(a.Since).UTC(), At: time.UnixMilli(at).UTC(),
		Title: r.text.Title, Card: slices.Clone(g.card), Shadow: r.mode == ShadowMode,
		Level: a.Level, Shelved: a.Shelved && g.severity != SeverityA, Latched: r.text.Latch,
	}
	if state == Firing {
		ev.Forbids = a.forbids()
	}
	if l := g.limit; l != nil {
		q := r.params[l.Param]
		unit := q.typ.unit
		if q.typ.class == duration {
			unit = "s"
		}
		ev.Limit = &Limit{Point: l.Point, Value: q.in(e.frame.emergency), Unit: unit, Above: l.Above}
	}
	return ev
}

// forbids are the writes that the alert keeps others from, on all rungs that it has passed.
func (a *alert) forbids() []Action {
	var writes []Action
	for _, bans := range a.bans[:a.Level+1] {
		writes = append(writes, bans...)
	}
	return writes
}

// commanded is what a firing alert has commanded so far, as its rules are now.
func (a *alert) commanded() []Action {
	writes := slices.Clone(a.Picked)
	for _, orders := range a.orders[:a.Level+1] {
		for i := range orders {
			if o := &orders[i]; o.mode == Armed && o.text.Pick == "" {
				writes = append(writes, o.targets...)
			}
		}
	}
	return writes
}

// keep is what a snapshot holds of the alert.
func (a *alert) keep(s *subject) alertState {
	return alertState{
		Rule: a.rule.text.ID, RuleVersion: a.rule.version, Subject: s.device.ID, Zone: s.device.Zone,
		Severity: a.rule.at(a.Level).severity, Title: a.rule.text.Title, Message: a.Message, ID: a.ID, State: a.State,
		Since: a.Since, Changed: a.Changed, Level: a.Level, Timers: slices.Clone(a.timers), Picked: slices.Clone(a.Picked), Shelved: a.Shelved,
		Shadow: a.rule.mode == ShadowMode,
	}
}

// takeUp is the inverse of keep. A state that does not fit the ladder comes from a damaged file; what can be kept is.
func (a *alert) takeUp(st alertState) {
	a.State, a.ID, a.Since, a.Changed, a.Message = st.State, st.ID, st.Since, st.Changed, st.Message
	a.Level, a.Picked, a.Shelved = min(max(st.Level, 0), len(a.timers)-1), st.Picked, st.Shelved
	clear(a.timers)
	copy(a.timers, st.Timers)
	if a.State == Pending && a.timers[a.waiting()].Since == 0 { // told by an event alone, which knows no rungs
		a.timers[0].Since = st.Since
	}
}

// learn takes up an event of the alert that is not older than what is known of it. Events tell nothing of rungs whose hold time runs.
func (a *alert) learn(ev *AlertEvent) {
	if a.ID != ev.Alert {
		clear(a.timers)
		a.Picked, a.Shelved = nil, ev.Shelved
	} else if a.State != ev.State || a.Level != ev.Level {
		for i := range a.timers {
			a.timers[i].Clear = 0
		}
	}
	at := ev.At.UnixMilli()
	if ev.State == Firing && ev.Severity != SeverityA { // an event of severity A does not say whether it is shelved
		if (a.ID != ev.Alert || a.State != Firing) && at > a.chatter.Begins[chatterCount-1] {
			a.chatter.note(at)
		}
		a.Shelved = ev.Shelved
	}
	a.State, a.ID, a.Message = ev.State, ev.Alert, ev.Message
	a.Since, a.Changed = ev.Since.UnixMilli(), at
	a.Level = min(max(ev.Level, 0), len(a.timers)-1)
	if a.State == Pending && a.timers[a.waiting()].Since == 0 {
		a.timers[0].Since = a.Since
	}
	for _, w := range ev.Actions {
		if a.picks(w) && !slices.Contains(a.Picked, w) {
			a.Picked = append(a.Picked, w)
		}
	}
}

// picks says whether a write can come from an order that chooses.
func (a *alert) picks(w Action) bool {
	return slices.ContainsFunc(a.orders, func(orders []order) bool {
		return slices.ContainsFunc(orders, func(o order) bool { return o.text.Pick != "" && slices.Contains(o.targets, w) })
	})
}

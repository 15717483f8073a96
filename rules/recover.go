package rules

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Recover takes up what the events log tells about alerts after the snapshot was taken, in its order; call it after Restore,
// or without one, before the first reading, as often as there are events. An event that the snapshot already contains changes
// nothing, as long as all events behind it come too. So a pending alert keeps its beginning and its id, a firing
// one is not told again, and one that has ended stays ended. The alert of a rule or device that is no more, or of a rule that
// has changed since, is ended by an event of the next Tick.
func (e *Engine) Recover(events []AlertEvent) {
	subjects := e.byID()
	defer e.unsure()
	for i := range events {
		ev := &events[i]
		if ev.Rule == ActionRule {
			e.recoverFailure(ev)
			continue
		}
		s, a := subjects.alert(ev.Subject, ev.Rule)
		if a == nil || a.rule.version != ev.Version || (a.rule.mode == ShadowMode) != ev.Shadow {
			e.orphan(ev)
			continue
		}
		a.recover(ev)
		s.recoverSession(ev)
	}
}

// alert is the subject's one of a rule; nil when there is none, or no subject.
func (s *subject) alert(rule string) *alert {
	if s == nil {
		return nil
	}
	i := slices.IndexFunc(s.alerts, func(a *alert) bool { return a.rule.text.ID == rule })
	if i < 0 {
		return nil
	}
	return s.alerts[i]
}

func (a *alert) recover(ev *AlertEvent) {
	if ev.State == Resolved || ev.State == Cancelled {
		a.ID = ev.Alert
		a.close()
		return
	}
	a.learn(ev)
}

// orphan keeps the open alert of a rule that is no more, as it was, until a Tick ends it.
func (e *Engine) orphan(ev *AlertEvent) {
	e.orphans = slices.DeleteFunc(e.orphans, func(o AlertEvent) bool { return o.Alert == ev.Alert })
	end := Resolved
	switch ev.State {
	case Pending:
		end = Cancelled
	case Firing:
	default:
		return
	}
	o := *ev
	o.State, o.Evidence, o.Actions, o.Forbids = end, nil, nil, nil
	o.Message = prefixed(Text{ZH: "规则或设备已更改，告警结束：", EN: "Rule or device changed, alert ended: "}, ev.Message)
	e.orphans = append(e.orphans, o)
}

// wantedName is what R26's evidence calls the value that was commanded.
const wantedName = "wanted"

// recoverFailure takes up an R26. Its evidence names the output, and what it was to be.
func (e *Engine) recoverFailure(ev *AlertEvent) {
	if len(ev.Evidence) == 0 {
		return
	}
	o := e.index[device.Key{Device: ev.Subject, Point: ev.Evidence[0].Name}].output
	if o == nil {
		e.orphan(ev)
		return
	}
	if ev.State != Firing {
		if o.failed != nil && o.failed.ID == ev.Alert {
			o.failed = nil
		}
		return
	}
	wanted := math.MaxFloat64 // told by no event: only a person ends it
	for _, v := range ev.Evidence {
		if v.Name == wantedName {
			wanted = v.Value
		}
	}
	if o.failed != nil && o.failed.ID == ev.Alert {
		return // the snapshot may know of a later command
	}
	o.failed = &alertState{
		Rule: ActionRule, RuleVersion: ev.Version, Subject: ev.Subject, Zone: ev.Zone, Severity: ev.Severity, Title: ev.Title, Message: ev.Message,
		ID: ev.Alert, State: Firing, Since: ev.Since.UnixMilli(), Changed: ev.At.UnixMilli(), Output: o.point, Wanted: wanted,
	}
}

// recoverSession gives a socket's session back as an alert's event saw it, when the snapshot is older than the session: the
// event of a rule about a charge has all of it as evidence.
func (s *subject) recoverSession(ev *AlertEvent) {
	at := ev.At.UnixMilli()
	if s.sess == nil || s.sess.Last >= at {
		return
	}
	seen := map[string]float64{}
	for _, v := range ev.Evidence {
		if name, ok := strings.CutPrefix(v.Name, "session."); ok || v.Name == "power" {
			seen[name] = v.Value
		}
	}
	active, known := seen["active"]
	power := seen["power"]
	if !known || math.IsNaN(active) || math.IsNaN(power) {
		return
	}
	s.sess.recover(at, active == 1, power, seen)
}

// recover takes up a session as it was seen at a moment; one that the snapshot knows by its beginning is left as it is there.
func (s *session) recover(at int64, active bool, power float64, seen map[string]float64) {
	ago := func(name string) int64 {
		if d := seen[name]; d > 0 {
			return at - time.Duration(d*float64(time.Second)).Milliseconds()
		}
		return 0
	}
	begin := ago("duration")
	if !active || begin == 0 {
		if s.Begin != 0 {
			s.end()
		}
		return
	}
	if s.Active && max(s.Begin-begin, begin-s.Begin) <= 1000 {
		return
	}
	s.end()
	s.Active, s.Begin, s.Last, s.Power = true, begin, at, power
	s.Energy.begin()
	s.Energy.add(max(seen["energy"], 0))
	s.Hole = int64(max(seen["hole"], 0) * 1000)
	s.Doubt, s.Two = true, seen["phase"] == float64(twoLoads) // half remembered: nothing is to be learned from it
	if peak := seen["peak"]; peak > 0 {
		s.Peak = peak
	}
	s.Knee = seen["knee"] == 1
	if s.TailSince = ago("tail"); s.TailSince != 0 {
		s.TailRef = power
	}
	if flat := ago("flat"); flat != 0 && power > 0 {
		s.Flat.Steps[0], s.Flat.N = step{flat, max(min(power, s.Peak), flatBand*s.Peak)}, 1
	}
}

// idAfter is an alert's id after another of the same rule and subject. Several can rise and end within a second, and a clock
// can go back: an id then keeps the moment of the one before and counts on, so that none comes twice.
func idAfter(id, last string) string {
	at := strings.LastIndexByte(id, '/') + 1
	if !strings.HasPrefix(last, id[:at]) {
		return id
	}
	moment, number, counted := strings.Cut(last[at:], "-")
	if id[at:] > moment {
		return id
	}
	n := 1
	if counted {
		n, _ = strconv.Atoi(number)
	}
	return id[:at] + moment + "-" + strconv.Itoa(n+1)
}

// idTime is how an id tells the moment of its rise.
const idTime = "20060102T150405Z"

// recentIDs are those of alerts that have just ended: one that rises after a restart within the same second must not get such an id again.
func (e *Engine) recentIDs() []string {
	var ids []string
	limit := time.UnixMilli(e.lastTick - recent).UTC().Format(idTime)
	for _, s := range e.subjects {
		for _, a := range s.alerts {
			if at := a.lastID[strings.LastIndexByte(a.lastID, '/')+1:]; a.State == "" && at >= limit {
				ids = append(ids, a.lastID)
			}
		}
	}
	return ids
}

// recent, in ms, is more than a gateway takes from its last tick to the next start's first.
const recent = 5000

// takeIDs is the inverse of recentIDs.
func (e *Engine) takeIDs(subjects roster, ids []string) {
	for _, id := range ids {
		parts := strings.Split(id, "/")
		if _, a := subjects.alert(strings.Join(parts[1:max(len(parts)-1, 1)], "/"), parts[0]); a != nil {
			a.lastID = id
		}
	}
}

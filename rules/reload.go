package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// Hash names a set: the first 12 hex digits of the SHA-256 over the ids and versions of its rules.
func (s *Set) Hash() string {
	h := sha256.New()
	for _, info := range s.Rules() {
		fmt.Fprintln(h, info.ID, info.Version)
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}

// TakeOver gives the engine of other rules, on the same devices, what an engine knows: values, windows, sessions, and the alerts
// of rules that are the same. Alerts of rules that are no more, have changed, or went into or out of shadow are ended
// by events of the next Tick. Call it once, before the first reading; the old engine is of no use then.
func (e *Engine) TakeOver(old *Engine) {
	e.started, e.start, e.clock, e.jump = old.started, old.start, old.clock, old.jump
	e.lastTick, e.ticks, e.begun, e.orphans = old.lastTick, old.ticks, old.begun, old.orphans
	e.frame.emergency = old.frame.emergency
	known := old.byID()
	for _, s := range e.subjects {
		if o := known[s.key()]; o != nil {
			e.inherit(s, o, old)
		}
	}
	fresh := e.byID()
	for _, o := range old.subjects {
		for _, a := range o.alerts {
			e.follows(fresh[o.key()], o, a)
		}
	}
	for _, out := range old.outputs {
		if in := e.index[device.Key{Device: out.device.ID, Point: out.point}]; in.output != nil {
			in.output.seen, in.output.failed = out.seen, out.failed
		}
	}
}

// inherit gives a subject what is known of its device.
func (e *Engine) inherit(s, o *subject, old *Engine) {
	kind := s.device.Kind
	for i, name := range e.layout.points[kind] {
		if was := slices.Index(old.layout.points[kind], name); was >= 0 && i < len(s.slots) && was < len(o.slots) {
			s.slots[i] = o.slots[was]
		}
	}
	for i := range s.windows {
		for _, w := range o.windows {
			if spec := s.windows[i].spec; w.spec.key == spec.key {
				s.windows[i] = w
				s.windows[i].spec = spec
			}
		}
	}
	if s.sess != nil && o.sess != nil {
		s.sess = o.sess
	}
}

// follows gives an alert's state to the same rule's alert among the new ones, or ends it.
func (e *Engine) follows(s, o *subject, a *alert) {
	b := s.alert(a.rule.text.ID)
	same := b != nil && b.rule.version == a.rule.version && (b.rule.mode == ShadowMode) == (a.rule.mode == ShadowMode)
	if same {
		b.chatter, b.lastID, b.trail = a.chatter, a.lastID, a.trail
	}
	if a.State == "" {
		return
	}
	if same {
		b.takeUp(a.keep(o))
		return
	}
	ev := a.keep(o).event()
	e.orphan(&ev)
}

// Changes tells rule by rule what is other than in an older engine, and what became of its alerts; nothing when nothing is. It
// is asked before the next Tick, as long as the alerts that have to end are known.
func (e *Engine) Changes(old *Engine) []Text {
	ended, going := map[string]int{}, map[string]int{}
	for _, o := range e.orphans {
		ended[o.Rule]++
	}
	for _, a := range e.Active() {
		going[a.Rule]++
	}
	was, is := old.byRule(), e.byRule()
	ids := slices.Collect(maps.Keys(was))
	for id := range is {
		if was[id] == nil {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	var said []Text
	for _, id := range ids {
		if what, ok := change(was[id], is[id]); ok {
			said = append(said, Text{ZH: id + "：" + what.ZH + aboutAlerts(ended[id], going[id]).ZH, EN: id + ": " + what.EN + aboutAlerts(ended[id], going[id]).EN})
		}
	}
	return said
}

func (e *Engine) byRule() map[string]*rule {
	all := make(map[string]*rule, len(e.rules))
	for _, r := range e.rules {
		all[r.text.ID] = r
	}
	return all
}

// change says what is other in a rule.
func change(was, is *rule) (Text, bool) {
	switch {
	case was == nil:
		return Text{"新增", "is new"}, true
	case is == nil:
		return Text{"已删除", "is no more"}, true
	case was.version != is.version:
		return Text{"内容已更改", "has changed"}, true
	}
	var saidZH, saidEN []string
	if was.mode != is.mode {
		saidZH, saidEN = append(saidZH, fmt.Sprintf("模式由 %s 改为 %s", was.mode, is.mode)), append(saidEN, fmt.Sprintf("mode is %s, was %s", is.mode, was.mode))
	}
	for _, name := range slices.Sorted(maps.Keys(is.params)) {
		if a, b := was.params[name], is.params[name]; a != b {
			saidZH = append(saidZH, fmt.Sprintf("参数 %s 由 %s 改为 %s", name, amount(a, zh), amount(b, zh)))
			saidEN = append(saidEN, fmt.Sprintf("parameter %s is %s, was %s", name, amount(b, en), amount(a, en)))
		}
	}
	return Text{strings.Join(saidZH, "，"), strings.Join(saidEN, ", ")}, saidZH != nil
}

// amount is a parameter as a person would write it.
func amount(q quantity, lang language) string {
	say := func(v float64) string {
		if q.typ.class == duration {
			return formatDuration(v, lang)
		}
		return strings.TrimSpace(formatNumber(v) + " " + q.typ.unit)
	}
	if q.urgent == q.value {
		return say(q.value)
	}
	return say(q.value) + " / " + say(q.urgent)
}

func aboutAlerts(ended, going int) Text {
	switch {
	case ended > 0:
		return Text{fmt.Sprintf("；%d 条告警结束，条件仍成立的会重新告警", ended), fmt.Sprintf("; %d alerts ended, and begin anew where the condition still holds", ended)}
	case going > 0:
		return Text{fmt.Sprintf("；%d 条告警继续", going), fmt.Sprintf("; %d alerts go on", going)}
	}
	return Text{}
}

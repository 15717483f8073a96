package rules

import (
	"math"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// An Engine judges the readings of one site. It is not safe for concurrent use: one goroutine owns it.
type Engine struct {
	rules    []*rule
	subjects []*subject
	index    map[device.Key]input
	devices  map[string]*inputs // the same by device
	last     *inputs            // whose readings came last
	layout   *layout
	zones    map[string]*zone
	vigils   map[string]*vigil // by kind
	censuses map[string]*census
	site     []*group // what rules count over in the whole site
	outputs  []*output
	warnings []warning
	lacks    [][4]string // zone and write of the warnings about an action that no device can do

	frame    frame
	begun    firings
	touched  []*zone      // in the call under way
	events   []AlertEvent // of the call under way
	orphans  []AlertEvent // of alerts whose rule or device is gone, told by the next Tick
	started  bool
	start    int64    // ms: the first time the engine was told
	clock    int64    // ms: the last time that it was told
	jump     int64    // ms: a step of time beyond is a jump; 0 while nobody knows how time goes
	lastTick int64    // ms
	ticks    [2]int64 // ms: the last two intervals between ticks
}

// A subject is a device that rules judge.
type subject struct {
	device device.Device
	peers  []device.Device // of the same zone, itself included
	slots  []slot
	sess   *session // of a socket; nil otherwise
	alerts []*alert
	maxAge int64 // ms

	windows []window
	labels  []int64 // ms: dates, 0 where there is none
	flags   []bool  // labels that are true or not
	groups  []*group
	parts   []membership
	census  *census // of its kind
	cells   []int32 // where the value stands on each of its scales
	vigil   *vigil  // of its kind
	watcher watcher
}

// An input is where a reading goes.
type input struct {
	subject *subject // nil: no rule looks at the point
	slot    int
	output  *output // nil: nothing writes the point
}

// Apply judges readings in their order and answers the alerts' changes. Readings of one device that follow each other are
// judged together, so that a rule never sees one half of a poll. The slice answered is the caller's.
func (e *Engine) Apply(rs []device.Reading) []AlertEvent {
	var (
		cur     *subject
		touched uint64
		now     int64
		from    *inputs // of the device
		id      = ""
	)
	for i := range rs {
		if from == nil || rs[i].Device != id {
			id = rs[i].Device
			if from = e.device(id, e.last); from == nil {
				continue
			}
			e.last = from
		}
		in := from.find(rs[i].Point)
		if in == nil {
			continue
		}
		if in.output != nil {
			e.seeOutput(in.output, &rs[i])
		}
		if in.subject == nil {
			continue
		}
		bit := slotBit(in.slot)
		if in.subject != cur || touched&bit != 0 {
			if cur != nil {
				e.judge(cur, now, touched)
			}
			cur, touched, now = in.subject, 0, math.MinInt64
		}
		t := rs[i].Time.UnixMilli()
		if !e.started {
			e.started, e.start = true, t
		}
		in.subject.slots[in.slot].put(&rs[i], t)
		touched |= bit
		now = max(now, t)
	}
	if cur != nil {
		e.judge(cur, now, touched)
		e.judgeZones(now)
	}
	return e.finish()
}

// judge follows the session of a subject and evaluates the rules whose inputs were touched.
func (e *Engine) judge(s *subject, now int64, touched uint64) {
	if d := now - e.clock; d > e.jump || d < -e.jump {
		e.jumped(now)
	}
	if s.sess != nil && touched&socketBits != 0 {
		s.sess.update(now, s.sessionInput(touched))
	}
	e.measure(s, now, touched, true)
	e.evaluate(s, now, touched)
}

const socketBits = 1<<socketPower | 1<<socketEnergy | 1<<socketRelay | 1<<socketPlugged | 1<<socketCard | 1<<socketTemperature

// sessionInput takes what is measured only when it was measured now, and states as they were last seen.
func (s *subject) sessionInput(touched uint64) sessionInput {
	in := sessionInput{
		power: math.NaN(), energy: math.NaN(), temperature: s.slots[socketTemperature].val,
		relay: s.slots[socketRelay].val, plugged: s.slots[socketPlugged].val, card: s.slots[socketCard].val,
	}
	if touched&(1<<socketPower) != 0 {
		in.power = s.slots[socketPower].val
	}
	if touched&(1<<socketEnergy) != 0 {
		in.energy = s.slots[socketEnergy].val
	}
	return in
}

// see points the engine's frame at a subject.
func (e *Engine) see(s *subject, now int64) *frame {
	f := &e.frame
	f.slots, f.sess, f.now, f.start, f.heard = s.slots, s.sess, now, e.start, e.heard()
	f.windows, f.groups, f.labels, f.flags = s.windows, s.groups, s.labels, s.flags
	return f
}

// maxAge is how old a value may be for a rule. Time cannot be told finer than ticks come, so three ticks are never too old.
func (e *Engine) maxAge(s *subject, r *rule) int64 {
	age := s.maxAge
	if r.maxAge > 0 {
		age = r.maxAge
	}
	return max(age, 3*pace(e.ticks))
}

// Tick judges what time alone changes: hold and clear times, sessions, values that grow old. The gateway calls it about
// once a second.
func (e *Engine) Tick(now time.Time) []AlertEvent {
	t := now.UnixMilli()
	for _, ev := range e.orphans {
		ev.At = time.UnixMilli(t).UTC()
		e.events = append(e.events, ev)
	}
	e.orphans = nil
	if !e.started {
		e.started, e.start = true, t
	}
	e.tick(t)
	for _, s := range e.subjects {
		for i := range s.slots {
			s.slots[i].noLater(t)
		}
	}
	e.judgeAll(t)
	return e.finish()
}

// judgeAll evaluates every rule of every subject, and takes alerts from the shelf whose time there is over.
func (e *Engine) judgeAll(t int64) {
	for _, s := range e.subjects {
		e.measure(s, t, allBits, false)
	}
	e.untouched()
	for _, s := range e.subjects {
		e.evaluate(s, t, allBits)
		for i, a := range s.alerts {
			if s.watcher.open[i/64]&(1<<(i%64)) == 0 || a.State == "" {
				continue
			}
			if a.Shelved {
				e.unshelve(s, a, e.see(s, t))
			}
			if a.Changed != t {
				f := e.see(s, t)
				f.maxAge = e.maxAge(s, a.rule)
				a.stayed(f)
			}
		}
	}
}

// maxTick caps what a slow tick can excuse: 1 h.
const maxTick = 3600 * 1000

// finish hands the events of a call to its caller.
func (e *Engine) finish() []AlertEvent {
	out := e.events
	e.events = nil
	return out
}

// Active lists the alerts that are pending or firing, in the order of devices and rules, as their last events told them
// but without evidence. An armed one that fires has its actions, so that after a restart somebody can see to it that they
// were carried out.
func (e *Engine) Active() []AlertEvent {
	var active []AlertEvent
	for _, s := range e.subjects {
		for _, a := range s.alerts {
			if a.State != "" {
				ev := e.event(s, a, a.State, a.Changed)
				ev.Message = a.Message
				if a.State == Firing {
					ev.Actions = a.commanded()
				}
				active = append(active, ev)
			}
		}
	}
	for _, o := range e.outputs {
		if o.failed != nil {
			ev := o.event(Firing, o.failed.Changed)
			ev.Evidence = nil
			active = append(active, ev)
		}
	}
	return active
}

// Reset ends an alert because a person has reset it at the site. While its condition still holds it cannot be reset, and
// nothing is answered; so too for an alert that is not firing. That an action failed can always be reset: the person has done it.
func (e *Engine) Reset(id string, now time.Time) []AlertEvent {
	for _, s := range e.subjects {
		for _, a := range s.alerts {
			if a.ID != id || a.State != Firing {
				continue
			}
			f := e.see(s, now.UnixMilli())
			f.maxAge = e.maxAge(s, a.rule)
			if a.quiet(f) {
				e.resolve(s, a, f, Text{ZH: "已人工复位：", EN: "Reset by a person: "})
			}
		}
	}
	for _, o := range e.outputs {
		if o.failed != nil && o.failed.ID == id {
			e.endFailure(o, Text{ZH: "已人工复位：", EN: "Reset by a person: "}, now.UnixMilli())
		}
	}
	return e.finish()
}

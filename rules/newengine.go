package rules

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// An OverrideError is a mistake in what a site changes in a rule. Key is "", "mode" or "params.<name>", so that the owner
// of the file can say where it stands.
type OverrideError struct {
	Rule, Key     string
	Message, Hint string
}

func (e *OverrideError) Error() string {
	s := "override " + e.Rule
	if e.Key != "" {
		s += "." + e.Key
	}
	s += ": " + e.Message
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

// NewEngine joins rules with a site's devices. Each rule judges every device of its kind. The error joins every mistake:
// *OverrideError, and devices whose profile delivers another unit than the rules count in. An action whose zone has no
// such device is a warning when the rule is armed: the rule is there all the same, and its message says what cannot be done.
func NewEngine(set *Set, devices []device.Device, overrides map[string]Override) (*Engine, error) {
	e := &Engine{index: map[device.Key]input{}, layout: newLayout(), zones: map[string]*zone{}, vigils: map[string]*vigil{}, censuses: map[string]*census{}}
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(overrides)) {
		if !slices.Contains(set.ids(), id) {
			errs = append(errs, &OverrideError{Rule: id, Message: "there is no such rule", Hint: nearest(id, set.ids())})
		}
	}
	for _, text := range set.texts {
		r, err := e.override(text, overrides[text.ID])
		errs = append(errs, err...)
		e.rules = append(e.rules, r)
	}
	e.frame.alarms = e.begun.within(&e.frame)
	e.rules = precedence(e.rules)
	for _, d := range devices {
		errs = append(errs, e.add(d, devices)...)
		e.addOutputs(d)
	}
	for _, place := range places(devices) {
		errs = append(errs, e.add(place, devices)...)
	}
	e.order(devices)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	e.link()
	return e, nil
}

func (e *Engine) override(text ruleText, o Override) (*rule, []error) {
	var errs []error
	r, mistakes := build(text, o.Params, e.layout)
	for _, m := range mistakes {
		if key, ok := strings.CutPrefix(m.path, ".override."); ok {
			errs = append(errs, &OverrideError{text.ID, key, m.message, m.hint})
		}
	}
	switch modes := []string{string(Armed), string(NotifyOnly), string(ShadowMode)}; {
	case o.Mode == "":
	case !slices.Contains(modes, string(o.Mode)):
		errs = append(errs, &OverrideError{text.ID, "mode", fmt.Sprintf("mode %q is not known", o.Mode), nearest(string(o.Mode), modes)})
	default:
		r.mode = o.Mode
		for i := range r.ladder {
			r.ladder[i].mode = o.Mode
		}
	}
	return r, errs
}

// add makes a subject of a device, if rules judge its kind.
func (e *Engine) add(d device.Device, all []device.Device) []error {
	s := &subject{device: d, maxAge: ageLimit(d.Poll), peers: peersOf(d, all)}
	for _, r := range e.rules {
		if r.kind.name == d.Kind && concerns(s, r, all) {
			s.alerts = append(s.alerts, e.newAlert(s, r))
		}
	}
	if len(s.alerts) == 0 && !e.layout.counts(d.Kind) {
		return nil
	}
	if d.Kind == "socket" {
		e.layout.slot(d.Kind, "power")
		s.sess = &session{battery: d.Labels["battery"]}
	}
	e.subjects = append(e.subjects, s)
	return e.connect(s)
}

// ageLimit is how old a value may be, in ms: three polls, at least 10 s.
func ageLimit(poll time.Duration) int64 {
	if poll <= 0 {
		poll = defaultPoll
	}
	return max(3*poll, 10*time.Second).Milliseconds()
}

// connect makes the subject's slots and finds the points that fill them.
func (e *Engine) connect(s *subject) []error {
	var errs []error
	e.equip(s)
	k := kindNamed(s.device.Kind)
	for i, name := range e.layout.points[s.device.Kind] {
		s.slots = append(s.slots, slot{val: math.NaN()})
		at := slices.IndexFunc(s.device.Points, func(p device.Point) bool { return p.Name == name })
		if at < 0 {
			if users := e.users(s, name); len(users) > 0 && !k.point(name).optional {
				e.warnNoPoint(s, name, users)
			}
			continue
		}
		if got, want := s.device.Points[at].Unit, k.point(name).unit; got != want {
			errs = append(errs, fmt.Errorf("device %s: point %s comes in %q, rules count in %q (change scale and unit in profile %s)", s.device.ID, name, got, want, s.device.Model))
		}
		e.index[device.Key{Device: s.device.ID, Point: name}] = input{subject: s, slot: i}
	}
	return errs
}

// users are the rules that look at a point of the subject, their own or one that they count over.
func (e *Engine) users(s *subject, point string) []string {
	var ids []string
	for _, r := range e.rules {
		own := r.kind.name == s.device.Kind && slices.Contains(r.uses.points, point)
		counted := slices.ContainsFunc(r.uses.groups, func(g *groupSpec) bool { return g.kind == s.device.Kind && slices.Contains(g.points, point) })
		if own || counted {
			ids = append(ids, r.text.ID)
		}
	}
	return ids
}

func (e *Engine) newAlert(s *subject, r *rule) *alert {
	a := &alert{rule: r, timers: make([]timer, 1+len(r.ladder))}
	for i := range a.timers {
		g := r.at(i)
		a.orders = append(a.orders, e.orders(s, r, g))
		a.bans = append(a.bans, s.forbids(g))
		programs := []program{g.expr}
		if g.clear != nil {
			programs = append(programs, *g.clear)
		}
		for _, p := range programs {
			a.mask |= p.mask
		}
	}
	return a
}

package rules

import (
	"maps"
	"slices"
)

// A Description says what a rule does, for people who do not read rules.
type Description struct {
	Expr    string      `json:"expr"`              // the condition as it is written
	For     string      `json:"for,omitempty"`     // how long it must hold
	Clear   string      `json:"clear,omitempty"`   // when it ends, if not with the condition
	Latch   bool        `json:"latch,omitempty"`   // only a person ends it
	Unless  []string    `json:"unless,omitempty"`  // rules that it gives way to
	Message Spoken      `json:"message"`           // {…} are values
	Card    []Spoken    `json:"card,omitempty"`    // what to do
	Actions []Spoken    `json:"actions,omitempty"` // what the gateway does by itself, on any rung, when armed
	Params  []Parameter `json:"params,omitempty"`
}

// A Parameter is a limit or a time of a rule that a site may set otherwise.
type Parameter struct {
	Name      string `json:"name"`
	Value     string `json:"value"`
	Emergency string `json:"emergency,omitempty"` // in 急 mode, when it is another
}

// Describe tells of one rule; false when the set does not have it.
func (s *Set) Describe(id string) (Description, bool) {
	t := s.text(id)
	if t == nil {
		return Description{}, false
	}
	d := Description{Expr: t.Expr, For: t.For, Clear: t.Clear, Latch: t.Latch, Unless: t.Unless, Message: Spoken(t.Message)}
	for _, line := range t.Card {
		d.Card = append(d.Card, Spoken(line))
	}
	actions := slices.Clone(t.Actions)
	for _, g := range t.Ladder {
		actions = append(actions, g.Actions...)
	}
	for _, a := range actions {
		if said := Spoken(a.Do); !slices.Contains(d.Actions, said) {
			d.Actions = append(d.Actions, said)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Params)) {
		p := Parameter{Name: name, Value: t.Params[name].Normal, Emergency: t.Params[name].Emergency}
		if p.Emergency == p.Value {
			p.Emergency = ""
		}
		d.Params = append(d.Params, p)
	}
	return d, true
}

package rules

import (
	"encoding/json"
	"fmt"
	"time"
)

// A Param is a parameter's value as it is written: one for always, or one for each mode of the site, 平 and 急.
type Param struct {
	Normal    string `yaml:"normal"`
	Emergency string `yaml:"emergency"` // "" is Normal's
}

// UnmarshalYAML reads "10h" or {normal: 10h, emergency: 8h}.
func (p *Param) UnmarshalYAML(unmarshal func(any) error) error {
	if err := unmarshal(&p.Normal); err == nil {
		return nil
	}
	type both Param
	if err := unmarshal((*both)(p)); err != nil { // not wrapped: the decoder knows where it stands
		return err
	}
	return nil
}

// MarshalJSON writes a value for always as the plain text that it was before there were two: a rule's version hangs on it.
func (p Param) MarshalJSON() ([]byte, error) {
	if p.Emergency == "" {
		return json.Marshal(p.Normal)
	}
	type both Param
	return json.Marshal(both(p))
}

func (p Param) String() string {
	if p.Emergency == "" {
		return p.Normal
	}
	return fmt.Sprintf("{normal: %s, emergency: %s}", p.Normal, p.Emergency)
}

// quantity reads the values; path is where they stand.
func (b *builder) quantity(path string, p Param) (quantity, bool) {
	q, hint, err := parseQuantity(p.Normal)
	if err != nil {
		if p.Emergency != "" {
			path += ".normal"
		}
		b.fail(path, err.Error(), hint)
		return q, false
	}
	if p.Emergency == "" {
		return q, true
	}
	em, hint, err := parseQuantity(p.Emergency)
	switch {
	case err != nil:
		b.fail(path+".emergency", err.Error(), hint)
		return q, false
	case em.typ != q.typ:
		b.fail(path+".emergency", fmt.Sprintf("%s in an emergency, and %s otherwise", em.typ, q.typ), "the same unit in both")
		return q, false
	}
	q.urgent = em.value
	return q, true
}

// in is the value in a mode of the site.
func (q quantity) in(emergency bool) float64 {
	if emergency {
		return q.urgent
	}
	return q.value
}

// ms is a duration's value in the frame's mode of the site.
func (q quantity) ms(f *frame) int64 { return int64(q.in(f.emergency) * 1000) }

// wait reads how long something must last: written out, or a parameter, which a site may change and an emergency shorten.
func (b *builder) wait(path, s string) quantity {
	q, param := b.rule.params[s]
	switch {
	case !param:
		v := float64(b.period(path, s)) / 1000
		return quantity{typ: typ{class: duration}, value: v, urgent: v}
	case q.typ.class != duration:
		b.fail(path, fmt.Sprintf("%s is %s, not a duration", s, q.typ), s+": 15s, for example")
	case q.value < 0 || q.urgent < 0:
		b.fail(path, fmt.Sprintf("%s is below 0", s), "")
	}
	b.rule.uses.add(&b.rule.uses.params, s)
	return q
}

// SetEmergency tells the engine that the site is in 急 mode, or is no more. Parameters that have two values change at once, and
// everything is judged anew; what an alert has waited so far counts on. A restart keeps the mode.
func (e *Engine) SetEmergency(on bool, now time.Time) []AlertEvent {
	if e.frame.emergency == on {
		return nil
	}
	e.frame.emergency = on
	t := now.UnixMilli()
	if !e.started {
		e.started, e.start = true, t
	}
	e.judgeAll(t)
	return e.finish()
}

// Emergency says whether the site is in 急 mode.
func (e *Engine) Emergency() bool { return e.frame.emergency }

package rules

import (
	"fmt"
	"maps"
	"slices"
)

// quantities reads the parameters, with a site's own values in place of the shipped ones.
func (b *builder) quantities(own map[string]string) {
	r := b.rule
	for _, name := range slices.Sorted(maps.Keys(r.text.Params)) {
		path := ".params." + name
		q, hint, err := parseQuantity(r.text.Params[name])
		switch {
		case err != nil:
			b.fail(path, err.Error(), hint)
		case r.kind.point(name) != nil || name == "session" || !idForm.MatchString(name):
			b.fail(path, fmt.Sprintf("a parameter cannot be named %q", name), "names of points and session are taken")
		}
		r.params[name] = q
	}
	for _, name := range slices.Sorted(maps.Keys(own)) {
		path := ".override.params." + name
		shipped, known := r.params[name]
		q, hint, err := parseQuantity(own[name])
		switch {
		case !known:
			b.fail(path, fmt.Sprintf("rule %s has no parameter %q", r.text.ID, name), nearest(name, slices.Sorted(maps.Keys(r.params))))
		case err != nil:
			b.fail(path, err.Error(), hint)
		case q.typ != shipped.typ:
			b.fail(path, fmt.Sprintf("%s is %s, and must be %s", name, q.typ, shipped.typ), "as shipped: "+r.text.Params[name])
		default:
			r.params[name] = q
		}
	}
}

func (b *builder) conditions() {
	r := b.rule
	if r.text.Expr == "" {
		b.fail(".expr", "expr is missing", "expr: level >= limit, for example")
		return
	}
	r.expr = b.compile(".expr", r.text.Expr)
	if r.text.Clear != "" {
		p := b.compile(".clear", r.text.Clear)
		r.clear = &p
	}
}

func (b *builder) compile(path, text string) program {
	p, errs := compile(text, b.scope())
	for _, e := range errs {
		b.mistakes = append(b.mistakes, mistake{path, e.at, e.message, e.hint, false})
	}
	b.rule.uses.join(p.uses)
	return p
}

func (b *builder) scope() scope {
	return scope{kind: b.rule.kind, params: b.rule.params, layout: b.layout}
}

func (b *builder) limit() {
	l := b.rule.text.Limit
	if l == nil {
		return
	}
	p := b.rule.kind.point(l.Point)
	if p == nil {
		b.fail(".limit.point", fmt.Sprintf("a %s has no point %q", b.rule.kind.name, l.Point), nearest(l.Point, b.rule.kind.pointNames()))
	}
	q, ok := b.rule.params[l.Param]
	switch {
	case !ok:
		b.fail(".limit.param", fmt.Sprintf("there is no parameter %q", l.Param), nearest(l.Param, slices.Sorted(maps.Keys(b.rule.params))))
	case p != nil && q.typ != unitType(p.unit):
		b.fail(".limit.param", fmt.Sprintf("%s is %s, and %s is %s", l.Param, q.typ, l.Point, unitType(p.unit)), "")
	}
	b.rule.uses.add(&b.rule.uses.params, l.Param)
}

// actions checks what the rule may write. The table of kinds holds the interlocks, so nothing a file says can lift them.
func (b *builder) actions() {
	for i := range b.rule.text.Actions {
		a, path := &b.rule.text.Actions[i], fmt.Sprintf(".actions[%d]", i)
		b.oneOf(path+".of", a.Of, "self", "zone")
		if a.Of == "self" && a.Kind == "" {
			a.Kind = b.rule.kind.name
		}
		k := kindNamed(a.Kind)
		switch {
		case k == nil:
			b.fail(path+".kind", fmt.Sprintf("unknown kind %q", a.Kind), nearest(a.Kind, kindNames()))
			continue
		case a.Of == "self" && k.name != b.rule.kind.name:
			b.fail(path+".kind", fmt.Sprintf("the rule is for a %s, its own device is no %s", b.rule.kind.name, k.name), "of: zone")
		}
		p := k.point(a.Point)
		switch {
		case p == nil:
			b.fail(path+".point", fmt.Sprintf("a %s has no point %q", k.name, a.Point), nearest(a.Point, k.pointNames()))
		case p.command == nil:
			b.fail(path+".point", fmt.Sprintf("no rule may write to %s.%s", k.name, p.name), "")
		case !slices.Contains(p.command, a.Value):
			b.fail(path+".value", fmt.Sprintf("no rule may write %s to %s.%s", formatNumber(a.Value), k.name, p.name), interlock(k.name))
		}
	}
}

func interlock(kind string) string {
	switch kind {
	case "valve":
		return "a gas valve is only reopened by hand, on site"
	case "socket":
		return "a rule switches a socket off, never on"
	case "door":
		return "a rule releases a door, never locks it"
	case "meter":
		return "a rule cuts a feeder, never switches it on"
	case "fan":
		return "a rule starts a fan, never stops it"
	}
	return ""
}

// words compiles the message in both languages.
func (b *builder) words() {
	for lang, text := range [...]string{zh: b.rule.text.Message.ZH, en: b.rule.text.Message.EN} {
		path := [...]string{".message.zh", ".message.en"}[lang]
		if text == "" {
			b.fail(path, "the message needs zh and en", `message: {zh: "{place} 燃气 {level}", en: "{place}: gas {level}"}`)
			continue
		}
		t, mistake, hint := parseTemplate(text, b.scope(), &b.rule.uses)
		if mistake != "" {
			b.fail(path, mistake, hint)
		}
		b.rule.message[lang] = t
	}
	for i, line := range b.rule.text.Card {
		if line.ZH == "" || line.EN == "" {
			b.fail(fmt.Sprintf(".card[%d]", i), "each line of the card needs zh and en", "")
		}
	}
}

// unused warns of parameters that change nothing.
func (b *builder) unused() {
	if len(b.mistakes) > 0 { // a condition that could not be read uses nothing
		return
	}
	for _, name := range slices.Sorted(maps.Keys(b.rule.params)) {
		if !slices.Contains(b.rule.uses.params, name) {
			b.mistakes = append(b.mistakes, mistake{".params." + name, -1, fmt.Sprintf("parameter %q is not used", name), "", true})
		}
	}
}

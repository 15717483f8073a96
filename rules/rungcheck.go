package rules

import (
	"fmt"
	"maps"
	"slices"
)

// bottom is the rule as the first rung of its ladder.
func (t ruleText) bottom() rungText {
	return rungText{
		Severity: t.Severity, Expr: t.Expr, For: t.For, Clear: t.Clear, ClearFor: t.ClearFor, Mode: t.Mode,
		Message: t.Message, Card: t.Card, Limit: t.Limit, Actions: t.Actions, Forbid: t.Forbid,
	}
}

// ladder checks the rungs above the rule, and that they lead upwards.
func (b *builder) ladder() {
	r := b.rule
	below := &r.rung
	for i, text := range r.text.Ladder {
		path := fmt.Sprintf(".ladder[%d]", i)
		g := b.rung(path, text, &r.rung)
		if g.severity > below.severity && g.severity != "" { // "A" is before "B"
			b.fail(path+".severity", fmt.Sprintf("severity %s above %s: a ladder leads from C to A", g.severity, below.severity), "the milder rung first")
		}
		if text.Expr != "" && text.Expr == below.text && g.hold.value <= below.hold.value {
			b.warn(path+".for", "the rung below is never seen alone: this one has the same expr and is held no longer", "a longer for, or another expr")
		}
		if (g.mode == ShadowMode) != (r.mode == ShadowMode) {
			b.fail(path+".mode", "shadow is of the whole rule, or of none of it", "notify-only tells people and does nothing else")
		}
		r.ladder = append(r.ladder, g)
		below = &r.ladder[i]
	}
}

// rung checks one rung; what its text leaves out it takes from base, the rule's own. base is nil for that one itself.
func (b *builder) rung(path string, t rungText, base *rung) rung {
	g := rung{text: t.Expr, severity: t.Severity, mode: t.Mode, card: t.Card, limit: t.Limit, forbids: slices.Clone(t.Forbid)}
	if base != nil {
		if g.severity == "" {
			g.severity = base.severity
		}
		if g.mode == "" {
			g.mode = base.mode
		}
		if len(g.card) == 0 {
			g.card = base.card
		}
		if g.limit == nil {
			g.limit = base.limit
		}
	}
	if base == nil || t.Severity != "" {
		b.oneOf(path+".severity", string(t.Severity), string(SeverityA), string(SeverityB), string(SeverityC))
	}
	if base == nil || t.Mode != "" {
		b.oneOf(path+".mode", string(t.Mode), string(Armed), string(NotifyOnly), string(ShadowMode))
	}
	g.hold = b.wait(path+".for", t.For)
	g.clearFor = b.wait(path+".clear_for", t.ClearFor)
	if base != nil && t.Clear == "" && t.ClearFor != "" {
		b.fail(path+".clear_for", "clear_for without clear: the alert stays on this rung until it ends", "clear: level < release, for example")
	}
	if b.rule.text.Latch && t.Clear != "" {
		b.warn(path+".clear", "a latched alert goes down no rung, and only a person ends it: this is never asked", "")
	}
	b.conditions(path, t, &g)
	b.limit(path, t.Limit)
	g.actions = b.orders(path, t.Actions)
	b.forbids(path, g.forbids)
	b.words(path, t, &g, base)
	return g
}

func (b *builder) conditions(path string, t rungText, g *rung) {
	if t.Expr == "" {
		b.fail(path+".expr", "expr is missing", "expr: level >= limit, for example")
		return
	}
	g.expr = b.compile(path+".expr", t.Expr)
	if t.Clear != "" {
		p := b.compile(path+".clear", t.Clear)
		g.clear = &p
	}
}

func (b *builder) compile(path, text string) program {
	p, errs := compile(text, b.scope())
	for _, e := range errs {
		b.mistakes = append(b.mistakes, mistake{path: path, expr: text, at: e.at, message: e.message, hint: e.hint})
	}
	b.rule.uses.join(p.uses)
	return p
}

func (b *builder) scope() scope {
	return scope{kind: b.rule.kind, params: b.rule.params, layout: b.layout}
}

func (b *builder) limit(path string, l *limitText) {
	if l == nil {
		return
	}
	p := b.rule.kind.point(l.Point)
	if p == nil {
		b.fail(path+".limit.point", fmt.Sprintf("a %s has no point %q", b.rule.kind.name, l.Point), nearest(l.Point, b.rule.kind.pointNames()))
	}
	q, ok := b.rule.params[l.Param]
	switch {
	case !ok:
		b.fail(path+".limit.param", fmt.Sprintf("there is no parameter %q", l.Param), nearest(l.Param, slices.Sorted(maps.Keys(b.rule.params))))
	case p != nil && q.typ != unitType(p.unit):
		b.fail(path+".limit.param", fmt.Sprintf("%s is %s, and %s is %s", l.Param, q.typ, l.Point, unitType(p.unit)), "")
	}
	b.rule.uses.add(&b.rule.uses.params, l.Param)
}

// words compiles the message in both languages.
func (b *builder) words(path string, t rungText, g *rung, base *rung) {
	if base != nil && t.Message == (Text{}) {
		g.message = base.message
	} else {
		for lang, text := range [...]string{zh: t.Message.ZH, en: t.Message.EN} {
			path := path + [...]string{".message.zh", ".message.en"}[lang]
			if text == "" {
				b.fail(path, "the message needs zh and en", `message: {zh: "{place} 燃气 {level}", en: "{place}: gas {level}"}`)
				continue
			}
			t, mistake, hint := parseTemplate(text, b.scope(), &b.rule.uses)
			if mistake != "" {
				b.fail(path, mistake, hint)
			}
			g.message[lang] = t
		}
	}
	for i, line := range t.Card {
		if line.ZH == "" || line.EN == "" {
			b.fail(fmt.Sprintf("%s.card[%d]", path, i), "each line of the card needs zh and en", "")
		}
	}
}

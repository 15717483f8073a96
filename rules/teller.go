package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// A teller gathers lines in both languages.
type teller struct {
	e     *Engine
	s     *subject
	a     *alert
	vals  []float64
	f     *frame // nil: long ago, and who counted is not known any more
	lines []Text
}

func (t *teller) plain(indent, zhText, enText string) {
	t.lines = append(t.lines, Text{indent + zhText, indent + enText})
}

func (t *teller) add(indent, zhText, enText string, truth float64) {
	word := Text{"不成立", "false"}
	switch {
	case math.IsNaN(truth):
		word = Text{"未知", "unknown"}
	case truth != 0:
		word = Text{"成立", "true"}
	}
	t.plain(indent, zhText+" → "+word.ZH, enText+" → "+word.EN)
}

func (t *teller) wait(indent string, words Text, held, want int64) {
	if want > 0 {
		t.plain(indent, fmt.Sprintf(words.ZH, formatDuration(seconds(held), zh), formatDuration(seconds(want), zh)),
			fmt.Sprintf(words.EN, formatDuration(seconds(held), en), formatDuration(seconds(want), en)))
	}
}

// condition tells one of the rule's conditions.
func (t *teller) condition(p *program, indent string) {
	vals := t.a.rule.part(p, t.vals)
	var said [2][]string
	for _, lang := range []language{zh, en} {
		v := voice{lang: lang, vals: vals, subject: t.s}
		if t.f != nil {
			v.members = func(group int) string { return t.e.whoCounted(t.s.groups[group], t.f.now, lang) }
		}
		v.say(&p.root, indent, "", true)
		said[lang] = v.lines
	}
	for i := range said[zh] {
		t.lines = append(t.lines, Text{said[zh][i], said[en][i]})
	}
}

// betters tells who speaks in this alert's place.
func (t *teller) betters() {
	if b := t.a.better(); b != nil && t.f != nil {
		t.plain("", b.rule.text.ID+" 已在报警（"+b.ID+"），本规则让位，以下按不成立处理", b.rule.text.ID+" speaks for this ("+b.ID+"): the rule gives way, whatever follows")
	}
}

// change tells what made an alert change: the condition of its rung, or why it ended.
func (t *teller) change(c *trace) {
	t.betters()
	g := t.a.rule.at(c.level)
	if c.state == Resolved {
		g = &t.a.rule.rung
	}
	t.condition(&g.expr, "")
	switch {
	case c.state == Resolved:
		if g.clear != nil {
			t.plain("", "恢复条件：", "to clear:")
			t.condition(g.clear, "  ")
		}
		t.wait("", Text{"恢复已保持 %s，要求 %s", "clear for %s of %s"}, c.held, int64(1000*g.clearFor.in(t.e.frame.emergency)))
	default:
		t.wait("", Text{"已成立 %s，要求 %s", "true for %s of %s"}, c.held, int64(1000*g.hold.in(t.e.frame.emergency)))
	}
}

// Limits of what an event carries.
const (
	whyLines = 24
	whyBytes = 4096 // in both languages together
	whyLine  = 320  // runes
)

// bounded is what was gathered, as far as it fits.
func (t *teller) bounded() []Text {
	const room = 96 // for the line that says that there was more
	size := 0
	for i, line := range t.lines {
		line = Text{cut(line.ZH, whyLine), cut(line.EN, whyLine)}
		size += len(line.ZH) + len(line.EN)
		if more := len(t.lines) - i; i == whyLines-1 && more > 1 || size > whyBytes-room && (more > 1 || size > whyBytes) {
			return append(t.lines[:i], Text{fmt.Sprintf("……另有 %d 行", more), fmt.Sprintf("… and %d more lines", more)})
		}
		t.lines[i] = line
	}
	return t.lines
}

// whoCounted names the members of a group: of a condition those for whom it is true, and of all whose part is unknown, with the reason.
func (e *Engine) whoCounted(g *group, now int64, lang language) string {
	const most = 6
	var did, not []string
	for _, s := range e.subjects {
		for _, m := range s.parts {
			if m.group != g {
				continue
			}
			switch v := g.parts[m.at]; {
			case math.IsNaN(v):
				not = append(not, s.device.ID+e.missing(s, g.spec, now, lang))
			case g.spec.cond && v != 0:
				did = append(did, s.device.ID)
			}
		}
	}
	list := func(ids []string) string {
		if more := len(ids) - most; more > 0 {
			ids = append(ids[:most:most], fmt.Sprintf([...]string{zh: "等 %d 台", en: "%d more"}[lang], more))
		}
		return strings.Join(ids, [...]string{zh: "、", en: ", "}[lang])
	}
	text := list(did)
	if len(not) > 0 {
		if text != "" {
			text += [...]string{zh: "；", en: "; "}[lang]
		}
		text += [...]string{zh: "未知：", en: "unknown: "}[lang] + list(not)
	}
	return text
}

// missing is why a member's part is unknown.
func (e *Engine) missing(s *subject, spec *groupSpec, now int64, lang language) string {
	f := frame{slots: s.slots, now: now, maxAge: e.ageOf(s)}
	for _, name := range spec.points {
		i := slices.Index(e.layout.points[s.device.Kind], name)
		if i < 0 {
			continue
		}
		if p := f.proof(&s.slots[i], name, ""); p.Quality == device.Bad || math.IsNaN(p.Value) {
			why := reasonText(p.Reason)
			return [...]string{zh: "（" + why.ZH + "）", en: " (" + why.EN + ")"}[lang]
		}
	}
	return ""
}

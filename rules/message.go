package rules

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/linshao/linshao/configs"
)

// A template is a sentence with places to fill in.
type template []part

// A part is a piece of text, or a name and how its value is found.
type part struct {
	text string
	name string // "level", "place"; empty for text
	typ  typ
	num  numFn // nil for words such as place

	states []Text // of a number that stands for a state, from 0
}

// words of a message that are no values.
func messageWords() []string { return []string{"place", "name", "id", "actions"} }

// parseTemplate splits a sentence at its {names} and notes the values it uses. It answers the first mistake.
func parseTemplate(text string, sc scope, u *uses) (t template, message, hint string) {
	for text != "" {
		open := strings.IndexByte(text, '{')
		if open < 0 {
			return append(t, part{text: text}), "", ""
		}
		end := strings.IndexByte(text[open:], '}')
		if end < 0 {
			return nil, "a { is not closed", "{level}, for example"
		}
		if open > 0 {
			t = append(t, part{text: text[:open]})
		}
		name := text[open+1 : open+end]
		p, ok := sc.part(name, u)
		if !ok {
			return nil, fmt.Sprintf("unknown name {%s}", name), sc.nearestWord(name)
		}
		t = append(t, p)
		text = text[open+end+1:]
	}
	return t, "", ""
}

func (sc scope) part(name string, u *uses) (part, bool) {
	if slices.Contains(messageWords(), name) {
		return part{name: name}, true
	}
	if q, ok := sc.params[name]; ok {
		u.add(&u.params, name)
		return part{name: name, typ: q.typ, num: q.get()}, true
	}
	if p := sc.kind.point(name); p != nil {
		u.add(&u.points, name)
		i := sc.slot(name)
		return part{name: name, typ: unitType(p.unit), num: func(f *frame) float64 { return f.value(i) }}, true
	}
	if v := sessionValueNamed(name); v != nil && sc.kind.name == "socket" {
		u.add(&u.session, name)
		return part{name: name, typ: v.typ, num: v.get, states: v.states}, true
	}
	return part{}, false
}

func (sc scope) nearestWord(name string) string {
	known := append(messageWords(), sc.kind.pointNames()...)
	for param := range sc.params {
		known = append(known, param)
	}
	if sc.kind.name == "socket" {
		known = append(known, sessionNames()...)
	}
	slices.Sort(known)
	if near := configs.Nearest(name, known); near != "" {
		return fmt.Sprintf("did you mean {%s}?", near)
	}
	return "known here: " + strings.Join(known, " ")
}

// fill writes the sentence for a subject as the frame sees it.
func (t template) fill(f *frame, s *subject, actions string, lang language) string {
	var b strings.Builder
	for i, p := range t {
		if i > 0 && t[i-1].name == "actions" && actions == "" { // the full stop of a sentence that is not there
			p.text = strings.TrimPrefix(strings.TrimPrefix(p.text, "。"), ".")
		}
		switch {
		case p.num != nil:
			b.WriteString(s.word(p, p.num(f), lang))
		case p.name == "place" && s.device.Place == "" && t.has("name"): // the name alone, not twice
		case p.name == "place":
			b.WriteString(s.where(lang))
		case p.name == "name":
			b.WriteString(s.called(lang))
		case p.name == "id":
			b.WriteString(s.device.ID)
		case p.name == "actions":
			b.WriteString(actions)
		default:
			b.WriteString(p.text)
		}
	}
	if actions == "" && t.has("actions") {
		return strings.Trim(b.String(), " ")
	}
	return strings.TrimLeft(b.String(), " ")
}

func (t template) has(name string) bool {
	return slices.ContainsFunc(t, func(p part) bool { return p.name == name })
}

// word writes a value, and for a state its name where the profile has one. Profiles name states in Chinese.
func (s *subject) word(p part, v float64, lang language) string {
	if lang == zh && !math.IsNaN(v) {
		for _, point := range s.device.Points {
			if label, ok := point.Labels[int64(v)]; ok && point.Name == p.name && v == math.Trunc(v) {
				return label
			}
		}
	}
	if v >= 0 && v < float64(len(p.states)) {
		return map[language]string{zh: p.states[int(v)].ZH, en: p.states[int(v)].EN}[lang]
	}
	return p.typ.format(v, lang)
}

func (s *subject) name() string {
	if s.device.Name != "" {
		return s.device.Name
	}
	return s.device.ID
}

func (s *subject) place() string {
	if s.device.Place != "" {
		return s.device.Place
	}
	return s.name()
}

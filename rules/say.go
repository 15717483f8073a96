package rules

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// A voice says in one language what the clauses of a condition saw. Names are those of the rule, so that people find them in its
// text.
type voice struct {
	lang    language
	vals    []float64 // of the program
	subject *subject
	members func(group int) string // who counted in a group; nil: nobody knows any more
	digits  int                    // of numbers, where the usual ones would make two that are not the same read the same; -1: all
	lines   []string
}

// pick is the word of the voice's language.
func (v *voice) pick(zhText, enText string) string {
	return [...]string{zh: zhText, en: enText}[v.lang]
}

// say tells a clause in lines: and and or as a list, under a head unless it is the whole condition, each comparison with its values
// and its truth.
func (v *voice) say(k *clause, indent, join string, whole bool) {
	switch {
	case k.op == "and" || k.op == "or":
		inner := indent
		if !whole {
			head := v.pick("以下全部", "all of these")
			if k.op == "or" {
				head = v.pick("以下任一", "any of these")
			}
			v.line(indent+join+head, k)
			inner += "  "
		}
		word := map[string]string{"and": v.pick("且 ", "and "), "or": v.pick("或 ", "or ")}[k.op]
		for i := range k.kids {
			if i == 0 {
				v.say(&k.kids[i], inner, "", false)
			} else {
				v.say(&k.kids[i], inner, word, false)
			}
		}
	case k.op == "not" && k.kids[0].op != "" && k.kids[0].op != "not":
		v.line(indent+join+v.pick("以下不成立", "not this"), k)
		v.say(&k.kids[0], indent+"  ", "", false)
	case k.op == "not":
		v.line(indent+join+v.pick("非 ", "not ")+v.operand(&k.kids[0], 0), k)
		v.aside(k, indent)
	default:
		v.line(indent+join+v.operand(k, 0), k)
		v.aside(k, indent)
	}
}

// line is a part with what it came to.
func (v *voice) line(text string, k *clause) {
	truth := v.of(k)
	word := v.pick("不成立", "false")
	switch {
	case math.IsNaN(truth) && k.op != "": // its parts say why
		word = v.pick("未知", "unknown")
	case math.IsNaN(truth):
		word = v.value(k, truth)
	case truth != 0:
		word = v.pick("成立", "true")
	}
	v.lines = append(v.lines, text+" → "+word)
}

// aside tells, in a line of its own, what a comparison looked at beside its sides: the arguments of functions, who counted.
func (v *voice) aside(k *clause, indent string) {
	var said []string
	v.inside(k, false, &said)
	if len(said) > 0 {
		v.lines = append(v.lines, indent+"    "+strings.Join(said, v.pick("，", ", ")))
	}
}

func (v *voice) inside(k *clause, call bool, said *[]string) {
	add := func(s string) {
		for _, have := range *said {
			if have == s {
				return
			}
		}
		*said = append(*said, s)
	}
	if k.node.group > 0 && v.members != nil {
		if who := v.members(k.node.group - 1); who != "" {
			add(who)
		}
	}
	if call && k.op == "" && len(k.kids) == 0 && !k.fixed {
		add(v.operand(k, 0))
	}
	for i := range k.kids {
		v.inside(&k.kids[i], call || k.op == "" && k.text != "", said)
	}
}

// operand is a part within a line, in brackets where what stands around it binds stronger.
func (v *voice) operand(k *clause, around int) string {
	switch {
	case k.fixed:
		return v.literal(k)
	case k.op == "":
		return v.named(k)
	case k.op == "not":
		return v.pick("非 ", "not ") + v.operand(&k.kids[0], 9)
	case k.op == "-" && len(k.kids) == 1:
		return "-" + v.operand(&k.kids[0], 9)
	}
	bind := map[string]int{"*": 5, "/": 5, "+": 4, "-": 4, "and": 1, "or": 1}[k.op]
	if bind == 0 {
		bind = 3
		v.digits = v.enough(k)
	}
	var b strings.Builder
	for i := range k.kids {
		if i > 0 {
			b.WriteString(" " + v.sign(k.op) + " ")
		}
		side := bind
		if bind == 3 || i > 0 && (k.op == "-" || k.op == "/") {
			side++
		}
		b.WriteString(v.operand(&k.kids[i], side))
		if kid := &k.kids[i]; bind == 3 && arithmetic(kid) && !math.IsNaN(v.of(kid)) {
			fmt.Fprintf(&b, v.pick("（= %s）", " (= %s)"), v.value(kid, v.vals[kid.at]))
		}
	}
	if bind == 3 {
		v.digits = 0
	}
	if bind < around {
		return "(" + b.String() + ")"
	}
	return b.String()
}

func arithmetic(k *clause) bool {
	return k.node.cond == nil && (k.op == "+" || k.op == "-" || k.op == "*" || k.op == "/")
}

func (v *voice) sign(op string) string {
	if s := map[string]string{">=": "≥", "<=": "≤", "!=": "≠", "==": "=", "*": "×", "/": "÷", "and": v.pick("且", "and"), "or": v.pick("或", "or")}[op]; s != "" {
		return s
	}
	return op
}

// enough is how many digits tell the sides of a comparison apart; 0: the usual ones.
func (v *voice) enough(k *clause) int {
	a, b := v.of(&k.kids[0]), v.of(&k.kids[1])
	switch {
	case a == b || formatNumber(a) != formatNumber(b):
		return 0
	case exact(a, 6) != exact(b, 6):
		return 6
	}
	return -1
}

// exact writes a number with so many digits that matter.
func exact(x float64, digits int) string {
	if digits > 0 {
		if short, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', digits, 64), 64); err == nil {
			x = short
		}
	}
	return strconv.FormatFloat(x, 'f', -1, 64)
}

func (v *voice) of(k *clause) float64 {
	switch {
	case !k.fixed:
		return v.vals[k.at]
	case k.node.cond != nil:
		return k.node.cond(nil).number()
	}
	return k.node.num(nil)
}

func (v *voice) literal(k *clause) string {
	if k.node.cond != nil {
		return v.pick([...]string{"不成立", "未知", "成立"}[k.node.cond(nil)], k.node.cond(nil).String())
	}
	n := k.node.num(nil)
	if k.node.typ.class == duration {
		return k.node.typ.format(n, v.lang)
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// named is a point, a parameter, a word of the session or a function with its value.
func (v *voice) named(k *clause) string {
	name := cut(k.text, maxName)
	var s string
	at := k.at
	switch {
	case k.node.span != nil && k.node.group == 0:
		s, at = name+" "+v.bounds(k), at+1
	case k.node.group > 0:
		s = name + v.counted(k)
	case k.node.cond != nil: // its truth stands at the end of the line
		s = name
	default:
		s = name + " " + v.value(k, v.vals[at])
	}
	if k.node.window > 0 {
		s += fmt.Sprintf(v.pick("（已知 %.0f %%）", " (%.0f %% known)"), math.Floor(100*v.vals[at+1]))
	}
	return s
}

// bounds is a count over time.
func (v *voice) bounds(k *clause) string {
	low, high := v.vals[k.at], v.vals[k.at+1]
	switch {
	case low == high:
		return formatNumber(low)
	case math.IsInf(high, 1):
		return v.pick("至少 ", "at least ") + formatNumber(low)
	}
	return formatNumber(low) + v.pick(" 到 ", " to ") + formatNumber(high)
}

// counted is what is known of a group.
func (v *voice) counted(k *clause) string {
	at := k.at
	if k.node.span != nil {
		at++
	}
	n, unknown := v.vals[at+1], v.vals[at+2]
	of := fmt.Sprintf(v.pick("（共 %.0f 台）", " of %.0f"), n)
	switch {
	case k.node.span != nil:
		return " " + v.bounds(k) + of
	case k.node.cond != nil:
		return of
	case unknown > 0:
		return " " + v.value(k, v.vals[k.at]) + fmt.Sprintf(v.pick("（%.0f 台中 %.0f 台未知）", " (%.0[2]f of %.0[1]f unknown)"), n, unknown)
	}
	return " " + v.value(k, v.vals[k.at]) + fmt.Sprintf(v.pick("（%.0f 台）", " (of %.0f)"), n)
}

// value is a number for people; an unknown one with its reason, a state with its name.
func (v *voice) value(k *clause, x float64) string {
	t := k.node.typ
	switch {
	case math.IsNaN(x):
		s := t.format(x, v.lang)
		if r := reasonIn(x); r != device.ReasonNone {
			why := reasonText(r)
			s += v.pick("（"+why.ZH+"）", " ("+why.EN+")")
		}
		return s
	case t.class == number && v.digits != 0:
		return strings.TrimSpace(exact(x, v.digits) + " " + t.unit)
	}
	s := t.format(x, v.lang)
	if label := v.subject.label(k, x, v.lang); label != "" {
		s += v.pick("（"+label+"）", " ("+label+")")
	}
	return s
}

// label is the name of a state: the session's in both languages, a point's as its profile has it, in Chinese.
func (s *subject) label(k *clause, x float64, lang language) string {
	if x >= 0 && x < float64(len(k.states)) && x == math.Trunc(x) {
		return [...]string{zh: k.states[int(x)].ZH, en: k.states[int(x)].EN}[lang]
	}
	if lang == en || k.text == "" {
		return ""
	}
	for _, p := range s.device.Points {
		if p.Name == k.text && x == math.Trunc(x) {
			return p.Labels[int64(x)]
		}
	}
	return ""
}

// maxName bounds the text of a function within a line, in runes.
const maxName = 72

// cut shortens a text.
func cut(s string, most int) string {
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}

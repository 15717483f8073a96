package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/linshao/linshao/configs"
)

// A rule is a ruleText that has been checked and compiled.
type rule struct {
	rung           // as an alert begins
	ladder  []rung // what it can come to
	text    ruleText
	version string
	kind    *kind
	params  map[string]quantity
	maxAge  int64 // ms; 0: by the device's poll interval
	uses    uses  // of all parts, in the order of the evidence
}

// A mistake is something wrong in one rule, at a path below it and, in an expression, at a rune.
type mistake struct {
	path          string
	expr          string // the expression in which it is; "" elsewhere
	at            int    // rune offset in expr
	message, hint string
	warning       bool
}

// A builder checks one rule and gathers its mistakes.
type builder struct {
	rule     *rule
	layout   *layout
	mistakes []mistake
}

func (b *builder) fail(path, message, hint string) {
	b.mistakes = append(b.mistakes, mistake{path: path, message: message, hint: hint})
}

func (b *builder) warn(path, message, hint string) {
	b.mistakes = append(b.mistakes, mistake{path: path, message: message, hint: hint, warning: true})
}

// build compiles a rule's text; the layout says where the engine keeps what the rule looks at.
func build(text ruleText, params map[string]Param, l *layout) (*rule, []mistake) {
	b := &builder{rule: &rule{text: text, version: version(text), params: map[string]quantity{}}, layout: l}
	b.head()
	if b.rule.kind = kindNamed(text.Kind); b.rule.kind == nil {
		b.fail(".kind", fmt.Sprintf("unknown kind %q", text.Kind), nearest(text.Kind, kindNames()))
		return b.rule, b.mistakes
	}
	b.quantities(params)
	b.rule.rung = b.rung("", text.bottom(), nil)
	b.ladder()
	b.unused()
	return b.rule, b.mistakes
}

// version is the first 12 hex digits of the SHA-256 of what the rule says; comments and layout do not count.
func version(text ruleText) string {
	canonical, err := json.Marshal(text)
	if err != nil { // a rule holds texts, numbers and lists of them; YAML's .inf is the one value JSON has no word for
		canonical = fmt.Appendf(nil, "%+v", text)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:6])
}

func nearest(word string, known []string) string {
	if near := configs.Nearest(word, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "one of " + strings.Join(known, " ")
}

// oneOf tells a word that is none of the known ones; an empty word is reported as missing.
func (b *builder) oneOf(path, word string, known ...string) {
	name := strings.TrimPrefix(path[strings.LastIndexByte(path, '.'):], ".")
	switch {
	case slices.Contains(known, word):
	case word == "":
		b.fail(path, name+" is missing", "one of "+strings.Join(known, " "))
	default:
		b.fail(path, fmt.Sprintf("%s %q is not known", name, word), nearest(word, known))
	}
}

var idForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,31}$`)

func (b *builder) head() {
	t := &b.rule.text
	if !idForm.MatchString(t.ID) {
		b.fail(".id", fmt.Sprintf("id %q is not a name", t.ID), "a letter, then up to 31 letters, digits, - or _")
	}
	if t.ID == ActionRule {
		b.fail(".id", ActionRule+" is built in: an action that failed", "another id")
	}
	if t.Title.ZH == "" || t.Title.EN == "" {
		b.fail(".title", "title needs zh and en", `title: {zh: 燃气高报, en: Gas high alarm}`)
	}
	if t.Unknown.Pending == "" {
		t.Unknown.Pending = "hold"
	}
	if t.Unknown.Firing == "" {
		t.Unknown.Firing = "hold"
	}
	b.oneOf(".unknown.pending", t.Unknown.Pending, "hold", "reset")
	b.oneOf(".unknown.firing", t.Unknown.Firing, "hold", "clear")
	b.rule.maxAge = b.period(".max_age", t.MaxAge)
}

// period reads a duration of the rule, in ms.
func (b *builder) period(path, s string) int64 {
	if s == "" {
		return 0
	}
	d, err := parseDuration(s)
	if err != nil || d < 0 {
		b.fail(path, fmt.Sprintf("%q is no duration", s), "such as 0s, 90s, 15m, 2h")
	}
	return d.Milliseconds()
}

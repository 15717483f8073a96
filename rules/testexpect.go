package rules

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// expect compares what is with what the test wants.
func (r *testRun) expect(path string, at time.Duration, want expectText) {
	s, a := r.engine.find(want.Rule, want.Subject)
	name := want.Rule + "/" + want.Subject
	differ := func(field, expected, actual string) {
		f := Failure{Field: name + " " + field, Expected: expected, Actual: actual}
		if s != nil {
			f.Note = r.engine.note(s, a, r.plan.start.Add(at))
		}
		r.fail(path+"."+field, at, f)
	}
	last, fired := r.last(want.Rule, want.Subject)
	state := string(a.State)
	if state == "" {
		state = "none"
	}
	if state == "none" && want.State == string(Resolved) && last.State == Resolved {
		state = string(Resolved)
	}
	if want.State != state {
		differ("state", want.State, state)
	}
	if want.Since != "" {
		since, _ := time.ParseDuration(want.Since) // checked when the file was read
		if got := last.Since.Sub(r.plan.start); got != since {
			differ("since", "+"+since.String(), "+"+got.String())
		}
	}
	if want.Message != "" && !strings.Contains(last.Message.ZH, want.Message) && !strings.Contains(last.Message.EN, want.Message) {
		differ("message", "…"+want.Message+"…", last.Message.ZH+" | "+last.Message.EN)
	}
	want.words(last, fired, differ)
}

// words compares the fields of events, those that the test has.
func (want expectText) words(last, fired AlertEvent, differ func(field, expected, actual string)) {
	compare := func(field, expected, actual string) {
		if expected != actual {
			differ(field, expected, actual)
		}
	}
	if want.Shadow != nil {
		compare("shadow", strconv.FormatBool(*want.Shadow), strconv.FormatBool(last.Shadow))
	}
	if want.Shelved != nil {
		compare("shelved", strconv.FormatBool(*want.Shelved), strconv.FormatBool(last.Shelved))
	}
	if want.Level != nil {
		compare("level", strconv.Itoa(*want.Level), strconv.Itoa(last.Level))
	}
	if want.Severity != "" {
		compare("severity", want.Severity, string(last.Severity))
	}
	if want.Actions != nil {
		compare("actions", strings.Join(sorted(want.Actions), " "), strings.Join(actionWords(fired.Actions), " "))
	}
	if want.Forbids != nil {
		compare("forbids", strings.Join(sorted(want.Forbids), " "), strings.Join(actionWords(fired.Forbids), " "))
	}
	for _, name := range slices.Sorted(maps.Keys(want.Evidence)) {
		if got := last.evidence(name); !want.Evidence[name].meets(got) {
			differ("evidence", name+" = "+string(want.Evidence[name]), name+" = "+got)
		}
	}
}

func sorted(words []string) []string { return slices.Sorted(slices.Values(words)) }

// evidence is a value that the event has, as a test writes it: a number, or unknown; missing when the event has none.
func (ev AlertEvent) evidence(name string) string {
	for _, e := range ev.Evidence {
		if e.Name == name {
			if math.IsNaN(e.Value) {
				return "unknown"
			}
			return strconv.FormatFloat(e.Value, 'g', -1, 64)
		}
	}
	return "missing"
}

// proofText is a number, or unknown, as a test expects it in the evidence.
type proofText string

// meets compares numbers as numbers: a millionth is finer than any device here.
func (p proofText) meets(got string) bool {
	want, err := strconv.ParseFloat(string(p), 64)
	have, err2 := strconv.ParseFloat(got, 64)
	if err != nil || err2 != nil {
		return string(p) == got
	}
	return math.Abs(want-have) <= 1e-6*max(1, math.Abs(want))
}

// last are the last event of an alert, and the last one that fired.
func (r *testRun) last(rule, subject string) (last, fired AlertEvent) {
	for _, ev := range r.events {
		if ev.Rule == rule && ev.Subject == subject {
			last = ev
			if ev.State == Firing {
				fired = ev
			}
		}
	}
	return last, fired
}

func actionWords(actions []Action) []string {
	words := map[string]bool{}
	for _, a := range actions {
		words[a.Device+"."+a.Point+"="+strconv.FormatFloat(a.Value, 'g', -1, 64)] = true
	}
	return slices.Sorted(maps.Keys(words))
}

// note says what a rule sees, for the author of a test.
func (e *Engine) note(s *subject, a *alert, now time.Time) string {
	f := e.see(s, now.UnixMilli())
	f.maxAge = e.maxAge(s, a.rule)
	words := []string{"expr is " + a.rule.expr.cond(f).String()}
	if better := a.better(); better != nil {
		words = append(words, "gives way to "+better.rule.text.ID)
	}
	if a.rule.clear != nil {
		words = append(words, "clear is "+a.rule.clear.cond(f).String())
	}
	for _, ev := range e.evidence(a.rule, f) {
		t := unitType(ev.Unit)
		if v := sessionValueNamed(ev.Name); v != nil {
			t = v.typ
		}
		word := ev.Name + " = " + t.format(ev.Value, en)
		if ev.Quality != device.Good {
			word += " (" + ev.Quality.String() + " " + ev.Reason.String() + ")"
		}
		words = append(words, word)
	}
	return strings.Join(words, ", ")
}

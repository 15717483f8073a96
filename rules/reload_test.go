package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// twoRules are one that holds and one that fires at once.
const twoRules = `rules:
  - id: A1
    title: {zh: 标题, en: title}
    kind: gas
    params: {limit: 25 %LEL}
    expr: level >= limit
    for: 1m
    severity: B
    mode: notify-only
    message: {zh: "{level}", en: "{level}"}
  - id: A2
    title: {zh: 标题, en: title}
    kind: gas
    params: {limit: 10 %LEL}
    expr: level >= limit
    severity: B
    mode: notify-only
    message: {zh: "{level}", en: "{level}"}
`

func english(texts []rules.Text) string {
	var lines []string
	for _, t := range texts {
		if t.ZH == "" {
			lines = append(lines, "no Chinese for:")
		}
		lines = append(lines, t.EN)
	}
	return strings.Join(lines, "\n")
}

func TestAReloadKeepsWhatHasNotChanged(t *testing.T) {
	for name, c := range map[string]struct {
		rules     string
		overrides map[string]rules.Override
		changes   string
		ended     string // by the first tick
		then      string // 1 min after the rise
	}{
		"the same": {rules: twoRules, then: "A1 firing"},
		"a parameter": {rules: twoRules, overrides: map[string]rules.Override{"A1": {Params: map[string]rules.Param{"limit": {Normal: "28 %LEL"}}}},
			changes: "A1: parameter limit is 28 %LEL, was 25 %LEL; 1 alerts go on", then: "A1 firing"},
		"changed": {rules: strings.Replace(twoRules, "for: 1m", "for: 2m", 1),
			changes: "A1: has changed; 1 alerts ended, and begin anew where the condition still holds", ended: "A1 cancelled, A1 pending"},
		"removed": {rules: twoRules[:strings.Index(twoRules, "  - id: A2")],
			changes: "A2: is no more; 1 alerts ended, and begin anew where the condition still holds", ended: "A2 resolved", then: "A1 firing"},
		"new": {rules: twoRules + strings.ReplaceAll(twoRules[strings.Index(twoRules, "  - id: A2"):], "A2", "A3"),
			changes: "A3: is new", ended: "A3 firing", then: "A1 firing"},
		"into shadow": {rules: twoRules, overrides: map[string]rules.Override{"A2": {Mode: rules.ShadowMode}},
			changes: "A2: mode is shadow, was notify-only; 1 alerts ended, and begin anew where the condition still holds",
			ended:   "A2 resolved, A2 firing", then: "A1 firing"},
	} {
		t.Run(name, func(t *testing.T) {
			old := engine(t, mustLoad(t, twoRules), gasSite(), nil)
			rose := old.Apply(gas(30, 0, 0))
			if states(rose) != "A1 pending, A2 firing" {
				t.Fatal(states(rose))
			}
			next := engine(t, mustLoad(t, c.rules), gasSite(), c.overrides)
			next.TakeOver(old)
			if got := english(next.Changes(old)); got != c.changes {
				t.Errorf("changes: %s\nwant %s", got, c.changes)
			}
			if got := states(next.Tick(t0.Add(time.Second))); got != c.ended {
				t.Errorf("ended: %s, want %s", got, c.ended)
			}
			fired := next.Apply(gas(30, 0, time.Minute))
			if got := states(fired); got != c.then {
				t.Errorf("then: %s, want %s", got, c.then)
			} else if c.then != "" && fired[0].Alert != rose[0].Alert {
				t.Errorf("%s, was %s", fired[0].Alert, rose[0].Alert)
			}
		})
	}
}

// A failed action, a session and a window go on under other rules.
func TestAReloadKeepsSessionsWindowsAndFailures(t *testing.T) {
	const text = `rules:
  - id: S1
    title: {zh: 标题, en: title}
    kind: socket
    expr: session.duration > 10m and avg(power, 5m) > 100
    severity: B
    mode: notify-only
    message: {zh: "{power}", en: "{power}"}
`
	old := engine(t, mustLoad(t, text), gasSite(), nil)
	charge := func(e *rules.Engine, from, to time.Duration) (all []rules.AlertEvent) {
		for at := from; at < to; at += 10 * time.Second {
			all = append(all, e.Apply([]device.Reading{reading("A-03.1", "power", 200, at)})...)
		}
		return all
	}
	if got := states(charge(old, 0, 9*time.Minute)); got != "" {
		t.Fatal(got)
	}
	failed := old.ActionFailed(rules.Action{Device: "valve-1802", Point: "open", Value: 0}, 3, t0)
	next := engine(t, mustLoad(t, text+strings.ReplaceAll(twoRules[strings.Index(twoRules, "  - id: A2"):], "A2", "A3")), gasSite(), nil)
	next.TakeOver(old)
	if active := next.Active(); len(active) != 1 || active[0].Alert != failed[0].Alert {
		t.Errorf("%+v", active)
	}
	if got := states(charge(next, 9*time.Minute, 11*time.Minute)); got != "S1 firing" {
		t.Errorf("got %q", got)
	}
}

func TestASetsHashIsOfItsRules(t *testing.T) {
	one, two := mustLoad(t, twoRules).Hash(), mustLoad(t, strings.Replace(twoRules, "for: 1m", "for: 2m", 1)).Hash()
	if len(one) != 12 || one == two || one != mustLoad(t, "# comment\n"+twoRules).Hash() {
		t.Errorf("%s %s", one, two)
	}
}

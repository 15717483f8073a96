package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// A message that has no actions to tell has no empty sentence in their place.
func TestMessagesHaveNoEmptySentences(t *testing.T) {
	text := strings.Replace(rung3, `message: {zh: "低 {level}。{actions}", en: "low {level}. {actions}"}`,
		`message: {zh: "低 {level}。{actions}。", en: "low {level}. {actions}."}`, 1)
	e := engine(t, mustLoad(t, text), openValve(), nil)
	e.Apply(gasAt(22, 0))
	e.Apply(gasAt(14, 1))
	eased := e.Apply(gasAt(14, 6))
	if len(eased) != 1 || eased[0].Message.ZH != "已缓和：低 14 %LEL。" || eased[0].Message.EN != "Has eased: low 14 %LEL." {
		t.Errorf("%+v", eased)
	}
}

// An alert of severity A is told however often it comes, so it puts nothing on the shelf either.
func TestSeverityAShelvesNothing(t *testing.T) {
	e := engine(t, mustLoad(t, flickers), gasSite(), nil)
	for i := range 3 {
		e.Apply(gasAt(60, 10*i))
		e.Apply(gasAt(0, 10*i+5))
	}
	if got := shelves(e.Apply(gasAt(30, 40))); got != "B firing" {
		t.Errorf("nobody was told that it is shelved: %s", got)
	}
}

// That an alert has been taken from the shelf is told once, also over a kill.
func TestUnshelvedIsToldOnce(t *testing.T) {
	set := mustLoad(t, flickers)
	e := engine(t, set, gasSite(), nil)
	for i := range 4 {
		e.Apply(gasAt(0, 10*i))
		e.Apply(gasAt(30, 10*i+5))
	}
	before := snapshotOf(t, e)
	var told []rules.AlertEvent
	s := 40
	for ; len(told) == 0 && s < 2000; s++ {
		told = e.Tick(at(time.Duration(s) * time.Second))
	}
	if got := shelves(told); got != "B firing" {
		t.Fatal(got)
	}
	e = killed(t, set, gasSite(), before, told)
	if got := shelves(e.Tick(at(time.Duration(s) * time.Second))); got != "" {
		t.Errorf("told again: %s", got)
	}
}

// A rung that judges energy makes the charge no example, whatever the rule itself looks at.
func TestARungThatJudgesEnergyStopsLearning(t *testing.T) {
	text := `rules:
  - id: E
    title: {zh: 标题, en: title}
    kind: socket
    expr: power > 10
    severity: C
    mode: armed
    message: {zh: "{baseline.sessions}", en: "{baseline.sessions}"}
    ladder: [{expr: session.energy > 0.2 kWh, severity: B}]
`
	text = strings.Replace(text, "    expr: power", "    params: {much: 0.2 kWh}\n    expr: power", 1)
	text = strings.Replace(text, "0.2 kWh, severity", "much, severity", 1)
	e := engine(t, mustLoad(t, text), gasSite(), nil)
	now := time.Duration(0)
	play := func(d time.Duration, power float64) (last []rules.AlertEvent) {
		for end := now + d; now < end; now += 10 * time.Second {
			if events := e.Apply([]device.Reading{reading("A-03.1", "power", power, now)}); len(events) > 0 {
				last = events
			}
		}
		return last
	}
	play(time.Minute, 0)
	play(3*time.Hour, 120)
	for power := 120.0; power > 20; power *= 0.97 {
		play(time.Minute, power)
	}
	play(time.Hour, 0)
	if last := play(time.Minute, 120); len(last) != 1 || last[0].Message.EN != "0" {
		t.Errorf("learned from it: %+v", last)
	}
}

// Nothing but a person ends a latched alert: words about its recovery would promise something.
func TestClearOfALatchedRuleIsAWarning(t *testing.T) {
	set := mustLoad(t, strings.Replace(rung3, "severity: C", "latch: true\n    severity: C", 1))
	if w := set.Warnings(); len(w) != 2 || !strings.Contains(w[0].Message, "only a person ends it") {
		t.Errorf("%v", w)
	}
}

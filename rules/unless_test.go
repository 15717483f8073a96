package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// twoCuts is a rule that gives way to another, both of which switch the socket off.
const twoCuts = `rules:
  - id: W1
    title: {zh: 标题, en: title}
    kind: socket
    expr: power > 500
    severity: A
    mode: armed
    message: {zh: "强 {actions}", en: "strong {actions}"}
    card: [{zh: 看, en: look}]
    actions: [{of: self, kind: socket, point: relay, value: 0, do: {zh: 断开, en: cut}}]
  - id: W2
    title: {zh: 标题, en: title}
    kind: socket
    expr: power > 400
    unless: [W1]
    severity: B
    mode: armed
    message: {zh: "弱 {actions}", en: "weak {actions}"}
    card: [{zh: 看, en: look}]
    actions: [{of: self, kind: socket, point: relay, value: 0, do: {zh: 断开, en: cut}}]
`

// A rule that acts does not give way to one that only tells people: nobody would do what it is armed for.
func TestWhatActsDoesNotGiveWayToWhatOnlyTells(t *testing.T) {
	for _, c := range []struct {
		first, second rules.Mode
		want          string
	}{
		{rules.Armed, rules.Armed, "W1 firing"},
		{rules.NotifyOnly, rules.Armed, "W1 firing, W2 firing"},
		{rules.NotifyOnly, rules.NotifyOnly, "W1 firing"},
		{rules.Armed, rules.NotifyOnly, "W1 firing"},
		{rules.ShadowMode, rules.Armed, "W1 firing, W2 firing"},
	} {
		e := engine(t, mustLoad(t, twoCuts), gasSite(), map[string]rules.Override{"W1": {Mode: c.first}, "W2": {Mode: c.second}})
		events := e.Apply([]device.Reading{reading("A-03.1", "power", 600, 0)})
		if got := states(events); got != c.want {
			t.Errorf("W1 %s, W2 %s: got %s, want %s", c.first, c.second, got, c.want)
		}
		if cut := strings.Contains(c.want, "W2"); cut && len(events[1].Actions) != 1 {
			t.Errorf("W1 %s: nothing is cut", c.first)
		}
		e.Tick(at(time.Second))
	}
}

package rules_test

import (
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/rules"
)

// ruleOf is the good rule with another expression.
func ruleOf(expr, params string) string {
	text := strings.Replace(good, "level >= limit or status == 2", expr, 1)
	return strings.Replace(text, "{limit: 25 %LEL}", params, 1)
}

func TestWindowsInRules(t *testing.T) {
	set := mustLoad(t, ruleOf("avg(level, span) > 2 and slope(level, 10m) > rise and count(level > 3, 10m) < 5", "{span: 5m, rise: 10 %LEL/h}"))
	e := engine(t, set, gasSite(), nil)
	var events []rules.AlertEvent
	for at := time.Duration(0); events == nil && at < time.Hour; at += 5 * time.Second {
		events = append(e.Apply(gas(at.Minutes()/2, 0, at)), e.Tick(t0.Add(at))...)
	}
	if states(events) != "X1 firing" {
		t.Fatalf("got %q", states(events))
	}
	if at := events[0].At.Sub(t0); at < 8*time.Minute || at > 9*time.Minute {
		t.Errorf("fired after %v: count is known from 8 min on", at)
	}
	evidence := map[string]rules.Evidence{}
	for _, ev := range events[0].Evidence {
		evidence[ev.Name] = ev
	}
	avg, slope, count := evidence["avg(level, span)"], evidence["slope(level, 10m)"], evidence["count(level > 3, 10m)"]
	if avg.Over != 5*time.Minute || avg.Unit != "%LEL" || avg.Value < 2.5 || avg.Value > 3 {
		t.Errorf("avg in evidence: %+v", avg)
	}
	if slope.Unit != "%LEL/h" || slope.Value < 29.9 || slope.Value > 30.1 || count.Value != 1 || count.Over != 10*time.Minute {
		t.Errorf("slope and count in evidence: %+v %+v", slope, count)
	}
}

// After the clock was set back, a value of before must not stay fresh until the old time comes again.
func TestSilenceIsSeenAfterTheClockWasSetBack(t *testing.T) {
	e := engine(t, mustLoad(t, ruleOf("absent_for(level) > 15s", "{}")), gasSite(), nil)
	e.Apply(gas(1, 0, 0))
	e.Apply(gas(1, 0, time.Second))
	var events []rules.AlertEvent
	for at := time.Duration(0); at < time.Minute; at += time.Second {
		events = append(events, e.Tick(t0.Add(at-2*time.Hour))...)
	}
	if states(events) != "X1 firing" {
		t.Errorf("got %q", states(events))
	}
}

// After a restart a window knows what it knew; what nobody saw is a hole, and no zero.
func TestWindowsSurviveARestart(t *testing.T) {
	set := mustLoad(t, ruleOf("max(level, 1h) > 2 or delta(level, 1h) < -2 or count(level > 5, 1h) > 0 or changed(level, 1h)", "{}"))
	e := engine(t, set, gasSite(), nil)
	for at := time.Duration(0); at < 30*time.Minute; at += 10 * time.Second {
		if events := e.Apply(gas(1, 0, at)); events != nil {
			t.Fatalf("%s after %v", states(events), at)
		}
	}
	e = restarted(t, e, set, gasSite())
	var events []rules.AlertEvent
	for at := 35 * time.Minute; at < 75*time.Minute; at += 10 * time.Second {
		events = append(events, e.Apply(gas(1, 0, at))...)
	}
	if events != nil {
		t.Fatalf("nothing happened: %s", states(events))
	}
	e = restarted(t, e, set, gasSite())
	events = e.Apply(gas(4, 0, 76*time.Minute))
	if states(events) != "X1 firing" {
		t.Fatalf("max is known again: %q", states(events))
	}
	for _, ev := range events[0].Evidence {
		if ev.Name == "max(level, 1h)" && ev.Value != 4 || ev.Name == "delta(level, 1h)" && ev.Value != 3 {
			t.Errorf("%+v", ev)
		}
	}
	if err := engine(t, set, gasSite(), nil).Restore([]byte(`{"version":1,"windows":{"gas-1802":{"level over 3600000":{"at":5,"newest":9,"ring":[[99,-1]]}}}}`)); err != nil {
		t.Errorf("a damaged window is an unknown past: %v", err)
	}
}

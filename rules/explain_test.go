package rules_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// lines are the two languages of an explanation.
func lines(why []rules.Text) (zh, en string) {
	var a, b []string
	for _, line := range why {
		a, b = append(a, line.ZH), append(b, line.EN)
	}
	return strings.Join(a, "\n"), strings.Join(b, "\n")
}

// explained is what a rule with an expression says of a detector after some readings.
func explained(t *testing.T, expr, params string, feed func(*rules.Engine) time.Duration) (zh, en string) {
	t.Helper()
	e := engine(t, mustLoad(t, ruleOf(expr, params)), gasSite(), nil)
	x, err := e.Explain("X1", "gas-1802", t0.Add(feed(e)))
	if err != nil {
		t.Fatal(err)
	}
	return lines(x.Why)
}

func once(level, status float64) func(*rules.Engine) time.Duration {
	return func(e *rules.Engine) time.Duration { e.Apply(gas(level, status, 0)); return 0 }
}

func TestWhyIsSaidPartByPart(t *testing.T) {
	minutes := func(e *rules.Engine) time.Duration {
		for at := time.Duration(0); at <= 10*time.Minute; at += time.Second {
			e.Apply(gas(at.Minutes(), 0, at))
		}
		return 10 * time.Minute
	}
	silent := func(e *rules.Engine) time.Duration {
		r := reading("gas-1802", "level", 0, 0)
		r.Quality, r.Reason = device.Bad, device.Timeout
		e.Apply([]device.Reading{r, reading("gas-1802", "status", 3, 0)})
		return 2 * time.Second
	}
	cases := []struct {
		name, expr, params string
		feed               func(*rules.Engine) time.Duration
		zh, en             string
	}{
		{"limits", "level >= limit or status == 2", "{limit: 25 %LEL}", once(26.1, 0),
			"level 26.1 %LEL ≥ limit 25 %LEL → 成立\n或 status 0（正常） = 2 → 不成立",
			"level 26.1 %LEL ≥ limit 25 %LEL → true\nor status 0 = 2 → false"},
		{"all digits where fewer would look equal", "level >= limit", "{limit: 25 %LEL}", once(24.96, 0),
			"level 24.96 %LEL ≥ limit 25 %LEL → 不成立", "level 24.96 %LEL ≥ limit 25 %LEL → false"},
		{"brackets", "(level > 3 or status == 1) and not (level > limit and status != 0)", "{limit: 25 %LEL}", once(5, 0),
			"以下任一 → 成立\n  level 5 %LEL > 3 → 成立\n  或 status 0（正常） = 1 → 不成立\n且 以下不成立 → 成立\n  以下全部 → 不成立\n    level 5 %LEL > limit 25 %LEL → 不成立\n    且 status 0（正常） ≠ 0 → 不成立",
			"any of these → true\n  level 5 %LEL > 3 → true\n  or status 0 = 1 → false\nand not this → true\n  all of these → false\n    level 5 %LEL > limit 25 %LEL → false\n    and status 0 ≠ 0 → false"},
		{"arithmetic", "level > factor * (low + 2) - 1", "{low: 5 %LEL, factor: \"1.15\"}", once(8, 0),
			"level 8 %LEL > factor 1.15 × (low 5 %LEL + 2) - 1（= 7.05 %LEL） → 成立", "level 8 %LEL > factor 1.15 × (low 5 %LEL + 2) - 1 (= 7.05 %LEL) → true"},
		{"functions", "first_known(level, limit) > 3", "{limit: 25 %LEL}", once(8, 0),
			"first_known(level, limit) 8 %LEL > 3 → 成立\n    level 8 %LEL，limit 25 %LEL", "first_known(level, limit) 8 %LEL > 3 → true\n    level 8 %LEL, limit 25 %LEL"},
		{"unknown", "level >= limit and status == 3 and not unknown(level) or absent_for(level) > 15s", "{limit: 25 %LEL}", silent,
			"以下全部 → 不成立\n  level 未知（没有应答） ≥ limit 25 %LEL → 未知\n  且 status 3（传感器故障） = 3 → 成立\n  且 非 unknown(level) → 不成立\n或 absent_for(level) 2秒 > 15秒 → 不成立",
			"all of these → false\n  level unknown (timeout) ≥ limit 25 %LEL → unknown\n  and status 3 = 3 → true\n  and not unknown(level) → false\nor absent_for(level) 2 s > 15 s → false"},
		{"windows", "avg(level, 5m) > limit and count(level > 3, 1h) >= 1 and changed(status, 2m)", "{limit: 2 %LEL}", minutes,
			"avg(level, 5m) 7.49 %LEL（已知 100 %） > limit 2 %LEL → 成立\n且 count(level > 3, 1h) 至少 1（已知 16 %） ≥ 1 → 成立\n且 changed(status, 2m)（已知 100 %） → 不成立",
			"avg(level, 5m) 7.49 %LEL (100 % known) > limit 2 %LEL → true\nand count(level > 3, 1h) at least 1 (16 % known) ≥ 1 → true\nand changed(status, 2m) (100 % known) → false"},
		{"what is written out", "level > 3 and (status == 1) == false or false", "{}", once(5, 0),
			"以下全部 → 成立\n  level 5 %LEL > 3 → 成立\n  且 (status 0（正常） = 1) = 不成立 → 成立\n或 不成立 → 不成立",
			"all of these → true\n  level 5 %LEL > 3 → true\n  and (status 0 = 1) = false → true\nor false → false"},
		{"the mode of the site", "not emergency and status > 1d / 1d", "{}", once(1, 1),
			"非 emergency → 成立\n且 status 1 > 24小时 ÷ 24小时（= 1） → 不成立", "not emergency → true\nand status 1 > 24 h ÷ 24 h (= 1) → false"},
	}
	for _, c := range cases {
		zh, en := explained(t, c.expr, c.params, c.feed)
		if zh != c.zh || en != c.en {
			t.Errorf("%s: got\n%s\n%s", c.name, zh, en)
		}
	}
}

func TestWhySaysWhoCounted(t *testing.T) {
	e := engine(t, mustLoad(t, ruleOf("count(zone.gas, level >= limit) >= 2 and max(zone.gas.level) > 1 and any(zone.gas, status == 1)", "{limit: 10 %LEL}")), kitchens(), nil)
	e.Apply(level("a", 12, 0))
	r := reading("c", "level", 0, 0)
	r.Quality, r.Reason = device.Bad, device.Timeout
	e.Apply([]device.Reading{r})
	e.Apply(level("b", 11, time.Second))
	x, err := e.Explain("X1", "b", t0.Add(time.Second))
	if err != nil {
		t.Fatal(err)
	}
	zh, en := lines(x.Why)
	wantZH := "count(zone.gas, level >= limit) 2 到 3（共 3 台） ≥ 2 → 成立\n    a、b；未知：c（没有应答）\n" +
		"且 max(zone.gas.level) 未知（3 台中 1 台未知） > 1 → 未知\n    未知：c（没有应答）\n且 any(zone.gas, status == 1)（共 3 台） → 未知\n    未知：a（没有读到）、b（没有读到）、c（没有读到）"
	wantEN := "count(zone.gas, level >= limit) 2 to 3 of 3 ≥ 2 → true\n    a, b; unknown: c (timeout)\n" +
		"and max(zone.gas.level) unknown (1 of 3 unknown) > 1 → unknown\n    unknown: c (timeout)\nand any(zone.gas, status == 1) of 3 → unknown\n    unknown: a (not read), b (not read), c (not read)"
	if zh != wantZH || en != wantEN {
		t.Errorf("got\n%s\n%s", zh, en)
	}
}

func TestWhyOfAnOvercharge(t *testing.T) {
	devices := gasSite()[3:]
	devices[0].Labels = map[string]string{"battery": "li"}
	e := engine(t, shippedSet(t), devices, map[string]rules.Override{"R03": {Mode: rules.Armed}})
	var events []rules.AlertEvent
	for at := time.Duration(0); at < 7*time.Hour+30*time.Minute; at += 15 * time.Second {
		events = append(events, e.Apply([]device.Reading{
			reading("A-03.1", "power", 200, at), reading("A-03.1", "energy", 1203.4+0.2*at.Hours(), at), reading("A-03.1", "relay", 1, at),
		})...)
	}
	var got *rules.AlertEvent
	for i := range events {
		if events[i].Rule == "R03" {
			got = &events[i]
		}
	}
	if got == nil {
		t.Fatalf("got %s", states(events))
	}
	_, en := lines(got.Why)
	want := `session.duration 6 h 26 min > min_duration 6 h → true
and not session.knee → true
and session.flat 6 h 26 min ≥ flat_time 1 h → true
and session.energy 1.28833 kWh > factor 1.15 × most(first_known(baseline.energy_p90, session.capacity), first_known(se… 1.12 kWh (= 1.288 kWh) → true
    baseline.energy_p90 unknown, session.capacity 1.12 kWh`
	if en != want {
		t.Errorf("got\n%s", en)
	}
}

func TestWhyOfALife(t *testing.T) {
	text := strings.Replace(ruleOf("level >= limit", "{limit: 25 %LEL}"), "for: 0s", "for: 10s", 1)
	if !strings.Contains(text, "for: 10s") {
		text = strings.Replace(text, "    expr: ", "    for: 10s\n    expr: ", 1)
	}
	e := engine(t, mustLoad(t, text), gasSite(), nil)
	whys := map[rules.State]string{}
	for i, v := range []float64{30, 1, 30, 30, 30, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1} {
		for _, ev := range e.Apply(gas(v, 0, time.Duration(6*i)*time.Second)) {
			_, whys[ev.State] = lines(ev.Why)
		}
		e.Tick(t0.Add(time.Duration(6*i+3) * time.Second))
	}
	want := map[rules.State]string{
		rules.Pending: "", rules.Firing: "level 30 %LEL ≥ limit 25 %LEL → true\ntrue for 12 s of 10 s",
		rules.Cancelled: "level 1 %LEL ≥ limit 25 %LEL → false\ntrue for 6 s of 10 s",
	}
	for state, why := range want {
		if whys[state] != why {
			t.Errorf("%s: got\n%s", state, whys[state])
		}
	}
	if !strings.HasPrefix(whys[rules.Resolved], "level 1 %LEL ≥ limit 25 %LEL → false") {
		t.Errorf("resolved: got\n%s", whys[rules.Resolved])
	}
	x, err := e.Explain("X1", "gas-1802", t0.Add(130*time.Second))
	if err != nil || x.State != "" || len(x.Traces) < 5 {
		t.Fatalf("got %+v %v", x, err)
	}
	var kept []string
	for _, trace := range x.Traces {
		kept = append(kept, fmt.Sprint(trace.State, trace.Changed))
	}
	if got := strings.Join(kept, " "); got != "pendingtrue cancelledtrue pendingtrue firingtrue firingfalse resolvedtrue" {
		t.Errorf("traces: %s", got)
	}
	if _, err := e.Explain("X2", "gas-1802", t0); !errors.Is(err, rules.ErrNoRule) {
		t.Errorf("got %v", err)
	}
	if _, err := e.Explain("X1", "siren-1", t0); !errors.Is(err, rules.ErrNoSubject) {
		t.Errorf("got %v", err)
	}
}

func TestWhySaysWhoSpeaks(t *testing.T) {
	e := engine(t, shippedSet(t), gasSite(), nil)
	e.Apply(gas(30, 2, 0))
	x, err := e.Explain("R15", "gas-1802", t0)
	zh, en := lines(x.Why)
	if err != nil || !strings.HasPrefix(en, "R16 speaks for this (R16/gas-1802/20261122T091500Z): the rule gives way, whatever follows\n") || !strings.HasPrefix(zh, "R16 已在报警") {
		t.Errorf("got %v\n%s\n%s", err, zh, en)
	}
}

// However long a rule, its event stays small.
func TestWhyIsBounded(t *testing.T) {
	wide := "abs(status" + strings.Repeat(" - status + status", 6) + ") > -1 * (status + 17" + strings.Repeat(" + status", 6) + ")"
	for part, n := range map[string]int{"status > -1": 60, wide: 9} {
		expr := strings.TrimSuffix(strings.Repeat(part+" and ", n), " and ")
		e := engine(t, mustLoad(t, ruleOf(expr, "{}")), gasSite(), nil)
		events := e.Apply(gas(3, 0, 0))
		for at := time.Second; len(events) == 0 || events[len(events)-1].State != rules.Firing; at += time.Second {
			events = append(events, e.Apply(gas(3, 0, at))...)
			if at > time.Hour {
				t.Fatal("does not fire")
			}
		}
		why := events[len(events)-1].Why
		zh, en := lines(why)
		if len(why) > 24 || len(zh)+len(en) > 4096+48 || !strings.Contains(why[len(why)-1].EN, "more lines") {
			t.Errorf("%d lines, %d bytes, the last %q", len(why), len(zh)+len(en), why[len(why)-1].EN)
		}
	}
}

// Asking changes nothing: with questions in between, the same events come.
func TestExplainChangesNothing(t *testing.T) {
	set := mustLoad(t, machineRules+strings.TrimPrefix(strings.ReplaceAll(ruleOf("avg(level, 20s) > 30 or count(level > 30, 1m) > 3 or changed(level, 5s) and slope(level, 30s) > 90", "{}"), "X1", "W1"), "rules:\n"))
	rapid.Check(t, func(t *rapid.T) {
		plain, err := rules.NewEngine(set, openValve(), nil)
		if err != nil {
			t.Fatal(err)
		}
		asked, err := rules.NewEngine(set, openValve(), nil)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Duration(0)
		for range rapid.IntRange(5, 60).Draw(t, "steps") {
			at += time.Duration(rapid.IntRange(0, 4000).Draw(t, "ms")) * time.Millisecond
			for range rapid.IntRange(0, 2).Draw(t, "questions") {
				rule := rapid.SampledFrom([]string{"W1", "Latch", "Quick", "Trial", "X1"}).Draw(t, "rule")
				ahead := time.Duration(rapid.IntRange(-5000, 9000).Draw(t, "ahead")) * time.Millisecond
				_, _ = asked.Explain(rule, "gas-1802", t0.Add(at+ahead))
			}
			var a, b []rules.AlertEvent
			if rapid.Bool().Draw(t, "tick") {
				a, b = plain.Tick(t0.Add(at)), asked.Tick(t0.Add(at))
			} else {
				rs := gas(float64(rapid.IntRange(0, 90).Draw(t, "level")), 0, at-time.Duration(rapid.IntRange(0, 3000).Draw(t, "late"))*time.Millisecond)
				a, b = plain.Apply(rs), asked.Apply(rs)
			}
			if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", b) {
				t.Fatalf("without questions %+v\nwith %+v", a, b)
			}
		}
		one, _ := plain.Snapshot()
		two, _ := asked.Snapshot()
		if !reflect.DeepEqual(one, two) {
			t.Fatalf("snapshots differ:\n%s\n%s", one, two)
		}
	})
}

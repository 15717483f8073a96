package rules_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/rules"
)

// good is a rule without mistakes, one key a line, so that a case can change one of them.
const good = `rules:
  - id: X1
    title: {zh: 标题, en: title}
    kind: gas
    params: {limit: 25 %LEL}
    expr: level >= limit or status == 2
    severity: A
    mode: armed
    message: {zh: "{place} {level}", en: "{place} {level}"}
`

func load(t *testing.T, text string) (*rules.Set, error) {
	t.Helper()
	return rules.Load([]rules.Source{{Name: "r.yaml", Data: []byte(text)}})
}

func mustLoad(t testing.TB, text string) *rules.Set {
	t.Helper()
	set, err := rules.Load([]rules.Source{{Name: "r.yaml", Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestMistakesInRulesAreToldWithPlaceAndHint(t *testing.T) {
	cases := []struct{ name, old, new, want string }{
		{"unknown key", "severity: A", "severty: A", `r.yaml:7:5: unknown key "severty" (did you mean "severity"?)`},
		{"unknown kind", "kind: gas", "kind: gass", `r.yaml:4:11: unknown kind "gass" (did you mean "gas"?)`},
		{"unknown name", "level >= limit", "levle >= limit", `r.yaml:6:11: unknown name "levle" (did you mean "level"?)`},
		{"unknown name later", "status == 2", "statuss == 2", `r.yaml:6:29: unknown name "statuss" (did you mean "status"?)`},
		{"unit", "25 %LEL", "25 W", "r.yaml:6:17: cannot compare a number in %LEL with a number in W"},
		{"unknown unit", "25 %LEL", "25 LEL", `r.yaml:5:21: unknown unit "LEL" (did you mean "%LEL"?)`},
		{"kilowatts", "25 %LEL", "25 kW", `unknown unit "kW" (power is always in W)`},
		{"duration with number", "status == 2", "absent_for(level) > 15", "cannot compare a duration with a plain number (write a duration with its unit: 60s, 2h)"},
		{"no condition", "level >= limit or status == 2", "level + limit", "the expression is a number in %LEL, not a condition"},
		{"syntax", "or status == 2", "or status ==", "r.yaml:6:38: the expression ends too early"},
		{"quoted", "expr: level >= limit or status == 2", `expr: "level >= limit or statu == 2"`, `r.yaml:6:30: unknown name "statu"`},
		{"folded", "expr: level >= limit or status == 2", "expr: >-\n      level >= limit\n      or statu == 2", `r.yaml:8:10: unknown name "statu"`},
		{"function", "status == 2", "unknwn(level)", `there is no such function (did you mean "unknown"?)`},
		{"function of a number", "status == 2", "unknown(limit)", `a gas has no point "limit"`},
		{"builtin", "status == 2", "upper(level) > 2", "there is no function upper"},
		{"window of a session value", "status == 2", "avg(level, absent_for(level)) > 2", "the length of a window must be fixed"},
		{"window by a number", "status == 2", "avg(level, limit) > 2", "the length of a window is a duration, and limit is a number in %LEL"},
		{"window too long", "status == 2", "avg(level, 8d) > 2", "out of range (1s to 7d)"},
		{"window too short", "status == 2", "avg(level, 500ms) > 2", "out of range (1s to 7d)"},
		{"window in a window", "status == 2", "max(avg(level, 1m), 5m) > 2", "r.yaml:6:33: a window cannot look into another window"},
		{"window of a constant", "status == 2", "avg(limit, 1m) > 2", "a window needs a point or a session value"},
		{"window of a condition", "status == 2", "avg(status == 2, 1m) > 2", "avg needs a number, and this is a condition"},
		{"count of a number", "status == 2", "count(level, 1m) > 2", "count needs a condition, and this is a number in %LEL"},
		{"unit of a slope", "status == 2", "slope(level, 10m) > limit", "cannot compare a number in %LEL/h with a number in %LEL"},
		{"maximum of two", "status == 2", "max(level) > limit", "max takes a value and a length of time (max(x, 5m) over time, max(zone.socket.power) over other devices)"},
		{"group of an unknown kind", "status == 2", "any(zone.gass, level > 1)", `r.yaml:6:38: unknown kind "gass" of devices (did you mean "gas"?)`},
		{"group without a point", "status == 2", "sum(zone.socket.powr) > 3", `a socket has no point "powr" (did you mean "power"?)`},
		{"group in W", "status == 2", "sum(zone.socket.power) > limit", "cannot compare a number in W with a number in %LEL"},
		{"group in a group", "status == 2", "any(zone.gas, any(zone.gas, level > 1))", "a group cannot count over another group"},
		{"group in a window", "status == 2", "avg(sum(zone.socket.power), 1m) > 3", "a window cannot look at a group (give the time as the rule's for:)"},
		{"window in a group", "status == 2", "any(zone.gas, changed(levl, 1m))", `unknown name "levl" (did you mean "level"?)`},
		{"group without a condition", "status == 2", "count(zone.gas) > 1", "count over other devices takes their kind and a condition (count(zone.gas, level > 5))"},
		{"group of a number", "status == 2", "any(zone.gas, level)", "any over other devices does not go with a number in %LEL"},
		{"sum of a condition", "status == 2", "sum(zone.gas, level > 3) > 1", "sum over other devices does not go with a condition"},
		{"group of nothing", "status == 2", "any(zone.gas, 1 < 2)", "this asks nothing of the devices"},
		{"group of zones", "status == 2", "any(zone.zone, level > 1)", `unknown kind "zone" of devices`},
		{"slope of a group", "status == 2", "slope(zone.gas.level) > 1", "slope does not count over other devices"},
		{"not a group", "status == 2", "sum(level) > 1", "sum counts over other devices (sum(zone.socket.power))"},
		{"emergency in a window", "status == 2", "count(emergency, 1h) > 1", "emergency has no place in a window or a group"},
		{"arguments", "status == 2", "abs(level, level) > 2", "abs takes one number"},
		{"units of arguments", "status == 2", "least(level, absent_for(level)) > 2", "least joins a number in %LEL with a duration"},
		{"condition in a function", "status == 2", "abs(status == 2) > 2", "abs needs numbers, and this is a condition"},
		{"function misspelt", "status == 2", "frist_known(level, 2) > 2", `did you mean "first_known"?`},
		{"since", "status == 2", "since(installed) > 2h", "since takes one label (since(label.installed), for example)"},
		{"label", "status == 2", "label.installed > 2h", "cannot compare a condition with a duration"},
		{"alarms", "status == 2", "alarms(10m) > 2", "only the site counts its alarms"},
		{"emergency misspelt", "status == 2", "emergencey", `r.yaml:6:29: unknown name "emergencey" (did you mean "emergency"?)`},
		{"text", "status == 2", "status == 'ok'", "texts have no place in a condition"},
		{"conditional", "status == 2", "(status == 2 ? true:false)", "not part of the rule language"},
		{"modulo", "status == 2", "status % 2 == 0", "operator % is not part of the rule language"},
		{"not a number", "status == 2", "not status", "not needs a condition"},
		{"session of gas", "status == 2", "session.active", "only a socket has a charging session"},
		{"severity", "severity: A", "severity: D", `severity "D" is not known`},
		{"no mode", "    mode: armed\n", "", "mode is missing (one of armed notify-only shadow)"},
		{"mode", "mode: armed", "mode: arned", `r.yaml:8:11: mode "arned" is not known (did you mean "armed"?)`},
		{"period", "severity: A", "severity: A\n    for: soon", `r.yaml:8:10: "soon" is no duration`},
		{"unknown policy", "severity: A", "severity: A\n    unknown: {firing: drop}", `firing "drop" is not known`},
		{"message", `zh: "{place} {level}"`, `zh: "{place} {levl}"`, `unknown name {levl} (did you mean {level}?)`},
		{"brace", `zh: "{place} {level}"`, `zh: "{place} {level"`, "a { is not closed"},
		{"limit", "severity: A", "severity: A\n    limit: {point: level, param: limt, above: true}", `r.yaml:8:34: there is no parameter "limt" (did you mean "limit"?)`},
		{"interlock valve", "severity: A", "severity: A\n    actions: [{of: zone, kind: valve, point: open, value: 1}]", "no rule may write 1 to valve.open (a gas valve is only reopened by hand, on site)"},
		{"interlock relay", "severity: A", "severity: A\n    actions: [{of: zone, kind: socket, point: relay, value: 1}]", "a rule switches a socket off, never on"},
		{"read-only", "severity: A", "severity: A\n    actions: [{of: zone, kind: meter, point: power, value: 0}]", "no rule may write to meter.power"},
		{"self", "severity: A", "severity: A\n    actions: [{of: self, kind: valve, point: open, value: 0}]", "its own device is no valve"},
		{"wrong type", "severity: A", "severity: A\n    latch: perhaps", "r.yaml:8:12: wants true or false"},
		{"empty", good, "rules: []\n", "there are no rules"},
		{"built in", "id: X1", "id: R26", "r.yaml:2:9: R26 is built in"},
		{"unless itself", "severity: A", "severity: A\n    unless: [X1]", "r.yaml:8:14: a rule cannot give way to itself"},
		{"unless unknown", "severity: A", "severity: A\n    unless: [X2]", `r.yaml:8:14: there is no rule "X2" (did you mean "X1"?)`},
		{"ladder key", "severity: A", "severity: B\n    ladder:\n      - {expr: level >= 50, fro: 3s}", `r.yaml:9:29: unknown key "fro"`},
		{"ladder expr", "severity: A", "severity: B\n    ladder:\n      - {expr: level >= 50 and statu == 2}", `r.yaml:9:32: unknown name "statu" (did you mean "status"?)`},
		{"ladder folded", "severity: A", "severity: B\n    ladder:\n      - expr: >-\n          level >= 50\n          and statu == 2", `r.yaml:11:15: unknown name "statu"`},
		{"ladder clear", "severity: A", "severity: B\n    ladder:\n      - expr: level >= 50\n        clear: levl < 40", `r.yaml:10:16: unknown name "levl"`},
		{"ladder type", "severity: A", "severity: B\n    ladder: [{expr: level + 3}]", "r.yaml:8:27: the expression is a number in %LEL, not a condition"},
		{"ladder without expr", "severity: A", "severity: B\n    ladder: [{severity: A}]", "expr is missing"},
		{"ladder falls", "severity: A", "severity: A\n    ladder: [{expr: level > 50, severity: B}]", "r.yaml:8:43: severity B above A: a ladder leads from C to A"},
		{"ladder period", "severity: A", "severity: A\n    ladder: [{expr: level > 50, for: soon}]", `r.yaml:8:38: "soon" is no duration`},
		{"ladder clear_for", "severity: A", "severity: A\n    ladder: [{expr: level > 50, clear_for: 5s}]", "clear_for without clear"},
		{"ladder shadow", "severity: A", "severity: A\n    ladder: [{expr: level > 50, mode: shadow}]", "shadow is of the whole rule"},
		{"ladder message", "severity: A", "severity: A\n    ladder: [{expr: level > 50, message: {zh: \"{levl}\", en: x}}]", "unknown name {levl}"},
		{"ladder interlock", "severity: A", "severity: A\n    ladder: [{expr: level > 50, actions: [{of: zone, kind: valve, point: open, value: 1}]}]", "r.yaml:8:87: no rule may write 1 to valve.open"},
		{"forbid the safe side", "severity: A", "severity: A\n    forbid: [{of: zone, kind: socket, point: relay, value: 0}]", "r.yaml:8:60: socket.relay = 0 is the safe side"},
		{"forbid what nobody writes", "severity: A", "severity: A\n    forbid: [{of: zone, kind: meter, point: power, value: 0}]", "nobody may write to meter.power"},
		{"forbid of", "severity: A", "severity: A\n    forbid: [{of: site, kind: socket, point: relay, value: 1}]", `of "site" is not known`},
		{"pick", "severity: A", "severity: A\n    actions: [{of: zone, kind: socket, point: relay, value: 0, pick: nevest}]", `pick "nevest" is not known (did you mean "newest"?)`},
		{"pick without sessions", "severity: A", "severity: A\n    actions: [{of: zone, kind: valve, point: open, value: 0, pick: newest}]", "a valve has no charging session"},
		{"two modes, two units", "{limit: 25 %LEL}", "{limit: {normal: 25 %LEL, emergency: 20 W}}", "r.yaml:5:50: a number in W in an emergency, and a number in %LEL otherwise"},
		{"two modes, bad value", "{limit: 25 %LEL}", "{limit: {normal: 25 %LEL, emergency: soon}}", `r.yaml:5:50: "soon" is no quantity`},
		{"two modes, unknown key", "{limit: 25 %LEL}", "{limit: {normal: 25 %LEL, emergncy: 20 %LEL}}", `unknown key "emergncy" (did you mean "emergency"?)`},
		{"param named like a point", "{limit: 25 %LEL}", "{limit: 25 %LEL, level: 3 %LEL}", `a parameter cannot be named "level"`},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(good, c.old, c.new, 1)
			if text == good {
				t.Fatal("the case changes nothing")
			}
			_, err := load(t, text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	if _, err := load(t, good); err != nil {
		t.Fatalf("the good rule: %v", err)
	}
}

func TestSeveralMistakesAreToldAtOnce(t *testing.T) {
	text := strings.NewReplacer("level >= limit or status == 2", "levle > limit or statu == 2", "mode: armed", "mode: amed", "25 %LEL", "25 %LLE").Replace(good)
	_, err := load(t, text+strings.ReplaceAll(good, "rules:\n", ""))
	var ps configs.Problems
	if !errors.As(err, &ps) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"r.yaml:5:21:", "r.yaml:6:11:", "r.yaml:6:28:", "r.yaml:8:11:", "r.yaml:10:9: rule X1 is there twice (first at r.yaml:2)"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("missing %s in\n%v", want, err)
		}
	}
}

func TestRulesThatGiveWayToEachOther(t *testing.T) {
	rule := func(id, kind, unless string) string {
		text := strings.NewReplacer("X1", id, "kind: gas", "kind: "+kind, "severity: A", "severity: A\n    unless: ["+unless+"]", "rules:\n", "").Replace(good)
		if kind == "meter" {
			text = strings.NewReplacer("level >= limit or status == 2", "power > limit", "{level}", "{power}", "%LEL", "W").Replace(text)
		}
		return text
	}
	_, err := load(t, "rules:\n"+rule("X1", "gas", "X2")+rule("X2", "gas", "X3")+rule("X3", "gas", "X1"))
	if err == nil || !strings.Contains(err.Error(), "r.yaml:8:14: X2 already gives way to X1") {
		t.Errorf("a circle: %v", err)
	}
	_, err = load(t, "rules:\n"+rule("X1", "gas", "X2")+rule("X2", "meter", ""))
	if err == nil || !strings.Contains(err.Error(), "X2 judges a meter, this rule a gas: they never speak of the same device") {
		t.Errorf("another kind: %v", err)
	}
	// Both true at once, in the wrong order of the file: one message.
	set := mustLoad(t, "rules:\n"+rule("X1", "gas", "X2")+rule("X2", "gas", ""))
	if got := states(engine(t, set, gasSite(), nil).Apply(gas(30, 2, 0))); got != "X2 firing" {
		t.Errorf("got %q", got)
	}
}

func TestWhatOnlyFollowsFromAWrongKeyIsNotTold(t *testing.T) {
	_, err := load(t, strings.Replace(good, "severity: A", "severty: A", 1))
	var ps configs.Problems
	if !errors.As(err, &ps) || len(ps) != 1 {
		t.Fatalf("want one mistake, got %v", err)
	}
}

func TestUnusedParameterIsAWarning(t *testing.T) {
	set := mustLoad(t, strings.Replace(good, "{limit: 25 %LEL}", "{limit: 25 %LEL, spare: 3s}", 1))
	if w := set.Warnings(); len(w) != 1 || !strings.Contains(w[0].Error(), `parameter "spare" is not used`) {
		t.Fatalf("got %v", w)
	}
}

func TestVersionIsOfTheContent(t *testing.T) {
	a := mustLoad(t, good).Rules()[0].Version
	b := mustLoad(t, strings.Replace(good, "kind: gas", "kind:   gas   # a comment", 1)).Rules()[0].Version
	c := mustLoad(t, strings.Replace(good, "25 %LEL", "20 %LEL", 1)).Rules()[0].Version
	if a != b || a == c || len(a) != 12 {
		t.Fatalf("versions %s %s %s", a, b, c)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte("rules:\n  - {id: A, kind: socket, expr: session.tail > 1h, params: {p: 3 W}}\n")) // small seeds: Go's fuzzer spends its time shrinking large ones
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := rules.Load([]rules.Source{{Name: "f.yaml", Data: data}})
		if err != nil {
			var ps configs.Problems
			if !errors.As(err, &ps) || len(ps.Fatal()) == 0 {
				t.Fatalf("an error that is no mistake: %v", err)
			}
			return
		}
		if _, err := rules.NewEngine(set, nil, nil); err != nil {
			t.Fatalf("loaded, but no engine: %v", err)
		}
	})
}

package rules_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/rules"
)

const oneTest = `tests:
  - name: 告警
    devices: [{id: gas-1, kind: gas}]
    steps:
      - {at: 0s, set: {gas-1.level: 12, gas-1.status: 0}}
      - at: 10s
        expect: [{rule: X1, subject: gas-1, state: firing}]
`

func runTest(t *testing.T, text string) rules.TestReport {
	t.Helper()
	return rules.RunTests(mustLoad(t, good), rules.Source{Name: "r_test.yaml", Data: []byte(text)})
}

func TestAFailureSaysWhatTheRuleSaw(t *testing.T) {
	report := runTest(t, oneTest)
	if report.Failed != 1 || report.Passed != 0 {
		t.Fatalf("got %+v", report)
	}
	f := report.Results[0].Failures[0]
	want := rules.Failure{File: "r_test.yaml", Line: 7, At: "+10s", Field: "X1/gas-1 state", Expected: "firing", Actual: "none", Note: "expr is false, level = 12 %LEL, status = 0"}
	if f != want {
		t.Fatalf("got  %+v\nwant %+v", f, want)
	}
	text := rules.Render([]rules.TestReport{report}, 210*time.Millisecond, "zh")
	for _, line := range []string{"✗ 告警 ", "r_test.yaml:7\n", "字段 ", "X1/gas-1 state  firing  none", "0 通过，1 失败，0.21 s\n0 passed, 1 failed\n"} {
		if !strings.Contains(text, line) {
			t.Errorf("missing %q in\n%s", line, text)
		}
	}
	if text := rules.Render([]rules.TestReport{report}, 0, "en"); !strings.Contains(text, "field           expected  actual\n") {
		t.Errorf("got\n%s", text)
	}
	if _, err := json.Marshal(report); err != nil {
		t.Error(err)
	}
}

func TestATestThatPasses(t *testing.T) {
	report := runTest(t, strings.Replace(oneTest, "level: 12", "level: 25", 1))
	if report.Passed != 1 || report.Failed != 0 || report.Results[0].Events != 1 || report.Results[0].SimulatedMs != 10_000 {
		t.Fatalf("got %+v", report)
	}
	if text := rules.Render([]rules.TestReport{report}, 0, "en"); text != "r_test.yaml  ✓ 1\n0.00 s\n1 passed, 0 failed\n" {
		t.Fatalf("got %q", text)
	}
}

func TestMistakesInTestFilesAreToldWithPlaceAndHint(t *testing.T) {
	cases := []struct{ name, old, new, want string }{
		{"rule", "rule: X1", "rule: X2", `r_test.yaml:7:25: there is no rule "X2" in this test (did you mean "X1"?)`},
		{"subject", "subject: gas-1", "subject: gas-2", `there is no device "gas-2" in this test (did you mean "gas-1"?)`},
		{"state", "state: firing", "state: fired", `state "fired" is not known (one of none pending firing resolved)`},
		{"point", "gas-1.level: 12", "gas-1.lvel: 12", `r_test.yaml:5:36: there is no point "gas-1.lvel" in this test (did you mean "gas-1.level"?)`},
		{"value", "level: 12", "level: much", "r_test.yaml:5:37: wants a number, or {value: 26"},
		{"quality", "level: 12", "level: {quality: bd}", `quality "bd" is not known`},
		{"reason", "level: 12", "level: {quality: bad, reason: timout}", `reason "timout" is not known`},
		{"key", "expect:", "expects:", `r_test.yaml:7:9: unknown key "expects" (did you mean "expect"?)`},
		{"kind", "kind: gas", "kind: gaz", `unknown kind "gaz"`},
		{"order", "at: 10s", "at: -10s", `r_test.yaml:6:13: "-10s" is no time since the start`},
		{"poll", "    devices", "    poll: 1ns\n    devices", "more than 1000000 polls"},
		{"none", oneTest, "tests: []\n", "there are no tests"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			report := runTest(t, strings.Replace(oneTest, c.old, c.new, 1))
			if report.Failed != 1 || report.Problems == nil || !strings.Contains(report.Problems.Error(), c.want) {
				t.Fatalf("got  %v\nwant %s", report.Problems, c.want)
			}
		})
	}
}

func FuzzTestFile(f *testing.F) {
	f.Add([]byte(oneTest))
	set := mustLoad(f, good)
	f.Fuzz(func(_ *testing.T, data []byte) {
		report := rules.RunTests(set, rules.Source{Name: "f_test.yaml", Data: data})
		_ = rules.Render([]rules.TestReport{report}, 0, "zh")
	})
}

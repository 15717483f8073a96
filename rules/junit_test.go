package rules_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/linshao/linshao/rules"
)

// suites is what a CI server takes from JUnit XML.
type suites struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Suites   []struct {
		Name  string  `xml:"name,attr"`
		Time  float64 `xml:"time,attr"`
		Cases []struct {
			Name    string  `xml:"name,attr"`
			File    string  `xml:"file,attr"`
			Line    int     `xml:"line,attr"`
			Time    float64 `xml:"time,attr"`
			Failure []struct {
				Message string `xml:"message,attr"`
				Text    string `xml:",chardata"`
			} `xml:"failure"`
			Error []struct {
				Message string `xml:"message,attr"`
			} `xml:"error"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func TestJUnit(t *testing.T) {
	passing := strings.Replace(oneTest, "level: 12", "level: 25", 1)
	reports := []rules.TestReport{
		runTest(t, oneTest), runTest(t, strings.Replace(passing, "告警", `"<&\a>"`, 1)), runTest(t, strings.Replace(oneTest, "gas-1.level", "gas-1.lvel", 1)),
	}
	reports[0].Results[0].TookMs = 1.5
	var b bytes.Buffer
	if err := rules.WriteJUnit(&b, reports); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(bytes.NewReader(b.Bytes())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
	}
	var got suites
	if err := xml.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Tests != 3 || got.Failures != 1 || got.Errors != 1 || len(got.Suites) != 3 {
		t.Fatalf("%+v", got)
	}
	failed, passed, broken := got.Suites[0].Cases[0], got.Suites[1].Cases[0], got.Suites[2].Cases[0]
	if failed.File != "r_test.yaml" || failed.Line != 2 || failed.Time != 0.0015 || len(failed.Failure) != 1 ||
		failed.Failure[0].Message != "X1/gas-1 state: expected firing, got none" || !strings.HasPrefix(failed.Failure[0].Text, "r_test.yaml:7 +10s\nexpr is false") {
		t.Errorf("%+v", failed)
	}
	if passed.Name != "<&\ufffd>" || len(passed.Failure)+len(passed.Error) != 0 {
		t.Errorf("%+v", passed)
	}
	if len(broken.Error) != 1 || broken.Line != 5 || !strings.Contains(broken.Error[0].Message, "lvel") {
		t.Errorf("%+v", broken)
	}
}

const coverTests = `tests:
  - name: fires
    devices: [{id: gas-1, kind: gas}]
    steps:
      - {at: 0s, set: {gas-1.level: 25, gas-1.status: 0}}
      - at: 10s
        expect: [{rule: X1, subject: gas-1, state: firing, level: 0, severity: A, shelved: false, evidence: {level: 25, status: 0}}]
`

func TestCoverage(t *testing.T) {
	set := mustLoad(t, good)
	covers := func(text string) string {
		report := rules.RunTests(set, rules.Source{Name: "c_test.yaml", Data: []byte(text)})
		if report.Failed > 0 {
			t.Fatal(rules.Render([]rules.TestReport{report}, 0, "en"))
		}
		var all []string
		for _, c := range rules.Coverage(set, []rules.TestReport{report}) {
			all = append(all, c.Rule+" "+strings.Join(c.Missing, " "))
		}
		return strings.Join(all, "; ")
	}
	if got := covers(coverTests); got != "X1 not_firing restarted unknown" {
		t.Error(got)
	}
	if got := covers(coverTests + `
      - {at: 20s, restart: true, set: {gas-1.level: {value: 0, quality: bad, reason: timeout}}, expect: [{rule: X1, subject: gas-1, state: firing}]}
  - name: quiet
    devices: [{id: gas-1, kind: gas}]
    steps: [{at: 0s, expect: [{rule: X1, subject: gas-1, state: none}]}]
`); got != "" {
		t.Error(got)
	}
}

func TestExpectationsFieldByField(t *testing.T) {
	text := strings.Replace(coverTests, "level: 0, severity: A, shelved: false, evidence: {level: 25, status: 0}",
		"level: 1, severity: C, shelved: true, forbids: [s.relay=1], evidence: {level: unknown, status: 1, power: 3}", 1)
	report := rules.RunTests(mustLoad(t, good), rules.Source{Name: "c_test.yaml", Data: []byte(text)})
	if report.Failed != 1 {
		t.Fatalf("%+v", report)
	}
	got := ""
	for _, f := range report.Results[0].Failures {
		got += f.Field + ": " + f.Expected + " / " + f.Actual + "\n"
	}
	want := `X1/gas-1 shelved: true / false
X1/gas-1 level: 1 / 0
X1/gas-1 severity: C / A
X1/gas-1 forbids: s.relay=1 / 
X1/gas-1 evidence: level = unknown / level = 25
X1/gas-1 evidence: power = 3 / power = missing
X1/gas-1 evidence: status = 1 / status = 0
`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

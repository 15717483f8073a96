package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRulesTestInTheFormsOfOthers(t *testing.T) {
	dir := t.TempDir()
	for from, to := range map[string]string{"../configs/rules/gas.yaml": "gas.yaml", "../configs/rules/gas_test.yaml": "gas_test.yaml", "../configs/rules/site.yaml": "site.yaml"} {
		data, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.Replace(string(data), "state: firing", "state: none", 1)
		if err := os.WriteFile(filepath.Join(dir, to), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errs := gateway(t, dir, "en", "rules", "test", ".", "--json", "--junit", "out.xml")
	var got struct {
		Passed, Failed int
		TookMs         float64 `json:"took_ms"`
		Reports        []struct {
			File    string `json:"file"`
			Results []struct {
				Line        int     `json:"line"`
				SimulatedMs int64   `json:"simulated_ms"`
				TookMs      float64 `json:"took_ms"`
				Failures    []struct {
					File  string `json:"file"`
					Line  int    `json:"line"`
					Field string `json:"field"`
				} `json:"failures"`
			} `json:"results"`
		} `json:"reports"`
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil || code != exitFinding || got.Failed != 1 || got.Passed == 0 || got.TookMs <= 0 {
		t.Fatalf("%d %v\n%s%s", code, err, out, errs)
	}
	for _, upper := range []string{`"Line"`, `"File"`, `"Rule"`, "Ns\""} {
		if strings.Contains(out, upper) {
			t.Errorf("%s in JSON", upper)
		}
	}
	failed := 0
	for _, r := range got.Reports[0].Results {
		if failed += len(r.Failures); len(r.Failures) > 0 && (r.Failures[0].File != "gas_test.yaml" || r.Failures[0].Line <= r.Line || r.TookMs <= 0) {
			t.Errorf("%+v", r)
		}
	}
	xml, err := os.ReadFile(filepath.Join(dir, "out.xml"))
	if err != nil || failed == 0 || !strings.Contains(string(xml), `<testsuite name="gas_test.yaml"`) || !strings.Contains(string(xml), "<failure ") {
		t.Errorf("%v %d failures\n%s", err, failed, xml)
	}
	code, out, errs = gateway(t, dir, "zh", "rules", "test", ".")
	if code != exitFinding || !strings.Contains(out, "通过，1 失败，") || !strings.Contains(out, " passed, 1 failed\n") {
		t.Errorf("%d\n%s%s", code, out, errs)
	}
	if code, _, errs := gateway(t, dir, "en", "rules", "test", ".", "--junit", "no/such/folder.xml"); code != exitDevice || !strings.Contains(errs, "write JUnit") {
		t.Errorf("%d %s", code, errs)
	}
}

func TestRulesTestWarnsOfWhatIsNotTested(t *testing.T) {
	dir := t.TempDir()
	rule := `rules:
  - id: X1
    title: {zh: 标题, en: title}
    kind: gas
    params: {limit: 25 %LEL}
    expr: level >= limit
    severity: A
    mode: armed
    message: {zh: "{place}", en: "{place}"}
`
	test := `tests:
  - {name: quiet, devices: [{id: g, kind: gas}], steps: [{at: 0s, set: {g.level: 0}, expect: [{rule: X1, subject: g, state: none}]}]}
`
	for name, text := range map[string]string{"x.yaml": rule, "x_test.yaml": test} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, _, errs := gateway(t, dir, "zh", "rules", "test", ".")
	if code != exitOK || !strings.Contains(errs, "! 没有测试见过触发: X1\n") || strings.Contains(errs, "没有测试见过不触发") || !strings.Contains(errs, "! 没有测试经过重启: X1\n") {
		t.Errorf("%d\n%s", code, errs)
	}
	code, out, _ := gateway(t, dir, "en", "rules", "test", ".", "--json")
	if want := `"untested":[{"rule":"X1","level":0,"missing":["firing","restarted","unknown"]}]`; code != exitOK || !strings.Contains(out, want) {
		t.Errorf("%d\n%s", code, out)
	}
}

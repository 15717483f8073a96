package rules_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linshao/linshao/rules"
)

// shipped are the rule files of configs/rules, or their tests.
func shipped(t testing.TB, suffix string, without string) []rules.Source {
	t.Helper()
	paths, err := filepath.Glob("../configs/rules/*" + suffix)
	if err != nil {
		t.Fatal(err)
	}
	var sources []rules.Source
	for _, path := range paths {
		if without != "" && strings.HasSuffix(path, without) {
			continue
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, rules.Source{Name: filepath.Base(path), Data: data})
	}
	if len(sources) == 0 {
		t.Fatal("no files in configs/rules")
	}
	return sources
}

func shippedSet(t testing.TB) *rules.Set {
	t.Helper()
	set, err := rules.Load(shipped(t, ".yaml", "_test.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if w := set.Warnings(); w != nil {
		t.Errorf("shipped rules have warnings: %v", w)
	}
	return set
}

func TestShippedRules(t *testing.T) {
	set := shippedSet(t)
	var reports []rules.TestReport
	tested := map[string]bool{}
	for _, src := range shipped(t, "_test.yaml", "") {
		report := rules.RunTests(set, src)
		reports = append(reports, report)
		tested[strings.TrimSuffix(src.Name, "_test.yaml")+".yaml"] = true
		if report.Failed > 0 || report.Passed == 0 {
			t.Error("\n" + rules.Render([]rules.TestReport{report}, 0, "zh"))
		}
	}
	t.Log("\n" + rules.Render(reports, 0, "zh"))
	for _, src := range shipped(t, ".yaml", "_test.yaml") {
		if !tested[src.Name] {
			t.Errorf("%s has no _test.yaml", src.Name)
		}
	}
}

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestRulesList(t *testing.T) {
	dir := t.TempDir()
	code, out, errs := gateway(t, dir, "zh", "rules", "list")
	if code != exitOK || !strings.Contains(out, "燃气高报") || !strings.Contains(out, "gas.yaml") || !strings.Contains(out, "R26") {
		t.Fatalf("%d\n%s%s", code, out, errs)
	}
	code, out, errs = gateway(t, dir, "en", "rules", "list", "--json")
	var list []listedRule
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != exitOK {
		t.Fatalf("%d %v\n%s%s", code, err, out, errs)
	}
	seen := map[string]listedRule{}
	for _, r := range list {
		seen[r.ID] = r
		if r.File == "" || r.Version == "" || r.Title.ZH == "" || r.Title.EN == "" {
			t.Errorf("%+v", r)
		}
	}
	if r := seen["R02"]; len(r.Steps) != 2 || r.Steps[0].Severity != "C" || r.Steps[1].Mode != "notify-only" || r.Sources["V"] != 1 || r.Sources["S"] != 1 {
		t.Errorf("%+v", r)
	}
	if err := os.WriteFile(filepath.Join(dir, "a.yaml"), []byte("rules: [{id: A, severty: B}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, out, _ := gateway(t, dir, "en", "rules", "list", "."); code != exitFinding || !strings.Contains(out, "severty") {
		t.Errorf("%d\n%s", code, out)
	}
	if code, _, errs := gateway(t, dir, "en", "rules", "list", "nowhere"); code != exitUsage {
		t.Errorf("%d %s", code, errs)
	}
}

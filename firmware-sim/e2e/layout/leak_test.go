package layout_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryPackageLooksForLeaks: a goroutine that outlives its test is found in each package. The tests of whole programs
// and of this layout start none of their own.
func TestEveryPackageLooksForLeaks(t *testing.T) {
	looks := map[string]bool{}
	for _, f := range goFiles(t) {
		if folder := filepath.ToSlash(filepath.Dir(f.path)); f.test && !under(folder, "firmware-sim/e2e") {
			looks[folder] = looks[folder] || strings.Contains(f.text, "goleak.Verify")
		}
	}
	for folder, ok := range looks {
		if !ok {
			t.Errorf("%s: no test looks for goroutines left behind (goleak.VerifyTestMain)", folder)
		}
	}
}

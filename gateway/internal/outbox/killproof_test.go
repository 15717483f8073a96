package outbox_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"
)

type killResult struct {
	Name    string  `json:"name"`
	Runs    int     `json:"runs"`
	Broken  int     `json:"broken"` // a record lost or wrong, or a start that failed; the proof ends there
	Acked   int     `json:"acknowledged"`
	Seconds float64 `json:"seconds"`
}

// TestLogKill9 is the proof log_kill9: real processes on the real disk, killed up to 25 ms after their first record. The log changes
// every 50 kills, and in turn is one that syncs each record and one that syncs later.
func TestLogKill9(t *testing.T) {
	runs, _ := strconv.Atoi(os.Getenv("LINSHAO_PROOF_RUNS"))
	if runs == 0 {
		t.Skip("a part of firmware-sim/e2e/prove; TestKill9 does some of it")
	}
	began := time.Now()
	r := killResult{Name: "log_kill9"}
	defer func() {
		if t.Failed() {
			r.Broken++
		}
		r.Seconds = float64(int(time.Since(began).Seconds()*10)) / 10
		b, err := json.Marshal(r)
		if err != nil {
			t.Error(err)
		}
		fmt.Printf("\nproof: %s\n", b)
	}()
	for r.Runs < runs {
		mode := []string{"", "sync"}[r.Runs/50%2]
		dir := t.TempDir()
		var acked []uint64
		for range min(50, runs-r.Runs) {
			more := killOne(t, dir, mode)
			r.Runs++
			r.Acked += len(more)
			acked = append(acked, more...)
			checkKept(t, dir, acked)
		}
	}
}

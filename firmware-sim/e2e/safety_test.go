package e2e_test

import (
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/safety"
)

// TestEveryLeakClosesItsValve is the small form of `make prove ONLY=safety_latency`. How long it takes is held there: tests
// of other packages run beside this one.
func TestEveryLeakClosesItsValve(t *testing.T) {
	result, err := safety.Run(t.Context(), safety.Options{Bin: bin, Dir: t.TempDir(), Runs: 16, Kitchens: 4, Poll: 200 * time.Millisecond, Seed: uint64(time.Now().UnixNano())})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", result)
	if result.Misses > 0 {
		t.Fatalf("valves stayed open: %+v", result)
	}
}

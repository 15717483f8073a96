package e2e_test

import (
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/pushes"
)

// TestPushes is the small form of `make prove ONLY=config_kill9`.
func TestPushes(t *testing.T) {
	t.Parallel() // it waits for trials
	result, err := pushes.Run(t.Context(), pushes.Options{Bin: bin, Dir: t.TempDir(), Pushes: 2, Seed: uint64(time.Now().UnixNano())})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", *result)
	if result.Broken() {
		t.Fatalf("the promise is broken: %+v", *result)
	}
}

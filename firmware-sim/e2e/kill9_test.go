package e2e_test

import (
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/kill9"
)

// TestKill9 is the small form of `make prove ONLY=gateway_kill9`.
func TestKill9(t *testing.T) {
	result, err := kill9.Run(t.Context(), kill9.Options{Bin: bin, Dir: t.TempDir(), Kills: 10, Seed: uint64(time.Now().UnixNano())})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", result)
	if result.Broken() {
		t.Fatalf("the promise is broken: %+v", result)
	}
}

package e2e_test

import (
	"os"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/e2e/restarts"
)

// TestRestarts is the small form of `make prove ONLY=restarts`.
func TestRestarts(t *testing.T) {
	dir, err := os.MkdirTemp("", "restarts") // short: a socket's path has 108 bytes at most
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			_ = os.RemoveAll(dir)
		}
	})
	result, err := restarts.Run(t.Context(), restarts.Options{Bin: bin, Dir: dir, Restarts: 4, Seed: uint64(time.Now().UnixNano())})
	if err != nil {
		t.Fatalf("%v: logs and data are in %s", err, dir)
	}
	t.Logf("%+v", *result)
	if result.Broken() {
		t.Fatalf("a promise is broken: logs and data are in %s", dir)
	}
}

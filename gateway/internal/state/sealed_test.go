package state_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/linshao/linshao/gateway/internal/state"
)

// TestASealedFileIsWholeOrSaidToBeDamaged, whatever a power cut leaves of it.
func TestASealedFileIsWholeOrSaidToBeDamaged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "outputs.state")
	if _, data, err := state.LoadSealed(file); data != nil || err != nil {
		t.Fatal(data, err)
	}
	of := time.UnixMilli(1_795_000_000_123)
	for _, text := range []string{"first", "second"} {
		if err := state.SaveSealed(file, of, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if at, data, err := state.LoadSealed(file); string(data) != "second" || !at.Equal(of) || err != nil {
		t.Fatal(at, data, err)
	}
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		flipped := bytes.Clone(whole)
		flipped[n] ^= 1 << (n % 8)
		for _, damaged := range [][]byte{whole[:n], flipped} {
			if err := os.WriteFile(file, damaged, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, data, err := state.LoadSealed(file); data != nil || err == nil {
				t.Fatal(n, data, err)
			}
			if aside, err := os.ReadFile(file + ".damaged"); err != nil || !bytes.Equal(aside, damaged) {
				t.Fatal("not put aside", err)
			}
		}
	}
}

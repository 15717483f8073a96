package state_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/linshao/linshao/gateway/internal/state"
)

func TestBootsAreCountedAndTheirEndsTold(t *testing.T) {
	dir := t.TempDir()
	boot := func(number uint32, previous string) *state.Boot {
		t.Helper()
		b := state.NextBoot(dir, 1_795_000_000)
		if b.Unsaved != nil || b.Number != number || b.Previous != previous {
			t.Fatalf("got %+v; want %d after %s", b, number, previous)
		}
		return b
	}
	boot(1, state.EndFirst)
	b := boot(2, state.EndUnclean)
	if err := b.End(); err != nil {
		t.Fatal(err)
	}
	boot(3, state.EndClean)
	if err := os.WriteFile(filepath.Join(dir, "boot.json"), []byte("\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	boot(1_795_000_000, state.EndUnknown)
	boot(1_795_000_001, state.EndUnclean)
}

func TestAGatewayStartsOnADiskThatTakesNothing(t *testing.T) {
	b := state.NextBoot(filepath.Join(t.TempDir(), "gone"), 1_795_000_000)
	if b.Unsaved == nil || b.Number != 1_795_000_000 {
		t.Fatalf("%+v", b)
	}
}

func TestSaveReplacesOrLeaves(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x")
	for _, text := range []string{"one", "two, longer", "3"} {
		if err := state.Save(file, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != text {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if err := state.Save(filepath.Join(file, "below a file"), nil); err == nil {
		t.Fatal("a file in a file was written")
	}
}

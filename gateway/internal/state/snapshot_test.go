package state_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/linshao/linshao/gateway/internal/state"
)

func save(t *testing.T, file string, next uint64, text string) {
	t.Helper()
	s := state.Snapshot{Epoch: 7, Next: next, At: time.UnixMilli(1_795_000_000_123), Data: []byte(text)}
	if n, err := state.SaveSnapshot(file, s); err != nil || n == 0 {
		t.Fatal(n, err)
	}
}

func TestASnapshotKeepsTheOneBefore(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.state")
	if found, problems := state.LoadSnapshots(file); found != nil || problems != nil {
		t.Fatal(found, problems)
	}
	save(t, file, 1, "first")
	save(t, file, 2, "second")
	save(t, file, 3, "third")
	found, problems := state.LoadSnapshots(file)
	if len(found) != 2 || problems != nil || found[0].Next != 3 || string(found[0].Data) != "third" || string(found[1].Data) != "second" ||
		found[0].Epoch != 7 || found[0].At.UnixMilli() != 1_795_000_000_123 {
		t.Fatalf("%+v %v", found, problems)
	}
}

// Whatever a power cut leaves of the newest file, the one before it is found, and no wrong one.
func TestATornSnapshotFallsBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rules.state")
	save(t, file, 1, "first")
	save(t, file, 2, "second, and some more of it")
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	try := func(what string, data []byte) {
		t.Helper()
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		found, problems := state.LoadSnapshots(file)
		if len(found) != 1 || string(found[0].Data) != "first" || len(problems) != 1 {
			t.Fatalf("%s: %+v %v", what, found, problems)
		}
		if aside, err := os.ReadFile(file + ".damaged"); err != nil || !bytes.Equal(aside, data) {
			t.Fatalf("%s: not put aside: %v", what, err)
		}
	}
	for n := range len(whole) {
		try("cut short", whole[:n])
		try("zeros behind", append(bytes.Clone(whole[:n]), make([]byte, len(whole)-n)...))
		for bit := range 8 {
			flipped := bytes.Clone(whole)
			flipped[n] ^= 1 << bit
			try("a bit flipped", flipped)
		}
	}
	save(t, file, 3, "third") // does not put the damaged one in the place of the first
	if found, problems := state.LoadSnapshots(file); len(found) != 2 || string(found[1].Data) != "first" || problems != nil {
		t.Fatal(found, problems)
	}
	if err := os.Remove(file); err != nil { // a cut between the two renames
		t.Fatal(err)
	}
	if found, problems := state.LoadSnapshots(file); len(found) != 1 || problems != nil {
		t.Fatal(found, problems)
	}
}

func FuzzLoadSnapshots(f *testing.F) {
	f.Add([]byte("LSMEMORY\x01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "rules.state")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if found, problems := state.LoadSnapshots(file); len(found)+len(problems) != 1 {
			t.Fatal(found, problems)
		}
	})
}

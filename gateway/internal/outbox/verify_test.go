package outbox_test

import (
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

// hurt damages a log's folder at random: bits, ends, whole files.
func hurt(t *testing.T, r *rand.Rand, dir string) {
	t.Helper()
	names := segments(t, dir)
	for range 1 + r.IntN(3) {
		name := names[r.IntN(len(names))]
		if r.IntN(3) == 0 {
			name = names[len(names)-1]
		}
		data, err := os.ReadFile(name)
		if err != nil {
			continue // removed just before
		}
		switch r.IntN(5) {
		case 0:
			remove(t, name)
		case 1:
			write(t, name, data[:r.IntN(len(data)+1)])
		case 2:
			write(t, name, append(data, payload(r.Uint64(), r.IntN(200))...))
		default:
			if len(data) > 0 {
				flip(t, name, r.IntN(len(data)))
			}
		}
	}
	if r.IntN(2) == 0 {
		dropCursor(t, outbox.Config{Dir: dir})
	}
}

func intact(t *testing.T, dir string) (seqs []uint64) {
	t.Helper()
	if _, err := outbox.Inspect(dir, func(r outbox.Record) error { seqs = append(seqs, r.Seq); return nil }); err != nil {
		t.Fatal(err)
	}
	return seqs
}

// files are the names in a folder and its quarantine, and their bytes.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path[len(dir):]] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestVerifyForetellsOpen: what Verify says is what Open does, and Repair does the same and keeps all that is intact.
func TestVerifyForetellsOpen(t *testing.T) {
	for seed := range uint64(80) {
		r := rand.New(rand.NewPCG(seed, 9))
		c := config(t.TempDir())
		c.Stream, c.Segment = 1, 1000
		l := open(t, c)
		fill(t, l, 5+r.IntN(40), size)
		l.Ack(uint64(r.IntN(5)))
		closeLog(t, l)
		hurt(t, r, c.Dir)
		before, there := files(t, c.Dir), intact(t, c.Dir)
		foretold, err := outbox.Verify(c.Dir)
		if len(segments(t, c.Dir)) == 0 {
			if err == nil {
				t.Fatalf("seed %d: a log in an empty folder", seed)
			}
			continue
		}
		if err != nil || !same(files(t, c.Dir), before) {
			t.Fatalf("seed %d: %v, or the folder was changed", seed, err)
		}
		other := t.TempDir()
		if err := os.CopyFS(other, os.DirFS(c.Dir)); err != nil {
			t.Fatal(err)
		}
		repaired, err := outbox.Repair(other)
		if foretold.Stream == 0 {
			if err == nil || !same(files(t, other), before) {
				t.Fatalf("seed %d: repaired what has no header", seed)
			}
			continue
		}
		if err != nil || !slices.Equal(repaired.Steps, foretold.Steps) || repaired.GoOn != foretold.GoOn {
			t.Fatalf("seed %d: %v\nforetold %+v\nrepaired %+v", seed, err, foretold, repaired)
		}
		after, err := outbox.Verify(other)
		if err != nil || len(after.Steps) > 0 || after.GoOn != foretold.GoOn {
			t.Fatalf("seed %d: after the repair %v %+v", seed, err, after)
		}
		for _, dir := range []string{c.Dir, other} {
			opened(t, dir, c, foretold, there)
		}
	}
}

// opened opens a folder and compares.
func opened(t *testing.T, dir string, c outbox.Config, foretold outbox.Verdict, there []uint64) {
	t.Helper()
	first := dir == c.Dir
	c.Dir = dir
	l := open(t, c)
	if _, _, next := l.State(); next != foretold.GoOn {
		t.Fatalf("next %d, foretold %d", next, foretold.GoOn)
	}
	if gaps := l.Gaps(); first && !slices.Equal(gaps, foretold.Gaps) {
		t.Fatalf("gaps %+v, foretold %+v", gaps, foretold.Gaps)
	}
	wantSeqs(t, readAll(t, l, 1, size), there)
	closeLog(t, l)
	for _, s := range foretold.Steps {
		_, err := os.Stat(filepath.Join(dir, s.File))
		if s.Do == outbox.StepCreate && err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
	}
}

func same(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for name, text := range a {
		if b[name] != text {
			return false
		}
	}
	return true
}

func TestVerifyOfAnIntactLog(t *testing.T) {
	c := config(t.TempDir())
	c.Segment = 1000
	l := open(t, c)
	fill(t, l, 40, size)
	v, err := outbox.Verify(c.Dir) // of a log in use
	if err != nil || !v.OK() || v.Records != 40 || v.GoOn != 41 || len(v.Gaps) != 0 || len(v.Steps) != 0 {
		t.Fatalf("%v %+v", err, v)
	}
	if _, err := outbox.Repair(c.Dir); !errors.Is(err, outbox.ErrInUse) {
		t.Fatal(err)
	}
	l.Drop(3) // numbers without records are no damage, here between two files
	fill(t, l, 1, size)
	closeLog(t, l)
	if v, err := outbox.Verify(c.Dir); err != nil || !v.OK() || len(v.Holes) != 1 || v.Holes[0].Reason != outbox.ReasonSkipped {
		t.Fatalf("%v %+v", err, v)
	}
	names := segments(t, c.Dir)
	if err := os.Truncate(names[len(names)-1], outbox.HeaderSize+10); err != nil {
		t.Fatal(err)
	}
	if _, err := outbox.Repair(c.Dir); err != nil {
		t.Fatal(err)
	}
	l = open(t, c)
	fill(t, l, 1, size)
	closeLog(t, l)
	if v, err := outbox.Verify(c.Dir); err != nil || !v.OK() {
		t.Fatalf("after a repair: %v %+v", err, v)
	}
	remove(t, names[1])
	if v, err := outbox.Verify(c.Dir); err != nil || v.OK() || v.Holes[0].Reason != outbox.ReasonMissing {
		t.Fatalf("%v %+v", err, v)
	}
}

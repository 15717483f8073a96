package outbox_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

// faulty is the real disk, on which chosen operations fail.
type faulty struct {
	outbox.Disk
	mu   sync.Mutex
	n    int                          // operations that change something, so far
	fail func(op string, n int) error // nil: none
	ops  []string
}

func newFaulty() *faulty { return &faulty{Disk: outbox.RealDisk()} }

func (d *faulty) try(op string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n++
	d.ops = append(d.ops, op)
	if d.fail == nil {
		return nil
	}
	return d.fail(op, d.n)
}

// count is how often an operation was tried since set.
func (d *faulty) count(op string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, done := range d.ops {
		if done == op {
			n++
		}
	}
	return n
}

func (d *faulty) set(fail func(op string, n int) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.n, d.ops, d.fail = 0, nil, fail
}

func (d *faulty) OpenFile(name string, flag int, perm os.FileMode) (outbox.File, error) {
	if flag&os.O_CREATE != 0 {
		if err := d.try("create"); err != nil {
			return nil, err
		}
	}
	f, err := d.Disk.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return faultyFile{f, d}, nil
}

func (d *faulty) Remove(name string) error {
	if err := d.try("remove"); err != nil {
		return err
	}
	return d.Disk.Remove(name)
}

func (d *faulty) Rename(from, to string) error {
	if err := d.try("rename"); err != nil {
		return err
	}
	return d.Disk.Rename(from, to)
}

type faultyFile struct {
	outbox.File
	d *faulty
}

// WriteAt writes a part before it fails, as a full disk does.
func (f faultyFile) WriteAt(b []byte, off int64) (int, error) {
	if err := f.d.try("write"); err != nil {
		n, _ := f.File.WriteAt(b[:len(b)/3], off)
		return n, err
	}
	return f.File.WriteAt(b, off)
}

func (f faultyFile) Sync() error {
	return f.d.try("sync") // no power is cut here: the real one would only take time
}

func (f faultyFile) Truncate(size int64) error {
	if err := f.d.try("truncate"); err != nil {
		return err
	}
	return f.File.Truncate(size)
}

// TestEveryOperationFails fails the k-th operation that changes the disk, for every k, with every error, once and for good.
func TestEveryOperationFails(t *testing.T) {
	cases := 0
	for _, cause := range []error{syscall.EIO, syscall.ENOSPC, syscall.EROFS} {
		for _, forGood := range []bool{false, true} {
			for _, every := range []time.Duration{0, time.Hour} {
				for k, more := 1, true; more; k++ {
					more = failAt(t, k, cause, forGood, every)
					cases++
				}
			}
		}
	}
	t.Logf("%d cases", cases)
}

// failAt returns false when the story needs fewer than k operations.
func failAt(t *testing.T, k int, cause error, forGood bool, every time.Duration) (more bool) {
	t.Helper()
	name := fmt.Sprintf("operation %d fails with %v, for good %v, sync %v", k, cause, forGood, every)
	d := newFaulty()
	c := outbox.OnDisk(config(t.TempDir()), d)
	c.Segment, c.Sync = 1000, every
	before, err := outbox.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, before, 12, size)
	closeLog(t, before)

	d.set(func(_ string, n int) error {
		if n == k || forGood && n > k {
			return cause
		}
		return nil
	})
	l, err := outbox.Open(c)
	if err != nil {
		t.Fatalf("%s: does not start: %v", name, err)
	}
	kept := span(1, 12)
	for range 30 {
		_, _, next := l.State()
		seq, err := l.Append(2, noon, 2, payload(next, size))
		switch {
		case err == nil && seq == next:
			kept = append(kept, seq)
		case !errors.Is(err, outbox.ErrUnavailable):
			t.Fatalf("%s: append of %d: %d, %v", name, next, seq, err)
		}
	}
	evicted := false
	for _, g := range l.Gaps() {
		if g.Reason == outbox.ReasonEvicted {
			evicted = true
			kept = slices.DeleteFunc(kept, func(s uint64) bool { return g.First <= s && s <= g.Last })
		}
	}
	if evicted && !errors.Is(cause, syscall.ENOSPC) {
		t.Fatalf("%s: evicted", name)
	}
	wantSeqs(t, readAll(t, l, 1, size), kept)
	closing := l.Close()
	d.mu.Lock()
	more = d.n >= k
	d.mu.Unlock()

	d.set(nil) // the disk is well again
	l = open(t, c)
	got := readAll(t, l, 1, size)
	told := l.Gaps() // Close may have had to evict
	for _, seq := range kept {
		gone := slices.ContainsFunc(told, func(g outbox.Gap) bool { return g.First <= seq && seq <= g.Last })
		if gone && !errors.Is(cause, syscall.ENOSPC) && (every == 0 || closing == nil) {
			t.Fatalf("%s: record %d became a gap", name, seq)
		}
		if !slices.Contains(got, seq) && !gone && (every == 0 || closing == nil) {
			t.Fatalf("%s: record %d was appended and is lost (close: %v)", name, seq, closing)
		}
	}
	_, _, next := l.State()
	if next <= kept[len(kept)-1] && closing == nil {
		t.Fatalf("%s: number %d would be given again", name, next)
	}
	fill(t, l, 3, size)
	wantSeqs(t, readAll(t, l, next, size), span(next, next+2))
	closeLog(t, l)
	return more
}

// TestFailedSyncIsNotRetried: after a failed fsync the kernel may take the lost pages for clean. A second fsync of the same file
// would succeed and mean nothing.
func TestFailedSyncIsNotRetried(t *testing.T) {
	d := newFaulty()
	c := outbox.OnDisk(config(t.TempDir()), d)
	l := open(t, c)
	fill(t, l, 5, size)
	first := true
	d.set(func(op string, _ int) error {
		if op == "sync" && first {
			first = false
			return syscall.EIO
		}
		return nil
	})
	fill(t, l, 1, size)
	if want := []string{"write", "sync", "truncate", "create", "write", "sync", "sync", "write", "sync"}; !slices.Equal(d.ops, want) {
		t.Fatalf("operations %v, want %v: record, failed sync; what was refused is cut off; new file: header, sync, sync of the folder; record, sync", d.ops, want)
	}
	wantSeqs(t, readAll(t, l, 1, size), span(1, 6))
	if s := l.Stats(); s.Failures != 1 {
		t.Errorf("%+v", s)
	}
}

// TestFullDiskTakesTelemetryFirst: the events log asks the telemetry log for room.
func TestFullDiskTakesTelemetryFirst(t *testing.T) {
	full := true
	d := newFaulty()
	tc := config(t.TempDir())
	tc.Segment = 1000
	telemetry := open(t, tc)
	fill(t, telemetry, 50, size)
	ec := outbox.OnDisk(config(t.TempDir()), d)
	ec.Stream = 1
	ec.MakeRoom = func() bool { full = false; return telemetry.EvictOldest() }
	events := open(t, ec)
	fill(t, events, 5, size)
	d.set(func(op string, _ int) error {
		if full && op == "write" {
			return syscall.ENOSPC
		}
		return nil
	})
	fill(t, events, 1, size)
	wantSeqs(t, readAll(t, events, 1, size), span(1, 6))
	if g := telemetry.Gaps(); len(g) != 1 || g[0].First != 1 || g[0].Reason != outbox.ReasonEvicted {
		t.Fatalf("%+v", g)
	}
	if g := events.Gaps(); len(g) != 0 {
		t.Fatalf("%+v", g)
	}
}

// TestDropIsAGap: what a caller gives up has numbers, so that its loss shows.
func TestDropIsAGap(t *testing.T) {
	d := newFaulty()
	c := outbox.OnDisk(config(t.TempDir()), d)
	l := open(t, c)
	fill(t, l, 3, size)
	d.set(func(string, int) error { return syscall.EIO })
	if _, err := l.Append(2, noon, 2, nil); !errors.Is(err, outbox.ErrUnavailable) || !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	l.Drop(2)
	d.set(nil)
	fill(t, l, 3, size)
	if g := l.Gaps(); len(g) != 1 || g[0].First != 4 || g[0].Last != 5 || g[0].Reason != outbox.ReasonWrite {
		t.Fatalf("%+v", g)
	}
	wantSeqs(t, readAll(t, l, 1, size), []uint64{1, 2, 3, 6, 7, 8})
	if g := l.Gaps(); len(g) != 0 {
		t.Fatalf("told twice: %+v", g)
	}
}

// TestTmpfsFull fills a real file system of 256 KiB.
func TestTmpfsFull(t *testing.T) {
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("needs to mount a tmpfs (root): %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("unmount: %s", out)
		}
	})
	c := config(dir)
	c.Segment = 32 << 10
	l, err := outbox.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, 2000, 1000) // eight times what there is room for
	_, oldest, next := l.State()
	if oldest < 1000 || next != 2001 {
		t.Fatalf("oldest %d, next %d", oldest, next)
	}
	if g := l.Gaps(); len(g) != 1 || g[0].First != 1 || g[0].Last != oldest-1 || g[0].Reason != outbox.ReasonEvicted {
		t.Fatalf("%+v", g)
	}
	wantSeqs(t, readAll(t, l, 1, 1000), span(oldest, 2000))
	closeLog(t, l)
	l, err = outbox.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	wantSeqs(t, readAll(t, l, 1, 1000), span(oldest, 2000))
	closeLog(t, l)
}

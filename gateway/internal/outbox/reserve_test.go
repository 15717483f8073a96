package outbox_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

// mount puts a file system of a size in KiB on a folder.
func mount(t *testing.T, size string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+size, "tmpfs", dir).CombinedOutput(); err != nil {
		if os.Getenv("LINSHAO_REQUIRE") != "" {
			t.Fatalf("needs to mount a tmpfs (root): %s", out)
		}
		t.Skipf("needs to mount a tmpfs (root): %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("unmount: %s", out)
		}
	})
	return dir
}

// TestReserve fills a real file system beside the log: events go on into the reserve, only then is another log asked, and
// when there is room again so is the reserve.
func TestReserve(t *testing.T) {
	dir := mount(t, "2m")
	synctest.Test(t, func(t *testing.T) {
		asked := false
		c := config(filepath.Join(dir, "events"))
		c.Segment, c.Reserve = 32<<10, 512<<10
		c.MakeRoom = func() bool { asked = true; return false }
		l, err := outbox.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		if s := l.Stats(); s.Reserve != c.Reserve {
			t.Fatalf("%+v", s)
		}
		other := filepath.Join(dir, "other")
		if err := os.WriteFile(other, make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		n := 0
		for ; ; n++ {
			if _, err := l.Append(2, noon, 2, payload(uint64(n+1), 1000)); errors.Is(err, outbox.ErrUnavailable) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		s := l.Stats()
		if !asked || n < 450 || s.Reserve != 0 || s.Degraded.IsZero() || !errors.Is(s.Cause, syscall.ENOSPC) {
			t.Fatalf("%d records, asked %v, %+v", n, asked, s)
		}
		if err := os.Remove(other); err != nil {
			t.Fatal(err)
		}
		<-time.After(2 * time.Minute) // the bubble's clock
		fill(t, l, 1, 1000)
		if s := l.Stats(); s.Reserve != c.Reserve || !s.Degraded.IsZero() {
			t.Fatalf("%+v", s)
		}
		wantSeqs(t, readAll(t, l, 1, 1000), span(1, uint64(n+1)))
		closeLog(t, l)
		if info, err := os.Stat(filepath.Join(c.Dir, "reserve")); err != nil || info.Size() != c.Reserve {
			t.Fatal(info, err)
		}
	})
}

// TestNoReserveOnAFullDisk: making one must not take the last room.
func TestNoReserveOnAFullDisk(t *testing.T) {
	c := config(filepath.Join(mount(t, "1m"), "events"))
	c.Reserve = 700 << 10
	l := open(t, c)
	if s := l.Stats(); s.Reserve != 0 || !s.Degraded.IsZero() {
		t.Fatalf("%+v", s)
	}
	fill(t, l, 3, size)
	closeLog(t, l)
}

// TestReadOnlyDisk: the log opens, is read, and says why it takes nothing.
func TestReadOnlyDisk(t *testing.T) {
	dir := mount(t, "2m")
	c := config(filepath.Join(dir, "events"))
	l := open(t, c)
	fill(t, l, 20, size)
	closeLog(t, l)
	if out, err := exec.Command("mount", "-o", "remount,ro", dir).CombinedOutput(); err != nil {
		t.Fatalf("remount: %s", out)
	}
	l = open(t, c)
	wantSeqs(t, readAll(t, l, 1, size), span(1, 20))
	if _, err := l.Append(2, noon, 2, nil); !errors.Is(err, outbox.ErrUnavailable) || !errors.Is(err, syscall.EROFS) {
		t.Fatal(err)
	}
	if s := l.Stats(); s.Degraded.IsZero() || !errors.Is(s.Cause, syscall.EROFS) {
		t.Fatalf("%+v", s)
	}
	if out, err := exec.Command("mount", "-o", "remount,rw", dir).CombinedOutput(); err != nil {
		t.Fatalf("remount: %s", out)
	}
	_, _, next := l.State()
	fill(t, l, 5, size)
	wantSeqs(t, readAll(t, l, 1, size), append(span(1, 20), span(next, next+4)...))
	closeLog(t, l)
}

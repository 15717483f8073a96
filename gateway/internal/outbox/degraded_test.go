package outbox_test

import (
	"errors"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

func dead(string, int) error { return syscall.EIO }

// TestDegradedShows: a disk that takes nothing is a state that people see, and is not beaten with four new files a record.
func TestDegradedShows(t *testing.T) {
	d := newFaulty()
	l := open(t, outbox.OnDisk(config(t.TempDir()), d))
	fill(t, l, 3, size)
	d.set(dead)
	changed := l.Changed()
	if _, err := l.Append(2, noon, 2, nil); !errors.Is(err, outbox.ErrUnavailable) {
		t.Fatal(err)
	}
	<-changed
	s := l.Stats()
	if s.Degraded.IsZero() || !errors.Is(s.Cause, syscall.EIO) || s.Failures != 4 {
		t.Fatalf("%+v", s)
	}
	d.set(dead)
	if _, err := l.Append(2, noon, 2, nil); !errors.Is(err, outbox.ErrUnavailable) {
		t.Fatal(err)
	}
	if want := []string{"create"}; !slices.Equal(d.ops, want) {
		t.Fatalf("operations %v, want %v", d.ops, want)
	}
	d.set(nil)
	changed = l.Changed()
	fill(t, l, 2, size)
	<-changed
	if s := l.Stats(); !s.Degraded.IsZero() || s.Cause != nil {
		t.Fatalf("%+v", s)
	}
	wantSeqs(t, readAll(t, l, 1, size), span(1, 5))
}

// TestUnsyncedRecordsOutliveABadDisk: what Append took stays in memory until some file is synced.
func TestUnsyncedRecordsOutliveABadDisk(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := newFaulty()
		c := outbox.OnDisk(config(dir), d)
		c.Sync = time.Second
		l, err := outbox.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, l, 10, size)
		d.set(func(op string, _ int) error {
			if op == "sync" {
				return syscall.EIO
			}
			return nil
		})
		<-time.After(10 * time.Second) // the bubble's clock
		synctest.Wait()
		if s := l.Stats(); s.Degraded.IsZero() {
			t.Fatalf("%+v", s)
		}
		wantSeqs(t, readAll(t, l, 1, size), span(1, 10))
		d.set(nil)
		<-time.After(2 * time.Second)
		synctest.Wait()
		if s := l.Stats(); !s.Degraded.IsZero() {
			t.Fatalf("%+v", s)
		}
		found, err := outbox.Inspect(dir, nil)
		if err != nil || found.Records != 10 || found.Oldest != 1 {
			t.Fatalf("%v %+v", err, found)
		}
		closeLog(t, l)
	})
}

// TestOneFsyncPerInterval: what is written ten times a second is synced once a second, and after a sync for size the
// interval begins anew. A new segment costs three: its header, its name, the last of the one before.
func TestOneFsyncPerInterval(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		d := newFaulty()
		c := outbox.OnDisk(config(dir), d)
		c.Sync = time.Second
		l, err := outbox.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		syncs := func(each int) (n int) {
			d.set(nil)
			for range 300 {
				fill(t, l, 1, each)
				<-time.After(100 * time.Millisecond)
			}
			synctest.Wait() // the log's own timer may ring at this very moment
			return d.count("sync")
		}
		if n := syncs(300); n < 27 || n > 30 {
			t.Errorf("%d fsyncs in 30 s", n)
		}
		const most = 300*8000/(64<<10) + 1 + 3*3
		if n := syncs(8000); n > most {
			t.Errorf("%d fsyncs for 2.4 MB, want at most %d", n, most)
		}
		closeLog(t, l)
	})
}

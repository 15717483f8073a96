package outbox_test

import (
	"errors"
	"math"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

// TestAReaderDoesNotWaitForADyingDisk: the given-up file may take long to be cut and closed; who asks how things stand, and the
// rules behind him, are not to wait for that.
func TestAReaderDoesNotWaitForADyingDisk(t *testing.T) {
	d := newFaulty()
	l := open(t, outbox.OnDisk(config(t.TempDir()), d))
	fill(t, l, 1, size)
	reached, free := make(chan struct{}), make(chan struct{})
	d.set(func(op string, _ int) error {
		switch op {
		case "sync":
			return syscall.EIO
		case "truncate":
			close(reached)
			<-free
		}
		return nil
	})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = l.Append(2, noon, 2, nil)
	}()
	<-reached
	asked := make(chan struct{})
	go func() { defer close(asked); l.Stats() }()
	select {
	case <-asked:
	case <-time.After(10 * time.Second):
		t.Error("Stats waits for the disk")
	}
	close(free)
	<-ended
	<-asked
	d.set(nil)
}

// TestAFileThatClaimsTooMuchIsNoEnd: a damaged length of a terabyte must neither end the program nor the log.
func TestAFileThatClaimsTooMuchIsNoEnd(t *testing.T) {
	for _, newest := range []bool{true, false} {
		c := config(t.TempDir())
		c.Segment = 1000
		l := open(t, c)
		fill(t, l, 30, size)
		closeLog(t, l)
		names := segments(t, c.Dir)
		name := names[0]
		if newest {
			name = names[len(names)-1]
		}
		if err := os.Truncate(name, 1<<40); errors.Is(err, syscall.EFBIG) {
			t.Skip("the file system has no files of a terabyte")
		} else if err != nil {
			t.Fatal(err)
		}
		l = open(t, c)
		wantSeqs(t, readAll(t, l, 1, size), span(1, 30))
		_, _, next := l.State()
		if seq, err := l.Append(2, noon, 2, payload(next, size)); err != nil || seq < 31 {
			t.Fatalf("newest %v: %d, %v", newest, seq, err)
		}
		if _, err := outbox.Inspect(c.Dir, nil); err != nil {
			t.Error(err)
		}
	}
}

func TestANumberBeyondAllIsNotBelieved(t *testing.T) {
	l := open(t, config(t.TempDir()))
	fill(t, l, 3, size)
	for _, cum := range []uint64{math.MaxUint64, math.MaxUint64 - 1, 1 << 63, outbox.MaxSeq} {
		l.Ack(cum)
		if _, _, next := l.State(); next != 4 || l.Stats().Backlog != 3 {
			t.Fatalf("%x: next %x, backlog %d", cum, next, l.Stats().Backlog)
		}
	}
}

// TestBothClocksOfARecordAreOfOneMoment: the cloud finds the time of a record whose wall clock was wrong by the other one.
func TestBothClocksOfARecordAreOfOneMoment(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		l, err := outbox.Open(config(dir))
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute)
		if _, err := l.AppendAll(outbox.Draft{Type: 2, At: noon, Waited: 40 * time.Second}, outbox.Draft{Type: 2, At: noon, Waited: time.Hour}); err != nil {
			t.Fatal(err)
		}
		records, err := l.Read(1, 1000)
		if err != nil || len(records) != 2 || records[0].MonoMs != 20_000 || records[1].MonoMs != 0 {
			t.Errorf("%+v, %v", records, err)
		}
		closeLog(t, l)
	})
}

package outbox_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("LINSHAO_OUTBOX_CHILD"); dir != "" {
		child(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func config(dir string) outbox.Config {
	return outbox.Config{Dir: dir, Stream: 2, Quota: 16 << 20, Boot: 7}
}

func open(t testing.TB, c outbox.Config) *outbox.Log {
	t.Helper()
	l, err := outbox.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

func closeLog(t testing.TB, l *outbox.Log) {
	t.Helper()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// payload depends on the number, so that a test can tell a wrong record from a right one.
func payload(seq uint64, size int) []byte {
	b := make([]byte, size)
	r := rand.New(rand.NewPCG(seq, 1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func fill(t testing.TB, l *outbox.Log, n, size int) {
	t.Helper()
	for range n {
		_, _, next := l.State()
		seq, err := l.Append(2, noon, 2, payload(next, size))
		if err != nil || seq != next {
			t.Fatalf("append: got %d, %v, want %d", seq, err, next)
		}
	}
}

// readAll reads everything from a number on and checks each record's content.
func readAll(t testing.TB, l *outbox.Log, from uint64, size int) (seqs []uint64) {
	t.Helper()
	for {
		records, err := l.Read(from, 4000)
		if err != nil {
			t.Fatal(err)
		}
		if len(records) == 0 {
			return seqs
		}
		for i, r := range records {
			if i > 0 && r.Seq != records[i-1].Seq+1 {
				t.Fatalf("record %d follows %d in one read", r.Seq, records[i-1].Seq)
			}
			if !bytes.Equal(r.Payload, payload(r.Seq, size)) || r.Type != 2 || r.Boot != 7 || r.Clock != 2 || r.WallMs != noon.UnixMilli() {
				t.Fatalf("record %d is wrong", r.Seq)
			}
			seqs = append(seqs, r.Seq)
			from = r.Seq + 1
		}
	}
}

func span(first, last uint64) (s []uint64) {
	for ; first <= last; first++ {
		s = append(s, first)
	}
	return s
}

func wantSeqs(t testing.TB, got, want []uint64) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("got records %v, want %v", brief(got), brief(want))
	}
}

func brief(s []uint64) string {
	if len(s) == 0 {
		return "none"
	}
	return fmt.Sprintf("%d (%d…%d)", len(s), s[0], s[len(s)-1])
}

func segments(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.seg"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestReopenKeepsEpochAndNext(t *testing.T) {
	for _, sync := range []time.Duration{0, time.Hour} {
		c := config(t.TempDir())
		c.Sync, c.Segment = sync, 10_000
		l := open(t, c)
		fill(t, l, 100, 300)
		epoch, _, _ := l.State()
		wantSeqs(t, readAll(t, l, 1, 300), span(1, 100))
		closeLog(t, l)
		l = open(t, c)
		if e, oldest, next := l.State(); e != epoch || oldest != 1 || next != 101 {
			t.Fatalf("sync %v: state %x %d %d, want %x 1 101", sync, e, oldest, next, epoch)
		}
		fill(t, l, 10, 300)
		wantSeqs(t, readAll(t, l, 1, 300), span(1, 110))
		wantSeqs(t, readAll(t, l, 57, 300), span(57, 110))
		if gaps := l.Gaps(); len(gaps) != 0 {
			t.Fatalf("gaps %v", gaps)
		}
		if n := len(segments(t, c.Dir)); n < 3 {
			t.Fatalf("%d segments", n)
		}
	}
}

func TestOneProcessOnly(t *testing.T) {
	c := config(t.TempDir())
	open(t, c)
	if _, err := outbox.Open(c); err == nil {
		t.Fatal("a second log opened the same folder")
	}
}

func TestRefusals(t *testing.T) {
	l := open(t, config(t.TempDir()))
	if _, err := l.Append(1, noon, 0, make([]byte, outbox.MaxPayload+1)); !errors.Is(err, outbox.ErrTooLarge) {
		t.Fatal(err)
	}
	if _, err := l.Append(1, noon, 0, make([]byte, outbox.MaxPayload)); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Append(1, noon, 0, nil); err != nil {
		t.Fatal(err)
	}
	records, err := l.Read(1, 10)
	if err != nil || len(records) != 1 || len(records[0].Payload) != outbox.MaxPayload {
		t.Fatalf("a record larger than asked for: %d records, %v", len(records), err)
	}
	closeLog(t, l)
	if _, err := l.Append(1, noon, 0, nil); !errors.Is(err, outbox.ErrClosed) {
		t.Fatal(err)
	}
	if _, err := outbox.Open(outbox.Config{Dir: t.TempDir(), Stream: 1, Quota: 100}); err == nil {
		t.Fatal("quota of 100 bytes accepted")
	}
}

func TestConcurrentAppendsShareAnFsync(t *testing.T) {
	l := open(t, config(t.TempDir()))
	const writers, each = 16, 50
	var wg sync.WaitGroup
	var mu sync.Mutex
	seen := map[uint64]bool{}
	for range writers {
		wg.Go(func() {
			for range each {
				seq, err := l.Append(1, noon, 0, []byte("x"))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				seen[seq] = true
				mu.Unlock()
			}
		})
	}
	done := make(chan struct{})
	read := make(chan int)
	go func() { // a reader beside the writers, as the uplink is
		n, from := 0, uint64(1)
		for {
			changed := l.Changed()
			records, err := l.Read(from, 1000)
			if err != nil {
				t.Error(err)
			}
			n += len(records)
			from += uint64(len(records))
			if len(records) > 0 {
				continue
			}
			select {
			case <-changed:
			case <-done:
				read <- n
				return
			}
		}
	}()
	wg.Wait()
	close(done)
	if n := <-read; n > writers*each {
		t.Errorf("read %d records", n)
	}
	if len(seen) != writers*each {
		t.Fatalf("%d numbers given to %d records", len(seen), writers*each)
	}
	if s := l.Stats(); s.Fsyncs > writers*each*9/10 {
		t.Errorf("%d fsyncs for %d appends", s.Fsyncs, s.Appended)
	}
}

func TestSyncFollowsInTime(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		c := config(dir)
		c.Sync = time.Second
		l, err := outbox.Open(c)
		if err != nil {
			t.Fatal(err)
		}
		fill(t, l, 3, 100)
		wantSeqs(t, readAll(t, l, 1, 100), span(1, 3)) // visible before it is synced
		before := l.Stats().Fsyncs
		<-time.After(999 * time.Millisecond) // the bubble's clock
		if n := l.Stats().Fsyncs; n != before {
			t.Fatalf("synced too early: %d", n)
		}
		<-time.After(time.Millisecond)
		synctest.Wait()
		if n := l.Stats().Fsyncs; n != before+1 {
			t.Fatalf("%d fsyncs after a second", n)
		}
		wantSeqs(t, readAll(t, l, 1, 100), span(1, 3))
		fill(t, l, 70, 1000)
		if n := l.Stats().Fsyncs; n != before+2 {
			t.Fatalf("%d fsyncs after 70 KiB", n)
		}
		closeLog(t, l)
	})
}

func TestQuota(t *testing.T) {
	c := config(t.TempDir())
	c.Quota, c.Segment = 400_000, 20_000
	l := open(t, c)
	fill(t, l, 100, 1000)
	l.Ack(60)
	for range 60 {
		fill(t, l, 10, 1000)
		if s := l.Stats(); s.Bytes > c.Quota || s.Bytes < c.Quota-3*c.Segment && s.Appended > 400 {
			t.Fatalf("%d bytes with a quota of %d", s.Bytes, c.Quota)
		}
	}
	_, oldest, next := l.State()
	gaps := l.Gaps()
	if len(gaps) != 1 || gaps[0].First != 61 || gaps[0].Last != oldest-1 || gaps[0].Reason != outbox.ReasonEvicted {
		t.Fatalf("gaps %+v, oldest %d", gaps, oldest)
	}
	if s := l.Stats(); s.EvictedHistory != 60 || s.EvictedRecords != oldest-61 || s.Backlog != next-oldest {
		t.Fatalf("%+v", s)
	}
	wantSeqs(t, readAll(t, l, 1, 1000), span(oldest, next-1))
	closeLog(t, l)
	l = open(t, c)
	if gaps := l.Gaps(); len(gaps) != 1 || gaps[0].First != 61 || gaps[0].Last != oldest-1 {
		t.Fatalf("after a restart: %+v", gaps)
	}
	l.Ack(next - 1)
	fill(t, l, 1000, 1000)
	if gaps := l.Gaps(); len(gaps) != 1 || gaps[0].First != next {
		t.Fatalf("acknowledged history became a gap: %+v", gaps)
	}
}

func TestRestoredFromAnOldCopy(t *testing.T) {
	c := config(t.TempDir())
	l := open(t, c)
	fill(t, l, 10, 100)
	l.Ack(8)
	l.Ack(25) // the cloud knows more than we ever gave
	if _, _, next := l.State(); next != 26 {
		t.Fatalf("next %d", next)
	}
	gaps := l.Gaps()
	if len(gaps) != 1 || gaps[0].First != 9 || gaps[0].Last != 10 || gaps[0].Reason != outbox.ReasonRestored {
		t.Fatalf("%+v", gaps)
	}
	fill(t, l, 3, 100)
	wantSeqs(t, readAll(t, l, 26, 100), span(26, 28))
	closeLog(t, l)
	l = open(t, c)
	wantSeqs(t, readAll(t, l, 1, 100), append(span(1, 10), span(26, 28)...))
	if gaps := l.Gaps(); len(gaps) != 0 {
		t.Fatalf("%+v", gaps)
	}
}

func TestInspect(t *testing.T) {
	c := config(t.TempDir())
	c.Sync, c.Segment = time.Hour, 10_000
	l := open(t, c)
	fill(t, l, 50, 300)
	l.Ack(20)
	var last uint64
	s, err := outbox.Inspect(c.Dir, func(r outbox.Record) error { // of a log in use
		if !bytes.Equal(r.Payload, payload(r.Seq, 300)) {
			return fmt.Errorf("record %d is wrong", r.Seq)
		}
		last = r.Seq
		return nil
	})
	if err != nil || s.Records != 50 || last != 50 || s.Oldest != 1 || s.Next != 51 || s.Stream != 2 || s.Acked != 20 {
		t.Fatalf("%v %+v", err, s)
	}
	names := segments(t, c.Dir)
	flip(t, names[0], -5)
	if s, err = outbox.Inspect(c.Dir, nil); err != nil || len(s.Holes) != 1 || s.Records != 49 || s.Segments[0].Damaged == 0 {
		t.Fatalf("%v %+v", err, s)
	}
}

package outbox_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

// TestACopiedRecordIsNoRecord: a payload holds the bytes of earlier records of the same file. Where those and its own head
// are damaged, the search for the next record comes through the copies.
func TestACopiedRecordIsNoRecord(t *testing.T) {
	const record = outbox.RecordHead + size
	c := config(t.TempDir())
	l := open(t, c)
	fill(t, l, 5, size)
	path := segments(t, c.Dir)[0]
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	copied := before[outbox.HeaderSize+2*record:] // records 3 to 5, whole
	if _, err := l.Append(2, noon, 2, copied); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 1, size)
	closeLog(t, l)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for off := outbox.HeaderSize + 2*record; off < outbox.HeaderSize+5*record+outbox.RecordHead; off += 16 {
		data[off] ^= 1
	}
	if !bytes.Contains(data[len(before):], copied) {
		t.Fatal("the copies were damaged too")
	}
	records, ok := outbox.Scan(data)
	var seqs []uint64
	for _, r := range records {
		seqs = append(seqs, r.Seq)
	}
	if want := []uint64{1, 2, 7}; !ok || !slices.Equal(seqs, want) {
		t.Fatalf("found %v, want %v", seqs, want)
	}
}

// TestATornRecordIsOneNumber: the head of a long record that was cut off says that nothing else was there.
func TestATornRecordIsOneNumber(t *testing.T) {
	c := config(t.TempDir())
	l := open(t, c)
	fill(t, l, 3, 50_000)
	closeLog(t, l)
	path := segments(t, c.Dir)[0]
	if err := os.Truncate(path, outbox.HeaderSize+3*(outbox.RecordHead+50_000)-1); err != nil {
		t.Fatal(err)
	}
	dropCursor(t, c)
	l = open(t, c)
	if _, _, next := l.State(); next != 4 {
		t.Fatalf("next %d", next)
	}
	if g := l.Gaps(); len(g) != 1 || g[0].First != 3 || g[0].Last != 3 {
		t.Fatalf("%+v", g)
	}
}

// junk are megabytes behind a good header in which no record is, the last ones made to look like records everywhere.
func junk(tb testing.TB) map[string][]byte {
	_, _, data := made(tb, 1)
	head := data[:outbox.HeaderSize]
	const most = 1 << 20
	heads := make([]byte, 0, most)
	for len(heads) < most { // at every eighth byte a length of 56 KiB, a checksum, and a number that may be
		heads = binary.LittleEndian.AppendUint64(heads, 56<<10)
	}
	likely := bytes.Repeat([]byte{1, 0, 0, 0}, most/4) // at every fourth byte, and the numbers are near 1<<32
	return map[string][]byte{
		"zeros": append(slices.Clone(head), make([]byte, most)...),
		"noise": append(slices.Clone(head), payload(1, most)...),
		"heads": append(slices.Clone(head), heads...),
		"ones":  append(slices.Clone(head), likely...),
	}
}

// TestJunkIsSearchedInNoTime: an open gateway waits for the search. What looks like records may take longer than zeros, but not
// as if each were read whole: that would be 200 times as long.
func TestJunkIsSearchedInNoTime(t *testing.T) {
	all := junk(t)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	search := func(name string) time.Duration {
		best := time.Hour
		for range 3 {
			began := busy(t)
			if records, ok := outbox.Scan(all[name]); !ok || len(records) != 0 {
				t.Fatalf("%s: %d records", name, len(records))
			}
			best = min(best, busy(t)-began)
		}
		t.Logf("1 MiB of %s: %v", name, best)
		return best
	}
	zeros := search("zeros")
	for name := range all {
		if took := search(name); took > 40*zeros {
			t.Errorf("%s takes %v, zeros %v", name, took, zeros)
		}
	}
}

// busy is the processor time of this thread: others use the processor too.
func busy(t *testing.T) time.Duration {
	var now unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &now); err != nil {
		t.Fatal(err)
	}
	return time.Duration(now.Nano())
}

// BenchmarkResync searches 1 MiB without a record for one.
func BenchmarkResync(b *testing.B) {
	for name, data := range junk(b) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				outbox.Scan(data)
			}
		})
	}
}

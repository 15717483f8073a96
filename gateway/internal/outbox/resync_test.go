package outbox_test

import (
	"bytes"
	"encoding/binary"
	"os"
	"slices"
	"testing"
	"time"

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

// TestJunkIsSearchedInNoTime: an open gateway waits for the search.
func TestJunkIsSearchedInNoTime(t *testing.T) {
	for name, data := range junk(t) {
		began := time.Now()
		records, ok := outbox.Scan(data)
		took := time.Since(began)
		t.Logf("1 MiB of %s: %v", name, took)
		if !ok || len(records) != 0 || took > time.Second {
			t.Errorf("%s: %d records in %v", name, len(records), took)
		}
	}
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

package outbox_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

const size = 60 // bytes of a payload in the damage tests

// flip changes one byte of a file; a negative offset counts from the end.
func flip(t testing.TB, path string, off int) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if off < 0 {
		off += len(b)
	}
	b[off] ^= 0x40
	write(t, path, b)
}

func write(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// made is a log of n records in one segment, closed without a cursor, as after a power cut.
func made(t testing.TB, n int) (c outbox.Config, path string, data []byte) {
	t.Helper()
	c = config(t.TempDir())
	l := open(t, c)
	fill(t, l, n, size)
	closeLog(t, l)
	path = segments(t, c.Dir)[0]
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	dropCursor(t, c)
	return c, path, data
}

func dropCursor(t testing.TB, c outbox.Config) {
	t.Helper()
	if err := os.Remove(filepath.Join(c.Dir, "cursor")); err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

// reuse empties the folder and puts one segment back.
func reuse(t testing.TB, c outbox.Config, path string, data []byte) {
	t.Helper()
	for _, name := range segments(t, c.Dir) {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	dropCursor(t, c)
	write(t, path, data)
}

func TestTornTailAtEveryByte(t *testing.T) {
	c, path, data := made(t, 5)
	const record = outbox.RecordHead + size
	for cut := range record {
		reuse(t, c, path, data[:len(data)-record+cut])
		l := open(t, c)
		wantSeqs(t, readAll(t, l, 1, size), span(1, 4))
		_, _, next := l.State()
		if next < 5 || next > 8 || cut > 0 && next == 5 {
			t.Fatalf("cut %d: next %d", cut, next) // the torn record may have had number 5: it is not given again
		}
		if gaps := l.Gaps(); len(gaps) != int(min(1, cut)) {
			t.Fatalf("cut %d: gaps %+v", cut, gaps)
		}
		fill(t, l, 3, size)
		wantSeqs(t, readAll(t, l, 1, size), append(span(1, 4), span(next, next+2)...))
		closeLog(t, l)
		l = open(t, c)
		wantSeqs(t, readAll(t, l, 1, size), append(span(1, 4), span(next, next+2)...))
		closeLog(t, l)
	}
	kept, _ := filepath.Glob(filepath.Join(c.Dir, "quarantine", "*.tail"))
	if len(kept) != record-1 {
		t.Errorf("%d torn tails kept", len(kept))
	}
}

func TestTailOfGarbage(t *testing.T) {
	c, path, data := made(t, 5)
	stale := data[outbox.HeaderSize : outbox.HeaderSize+outbox.RecordHead+size]
	_, _, other := made(t, 9)
	tails := map[string][]byte{
		"zeros":          make([]byte, 5000),
		"noise":          payload(99, 5000),
		"ones":           bytes.Repeat([]byte{0xff}, 3000),
		"own old bytes":  stale,
		"other log":      other[outbox.HeaderSize:],
		"other segment":  other,
		"one byte":       {0},
		"a huge length":  {0xff, 0xff, 0, 0},
		"zeros and more": append(make([]byte, 512), payload(3, 512)...),
	}
	for name, tail := range tails {
		t.Run(name, func(t *testing.T) {
			reuse(t, c, path, append(slices.Clone(data), tail...))
			l := open(t, c)
			wantSeqs(t, readAll(t, l, 1, size), span(1, 5))
			_, _, next := l.State()
			fill(t, l, 3, size)
			wantSeqs(t, readAll(t, l, 1, size), append(span(1, 5), span(next, next+2)...))
			closeLog(t, l)
		})
	}
}

func TestEveryBitFlip(t *testing.T) {
	c, path, data := made(t, 8)
	const record = outbox.RecordHead + size
	for bit := range len(data) * 8 {
		bad := slices.Clone(data)
		bad[bit/8] ^= 1 << (bit % 8)
		records, ok := outbox.Scan(bad)
		if bit < outbox.HeaderSize*8 {
			if ok {
				t.Fatalf("bit %d of the header went unnoticed", bit)
			}
			continue
		}
		if len(records) != 7 {
			t.Fatalf("bit %d: %d records survive", bit, len(records))
		}
		for _, r := range records {
			if !bytes.Equal(r.Payload, payload(r.Seq, size)) {
				t.Fatalf("bit %d: wrong record %d accepted", bit, r.Seq)
			}
		}
		if bit%61 != 0 { // the whole log for some of them
			continue
		}
		hit := uint64((bit/8-outbox.HeaderSize)/record + 1)
		reuse(t, c, path, bad)
		l := open(t, c)
		got := readAll(t, l, 1, size)
		wantSeqs(t, got, slices.DeleteFunc(span(1, 8), func(s uint64) bool { return s == hit }))
		if gaps := l.Gaps(); len(gaps) != 1 || gaps[0].First != hit || gaps[0].Reason != outbox.ReasonDamaged {
			t.Fatalf("bit %d in record %d: gaps %+v", bit, hit, gaps)
		}
		if _, _, next := l.State(); next < 9 {
			t.Fatalf("bit %d: number %d given twice", bit, next)
		}
		closeLog(t, l)
	}
}

// damageCase is a log of several segments, something done to its files, and what must be left.
type damageCase struct {
	name string
	do   func(t *testing.T, c outbox.Config, segs []string)
	left func(per uint64) []uint64 // per: records of one segment
}

func TestDamagedFiles(t *testing.T) {
	const n = 40
	cases := []damageCase{
		{"header of the middle", func(t *testing.T, c outbox.Config, segs []string) { flip(t, segs[1], 20) },
			func(per uint64) []uint64 { return append(span(1, per), span(2*per+1, n)...) }},
		{"header of the first", func(t *testing.T, c outbox.Config, segs []string) { flip(t, segs[0], 3) },
			func(per uint64) []uint64 { return span(per+1, n) }},
		{"header of the last", func(t *testing.T, c outbox.Config, segs []string) { flip(t, segs[len(segs)-1], 3) },
			func(per uint64) []uint64 { return span(1, (n-1)/per*per) }},
		{"unknown format", func(t *testing.T, c outbox.Config, segs []string) { flip(t, segs[1], 8) },
			func(per uint64) []uint64 { return append(span(1, per), span(2*per+1, n)...) }},
		{"middle deleted", func(t *testing.T, c outbox.Config, segs []string) { remove(t, segs[1]) },
			func(per uint64) []uint64 { return append(span(1, per), span(2*per+1, n)...) }},
		{"middle cut short", func(t *testing.T, c outbox.Config, segs []string) {
			if err := os.Truncate(segs[1], outbox.HeaderSize+10); err != nil {
				t.Fatal(err)
			}
		}, func(per uint64) []uint64 { return append(span(1, per), span(2*per+1, n)...) }},
		{"record in the middle", func(t *testing.T, c outbox.Config, segs []string) { flip(t, segs[1], outbox.HeaderSize+5) },
			func(per uint64) []uint64 { return append(span(1, per), span(per+2, n)...) }},
		{"empty file", func(t *testing.T, c outbox.Config, segs []string) { write(t, segs[1], nil) },
			func(per uint64) []uint64 { return append(span(1, per), span(2*per+1, n)...) }},
		{"segment of another log", func(t *testing.T, c outbox.Config, segs []string) {
			_, _, other := made(t, 4)
			write(t, filepath.Join(c.Dir, "00000000000000ff.seg"), other)
			write(t, filepath.Join(c.Dir, "0000000000000003.seg"), other)
		}, func(per uint64) []uint64 { return span(1, n) }},
		{"folders and strange names", func(t *testing.T, c outbox.Config, segs []string) {
			write(t, filepath.Join(c.Dir, "notes.seg"), []byte("hello"))
			if err := os.Mkdir(filepath.Join(c.Dir, "0000000000000005.seg"), 0o700); err != nil {
				t.Fatal(err)
			}
		}, func(per uint64) []uint64 { return span(1, n) }},
		{"cursor of noise", func(t *testing.T, c outbox.Config, segs []string) {
			write(t, filepath.Join(c.Dir, "cursor"), payload(1, 52))
		}, func(per uint64) []uint64 { return span(1, n) }},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) { tc.run(t, n) })
	}
}

func (tc damageCase) run(t *testing.T, n int) {
	c := config(t.TempDir())
	c.Segment = 1000
	const per = (1000 - outbox.HeaderSize) / (outbox.RecordHead + size)
	l := open(t, c)
	epoch, _, _ := l.State()
	fill(t, l, n, size)
	closeLog(t, l)
	tc.do(t, c, segments(t, c.Dir))
	l = open(t, c)
	left := tc.left(per)
	wantSeqs(t, readAll(t, l, 1, size), left)
	e, oldest, next := l.State()
	if e != epoch || next < uint64(n)+1 || oldest != left[0] {
		t.Fatalf("state %x %d %d", e, oldest, next)
	}
	missing := uint64(0)
	for _, g := range l.Gaps() {
		missing += g.Last - g.First + 1
	}
	if want := next - 1 - uint64(len(left)); missing != want && left[0] == 1 {
		t.Errorf("gaps of %d numbers, want %d", missing, want)
	}
	fill(t, l, 20, size)
	wantSeqs(t, readAll(t, l, 1, size), append(left, span(next, next+19)...))
	closeLog(t, l)
	l = open(t, c)
	wantSeqs(t, readAll(t, l, 1, size), append(left, span(next, next+19)...))
	closeLog(t, l)
}

func remove(t testing.TB, path string) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
}

// TestAllGone: with nothing left that could say which numbers were used, a new epoch begins.
func TestAllGone(t *testing.T) {
	c := config(t.TempDir())
	l := open(t, c)
	epoch, _, _ := l.State()
	fill(t, l, 5, size)
	closeLog(t, l)
	remove(t, segments(t, c.Dir)[0])
	l = open(t, c)
	if e, _, next := l.State(); e == epoch || next != 1 {
		t.Fatalf("epoch %x (was %x), next %d", e, epoch, next)
	}
}

// TestPowerCutSkipsNumbers: records that were not yet on disk may have reached the cloud. Their numbers must not come again.
func TestPowerCutSkipsNumbers(t *testing.T) {
	c := outbox.OnKernel(config(t.TempDir()), 1)
	c.Sync = 1 << 40
	l := open(t, c)
	fill(t, l, 10, size)
	if err := l.Sync(); err != nil {
		t.Fatal(err)
	}
	durable, err := os.ReadFile(segments(t, c.Dir)[0])
	if err != nil {
		t.Fatal(err)
	}
	cursor, err := os.ReadFile(filepath.Join(c.Dir, "cursor"))
	if err != nil {
		t.Fatal(err)
	}
	fill(t, l, 10, size) // 11 to 20 go up, and the power fails
	closeLog(t, l)
	reuse(t, c, segments(t, c.Dir)[0], durable)
	write(t, filepath.Join(c.Dir, "cursor"), cursor)

	same := open(t, c) // the kernel is the same: it was only the process that died
	if _, _, next := same.State(); next != 11 || len(same.Gaps()) != 0 {
		t.Fatalf("after kill -9: next %d", next)
	}
	closeLog(t, same)
	write(t, filepath.Join(c.Dir, "cursor"), cursor)
	l = open(t, outbox.OnKernel(c, 2))
	_, _, next := l.State()
	gaps := l.Gaps()
	if next != 11+outbox.MaxUnsynced || len(gaps) != 1 || gaps[0].First != 11 || gaps[0].Last != next-1 || gaps[0].Reason != outbox.ReasonPowerCut {
		t.Fatalf("next %d, gaps %+v", next, gaps)
	}
	fill(t, l, 2, size)
	wantSeqs(t, readAll(t, l, 1, size), append(span(1, 10), next, next+1))
}

func FuzzSegment(f *testing.F) {
	_, _, data := made(f, 4)
	f.Add(data)
	f.Add(data[:200])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		records, _ := outbox.Scan(b)
		if len(records)*outbox.RecordHead > len(b) {
			t.Fatalf("%d records in %d bytes", len(records), len(b))
		}
		for i, r := range records {
			if i > 0 && r.Seq <= records[i-1].Seq {
				t.Fatal("numbers do not grow")
			}
		}
		// The same bytes behind good records: those are still there, and nothing of b is taken for one.
		all, ok := outbox.Scan(append(slices.Clone(data), b...))
		if !ok || len(all) < 4 {
			t.Fatalf("%d good records left", len(all))
		}
		for _, r := range all {
			if !bytes.Equal(r.Payload, payload(r.Seq, size)) {
				t.Fatalf("record %d is wrong", r.Seq)
			}
		}
	})
}

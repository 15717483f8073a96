package outbox_test

import (
	"iter"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

// stamped is a log of n records of 100 bytes in segments of a few, made by a clock that is set forward and back.
func stamped(t testing.TB, c outbox.Config, n int) (l *outbox.Log, walls []time.Time) {
	t.Helper()
	l = open(t, c)
	r := rand.New(rand.NewPCG(5, 5))
	at := noon
	for i := range n {
		if r.IntN(4) > 0 { // otherwise made together with the one before
			at = at.Add(time.Duration(r.IntN(120_000)) * time.Millisecond)
		}
		if r.IntN(40) == 0 {
			at = at.Add(time.Duration(r.IntN(200_000)-100_000) * time.Second)
		}
		if _, err := l.Append(2, at, 2, payload(uint64(i+1), 100)); err != nil {
			t.Fatal(err)
		}
		walls = append(walls, at)
	}
	return l, walls
}

// within is what Range must find: the records that may hold what happened in the time, since the last one that was not made
// together with them.
func within(walls []time.Time, from, to time.Time) (seqs []uint64) {
	for i, at := range walls {
		j := i
		for j > 0 && !walls[j].Before(walls[j-1]) && walls[j].Sub(walls[j-1]) < 900*time.Millisecond {
			j--
		}
		a, b := walls[max(0, j-1)], at
		if a.After(b) {
			a, b = b, a
		}
		if !a.After(to) && !b.Before(from) {
			seqs = append(seqs, uint64(i+1))
		}
	}
	return seqs
}

func numbers(t testing.TB, records iter.Seq2[outbox.Record, error]) (seqs []uint64) {
	t.Helper()
	for r, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(r.Payload, payload(r.Seq, 100)) {
			t.Fatalf("record %d is wrong", r.Seq)
		}
		seqs = append(seqs, r.Seq)
	}
	return seqs
}

func TestRangeFindsWhatTheClockSaid(t *testing.T) {
	c := config(t.TempDir())
	c.Sync, c.Segment = time.Hour, 3000
	l, walls := stamped(t, c, 600)
	h, err := outbox.OpenHistory(c.Dir) // beside the log in use
	if err != nil {
		t.Fatal(err)
	}
	all := append(slices.Clone(walls), noon.Add(-time.Hour), noon.Add(1000*time.Hour))
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		from := all[r.IntN(len(all))].Add(time.Duration(r.IntN(2001)-1000) * time.Millisecond)
		to := from.Add(time.Duration(r.IntN(5000)) * time.Second)
		want := within(walls, from, to)
		wantSeqs(t, numbers(t, l.Range(from, to)), want)
		wantSeqs(t, numbers(t, h.Range(from, to)), want)
	}
	fill(t, l, 1, 100) // after the index was made
	wantSeqs(t, numbers(t, l.Range(noon, noon)), within(append(walls, noon), noon, noon))
}

func TestRangeGoesOnBesideTheQuota(t *testing.T) {
	c := config(t.TempDir())
	c.Segment = 3000
	l, walls := stamped(t, c, 400)
	h, err := outbox.OpenHistory(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for r, err := range l.Range(noon.Add(-time.Hour*1000), noon.Add(time.Hour*1000)) {
		if err != nil || r.Seq <= last {
			t.Fatalf("record %d follows %d: %v", r.Seq, last, err)
		}
		last = r.Seq
		l.EvictOldest() // faster than the walk
		if _, err := l.Append(2, noon, 2, payload(uint64(len(walls)+1), 100)); err != nil {
			t.Fatal(err)
		}
	}
	if last < 300 || last > 400 { // what is appended meanwhile is not waited for
		t.Fatalf("ended with record %d", last)
	}
	if got := numbers(t, h.Range(noon.Add(-time.Hour*1000), noon.Add(time.Hour*1000))); len(got) > 30 {
		t.Fatalf("%d records of deleted files", len(got))
	}
}

func TestRangeOverDamage(t *testing.T) {
	c := config(t.TempDir())
	c.Segment = 3000
	l, walls := stamped(t, c, 60)
	names := segments(t, c.Dir)
	flip(t, names[0], outbox.HeaderSize+10) // a head: the times behind it are not known
	flip(t, names[1], -10)                  // a payload
	h, err := outbox.OpenHistory(c.Dir)
	if err != nil {
		t.Fatal(err)
	}
	const per = (3000 - outbox.HeaderSize) / (outbox.RecordHead + 100)
	for i, at := range walls {
		seq := uint64(i + 1)
		bad := seq == 1 || seq == 2*per
		for _, got := range [][]uint64{numbers(t, l.Range(at, at)), numbers(t, h.Range(at, at))} {
			if slices.Contains(got, seq) == bad {
				t.Fatalf("record %d, damaged %v: found %v", seq, bad, got)
			}
		}
	}
	if err := os.RemoveAll(c.Dir); err != nil {
		t.Fatal(err)
	}
	if _, err := outbox.OpenHistory(c.Dir); err == nil {
		t.Fatal("history of nothing")
	}
	wantSeqs(t, numbers(t, h.Range(noon, noon.Add(1000*time.Hour))), nil)
}

// BenchmarkRange is an hour out of a week of telemetry, one record of 3 KiB a minute, as a chart asks for it: the first time,
// when the segments' times are not known, and later.
func BenchmarkRange(b *testing.B) {
	c := config(b.TempDir())
	c.Sync, c.Quota = time.Hour, 64<<20
	l := open(b, c)
	const minutes = 7 * 24 * 60
	for i := range minutes {
		if _, err := l.Append(2, noon.Add(time.Duration(i)*time.Minute), 2, payload(1, 3<<10)); err != nil {
			b.Fatal(err)
		}
	}
	hour := func(records iter.Seq2[outbox.Record, error]) {
		n := 0
		for _, err := range records {
			if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != 62 { // both ends, and the one after
			b.Fatalf("%d records", n)
		}
	}
	from := noon.Add(minutes / 2 * time.Minute)
	to := from.Add(time.Hour)
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			h, err := outbox.OpenHistory(c.Dir)
			if err != nil {
				b.Fatal(err)
			}
			hour(h.Range(from, to))
		}
	})
	b.Run("later", func(b *testing.B) {
		for b.Loop() {
			hour(l.Range(from, to))
		}
	})
}

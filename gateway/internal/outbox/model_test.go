package outbox_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

// model is what a log must hold, kept beside the real one.
type model struct {
	t       *testing.T
	c       outbox.Config
	d       *faulty
	l       *outbox.Log
	epoch   uint64
	records map[uint64][]byte // all that Append took and no gap of evicted records covers
	next    uint64
	acked   uint64
}

// TestModel runs random stories of appends, reads, acknowledgements, faults, orderly restarts and crashes.
func TestModel(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		dir, err := os.MkdirTemp(t.TempDir(), "")
		if err != nil {
			t.Fatal(err)
		}
		m := &model{t: t, d: newFaulty(), records: map[uint64][]byte{}, next: 1}
		m.c = outbox.OnDisk(outbox.Config{Dir: dir, Stream: 2, Quota: 270_000, Segment: 3000}, m.d)
		if rapid.Bool().Draw(r, "sync later") {
			m.c.Sync = time.Hour
		}
		m.open(r)
		m.epoch, _, _ = m.l.State()
		r.Repeat(map[string]func(*rapid.T){
			"append": m.append, "read": m.read, "ack": m.ack, "restart": m.restart, "crash": m.crash, "fault": m.fault, "sync": m.sync,
			"": m.check,
		})
		if err := m.l.Close(); err != nil {
			r.Fatal(err)
		}
	})
}

func (m *model) open(r *rapid.T) {
	l, err := outbox.Open(m.c)
	if err != nil {
		r.Fatal(err)
	}
	m.l = l
}

func (m *model) append(r *rapid.T) {
	for range rapid.IntRange(1, 20).Draw(r, "n") {
		b := rapid.SliceOfN(rapid.Byte(), 0, 600).Draw(r, "payload")
		seq, err := m.l.Append(2, noon, 2, b)
		if err != nil {
			continue
		}
		if seq < m.next {
			r.Fatalf("number %d given twice", seq)
		}
		m.records[seq], m.next = bytes.Clone(b), seq+1
	}
}

func (m *model) sync(r *rapid.T) {
	if err := m.l.Sync(); err != nil {
		r.Log(err)
	}
}

// fault makes the next operations of the disk fail.
func (m *model) fault(r *rapid.T) {
	cause := rapid.SampledFrom([]error{syscall.EIO, syscall.ENOSPC}).Draw(r, "cause")
	from, times := rapid.IntRange(1, 6).Draw(r, "from"), rapid.IntRange(1, 3).Draw(r, "times")
	m.d.set(func(_ string, n int) error {
		if n >= from && n < from+times {
			return cause
		}
		return nil
	})
	m.append(r)
	m.d.set(nil)
}

func (m *model) read(r *rapid.T) {
	from := rapid.Uint64Range(1, m.next).Draw(r, "from")
	records, err := m.l.Read(from, rapid.IntRange(1, 5000).Draw(r, "bytes"))
	if err != nil {
		r.Fatal(err)
	}
	for _, rec := range records {
		if want, ok := m.records[rec.Seq]; ok && !bytes.Equal(rec.Payload, want) {
			r.Fatalf("record %d is wrong", rec.Seq)
		}
	}
}

func (m *model) ack(r *rapid.T) {
	if m.next > 1 {
		m.acked = max(m.acked, rapid.Uint64Range(0, m.next-1).Draw(r, "cum"))
		m.l.Ack(m.acked)
	}
}

func (m *model) restart(r *rapid.T) {
	if err := m.l.Close(); err != nil {
		r.Fatal(err)
	}
	m.open(r)
}

// crash goes on with a copy of the files as they are now, like a kill -9; the tail of the newest may be torn.
func (m *model) crash(r *rapid.T) {
	dir, err := os.MkdirTemp(m.t.TempDir(), "")
	if err != nil {
		r.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(m.c.Dir)); err != nil {
		r.Fatal(err)
	}
	names, _ := filepath.Glob(filepath.Join(dir, "*.seg"))
	if rapid.Bool().Draw(r, "garbage") && len(names) > 0 {
		f, err := os.OpenFile(names[len(names)-1], os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			r.Fatal(err)
		}
		_, _ = f.Write(rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(r, "torn"))
		f.Close()
	}
	if err := m.l.Close(); err != nil {
		r.Fatal(err)
	}
	m.c.Dir = dir
	m.open(r)
	if len(names) == 0 { // a full disk had taken even the first, empty segment: the log begins anew
		if len(m.records) > 0 {
			r.Fatalf("%d records and no file", len(m.records))
		}
		m.epoch, _, m.next = m.l.State()
		m.acked = 0
	}
}

// check reads everything and compares.
func (m *model) check(r *rapid.T) {
	evicted := uint64(0)
	for _, g := range m.l.Gaps() {
		for seq := g.First; seq <= g.Last; seq++ {
			if _, ok := m.records[seq]; ok && g.Reason != outbox.ReasonEvicted {
				r.Fatalf("record %d was taken and is a gap: %+v", seq, g)
			}
		}
		evicted = max(evicted, g.Last)
	}
	epoch, oldest, next := m.l.State()
	if epoch != m.epoch || next < m.next {
		r.Fatalf("epoch %x next %d, want %x and at least %d", epoch, next, m.epoch, m.next)
	}
	var got []uint64
	for from := uint64(1); ; {
		records, err := m.l.Read(from, 2000)
		if err != nil {
			r.Fatal(err)
		}
		if len(records) == 0 {
			break
		}
		for _, rec := range records {
			if want, ok := m.records[rec.Seq]; ok {
				if !bytes.Equal(rec.Payload, want) {
					r.Fatalf("record %d is wrong", rec.Seq)
				}
				got = append(got, rec.Seq)
			}
			from = rec.Seq + 1
		}
	}
	for seq := range m.records { // only whole segments from the old end may have gone, and only acknowledged or told of
		if seq < oldest && (seq <= m.acked || seq <= evicted) {
			delete(m.records, seq)
		}
	}
	for seq := range m.records {
		if !slices.Contains(got, seq) {
			r.Fatalf("record %d is lost; oldest %d, acknowledged %d", seq, oldest, m.acked)
		}
	}
}

package outbox

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

type flipResult struct {
	Name    string  `json:"name"`
	Runs    int     `json:"runs"` // single-bit flips of one segment
	Opened  int     `json:"opened"`
	Wrong   int64   `json:"wrong"` // records handed out that were never written
	Lost    int64   `json:"lost"`  // records lost beyond the one that holds the bit
	Panics  int64   `json:"panics"`
	Seconds float64 `json:"seconds"`
	Seed    uint64  `json:"seed"`
}

// TestBitFlip is the proof bit_flip: every bit of a 64 KiB segment, or in an ordinary test every 61st.
func TestBitFlip(t *testing.T) {
	proof := proofOf(t, 0)
	step := 61
	if proof.all {
		step = 1
	}
	began := time.Now()
	data, frames := flipSegment(t)
	res := flipResult{Name: "bit_flip", Seed: proof.seed}
	var next, wrong, lostToo, panics atomic.Int64
	var all sync.WaitGroup
	bits := len(data) * 8
	for range runtime.GOMAXPROCS(0) {
		own := bytes.Clone(data)
		all.Go(func() {
			for {
				bit := int(next.Add(1)-1) * step
				if bit >= bits {
					return
				}
				own[bit/8] ^= 1 << (bit % 8)
				w, l, p := flipOne(own, data, frames, bit/8)
				own[bit/8] ^= 1 << (bit % 8)
				wrong.Add(int64(w))
				lostToo.Add(int64(l))
				panics.Add(int64(p))
			}
		})
	}
	all.Wait()
	res.Runs = (bits + step - 1) / step
	res.Wrong, res.Lost, res.Panics = wrong.Load(), lostToo.Load(), panics.Load()
	rng := rand.New(rand.NewPCG(proof.seed, 1))
	sample := 20
	if proof.all {
		sample = 500
	}
	for bit := range headerSize * 8 {
		if proof.all || bit%16 == 0 {
			openFlipped(t, data, frames, bit, &res)
		}
	}
	for range sample {
		openFlipped(t, data, frames, headerSize*8+rng.IntN(bits-headerSize*8), &res)
	}
	res.Seconds = float64(int(time.Since(began).Seconds()*10)) / 10
	proofLine(t, res)
	if res.Wrong+res.Lost+res.Panics > 0 {
		t.Errorf("%+v", res)
	}
}

// flipSegment is a segment of 64 KiB and the places of its records.
func flipSegment(t *testing.T) (data []byte, frames []int) {
	t.Helper()
	h := header{stream: 2, epoch: 77, first: 1}
	data = h.encode()
	rng := rand.New(rand.NewPCG(5, 5))
	for seq := uint64(1); len(data) < 64<<10; seq++ {
		frames = append(frames, len(data))
		room := 64<<10 - len(data) - recordHead
		size := 20 + rng.IntN(400)
		if room-size < recordHead+420 {
			size = room // the last one fills the segment
		}
		payload := make([]byte, size)
		for i := range payload {
			payload[i] = byte(rng.Uint32())
		}
		off := int64(len(data))
		data = appendRecord(data, Record{Seq: seq, Type: 2, Boot: 1, Payload: payload}, payloadSum(payload))
		seal(data[off:], h.seed(), off)
	}
	return data, frames
}

// flipOne reads the segment with the reader of the product. Records are compared with the bytes that were written, at their place.
func flipOne(flipped, data []byte, frames []int, at int) (wrong, lostToo, panics int) {
	defer func() {
		if recover() != nil {
			panics++
		}
	}()
	h, err := parseHeader(flipped)
	if err != nil {
		return 0, 0, 0 // the whole file goes to quarantine; Open shows that below
	}
	if at < headerSize {
		return 1, 0, 0
	}
	hit := len(frames) - 1 // the record that holds the bit
	for hit > 0 && frames[hit] > at {
		hit--
	}
	// Records far from the bit are read from the same bytes as ever: it is enough to begin one before and to end two behind.
	from, end := max(0, hit-1), len(data)
	if hit+3 < len(frames) {
		end = frames[hit+3]
	}
	seen := 0
	r := runReader{f: inMemory(flipped[:end]), seed: h.seed(), pos: mark{uint64(from + 1), int64(frames[from])},
		want: request{from: uint64(from + 1), last: uint64(len(frames)), size: int64(end), maxBytes: 1 << 20}}
	for {
		r.records = nil
		if err := r.run(); err != nil || len(r.records) == 0 {
			break
		}
		for _, rec := range r.records {
			i := int(rec.Seq) - 1
			if i < 0 || i >= len(frames) || !bytes.Equal(rec.Payload, data[frames[i]+recordHead:][:len(rec.Payload)]) || i == hit {
				wrong++
				continue
			}
			seen++
		}
	}
	want := min(hit+3, len(frames)) - from - 1
	return wrong, max(0, want-seen), 0
}

type inMemory []byte

func (m inMemory) ReadAt(b []byte, off int64) (int, error) { return bytes.NewReader(m).ReadAt(b, off) }
func (m inMemory) WriteAt([]byte, int64) (int, error)      { return 0, os.ErrPermission }
func (m inMemory) Close() error                            { return nil }
func (m inMemory) Sync() error                             { return nil }
func (m inMemory) Truncate(int64) error                    { return os.ErrPermission }
func (m inMemory) Stat() (os.FileInfo, error)              { return crashInfo{"", int64(len(m))}, nil }

// openFlipped opens a log whose only segment has the flipped bit, on the real disk.
func openFlipped(t *testing.T, data []byte, frames []int, bit int, res *flipResult) {
	t.Helper()
	dir := t.TempDir()
	b := bytes.Clone(data)
	b[bit/8] ^= 1 << (bit % 8)
	if err := os.WriteFile(filepath.Join(dir, segmentName(1)), b, 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := Open(Config{Dir: dir, Stream: 2, Quota: 16 << 20})
	if err != nil {
		t.Errorf("bit %d: %v", bit, err)
		res.Panics++
		return
	}
	defer l.Close()
	res.Opened++
	got := 0
	for from := uint64(1); ; {
		records, err := l.Read(from, 1<<20)
		if err != nil {
			t.Errorf("bit %d: %v", bit, err)
		}
		if len(records) == 0 {
			break
		}
		for _, r := range records {
			if i := int(r.Seq) - 1; i >= len(frames) || !bytes.Equal(r.Payload, data[frames[i]+recordHead:][:len(r.Payload)]) {
				res.Wrong++
			}
			got++
			from = r.Seq + 1
		}
	}
	if bit >= headerSize*8 && got < len(frames)-1 {
		res.Lost++
	}
}

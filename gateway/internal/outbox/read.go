package outbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

const (
	markEvery  = 32 << 10 // bytes between remembered places of a segment
	readFaults = 3        // failed reads in a row after which the rest of a segment counts as damaged
)

// mark is a place in a segment: the record expected there.
type mark struct {
	seq uint64
	off int64
}

// Read returns records from number from on, in order and without a hole between them, of at most maxBytes together but at
// least one. The first may have a higher number when those before do not exist. Nothing is returned at the end of the log.
// The payloads belong to the caller.
func (l *Log) Read(from uint64, maxBytes int) ([]Record, error) {
	for {
		l.mu.Lock()
		if l.closed {
			l.mu.Unlock()
			return nil, ErrClosed
		}
		if from >= l.next {
			l.mu.Unlock()
			return nil, nil
		}
		seg, want := l.locate(from)
		if seg == nil {
			records := l.readTail(from, maxBytes)
			l.mu.Unlock()
			return records, nil
		}
		l.mu.Unlock()
		want.maxBytes = maxBytes
		got, err := l.readSegment(seg, want)
		if gone := l.settle(seg, want, &got, err); gone {
			continue
		} else if err != nil && !got.rest {
			return nil, fmt.Errorf("read %s: %w", segmentName(seg.first), err)
		}
		if len(got.records) > 0 {
			return got.records, nil
		}
		from = want.last + 1
	}
}

// request is what one segment is asked for.
type request struct {
	from, last uint64
	start      mark
	size       int64
	maxBytes   int
}

// locate finds the segment that holds number from or the next there is; nil when it is in memory. It needs mu.
func (l *Log) locate(from uint64) (*segment, request) {
	for i, seg := range l.segs {
		last := l.segLast(i)
		if last < from || last < seg.first {
			continue
		}
		from = max(from, seg.first)
		start := mark{seg.first, headerSize}
		for _, m := range seg.marks {
			if m.seq <= from {
				start = m
			}
		}
		if seg.resume.seq <= from && seg.resume.seq > start.seq {
			start = seg.resume
		}
		return seg, request{from: from, last: last, start: start, size: seg.size}
	}
	return nil, request{}
}

// readTail needs mu.
func (l *Log) readTail(from uint64, maxBytes int) (records []Record) {
	total := 0
	for b := l.tail; len(b) > 0 && frameSeq(b) < l.next; b = b[frameSize(b):] {
		seq, size := frameSeq(b), frameSize(b)
		if seq < from {
			continue
		}
		if n := len(records); n > 0 && (total+size > maxBytes || seq != records[n-1].Seq+1) {
			break
		}
		total += size
		records = append(records, decode(slices.Clone(b[:size])))
	}
	return records
}

// result is what one segment gave.
type result struct {
	records []Record
	end     mark   // where to go on
	marks   []mark // places passed
	rest    bool   // nothing more can be read from the segment
}

// settle notes what a read has taught: places, holes, faults. It returns true when the segment was evicted meanwhile.
func (l *Log) settle(seg *segment, want request, got *result, err error) (gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Contains(l.segs, seg) {
		return true
	}
	if err != nil {
		seg.faults++
		got.rest = errors.Is(err, fs.ErrNotExist) || seg.faults >= readFaults
		if !got.rest {
			return false
		}
		l.cfg.Log.Error("segment cannot be read", "file", seg.path, "err", err)
	} else {
		seg.faults = 0
		seg.resume = got.end
		for _, m := range got.marks {
			if n := len(seg.marks); n == 0 || m.off >= seg.marks[n-1].off+markEvery {
				seg.marks = append(seg.marks, m)
			}
		}
	}
	there := want.last + 1
	if len(got.records) > 0 {
		there = got.records[0].Seq
	}
	if there > want.from {
		l.noteHole(want.from, there-1, ReasonDamaged)
	}
	return false
}

func (l *Log) readSegment(seg *segment, want request) (result, error) {
	f, err := l.cfg.disk.OpenFile(seg.path, os.O_RDONLY, 0)
	if err != nil {
		return result{}, err
	}
	defer f.Close()
	r := runReader{f: f, seed: seg.seed(), want: want, pos: want.start}
	err = r.run()
	return result{records: r.records, end: r.pos, marks: r.marks}, err
}

// runReader collects one run of records from one file.
type runReader struct {
	f       file
	seed    uint32
	want    request
	pos     mark
	buf     []byte // of the file, from pos on
	whole   bool   // buf reaches the end of the file
	total   int
	records []Record
	marks   []mark
}

// run goes on until the request is met or the file ends.
func (r *runReader) run() error {
	chunk := r.want.maxBytes + recordHead
	for r.pos.seq <= r.want.last && r.pos.off < r.want.size {
		if err := r.fill(chunk); err != nil {
			return err
		}
		done, err := r.parse()
		if done {
			return nil
		}
		if errors.Is(err, errShort) && !r.whole {
			if r.enough() {
				return nil
			}
			chunk = max(chunk, recordHead+MaxPayload)
			continue
		}
		if len(r.records) > 0 {
			return nil // the next read begins at the damage
		}
		if ok, err := r.skipDamage(); !ok {
			return err
		}
	}
	return nil
}

// enough says that the record cut off by the end of buf would not fit the request.
func (r *runReader) enough() bool {
	return len(r.records) > 0 && (len(r.buf) < recordHead || r.total+frameSize(r.buf) > r.want.maxBytes)
}

func (r *runReader) fill(n int) error {
	size := min(int64(n), r.want.size-r.pos.off)
	r.whole = r.pos.off+size == r.want.size
	r.buf = make([]byte, size) // the records keep it
	got, err := r.f.ReadAt(r.buf, r.pos.off)
	if errors.Is(err, io.EOF) {
		r.buf, r.whole, err = r.buf[:got], true, nil
	}
	return err
}

// parse takes records from buf. It returns done when the run is complete, or why it cannot go on.
func (r *runReader) parse() (done bool, err error) {
	for r.pos.seq <= r.want.last {
		rec, size, err := parseRecord(r.buf, r.seed, r.pos.off)
		if err == nil && rec.Seq < r.pos.seq {
			err = errDamaged
		}
		if err != nil {
			return false, err
		}
		n := len(r.records)
		if rec.Seq > r.want.last || n > 0 && (rec.Seq != r.pos.seq || r.total+size > r.want.maxBytes) {
			return true, nil
		}
		if rec.Seq >= r.want.from {
			r.records = append(r.records, rec)
			r.total += size
		}
		r.buf = r.buf[size:]
		r.pos = mark{rec.Seq + 1, r.pos.off + int64(size)}
		if n := len(r.marks); n == 0 || r.pos.off >= r.marks[n-1].off+markEvery {
			r.marks = append(r.marks, r.pos)
		}
	}
	return true, nil
}

// skipDamage moves to the next whole record after a damaged one, or to the end of the file.
func (r *runReader) skipDamage() (ok bool, err error) {
	if err := r.fill(int(r.want.size - r.pos.off)); err != nil {
		return false, err
	}
	skip := resync(r.buf, r.seed, r.pos.off, r.pos.seq)
	if skip < 0 {
		return false, nil
	}
	r.pos.off += int64(skip)
	return true, nil
}

package outbox

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	rangeBytes = 256 << 10 // read at a time by Range
	headBytes  = 4 << 10   // read at a time when only heads are wanted: a page

	// burst is how soon after another, in ms, a record must be made to count as one of several that share what happened before:
	// several are made at once when much was waiting.
	burst = 900
)

// window is a time that records are asked for, in Unix ms, both ends included.
type window struct{ from, to int64 }

// meets says whether something between a and b is in the window.
func (w window) meets(a, b int64) bool { return min(a, b) <= w.to && max(a, b) >= w.from }

// clock follows the wall times of records.
type clock struct {
	begun        bool
	whole        bool  // all of them were one burst
	before, last int64 // wall time before the present burst, and of the last record
}

// pass notes a record and returns since when it may hold what happened.
func (c *clock) pass(ms int64) (since int64) {
	switch {
	case !c.begun:
		*c = clock{begun: true, whole: true, before: ms}
	case ms < c.last || ms-c.last >= burst:
		c.before, c.whole = c.last, false
	}
	c.last = ms
	return c.before
}

// Range returns the records that may hold what happened from from to to, in the order of their numbers. A record, made at its
// wall time, holds what happened since the one before it. When the clock was set between the two, it is found under both times;
// when it was wrong, under the wrong ones. What is evicted during the walk is left out, and what is appended is not waited for. An
// error ends the walk. The payloads belong to the caller.
//
// Segments without a record of the time are skipped. Which time a segment holds is learnt from its records' heads when it is
// first asked for.
func (l *Log) Range(from, to time.Time) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		_, _, end := l.State()
		w := walk{log: l, window: window{from.UnixMilli(), to.UnixMilli()}, next: 1}
		for w.seek(end) {
			records, err := w.read()
			if err != nil {
				yield(Record{}, fmt.Errorf("read history: %w", err))
				return
			}
			for _, r := range records {
				w.next = r.Seq + 1
				since := w.clock.pass(r.WallMs)
				if r.Seq >= end || w.window.meets(since, r.WallMs) && !yield(r, nil) {
					return
				}
			}
			if len(records) == 0 {
				return
			}
		}
	}
}

// walk is the state of one Range.
type walk struct {
	log    *Log
	window window
	next   uint64 // number to go on with
	clock  clock  // up to there
}

// read tries as often as it takes Log.Read to give up a segment.
func (w *walk) read() (records []Record, err error) {
	for range readFaults {
		if records, err = w.log.Read(w.next, rangeBytes); err == nil || errors.Is(err, ErrClosed) {
			break
		}
	}
	return records, err
}

// seek skips segments that hold nothing of the time; false at the end.
func (w *walk) seek(end uint64) bool {
	for w.next < end {
		w.log.mu.Lock()
		seg, want := w.log.locate(w.next)
		w.log.mu.Unlock()
		if seg == nil {
			return true // in memory
		}
		s := w.log.spanOf(seg, want.size)
		if s.blind {
			return true
		}
		if !s.empty() {
			first := w.clock // as it is after the segment's first record
			if since := first.pass(s.first); w.window.meets(since, s.first) || w.window.meets(s.min, s.max) {
				return true
			}
			if w.clock = s.clock; s.clock.whole {
				w.clock.whole, w.clock.before = first.whole, first.before
			}
		}
		w.next = want.last + 1
	}
	return false
}

// span is which wall times the records of a segment carry.
type span struct {
	end             int64 // of the bytes that were looked at; 0 none yet
	first, min, max int64
	clock           clock
	blind           bool // there is damage: the segment must be read to know
}

func (s span) empty() bool { return s.end == 0 }

func (s *span) add(ms int64) {
	if s.empty() {
		s.min, s.max, s.first = math.MaxInt64, math.MinInt64, ms
	}
	s.min, s.max = min(s.min, ms), max(s.max, ms)
	s.clock.pass(ms)
}

// spanOf knows the times of a segment of a size, or learns those of the records that are new.
func (l *Log) spanOf(seg *segment, size int64) span {
	l.mu.Lock()
	s := seg.span
	l.mu.Unlock()
	if s.blind || s.end >= size {
		return s
	}
	if err := s.learn(l.cfg.disk, seg, size); err != nil {
		s.blind = true // Read finds out what is the matter, and may do better the next time
		return s
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if s.end > seg.span.end {
		seg.span = s
	}
	return s
}

// learn reads the heads from where it ended the last time.
func (s *span) learn(d disk, seg *segment, size int64) error {
	f, err := d.OpenFile(seg.path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var page []byte
	var at int64 // of the page
	for off := max(s.end, headerSize); off < size; {
		if off < at || off+recordHead > at+int64(len(page)) {
			page, at = slices.Grow(page[:0], headBytes)[:min(headBytes, size-off)], off
			n, err := f.ReadAt(page, at)
			if err != nil && !errors.Is(err, io.EOF) {
				return err
			}
			page = page[:n]
		}
		head := page[off-at:]
		n, err := parseHead(head, seg.seed(), off)
		if err != nil || off+int64(n) > size {
			s.blind = true
			return nil
		}
		s.add(wallMs(head))
		off += int64(n)
		s.end = off
	}
	return nil
}

// History is a log's folder opened for looking back. It takes no lock and changes nothing, so the folder may be in use.
type History struct{ log *Log }

// ErrNoLog: the folder holds no segment that can be read.
var ErrNoLog = errors.New("there is no log")

// OpenHistory opens a folder as it is now. The error wraps ErrNoLog when no log is there, fs.ErrNotExist when no folder is.
func OpenHistory(dir string) (*History, error) {
	l := &Log{cfg: Config{Dir: dir, disk: osDisk{}, Log: slog.New(slog.DiscardHandler)}}
	files, err := l.survey()
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	b, _ := readFile(l.cfg.disk, filepath.Join(dir, cursorName)) // a hint
	hint, known := parseCursor(b)
	l.epoch = chooseEpoch(files, hint, known)
	for _, f := range files {
		if f.err == nil && f.epoch == l.epoch {
			l.segs = append(l.segs, &segment{header: f.header, path: f.path, size: f.size})
		}
	}
	if len(l.segs) == 0 {
		return nil, fmt.Errorf("open history %s: %w", dir, ErrNoLog)
	}
	l.next = math.MaxUint64
	l.durable = l.next - 1
	return &History{l}, nil
}

// Range is Log.Range.
func (h *History) Range(from, to time.Time) iter.Seq2[Record, error] { return h.log.Range(from, to) }

// Epoch of the log: numbers of records mean something within one.
func (h *History) Epoch() uint64 { return h.log.epoch }

package outbox

import (
	"fmt"
	"path/filepath"
)

// Summary is what Inspect found.
type Summary struct {
	Stream   uint32
	Epoch    uint64
	Oldest   uint64 // first record there is; 0 when there is none
	Next     uint64 // one above the last record there is
	Records  uint64
	Bytes    int64
	Acked    uint64 // as the cursor file has it
	Segments []SegmentSummary
	Holes    []Gap // missing numbers between Oldest and Next: damaged, missing or skipped

	unread bool // bytes that are no record, or a file with a problem, lie behind the last record
}

// Reasons of the holes that Inspect finds, beside ReasonDamaged.
const (
	ReasonMissing = "missing" // a file is gone or was cut short
	ReasonSkipped = "skipped" // the writer left the numbers out
)

// Damage is a range of a file that is no record.
type Damage struct{ Offset, Bytes int64 }

// SegmentSummary is what Inspect found in one file.
type SegmentSummary struct {
	Name        string
	Records     uint64
	First, Last uint64 // records there are; Last is 0 when there is none
	Bytes       int64
	Damaged     int64    // bytes that are no record
	Damages     []Damage // where they are
	Problem     string   // why the file as a whole is not read
}

// damage notes bytes that are no record.
func (s *SegmentSummary) damage(off, n int) {
	s.Damaged += int64(n)
	s.Damages = append(s.Damages, Damage{int64(off), int64(n)})
}

// Inspect reads a log's folder without locking or changing it, so that it can look at what is durable after a crash, or at
// a log in use. each, when not nil, is called with every intact record in order; its error ends the inspection. A payload
// is valid during the call.
func Inspect(dir string, each func(Record) error) (Summary, error) {
	l := &Log{cfg: Config{Dir: dir, disk: osDisk{}}}
	files, err := l.survey()
	if err != nil {
		return Summary{}, fmt.Errorf("inspect outbox: %w", err)
	}
	b, _ := readFile(l.cfg.disk, filepath.Join(dir, cursorName))
	hint, known := parseCursor(b)
	s := Summary{Next: 1}
	if len(files) > 0 {
		s.Epoch = chooseEpoch(files, hint, known)
	}
	if known && hint.epoch == s.Epoch {
		s.Acked = hint.cum
	}
	for i, f := range files {
		seg := SegmentSummary{Name: filepath.Base(f.path), Bytes: f.size}
		limit := ^uint64(0)
		if i+1 < len(files) && files[i+1].err == nil && files[i+1].epoch == s.Epoch {
			limit = files[i+1].first - 1
		}
		switch {
		case f.err != nil:
			seg.Problem = f.err.Error()
		case f.epoch != s.Epoch:
			seg.Problem = fmt.Sprintf("is of epoch %016x", f.epoch)
		default:
			if err := s.read(f, limit, &seg, each); err != nil {
				return s, err
			}
		}
		s.unread = s.unread || seg.Problem != ""
		s.Bytes += f.size
		s.Segments = append(s.Segments, seg)
	}
	return s, nil
}

func (s *Summary) read(f found, limit uint64, seg *SegmentSummary, each func(Record) error) error {
	data, err := readFile(osDisk{}, f.path)
	if err != nil {
		seg.Problem = err.Error()
		return nil
	}
	s.Stream = f.stream
	expect := f.first
	for off := headerSize; off < len(data); {
		r, n, err := parseRecord(data[off:], f.seed(), int64(off))
		if err != nil || r.Seq < expect {
			skip := resync(data[off:], f.seed(), int64(off), expect)
			if skip < 0 {
				skip = len(data) - off
			}
			seg.damage(off, skip)
			s.unread = true
			off += skip
			continue
		}
		if r.Seq > limit {
			return nil // written again in the next file after a failed write
		}
		s.count(r, seg.Records > 0 || f.before+1 == s.Next)
		if seg.Records++; seg.First == 0 {
			seg.First = r.Seq
		}
		seg.Last, expect = r.Seq, r.Seq+1
		off += n
		if each == nil {
			continue
		}
		if err := each(r); err != nil {
			return err
		}
	}
	return nil
}

// count takes a record in. next says that the writer knew of no record between the last one and this.
func (s *Summary) count(r Record, next bool) {
	reason := ReasonMissing
	switch {
	case s.unread:
		reason = ReasonDamaged
	case next:
		reason = ReasonSkipped
	}
	if s.Oldest == 0 {
		s.Oldest = r.Seq
	} else if r.Seq > s.Next {
		s.Holes = append(s.Holes, Gap{Stream: s.Stream, Epoch: s.Epoch, First: s.Next, Last: r.Seq - 1, Reason: reason})
	}
	s.Next, s.unread = r.Seq+1, false
	s.Records++
}

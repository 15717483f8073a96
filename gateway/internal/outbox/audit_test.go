package outbox

import (
	"maps"
	"slices"
	"time"
)

// audit reads everything and compares it with what was promised.
func (s *story) audit() {
	s.looks++
	var missing []hole
	last := uint64(0)
	for {
		records, err := s.l.Read(last+1, 1+s.rng.IntN(4000))
		if s.d.dead {
			return
		}
		if err != nil && s.d.faulted == 0 {
			s.fail("read from %d: %v", last+1, err)
		} else if err != nil {
			return
		}
		if len(records) == 0 {
			break
		}
		for _, r := range records {
			s.ordered(last, r, records[0])
			if r.Seq > last+1 {
				missing = append(missing, hole{last + 1, r.Seq - 1})
			}
			s.sees(r)
			if g := s.given[r.Seq]; g != nil {
				g.seen = s.looks
			}
			last = r.Seq
		}
	}
	s.takeGaps()
	_, _, next := s.l.State()
	if next <= s.top {
		s.fail("next is %d, and %d was given out", next, s.top)
	}
	if next > last+1 {
		missing = append(missing, hole{last + 1, next - 1})
	}
	for _, seq := range slices.Sorted(maps.Keys(s.given)) {
		if g := s.given[seq]; (g.durable || g.cached) && g.seen != s.looks && seq >= s.gone && !s.hidden(seq) {
			s.fail("record %d (%d) is lost; durable %v, acknowledged to %d, evicted below %d, next %d", seq, g.id, g.durable, s.cloud, s.gone, next)
		}
	}
	for _, h := range missing {
		s.explained(h)
	}
}

// hidden: shown only when it is surely on disk, which a failing disk delays.
func (s *story) hidden(seq uint64) bool {
	return s.l.veil > 0 && seq >= s.l.veil && s.c.Sync == 0 && s.d.faulted > 0
}

func (s *story) ordered(last uint64, r, first Record) {
	if r.Seq <= last || r.Seq != last+1 && r.Seq != first.Seq {
		s.fail("record %d follows %d", r.Seq, last)
	}
}

// explained checks that gaps told since Open cover a hole, as far as the cloud does not have it.
func (s *story) explained(h hole) {
	at := max(h.first, s.cloud+1)
	for progress := true; progress && at <= h.last; {
		progress = false
		for _, g := range s.gaps {
			if g.First <= at && at <= g.Last {
				at, progress = g.Last+1, true
			}
		}
	}
	if at <= h.last && !s.waits(hole{at, h.last}) {
		s.fail("number %d is missing without a gap; hole %v, acknowledged to %d, gaps %+v", at, h, s.cloud, s.gaps)
	}
}

// waits: given up by Drop, and no durable record behind it yet. Before that a power cut could make the numbers free again, so
// the gap may not be told.
func (s *story) waits(h hole) bool {
	for seq, g := range s.given {
		if seq > h.last && g.durable {
			return false
		}
	}
	if s.l.active == nil && s.d.faulted > 0 {
		return true // skipped at the start, and the disk did not take the file that would say so
	}
	for _, d := range s.dropped {
		if d.first <= h.first && h.first <= d.last {
			h.first = d.last + 1
		}
	}
	return h.first > h.last
}

// takeGaps fetches gaps and checks that they tell the truth.
func (s *story) takeGaps() {
	_, _, next := s.l.State()
	for _, g := range s.l.Gaps() {
		if g.Stream != 2 || g.Epoch != s.epoch || g.First > g.Last || g.Last >= next {
			s.fail("gap %+v, next %d", g, next)
		}
		s.gaps = append(s.gaps, g)
		s.top = max(s.top, g.Last)
		for seq, had := range s.given {
			if seq < g.First || seq > g.Last || !had.durable || s.d.faulted > 0 && (g.Reason == ReasonDamaged || g.Reason == ReasonPowerCut) {
				continue
			}
			if seq >= s.gone { // after a power cut a deletion may be half undone; then the reason is "damaged"
				s.fail("record %d is durable and told as a gap: %+v; evicted below %d", seq, g, s.gone)
			}
		}
	}
}

func (s *story) read() {
	_, _, next := s.l.State()
	from := 1 + s.rng.Uint64N(next+1)
	if s.rng.IntN(2) == 0 { // near the end, where the uplink reads
		from = next - min(next-1, s.rng.Uint64N(10))
	}
	records, err := s.l.Read(from, 1+s.rng.IntN(5000))
	if s.d.dead {
		return
	}
	if err != nil && s.d.faulted == 0 {
		s.fail("read from %d: %v", from, err)
	}
	last := from - 1
	for _, r := range records {
		s.ordered(last, r, records[0])
		s.sees(r)
		last = r.Seq
	}
}

// ack is the cloud's: of anything it may have been told of.
func (s *story) ack() {
	s.cloud = max(s.cloud, s.rng.Uint64N(s.top+1))
	if s.rng.IntN(2) == 0 {
		s.l.mu.Lock()
		s.l.hinted = time.Time{} // long ago
		s.l.mu.Unlock()
	}
	s.l.Ack(s.cloud)
}

func (s *story) sync() {
	if s.c.Sync > 0 && s.rng.IntN(2) == 0 {
		s.l.syncDue()
		return
	}
	err := s.l.Sync()
	if s.d.dead {
		return
	}
	if err != nil && s.d.faulted == 0 {
		s.fail("sync: %v", err)
	}
	if err != nil {
		return
	}
	s.keep(s.noted)
}

// drop gives up records that Append refused.
func (s *story) drop(n uint64) {
	_, _, before := s.l.State()
	s.l.Drop(n)
	s.dropped = append(s.dropped, hole{before, before + n - 1})
	if _, _, next := s.l.State(); next != before+n {
		s.fail("after giving up %d records next is %d, and was %d", n, next, before)
	}
}

// removed is told of every file that the log deletes.
func (s *story) removed(name string, b []byte) {
	first, ok := parseSegmentName(name)
	if !ok {
		return
	}
	var others []uint64
	total := int64(0)
	for _, e := range s.d.dirs[s.c.Dir].entries {
		if n, ok := parseSegmentName(e.name); ok && e.now != nil && (len(e.now.data) > headerSize || n > first) {
			others = append(others, n)
			total += int64(len(e.now.data))
		}
	}
	slices.Sort(others)
	switch {
	case len(others) == 0:
		s.gone = max(s.gone, s.top+1)
	case others[0] > first:
		s.gone = max(s.gone, others[0])
		if len(b) > headerSize && s.d.faulted == 0 && total+int64(len(b)) <= s.c.Quota-s.c.Segment {
			s.fail("segment %d deleted without need: %d bytes of %d remain", first, total, s.c.Quota)
		}
	case len(b) <= headerSize: // empty
	case others[len(others)-1] > first && s.d.faulted == 0:
		s.fail("segment %d deleted from the middle of %v", first, others)
	}
}

// rot changes a byte of a record at rest. That record may be lost, and no other.
func (s *story) rot() {
	var files []*inode
	for _, e := range s.d.dirs[s.c.Dir].entries {
		if _, ok := parseSegmentName(e.name); ok && e.now != nil && len(e.now.data) > headerSize {
			files = append(files, e.now)
		}
	}
	if len(files) == 0 {
		return
	}
	s.say("rot")
	s.rotten = true // once a story
	f := files[s.rng.IntN(len(files))]
	at := headerSize + s.rng.IntN(len(f.data)-headerSize)
	h, err := parseHeader(f.data)
	for off := headerSize; err == nil && off < len(f.data); {
		r, n, bad := parseRecord(f.data[off:], h.seed(), int64(off))
		if g := s.given[r.Seq]; bad == nil && g != nil && off <= at && at < off+n {
			g.durable, g.cached, g.lost = false, false, true
		}
		if bad != nil { // a hole from a power cut
			if n = resync(f.data[off:], h.seed(), int64(off), h.first); n < 0 {
				break
			}
		}
		off += n
	}
	f.data[at] ^= byte(1 + s.rng.IntN(255))
	if at < len(f.disk) {
		f.disk[at] = f.data[at]
	}
}

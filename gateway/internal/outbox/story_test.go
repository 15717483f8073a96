package outbox

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// storyKind is what a story may contain.
type storyKind struct {
	faults bool                             // disk errors too
	trace  func(format string, args ...any) // nil: nobody listens
}

// story is one random life of a log: power cuts, kills, orderly ends, appends, acknowledgements. It keeps beside the log what
// the producers, the cloud and the gap reports have been told, and checks the promises of doc.go against that.
type story struct {
	kind storyKind
	rng  *rand.Rand
	d    *crashDisk
	c    Config
	l    *Log

	made    []made            // by id: all that was ever given to Append
	epoch   uint64            // of the log; what follows is of this epoch
	gen     int               // which epoch it is
	given   map[uint64]*given // by number: what somebody may have seen under it
	top     uint64            // largest number anybody was told of, in a record or a gap
	cloud   uint64            // the cloud's cursor
	gone    uint64            // numbers below were in segments that the quota or a full disk took
	gaps    []Gap             // told since Open
	dropped []hole            // by Drop since Open
	noted   uint64            // numbers up to here were looked at by note
	fixed   int               // size of all payloads; 0 any
	rotten  bool              // rot was here
	looks   int               // audits
	clean   bool              // the last life ended in order

	cuts, kills, opens, appends int
}

// made is a record that was given to Append.
type made struct {
	size    int
	gen     int
	life    int
	refused bool
	seq     uint64 // 0: not known to have one
}

type given struct {
	id      int
	durable bool // may not be lost
	cached  bool // may not be lost as long as the power does not go
	lost    bool // a power cut may have taken it
	seen    int  // in which audit
}

// broken is a promise that was not kept.
type broken struct{ what string }

func (b broken) Error() string { return b.what }

func (s *story) fail(format string, args ...any) { panic(broken{fmt.Sprintf(format, args...)}) }

// tell runs the story of a seed. dir is a real folder for the lock.
func tell(dir string, seed, index uint64, kind storyKind) (s *story, err error) {
	rng := rand.New(rand.NewPCG(seed, index))
	s = &story{kind: kind, rng: rng, d: newCrashDisk(rng, dir, dir+"/"+quarantineDir), given: map[uint64]*given{}, made: make([]made, 1)}
	s.d.onRemove, s.d.trace = s.removed, kind.trace
	defer func() {
		s.leave()
		if r := recover(); r != nil {
			b, ok := r.(broken)
			if !ok {
				b = broken{fmt.Sprintf("panic: %v", r)}
			}
			err = b
		}
	}()
	s.c = Config{Dir: dir, Stream: 2, Boot: 7, disk: s.d, kernel: 1, tiny: true}
	s.c.Segment = []int64{500, 1000, 2000, 4000}[rng.IntN(4)]
	s.c.Quota = s.c.Segment * int64(4+rng.IntN(8))
	if rng.IntN(2) == 0 {
		s.c.Sync = time.Hour // syncDue is called by the story, not by the clock
	}
	if rng.IntN(2) == 0 {
		s.formerLife()
	}
	if kind.faults && rng.IntN(4) > 0 {
		s.trap()
	}
	for range 1 + rng.IntN(5) {
		s.life()
	}
	s.lastLife()
	return s, nil
}

// formerLife leaves the blocks of an older log on the disk.
func (s *story) formerLife() {
	if s.rng.IntN(3) > 0 {
		s.fixed = 20 + s.rng.IntN(80) // so that old records lie where new ones will
	}
	segment := s.c.Segment
	defer func() { s.c.Segment = segment }()
	s.c.Segment = s.c.Quota / 4 // more old bytes where the first file will be
	if s.open() {
		for range 10 + s.rng.IntN(20) {
			s.append(1)
		}
	}
	s.leave()
	s.d.wipe()
	s.begin(0)
}

// fill opens the log when it is not, and appends.
func (s *story) fill() {
	if s.l == nil && !s.open() {
		return
	}
	for range 2 + s.rng.IntN(8) {
		s.append(1)
		s.note()
	}
}

// begin forgets what belonged to another epoch.
func (s *story) begin(epoch uint64) {
	s.epoch, s.given, s.top, s.cloud, s.gone, s.gaps, s.clean = epoch, map[uint64]*given{}, 0, 0, 0, nil, false
	s.gen++
}

// life is one run of the gateway, with one of three ends.
func (s *story) life() {
	before := s.d.faulted
	end := s.rng.IntN(6) // 0 order, 1 kill, 2 kill within an operation, else power cut
	if end > 1 {
		reach := []int{4, 12, 40, 120}[s.rng.IntN(4)] // soon enough for recovery, or later
		s.d.cutAt = s.d.ops + 1 + s.rng.IntN(reach)
	}
	if s.kind.faults && (s.clean || s.rng.IntN(2) == 0) {
		s.plan()
		if f := s.d.fault; f.syncs && !f.once && s.rng.IntN(2) == 0 {
			end, s.d.cutAt = 1, 0 // what only the cache has, and a restart
		}
	}
	if !s.kind.faults && !s.rotten && s.rng.IntN(4) == 0 {
		s.rot()
	}
	if s.open() {
		for range 3 + s.rng.IntN(40) {
			if s.act(); s.d.dead {
				break
			}
		}
	}
	if !s.d.dead && end == 0 && s.l != nil {
		s.close()
	}
	s.leave()
	s.say("end: clean %v, dead %v, planned %d, faulted %d", s.clean, s.d.dead, end, s.d.faulted)
	switch {
	case s.clean:
		if s.rng.IntN(2) == 0 {
			s.c.kernel++
			s.d.cut() // the power may go when nobody is at home
		} else {
			s.d.kill()
		}
	case end > 2:
		s.cuts++
		s.c.kernel++
		s.lose()
		s.d.cut()
	case s.c.Sync > 0 && s.d.faulted > before: // a failing disk and a kill together may cost what was not synced, but no number
		s.kills++
		s.lose()
		s.d.kill()
	default:
		s.kills++
		for _, g := range s.given {
			g.cached = !g.lost && !s.made[g.id].refused
		}
		s.d.kill()
	}
}

// lose notes that what was not durable need not come back; its numbers stay taken.
func (s *story) lose() {
	for _, g := range s.given {
		g.cached, g.lost = false, !g.durable
	}
}

// lastLife is one in which nothing happens: everything promised must be there.
func (s *story) lastLife() {
	s.open()
	for range 3 {
		s.append(1)
	}
	s.audit()
	s.close()
	s.leave()
	s.d.kill()
	s.open()
	s.audit()
}

// plan makes some of the next operations fail.
func (s *story) plan() {
	from := s.d.ops + 1 + s.rng.IntN([]int{25, 60}[s.rng.IntN(2)]) // at the start, or anywhere
	f := fault{from: from, until: from + 1 + s.rng.IntN(3)}
	if s.rng.IntN(3) == 0 {
		f.until += 30
	}
	switch s.rng.IntN(6) {
	case 0:
		f.err = syscall.EIO
		if s.rng.IntN(3) == 0 { // reading fails for a moment; a disk that answers nothing at the start is another story
			f.reads, f.until = true, from+1+s.rng.IntN(readFaults)
		}
	case 1:
		f.err = syscall.EROFS
	case 2:
		f.err = syscall.ENOSPC
		f.until += 30 * s.rng.IntN(2)
	case 3:
		f.short = true
	default:
		f.err, f.syncs, f.once, f.until = syscall.EIO, true, s.rng.IntN(2) == 0, f.until+60
	}
	s.d.fault = f
}

// open returns false when the power went meanwhile.
func (s *story) open() bool {
	s.opens++
	before := s.d.faulted
	l, err := Open(s.c)
	if err != nil && !s.d.dead && s.d.faulted == before {
		s.fail("open: %v", err)
	}
	if err != nil {
		s.clean = s.clean && !s.d.dead
		return false
	}
	s.l, s.gaps, s.dropped = l, nil, nil
	if s.d.dead {
		s.clean = false
		return false
	}
	epoch, _, next := l.State()
	if epoch != s.epoch {
		s.newEpoch(epoch, s.d.faulted == before)
	}
	if next <= s.top && s.d.faulted == before {
		s.fail("next is %d after a restart, and %d was given out", next, s.top)
	}
	s.clean = false
	s.l.Ack(s.cloud) // the cloud's answer to hello
	if s.d.dead {
		return false
	}
	if s.d.faulted == before {
		s.audit()
		for _, g := range s.given {
			g.durable = g.durable || g.seen == s.looks && !s.made[g.id].refused // what recovery kept, it keeps for good
		}
	}
	s.noted = s.l.durable
	s.say("opened: epoch %x next %d durable %d acked %d gaps %+v", epoch, next, s.l.durable, s.l.acked, s.gaps)
	return !s.d.dead
}

// newEpoch is right only when nothing is left of the old one, or the disk answered nothing at all. The cloud takes it as a loss.
func (s *story) newEpoch(epoch uint64, answered bool) {
	for seq, g := range s.given {
		if answered && g.durable && seq > s.cloud && seq >= s.gone {
			s.fail("new epoch, and record %d was not acknowledged", seq)
		}
	}
	s.begin(epoch)
}

// leave ends the process as far as the test's own process must notice.
func (s *story) leave() {
	if s.l == nil {
		return
	}
	s.l.io.Lock()
	s.l.stopTimer()
	s.l.io.Unlock()
	s.l.lock.Close()
	s.l = nil
}

func (s *story) close() {
	err := s.l.Close()
	if s.d.dead {
		return
	}
	if err != nil && s.d.faulted == 0 {
		s.fail("close: %v", err)
	}
	if err == nil {
		s.keep(0)
		s.clean = true
	}
}

func (s *story) say(format string, args ...any) {
	if s.kind.trace != nil {
		s.kind.trace(format, args...)
	}
}

func (s *story) act() {
	switch x := s.rng.IntN(20); {
	case x < 9:
		s.append(1)
	case x < 11:
		s.append(2 + s.rng.IntN(6) + 15*(s.rng.IntN(8)/7))
	case x < 13:
		s.read()
	case x < 15:
		s.ack()
	case x < 17:
		s.sync()
	case x == 17:
		s.takeGaps()
	case x == 18 && s.rng.IntN(4) == 0:
		s.drop(uint64(1 + s.rng.IntN(3)))
	case x == 19 && s.rng.IntN(3) == 0 && s.d.fault.until < s.d.ops:
		s.audit()
	}
	s.note()
}

// note takes the log at its word: what it calls durable, it may not lose.
func (s *story) note() {
	if s.d.dead {
		return
	}
	for seq := s.noted + 1; seq <= s.l.durable; seq++ {
		if g := s.given[seq]; g != nil {
			g.durable = !g.lost && !s.made[g.id].refused
		}
	}
	s.noted = s.l.durable
}

// keep: the log says that everything above after is durable.
func (s *story) keep(after uint64) {
	for seq, g := range s.given {
		g.durable = g.durable || seq > after && !g.lost && !s.made[g.id].refused
	}
}

// append gives n records to the log at once, as n goroutines do while the disk is busy.
func (s *story) append(n int) {
	s.appends += n
	first := len(s.made)
	results := make([]appended, n)
	if n == 1 {
		results[0] = s.appendOne()
	} else {
		s.appendTogether(results)
	}
	if s.d.dead {
		return
	}
	s.say("append of %d, %d records: %+v", first, n, results[0])
	for i, r := range results {
		if r.crash != nil {
			panic(r.crash)
		}
		switch {
		case r.err == nil:
			s.give(r.seq, first+i, s.c.Sync == 0)
			continue
		case !errors.Is(r.err, ErrUnavailable):
			s.fail("append: %v", r.err)
		case s.d.faulted == 0:
			s.fail("append without a fault: %v", r.err)
		}
		s.made[first+i].refused = true
	}
	if results[0].err != nil && s.rng.IntN(3) == 0 {
		s.drop(uint64(n))
	}
}

type appended struct {
	seq   uint64
	err   error
	crash any
}

func (s *story) make() (id int, payload []byte) {
	id = len(s.made)
	size := s.rng.IntN(100)
	if s.rng.IntN(10) == 0 {
		size = s.rng.IntN(1500)
	}
	if s.fixed > 0 {
		size = s.fixed
	}
	s.made = append(s.made, made{size: size, gen: s.gen, life: s.opens})
	return id, letters(id, size)
}

func (s *story) appendOne() (r appended) {
	id, payload := s.make()
	r.seq, r.err = s.l.Append(typeOf(id), time.UnixMilli(int64(id)), clockOf(id), payload)
	return r
}

// appendTogether lets all join one batch, in order, before the first gets at the file.
func (s *story) appendTogether(results []appended) {
	l := s.l
	var all sync.WaitGroup
	l.io.Lock()
	for i := range results {
		id, payload := s.make()
		all.Go(func() {
			defer func() { results[i].crash = recover() }()
			results[i].seq, results[i].err = l.Append(typeOf(id), time.UnixMilli(int64(id)), clockOf(id), payload)
		})
		for joined := false; !joined; runtime.Gosched() {
			l.mu.Lock()
			joined = l.pending.count > i
			l.mu.Unlock()
		}
	}
	l.io.Unlock()
	all.Wait()
}

func typeOf(id int) uint32  { return uint32(id%5 + 1) }
func clockOf(id int) uint32 { return uint32(id % 3) }

// give notes that somebody saw a record under a number.
func (s *story) give(seq uint64, id int, durable bool) {
	if had := s.given[seq]; had != nil {
		if had.id != id {
			s.fail("number %d is of record %d, and was of %d", seq, id, had.id)
		}
		had.durable, had.lost = had.durable || durable, false
		return
	}
	if m := &s.made[id]; m.seq != 0 && m.seq != seq {
		s.fail("record %d has the numbers %d and %d", id, m.seq, seq)
	}
	for _, g := range s.gaps {
		if g.Epoch == s.epoch && g.First <= seq && seq <= g.Last && s.d.faulted == 0 {
			s.fail("record %d has number %d, which is a gap: %+v", id, seq, g)
		}
	}
	s.made[id].seq = seq
	s.given[seq] = &given{id: id, durable: durable}
	s.top = max(s.top, seq)
}

// sees checks a record that the log handed out.
func (s *story) sees(r Record) {
	id := int(r.WallMs)
	if id <= 0 || id >= len(s.made) {
		s.fail("record %d was never made: %+v", r.Seq, r)
	}
	m := s.made[id]
	if r.Type != typeOf(id) || r.Boot != 7 || r.Clock != clockOf(id) || !bytes.Equal(r.Payload, letters(id, m.size)) {
		s.fail("record %d is wrong: %+v", r.Seq, r)
	}
	if m.gen != s.gen {
		s.fail("record %d is of another log's life", r.Seq)
	}
	if m.refused && m.life == s.opens {
		s.fail("record %d was refused", r.Seq)
	}
	if _, known := s.given[r.Seq]; !known && r.Seq <= s.top && m.life == s.opens {
		s.fail("record %d comes late", r.Seq)
	}
	s.give(r.Seq, id, false)
}

// letters are the payload of an id.
func letters(id, size int) []byte { return alphabet[id*31%len(letter):][:size] }

const letter = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

var alphabet = bytes.Repeat([]byte(letter), 60)

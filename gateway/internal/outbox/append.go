package outbox

import (
	"fmt"
	"path/filepath"
	"time"
)

const (
	syncBytes = 64 << 10 // unsynced bytes that make Append sync
	// maxUnsynced is how many records may be written and not yet synced. After a power cut, as many numbers are skipped.
	maxUnsynced = 4096
	storeTries  = 4 // writes tried for one batch, each but the first to a new file; a full disk has its own limit: what can be freed
)

// batch is what concurrent Appends put on disk together: one write and one fsync.
type batch struct {
	frames []byte
	count  int
	done   bool
	first  uint64
	err    error
}

// Draft is a record to be appended.
type Draft struct {
	Type    uint32
	At      time.Time
	Clock   uint32        // quality of At
	Waited  time.Duration // since At, on the real clock: Record.MonoMs is the same moment
	Payload []byte
}

// Append adds a record and returns its number, durable as Config.Sync says. The payload is copied. It may wait for the disk.
// On error nothing was kept, and the error says what to do: ErrTooLarge, ErrUnavailable, ErrClosed.
func (l *Log) Append(typ uint32, at time.Time, clock uint32, payload []byte) (uint64, error) {
	return l.AppendAll(Draft{Type: typ, At: at, Clock: clock, Payload: payload})
}

// AppendAll adds records in their order, with numbers that follow each other, and returns the first one's. They share one write
// and one fsync, and on error none of them was kept. The caller sees to it that they are not much more than a segment.
func (l *Log) AppendAll(records ...Draft) (first uint64, err error) {
	mono := time.Since(l.cfg.Started)
	for _, d := range records {
		if len(d.Payload) > MaxPayload {
			return 0, fmt.Errorf("append to outbox: %w", ErrTooLarge)
		}
	}
	l.mu.Lock()
	b := l.pending
	place := uint64(b.count)
	b.count += len(records)
	for _, d := range records {
		made := uint64(max(0, (mono - d.Waited).Milliseconds()))
		r := Record{Type: d.Type, Boot: l.cfg.Boot, Clock: d.Clock, WallMs: d.At.UnixMilli(), MonoMs: made, Payload: d.Payload}
		b.frames = appendRecord(b.frames, r, payloadSum(d.Payload))
	}
	l.mu.Unlock()

	l.io.Lock() // whoever gets it first stores the batch for all who joined
	defer l.io.Unlock()
	if !b.done {
		l.commit(b)
	}
	if b.err != nil {
		return 0, fmt.Errorf("append to outbox: %w", b.err)
	}
	return b.first + place, nil
}

// Drop gives up n records that Append refused: they get numbers and become a Gap, so that their loss shows.
func (l *Log) Drop(n uint64) {
	l.io.Lock()
	defer l.io.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.skip(l.next+n, ReasonWrite)
}

// skip makes to the next number and reports those between. It needs io and mu.
func (l *Log) skip(to uint64, reason string) {
	if to <= l.next {
		return
	}
	l.noteHole(l.next, to-1, reason)
	if len(l.tail) == 0 {
		l.durable = to - 1
	}
	l.next, l.hole = to, true
	l.signal()
}

// commit needs io.
func (l *Log) commit(b *batch) {
	l.mu.Lock()
	l.pending = &batch{frames: l.spare[:0]}
	closed := l.closed
	l.mu.Unlock()
	l.spare = nil
	b.done = true
	if closed {
		b.err = ErrClosed
		return
	}
	if b.err = l.store(b); b.err == nil {
		l.renewReserve()
	}
	l.spare, b.frames = b.frames, nil
}

// store puts a batch behind the tail, writes it and, when due, syncs. Readers see it only when it has succeeded.
func (l *Log) store(b *batch) error {
	l.mu.Lock()
	b.first = l.next
	number(b.frames, b.first)
	held := l.unsynced()
	due := l.cfg.Sync == 0 || len(l.tail)+len(b.frames) >= syncBytes || held+uint64(b.count) >= maxUnsynced
	l.tail = append(l.tail, b.frames...)
	l.mu.Unlock()
	err := l.flush(due)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.tail = l.tail[:len(l.tail)-len(b.frames)]
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	l.next = b.first + uint64(b.count)
	l.stats.Appended += uint64(b.count)
	if !due {
		l.startTimer()
	}
	l.signal()
	return nil
}

// unsynced needs mu.
func (l *Log) unsynced() uint64 { return l.next - 1 - l.durable }

// flush writes the tail and syncs it if asked. A file that failed once is never written or synced again: the kernel may
// have forgotten what it could not write. What is not durable goes into a new file.
func (l *Log) flush(sync bool) error {
	for try := 1; ; try++ {
		err := l.flushOnce(sync)
		if err == nil {
			return nil
		}
		l.abandon(err)
		full := isFull(err)
		if full && l.makeRoom() {
			continue
		}
		if full || try >= storeTries || l.isDegraded() {
			l.degrade(err)
			return err
		}
	}
}

// isDegraded: on a disk that took nothing the last time, one try is enough.
func (l *Log) isDegraded() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return !l.stats.Degraded.IsZero()
}

// degrade notes that the disk takes nothing. The records are the callers', who try again, or unsynced ones in the tail.
func (l *Log) degrade(cause error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Cause = cause
	if !l.stats.Degraded.IsZero() {
		return
	}
	l.stats.Degraded = time.Now()
	l.cfg.Log.Error("storage degraded: the disk takes nothing, records wait in memory", "outbox", l.cfg.Dir, "err", cause)
	l.signal()
}

// wellAgain needs mu. Only an fsync shows it: a failing disk may take writes into the cache.
func (l *Log) wellAgain() {
	if l.stats.Degraded.IsZero() {
		return
	}
	l.cfg.Log.Info("storage is well again", "outbox", l.cfg.Dir, "after", time.Since(l.stats.Degraded))
	l.stats.Degraded, l.stats.Cause = time.Time{}, nil
	l.signal()
}

func (l *Log) flushOnce(sync bool) error {
	if l.inFile == len(l.tail) && (l.inFile == 0 || !sync) {
		return nil
	}
	if err := l.rotate(); err != nil {
		return err
	}
	if err := l.writeTail(); err != nil {
		return err
	}
	if !sync {
		return nil
	}
	return l.syncFile()
}

// writeTail appends to the active file what it does not hold yet.
func (l *Log) writeTail() error {
	seg := l.segs[len(l.segs)-1]
	l.wbuf = append(l.wbuf[:0], l.tail[l.inFile:]...) // a copy: readers may be looking at the tail
	seal(l.wbuf, seg.seed(), seg.size)
	n, err := l.active.WriteAt(l.wbuf, seg.size)
	if err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(seg.path), err)
	}
	l.mu.Lock()
	seg.size += int64(n)
	l.stats.Written += uint64(n)
	l.mu.Unlock()
	l.inFile = len(l.tail)
	return nil
}

// syncFile makes durable what the active file holds of the tail, and lets go of the copy in memory.
func (l *Log) syncFile() error {
	if err := l.active.Sync(); err != nil {
		return fmt.Errorf("sync segment: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Fsyncs++
	l.synced = l.segs[len(l.segs)-1].size
	l.wellAgain()
	for off := 0; off < l.inFile; off += frameSize(l.tail[off:]) {
		l.durable = frameSeq(l.tail[off:])
		l.last = l.durable
		l.fasten(l.durable)
	}
	l.tail = l.tail[:copy(l.tail, l.tail[l.inFile:])]
	l.inFile = 0
	if len(l.tail) == 0 {
		l.durable = max(l.durable, l.next-1) // numbers that Drop gave up
	}
	l.stopTimer() // the next interval begins with the next record
	return nil
}

// startTimer needs io.
func (l *Log) startTimer() {
	if l.timer == nil {
		l.timer = time.AfterFunc(l.cfg.Sync, l.syncDue)
	}
}

// stopTimer needs io.
func (l *Log) stopTimer() {
	if l.timer != nil {
		l.timer.Stop()
		l.timer = nil
	}
}

func (l *Log) syncDue() {
	l.io.Lock()
	defer l.io.Unlock()
	l.timer = nil
	if l.isClosed() {
		return
	}
	if err := l.flush(true); err != nil {
		l.startTimer()
	}
}

package outbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

const hintEvery = 5 * time.Second // how often an acknowledgement updates the cursor file

// rotate makes sure that there is an active file with room for what is to be written.
func (l *Log) rotate() error {
	if l.active != nil {
		seg := l.segs[len(l.segs)-1]
		if !l.hole && (seg.size == headerSize || seg.size+int64(len(l.tail)-l.inFile) <= l.cfg.Segment) {
			return nil
		}
		if l.inFile > 0 {
			if err := l.syncFile(); err != nil {
				return err
			}
		}
		_ = l.active.Close() // everything in it is synced
		l.active = nil
	}
	first := l.next
	if len(l.tail) > 0 {
		first = frameSeq(l.tail)
	}
	l.enforceQuota()
	return l.create(first)
}

// create makes a segment that may take records: its header and its name are on disk before the first of them.
func (l *Log) create(first uint64) error {
	if err := l.secure(); err != nil {
		return err
	}
	h := header{stream: l.cfg.Stream, epoch: l.epoch, first: first, createdMs: time.Now().UnixMilli(), given: l.next, before: l.last}
	path := filepath.Join(l.cfg.Dir, segmentName(first))
	f, err := l.cfg.disk.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	there := errors.Is(err, fs.ErrExist)
	if there { // given up before it held anything; its header may be all that shows which numbers are taken
		f, err = l.cfg.disk.OpenFile(path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	}
	if err != nil {
		return fmt.Errorf("create segment: %w", err)
	}
	if _, err = f.WriteAt(h.encode(), 0); err == nil {
		err = f.Sync()
	}
	if err == nil && there {
		err = l.cfg.disk.Rename(path+".new", path)
	}
	if err == nil {
		err = syncDir(l.cfg.disk, l.cfg.Dir)
	}
	if err != nil {
		_ = f.Close()
		if !there {
			_ = l.cfg.disk.Remove(path) // it would do no harm
		}
		return fmt.Errorf("create segment: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active, l.synced, l.hole = f, headerSize, false
	l.fasten(first - 1)
	if n := len(l.segs); n > 0 && l.segs[n-1].first == first {
		l.segs = l.segs[:n-1]
	}
	l.segs = append(l.segs, &segment{header: h, path: path, size: headerSize})
	return nil
}

// abandon gives up the active file after an error. Its durable records stay readable.
func (l *Log) abandon(cause error) {
	if l.active != nil { // not under mu: a dying disk may take long, and Stats and readers are not to wait for it
		if l.cfg.Sync == 0 {
			_ = l.active.Truncate(l.synced) // the rest was refused; when this fails, a restart may find it
		}
		_ = l.active.Close()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stats.Failures++
	if l.stats.Degraded.IsZero() {
		l.cfg.Log.Warn("outbox changes to a new file", "outbox", l.cfg.Dir, "err", cause)
	}
	if l.active == nil {
		return
	}
	l.active, l.inFile = nil, 0
	l.segs[len(l.segs)-1].size = l.synced
}

// enforceQuota leaves room for one more segment.
func (l *Log) enforceQuota() {
	for l.bytes()+l.cfg.Segment > l.cfg.Quota && l.evict(false) {
	}
}

func (l *Log) bytes() (n int64) {
	for _, s := range l.segs {
		n += s.size
	}
	return n
}

// makeRoom frees space on a full disk: first history, then of the reserve, then the other log's, then the oldest
// unacknowledged records. Giving the reserve loses nothing.
func (l *Log) makeRoom() bool {
	if l.evict(true) || l.giveReserve() {
		return true
	}
	if l.cfg.MakeRoom != nil {
		return l.cfg.MakeRoom()
	}
	return l.evict(false)
}

// EvictOldest deletes the oldest segment that is not being written to. It returns false when there is none.
func (l *Log) EvictOldest() bool {
	l.io.Lock()
	defer l.io.Unlock()
	return !l.isClosed() && l.evict(false)
}

// evict needs io.
func (l *Log) evict(onlyHistory bool) bool {
	l.mu.Lock()
	if len(l.segs) < 2 { // the newest tells which numbers are taken
		l.mu.Unlock()
		return false
	}
	seg, last := l.segs[0], l.segLast(0)
	acked := last <= l.acked || last < seg.first
	c := cursor{epoch: l.epoch, cum: l.acked, kernel: l.kernel()}
	l.mu.Unlock()
	if onlyHistory && !acked || l.fixNames() != nil {
		return false
	}
	if acked && l.hint.cum < last {
		_ = l.writeCursor(c, true) // so that a restart does not take history for a loss
	}
	if err := l.cfg.disk.Remove(seg.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		l.cfg.Log.Error("cannot delete a segment", "outbox", l.cfg.Dir, "err", err)
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.segs = l.segs[1:]
	if last < seg.first {
		return true
	}
	if keep := max(seg.first, l.acked+1); keep <= last {
		l.stats.EvictedRecords += last - keep + 1
		l.noteHole(keep, last, ReasonEvicted)
	}
	l.stats.EvictedHistory += min(last, max(l.acked, seg.first-1)) - (seg.first - 1)
	return true
}

// fasten: the disk now shows that numbers up to last are taken. It needs mu.
func (l *Log) fasten(last uint64) {
	if last > l.firm {
		l.firm = last
		l.signal()
	}
}

// noteHole remembers missing numbers and reports them once, unless the cloud has them. It needs mu.
func (l *Log) noteHole(first, last uint64, reason string) {
	first = max(first, l.acked+1)
	if first > last {
		return
	}
	for _, h := range l.holes {
		if h.first <= first && last <= h.last {
			return
		}
	}
	l.holes = append(l.holes, hole{first, last})
	if n := len(l.gaps); n > 0 && l.gaps[n-1].Reason == reason && l.gaps[n-1].Last+1 == first {
		l.gaps[n-1].Last = last
	} else {
		l.gaps = append(l.gaps, Gap{Stream: l.cfg.Stream, Epoch: l.epoch, First: first, Last: last, Reason: reason})
	}
	l.signal()
}

// Ack says that the cloud has every record up to cum. They stay as history until their room is needed. A cum that this log
// never gave out means that it was restored from an old copy: it then continues after cum, so that no number is used twice,
// and reports the records whose fate is unknown. A cum that no log can reach is ignored: behind it there would be no numbers left.
func (l *Log) Ack(cum uint64) {
	if cum >= MaxSeq {
		return
	}
	l.mu.Lock()
	strange := cum >= l.next
	if !strange {
		l.advance(cum)
	}
	due := !l.closed && time.Since(l.hinted) >= hintEvery
	l.mu.Unlock()
	if !strange && !due {
		return
	}
	l.io.Lock()
	defer l.io.Unlock()
	if l.isClosed() {
		return
	}
	l.mu.Lock()
	if cum >= l.next {
		l.noteHole(l.acked+1, l.next-1, ReasonRestored)
		l.advance(cum)
		l.skip(cum+1, ReasonRestored)
	}
	l.hinted = time.Now()
	c := cursor{epoch: l.epoch, cum: l.acked, kernel: l.kernel()}
	l.mu.Unlock()
	_ = l.writeCursor(c, strange) // a hint; without it the log skips ahead at the next start
}

// advance needs mu.
func (l *Log) advance(cum uint64) {
	if unsure := l.unsure; unsure > 0 {
		l.unsure = 0
		l.noteHole(cum+1, unsure, ReasonEvicted)
	}
	if cum <= l.acked {
		return
	}
	l.acked = cum
	kept := l.holes[:0]
	for _, h := range l.holes {
		if h.last > cum {
			kept = append(kept, h)
		}
	}
	l.holes = kept
}

// writeCursor needs io.
func (l *Log) writeCursor(c cursor, durable bool) error {
	if err := writeFile(l.cfg.disk, filepath.Join(l.cfg.Dir, cursorName), c.encode(), durable); err != nil {
		return fmt.Errorf("write cursor: %w", err)
	}
	l.hint, l.oldHint = c, false
	return nil
}

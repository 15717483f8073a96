package outbox

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

const quarantineDir = "quarantine"

// found is a segment file as recovery sees it.
type found struct {
	header
	path string
	name uint64 // first number by its name
	size int64
	err  error // of its header
	mute bool  // the disk does not answer: what is in it is not known
}

// recover makes the log usable whatever the folder holds. Only the newest segment is read through: the others were complete
// on disk before it was made, and every record is verified again when it is read.
func (l *Log) recover() error {
	files, err := l.survey()
	if err != nil {
		return err
	}
	l.loose, l.adrift = len(files) == 0, true
	b, _ := readFile(l.cfg.disk, filepath.Join(l.cfg.Dir, cursorName))
	hint, known := parseCursor(b)
	l.epoch = chooseEpoch(files, hint, known)
	known = known && hint.epoch == l.epoch
	floor := l.adopt(files)
	l.next = max(1, l.firstNumber())
	reason := ReasonDamaged
	if n := len(l.segs); n > 0 {
		floor = max(floor, l.repair(l.segs[n-1], known && hint.clean), l.segs[n-1].given)
	}
	if known {
		l.hint, l.acked = hint, hint.cum
		if oldest := l.firstNumber(); oldest > hint.cum+1 {
			l.noteHole(hint.cum+1, min(oldest, l.next)-1, ReasonEvicted)
		}
		floor = max(floor, hint.cum+1, hint.next)
	} else if oldest := l.firstNumber(); oldest > 1 {
		l.unsure = oldest - 1
	}
	if len(files) > 0 && l.mayHaveSent(hint, known) {
		floor, reason = max(floor, l.next+maxUnsynced), ReasonPowerCut
	}
	l.durable = l.next - 1
	if err := l.fixNames(); err != nil {
		l.cfg.Log.Warn("folder cannot be synced", "outbox", l.cfg.Dir, "err", err)
	}
	l.settleEnd(floor, reason)
	l.begin()
	return nil
}

// settleEnd skips numbers up to floor. The next power cut may come before a record behind them is on disk, so they are skipped
// by a new segment, whose header says so.
func (l *Log) settleEnd(floor uint64, reason string) {
	if l.adrift && l.active != nil {
		_ = l.active.Close() // its name may go; nothing is written before secure has put that right
		l.active = nil
	}
	for _, s := range l.segs {
		if !l.adrift || s.size > headerSize { // before anything was written into a file, its name was made durable
			l.fasten(s.first - 1)
		}
	}
	if l.active != nil {
		l.fasten(l.durable)
	}
	if floor <= l.next {
		return
	}
	l.skip(floor, reason)
	l.owed = l.next - 1
	if l.active != nil {
		_ = l.active.Close() // reopen has synced it
		l.active = nil
	}
}

// kernel is what a cursor says: this start of the kernel, but unknown as long as the numbers skipped at the start are so in memory
// only. Otherwise a kill would undo the skip, and the next start would see no power cut.
func (l *Log) kernel() uint64 {
	if l.firm < l.owed {
		return 0
	}
	return l.cfg.kernel
}

// dropEmpty deletes segments without a record but the newest: each power cut would leave one. One behind a segment with records
// stays: its name ends what counts of that one, behind which there may be records that were refused or written again elsewhere.
func (l *Log) dropEmpty() {
	kept := l.segs[:0]
	for i, s := range l.segs {
		if i+1 < len(l.segs) && s.size == headerSize {
			l.noteHole(s.first, l.segs[i+1].first-1, ReasonPowerCut)
			if n := len(kept); (n == 0 || kept[n-1].size == headerSize) && l.cfg.disk.Remove(s.path) == nil {
				continue
			}
		}
		kept = append(kept, s)
	}
	l.segs = kept
}

// mayHaveSent says whether records that are not on disk may have got numbers and gone up: after a power cut, when Append
// does not wait for the disk.
func (l *Log) mayHaveSent(hint cursor, known bool) bool {
	if !known {
		return l.cfg.Sync > 0
	}
	if hint.clean {
		return false // hint.next is the number to go on with
	}
	return l.cfg.Sync > 0 && (hint.kernel == 0 || hint.kernel != l.cfg.kernel)
}

// survey lists the segment files and reads their headers.
func (l *Log) survey() ([]found, error) {
	entries, err := l.cfg.disk.ReadDir(l.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var files []found
	for _, e := range entries {
		first, ok := parseSegmentName(e.Name())
		if !ok || e.IsDir() {
			continue
		}
		f := found{path: filepath.Join(l.cfg.Dir, e.Name()), name: first}
		for try := 0; try == 0 || f.mute && try < readFaults; try++ {
			f.header, f.size, f.mute, f.err = readHeader(l.cfg.disk, f.path)
		}
		if info, err := e.Info(); f.mute && err == nil {
			f.size = min(info.Size(), maxFile)
		}
		if f.err == nil && (f.first != first || l.cfg.Stream != 0 && f.stream != l.cfg.Stream) {
			f.err = fmt.Errorf("is of stream %d and starts at %d", f.stream, f.first)
		}
		files = append(files, f)
	}
	slices.SortFunc(files, func(a, b found) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	return files, nil
}

// readHeader also says whether it is the disk that failed, and not what is on it.
func readHeader(d disk, path string) (h header, size int64, mute bool, err error) {
	f, err := d.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return header{}, 0, true, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return header{}, 0, true, err
	}
	b := make([]byte, headerSize)
	n, err := f.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) { // a short file has no header
		return header{}, min(info.Size(), maxFile), true, err
	}
	h, err = parseHeader(b[:n])
	return h, min(info.Size(), maxFile), false, err
}

// chooseEpoch: the one the cursor knows if any file has it, else that of the newest good file, else the cursor's, else new. A file
// of a header alone counts only when there is no other: it was being made when the power went, and its header may be an old
// one of the same blocks.
func chooseEpoch(files []found, hint cursor, known bool) uint64 {
	var newest uint64
	for _, f := range files {
		if f.err != nil {
			continue
		}
		if known && f.epoch == hint.epoch {
			return hint.epoch
		}
		if newest == 0 || f.size > headerSize {
			newest = f.epoch
		}
	}
	switch {
	case newest != 0:
		return newest
	case known && len(files) > 0:
		return hint.epoch
	}
	return newEpoch()
}

func newEpoch() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return max(1, binary.LittleEndian.Uint64(b[:]))
}

// adopt takes the good files of the log's epoch and moves the others aside. It returns the number from which on no record
// of a file with a damaged header can have been.
func (l *Log) adopt(files []found) (floor uint64) {
	for _, f := range files {
		if f.err == nil && f.epoch == l.epoch {
			l.segs = append(l.segs, &segment{header: f.header, path: f.path, size: f.size})
			continue
		}
		if f.mute { // it may answer later; its records prove themselves then
			l.cfg.Log.Error("segment cannot be read", "file", f.path, "err", f.err)
			h := header{stream: l.cfg.Stream, epoch: l.epoch, first: f.name}
			l.segs = append(l.segs, &segment{header: h, path: f.path, size: f.size})
			continue
		}
		l.cfg.Log.Warn("segment moved to quarantine", "file", f.path, "err", f.err, "epoch", f.epoch)
		l.quarantineFile(f.path)
		if f.err != nil && f.size > headerSize {
			floor = max(floor, f.name+lost(f.size-headerSize))
		}
	}
	return floor
}

func (l *Log) firstNumber() uint64 {
	if len(l.segs) == 0 {
		return 0
	}
	return l.segs[0].first
}

// repair reads the newest segment through, cuts a torn tail off and opens it for more. It sets next, and returns the number
// from which on no record of a cut tail can have been.
func (l *Log) repair(seg *segment, orderly bool) (floor uint64) {
	l.next, l.last = seg.first, seg.before
	data, err := readFile(l.cfg.disk, seg.path)
	for try := 1; err != nil && try < readFaults; try++ {
		data, err = readFile(l.cfg.disk, seg.path)
	}
	if err != nil {
		l.shaky = seg // perhaps it can later
		l.hide(seg.first)
		l.cfg.Log.Error("segment cannot be read", "file", seg.path, "err", err)
		return seg.first + lost(seg.size-headerSize) + maxUnsynced // it may have skipped numbers, which its header would say
	}
	h, err := parseHeader(data)
	if err != nil || h.epoch != seg.epoch || h.first != seg.first { // it did not answer before, and is not what its name says
		return seg.first + lost(seg.size-headerSize)
	}
	seg.header = h
	good, damaged, batch := headerSize, false, seg.first
	for off := headerSize; off < len(data); {
		r, n, err := parseRecord(data[off:], seg.seed(), int64(off))
		if err != nil || r.Seq < l.next {
			skip := resync(data[off:], seg.seed(), int64(off), l.next)
			if skip < 0 {
				break
			}
			damaged = true
			off += skip
			continue
		}
		if startsBatch(data[off:]) {
			batch = r.Seq
		}
		l.next, l.last = r.Seq+1, r.Seq
		off += n
		good = off
	}
	if torn := data[good:]; len(torn) > 0 {
		floor = l.next + lostIn(torn, seg.seed(), int64(good))
		l.cfg.Log.Warn("torn end cut off", "file", seg.path, "bytes", len(torn), "after", l.next-1)
		l.quarantineBytes(filepath.Base(seg.path), torn)
	}
	seg.size = int64(good)
	if !orderly {
		l.shaky, l.shakyBytes = seg, data
		l.hide(batch)
	}
	if !damaged {
		l.reopen(seg, data[:good], good < len(data), orderly)
	}
	return floor
}

// reopen makes the newest segment the active file. What a killed process wrote is synced before anything is built on it.
// It is written again for that: if an fsync of the killed process failed, the kernel takes the pages for clean and another
// fsync alone would succeed and mean nothing. When this fails the segment is only read, and a new one will be made.
func (l *Log) reopen(seg *segment, good []byte, cut, orderly bool) {
	size := int64(len(good))
	f, err := l.cfg.disk.OpenFile(seg.path, os.O_RDWR, 0)
	if err != nil {
		l.cfg.Log.Warn("segment cannot be continued", "file", seg.path, "err", err)
		return
	}
	if !orderly {
		_, err = f.WriteAt(good, 0)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		_ = f.Close()
		l.cfg.Log.Warn("segment cannot be continued", "file", seg.path, "err", err)
		return
	}
	l.active, l.synced = f, size
	l.secured()
	if cut {
		l.torn = seg
	}
}

// cutTorn cuts off the torn end of the segment before the active one. Not earlier: the torn bytes tell how many numbers may have
// been given, until the header of the next segment does.
func (l *Log) cutTorn() {
	if l.torn == nil {
		return
	}
	f, err := l.cfg.disk.OpenFile(l.torn.path, os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(f.Truncate(l.torn.size), f.Close())
	}
	if err != nil {
		l.cfg.Log.Warn("torn end stays", "file", l.torn.path, "err", err)
	}
	l.torn = nil
}

// begin readies a recovered log for its first record. What fails here is tried again by Append.
func (l *Log) begin() {
	trimQuarantine(l.cfg.disk, filepath.Join(l.cfg.Dir, quarantineDir))
	if l.active == nil {
		l.enforceQuota()
		if err := l.create(l.next); err != nil {
			l.abandon(err)
			l.degrade(err)
		} else {
			l.cutTorn()
			l.dropEmpty()
		}
	}
	l.openReserve()
	if err := l.writeCursor(cursor{epoch: l.epoch, cum: l.acked, kernel: l.kernel()}, true); err != nil {
		l.cfg.Log.Warn("outbox goes on without a cursor", "outbox", l.cfg.Dir, "err", err)
		if l.oldHint = l.hint.clean; l.oldHint && l.active != nil {
			_ = l.active.Close() // nothing is written before secure has put that right
			l.active = nil
		}
	}
}

// quarantineFile moves a file aside under a name that sorts by when it happened.
func (l *Log) quarantineFile(path string) {
	to := filepath.Join(l.cfg.Dir, quarantineDir, l.quarantineName(filepath.Base(path)))
	if err := l.cfg.disk.Rename(path, to); err != nil {
		l.cfg.Log.Warn("damaged file stays where it is", "file", path, "err", err)
	}
}

func (l *Log) quarantineBytes(name string, b []byte) {
	to := filepath.Join(l.cfg.Dir, quarantineDir, l.quarantineName(name+".tail"))
	if err := writeFile(l.cfg.disk, to, b[:min(len(b), quarantineLimit)], false); err != nil {
		l.cfg.Log.Warn("damaged bytes are not kept", "file", name, "err", err)
	}
}

// quarantineName counts on from the names there are; a wall clock could go back.
func (l *Log) quarantineName(name string) string {
	n := 0
	entries, _ := l.cfg.disk.ReadDir(filepath.Join(l.cfg.Dir, quarantineDir))
	for _, e := range entries {
		var i int
		if _, err := fmt.Sscanf(e.Name(), "%08d-", &i); err == nil {
			n = max(n, i)
		}
	}
	return fmt.Sprintf("%08d-%s", n+1, name)
}

package outbox

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

const (
	reserveName  = "reserve"
	reserveRetry = time.Minute // between two looks at whether there is room for a new reserve

	// DefaultReserve is what the events log keeps in reserve, in bytes.
	DefaultReserve = 4 << 20
)

// roomy is a disk that knows its free space.
type roomy interface {
	Free(dir string) (bytes int64, err error)
}

// The reserve is a file without meaning that holds blocks of the disk. On a full disk it is cut by one segment at a time, so
// that what is freed is taken by this log at once and not by whoever filled the disk.

// openReserve looks how much is in reserve from the last run. It needs io, as the others here.
func (l *Log) openReserve() {
	if l.cfg.Reserve == 0 {
		return
	}
	if f, err := l.cfg.disk.OpenFile(l.reservePath(), os.O_RDONLY, 0); err == nil {
		if info, err := f.Stat(); err == nil {
			l.setReserve(info.Size())
		}
		_ = f.Close()
	}
	l.renewReserve()
}

func (l *Log) reservePath() string { return filepath.Join(l.cfg.Dir, reserveName) }

func (l *Log) setReserve(n int64) {
	l.mu.Lock()
	l.stats.Reserve = n
	l.mu.Unlock()
	l.reserve = n
}

// giveReserve frees room for a segment; false when there is nothing left to give.
func (l *Log) giveReserve() bool {
	if l.reserve == 0 {
		return false
	}
	left := l.reserve - l.cfg.Segment
	if left < l.cfg.Segment || l.cutReserve(left) != nil {
		left = 0
		if err := l.cfg.disk.Remove(l.reservePath()); err != nil {
			l.cfg.Log.Error("cannot give the reserve", "outbox", l.cfg.Dir, "err", err)
			l.setReserve(0) // it would not succeed the next time either
			return false
		}
	}
	l.setReserve(left)
	l.reserveTried = time.Now()
	l.cfg.Log.Warn("the disk is full, the reserve is in use", "outbox", l.cfg.Dir, "left", left)
	return true
}

func (l *Log) cutReserve(size int64) error {
	f, err := l.cfg.disk.OpenFile(l.reservePath(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		return err
	}
	return f.Sync() // some file systems free blocks only then
}

// renewReserve makes the reserve whole, when the disk has room for it and as much again.
func (l *Log) renewReserve() {
	if l.reserve >= l.cfg.Reserve || time.Since(l.reserveTried) < reserveRetry {
		return
	}
	l.reserveTried = time.Now()
	if d, ok := l.cfg.disk.(roomy); ok {
		if free, err := d.Free(l.cfg.Dir); err == nil && free < 2*l.cfg.Reserve {
			return
		}
	}
	if err := l.writeReserve(); err != nil {
		l.cfg.Log.Warn("there is no reserve for a full disk", "outbox", l.cfg.Dir, "err", err)
		_ = l.cfg.disk.Remove(l.reservePath() + ".new") // otherwise the next try overwrites it
		return
	}
	l.setReserve(l.cfg.Reserve)
}

// writeReserve fills the file with noise, which no file system keeps in fewer blocks than it has bytes.
func (l *Log) writeReserve() error {
	tmp := l.reservePath() + ".new"
	f, err := l.cfg.disk.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	noise := rand.NewChaCha8([32]byte{})
	chunk := make([]byte, min(64<<10, l.cfg.Reserve))
	for off := int64(0); off < l.cfg.Reserve; off += int64(len(chunk)) {
		chunk = chunk[:min(int64(len(chunk)), l.cfg.Reserve-off)]
		_, _ = noise.Read(chunk) // never fails
		if _, err := f.WriteAt(chunk, off); err != nil {
			return err
		}
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := l.cfg.disk.Rename(tmp, l.reservePath()); err != nil {
		return err
	}
	return syncDir(l.cfg.disk, l.cfg.Dir)
}

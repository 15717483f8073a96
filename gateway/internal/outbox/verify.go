package outbox

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// Verdict is what Verify or Repair found, and what Open does or did about it.
type Verdict struct {
	Summary        // before anything was done
	Steps   []Step // to the files
	Gaps    []Gap  // told at the start; damage in older files is told when it is read
	GoOn    uint64 // the number of the next record
}

// OK says that all of it is there: no damage, no missing file, nothing to do for Open.
func (v Verdict) OK() bool {
	for _, s := range v.Segments {
		if s.Damaged > 0 || s.Problem != "" {
			return false
		}
	}
	for _, h := range v.Holes {
		if h.Reason != ReasonSkipped {
			return false
		}
	}
	for _, s := range v.Steps {
		if s.Do != StepCreate {
			return false
		}
	}
	return true
}

// Step is one thing done to a file of a log.
type Step struct {
	Do    string // one of the Step constants
	File  string // name in the folder
	At    int64  // offset of what is cut off
	Bytes int64  // moved or cut off
}

// What Open does to files.
const (
	StepQuarantine = "quarantine" // the file is moved aside
	StepTruncate   = "truncate"   // the end is cut off, and kept aside
	StepCreate     = "create"     // a new file takes the next records
)

// Verify reads every record of a log and rehearses what Open would do. It changes nothing and takes no lock; in a log in use
// the newest record may look cut off.
func Verify(dir string) (Verdict, error) { return judge(dir, false) }

// Repair does to a folder what Open does: damaged files and ends are moved aside, and the numbers go on where they can. It
// deletes nothing. The error wraps ErrInUse while a gateway has the folder.
func Repair(dir string) (Verdict, error) { return judge(dir, true) }

func judge(dir string, act bool) (v Verdict, err error) {
	if v.Summary, err = Inspect(dir, nil); err != nil {
		return v, err
	}
	if len(v.Segments) == 0 {
		return v, fmt.Errorf("there is no log in %s", dir)
	}
	seen := &witness{disk: osDisk{}, act: act}
	c := Config{Dir: dir, Stream: v.Stream, Quota: math.MaxInt64, Sync: time.Second, disk: seen}
	const events = 1
	if v.Stream == events { // the others may have sent what a power cut took, and skip numbers
		c.Sync = 0
	}
	if v.Stream == 0 {
		if act {
			return v, errors.New("repair: no file has an intact header of this format; started here, a gateway begins anew")
		}
		c.Stream = events
	}
	if err := c.complete(); err != nil {
		return v, err
	}
	l := &Log{cfg: c, pending: &batch{}}
	if err := l.judged(act); err != nil {
		return v, err
	}
	v.Steps, v.Gaps, v.GoOn = seen.steps, l.gaps, l.next
	return v, nil
}

// judged recovers; acting, it also holds the lock and ends in order, so that the numbers skipped now stay skipped.
func (l *Log) judged(act bool) error {
	if act {
		if err := l.takeLock(); err != nil {
			return err
		}
	}
	if err := l.recover(); err != nil {
		if act {
			err = errors.Join(err, l.lock.Close())
		}
		return err
	}
	switch {
	case act:
		return l.Close()
	case l.active != nil:
		return l.active.Close()
	}
	return nil
}

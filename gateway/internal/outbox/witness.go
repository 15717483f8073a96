package outbox

import (
	"io"
	"os"
	"path/filepath"
	"slices"
)

// witness is the real disk for Verify and Repair: it notes what recovery does to segments. When it does not act, nothing is
// changed. It never deletes a segment or what is in quarantine.
type witness struct {
	disk
	act   bool
	steps []Step
}

func isSegment(path string) bool {
	_, ok := parseSegmentName(filepath.Base(path))
	return ok
}

func (w *witness) note(do, path string, at, bytes int64) {
	w.steps = append(w.steps, Step{Do: do, File: filepath.Base(path), At: at, Bytes: bytes})
}

func (w *witness) OpenFile(name string, flag int, perm os.FileMode) (file, error) {
	changes := flag&(os.O_CREATE|os.O_RDWR|os.O_WRONLY) != 0
	if !changes {
		return w.disk.OpenFile(name, flag, perm)
	}
	create := flag&os.O_CREATE != 0
	if create && !w.act {
		if isSegment(name) {
			if _, err := os.Stat(name); err == nil && !w.moved(name) {
				return nil, os.ErrExist
			}
			w.note(StepCreate, name, 0, 0)
		}
		return blank{}, nil
	}
	if !w.act {
		flag = os.O_RDONLY
	}
	f, err := w.disk.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	if create && isSegment(name) {
		w.note(StepCreate, name, 0, 0)
	}
	return witnessFile{f, w, name}, nil
}

func (w *witness) moved(name string) bool {
	return slices.ContainsFunc(w.steps, func(s Step) bool { return s.Do == StepQuarantine && s.File == filepath.Base(name) })
}

func (w *witness) Rename(from, to string) error {
	if isSegment(from) {
		if info, err := os.Stat(from); err == nil {
			w.note(StepQuarantine, from, 0, info.Size())
		}
	}
	if !w.act {
		return nil
	}
	return w.disk.Rename(from, to)
}

func (w *witness) Remove(name string) error {
	if !w.act || isSegment(name) || filepath.Base(filepath.Dir(name)) == quarantineDir {
		return nil
	}
	return w.disk.Remove(name)
}

type witnessFile struct {
	file
	w    *witness
	name string
}

func (f witnessFile) Truncate(size int64) error {
	if info, err := f.Stat(); err == nil {
		f.w.note(StepTruncate, f.name, size, info.Size()-size)
	}
	if !f.w.act {
		return nil
	}
	return f.file.Truncate(size)
}

func (f witnessFile) WriteAt(b []byte, off int64) (int, error) {
	if !f.w.act {
		return len(b), nil
	}
	return f.file.WriteAt(b, off)
}

func (f witnessFile) Sync() error {
	if !f.w.act {
		return nil
	}
	return f.file.Sync()
}

// blank is a file that would be made.
type blank struct{}

func (blank) ReadAt([]byte, int64) (int, error)      { return 0, io.EOF }
func (blank) WriteAt(b []byte, _ int64) (int, error) { return len(b), nil }
func (blank) Close() error                           { return nil }
func (blank) Sync() error                            { return nil }
func (blank) Truncate(int64) error                   { return nil }
func (blank) Stat() (os.FileInfo, error)             { return nil, os.ErrInvalid }

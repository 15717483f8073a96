package outbox

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

// disk is what the log needs of a file system. Tests put faults into it.
type disk interface {
	OpenFile(name string, flag int, perm os.FileMode) (file, error)
	Remove(name string) error
	Rename(from, to string) error
	ReadDir(name string) ([]os.DirEntry, error)
}

type file interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Sync() error
	Truncate(size int64) error
	Stat() (os.FileInfo, error)
}

type osDisk struct{}

func (osDisk) OpenFile(name string, flag int, perm os.FileMode) (file, error) {
	return os.OpenFile(name, flag, perm)
}
func (osDisk) Remove(name string) error                   { return os.Remove(name) }
func (osDisk) Rename(from, to string) error               { return os.Rename(from, to) }
func (osDisk) ReadDir(name string) ([]os.DirEntry, error) { return os.ReadDir(name) }

// Free is the room that a program without privileges can still use, in bytes.
func (osDisk) Free(dir string) (int64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// syncDir makes created, renamed and removed names of a folder durable.
func syncDir(d disk, dir string) error {
	f, err := d.OpenFile(dir, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// maxFile is more than any file here has, in bytes. One that claims more is damaged, and is not to end the program for want of memory.
const maxFile = 64 << 20

// syncParents makes the names of a folder, and of those above it, durable: any of them may have just been made. Folders that are
// another's cannot be opened and were not made here; only the nearest must succeed otherwise.
func syncParents(d disk, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	parent := filepath.Dir(dir)
	if err := syncDir(d, parent); err != nil && !errors.Is(err, fs.ErrPermission) && !errors.Is(err, syscall.EINVAL) {
		return err
	}
	for up := filepath.Dir(parent); up != parent; parent, up = up, filepath.Dir(up) {
		if err := syncDir(d, up); errors.Is(err, syscall.EIO) {
			return err
		}
	}
	return nil
}

func readFile(d disk, path string) ([]byte, error) {
	f, err := d.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(info.Size(), maxFile))
	n, err := f.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], err
}

// writeFile replaces a file in one step. With durable it also waits until the disk has it.
func writeFile(d disk, path string, b []byte, durable bool) error {
	tmp := path + ".new"
	f, err := d.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(b, 0)
	if durable && err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := d.Rename(tmp, path); err != nil || !durable {
		return err
	}
	return syncDir(d, filepath.Dir(path))
}

// isFull tells a full disk from other errors.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, io.ErrShortWrite)
}

const quarantineLimit = 4 << 20 // bytes kept for whoever wants to look at damage

// trimQuarantine removes the oldest evidence beyond the limit. Names begin with a counter that only grows.
func trimQuarantine(d disk, dir string) {
	entries, err := d.ReadDir(dir)
	if err != nil {
		return
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int {
		if a.Name() > b.Name() {
			return -1
		}
		return 1
	})
	var total int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			continue
		}
		if total += info.Size(); total > quarantineLimit {
			_ = d.Remove(filepath.Join(dir, e.Name())) // tried again at the next start
		}
	}
}

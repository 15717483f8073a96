package update

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// disk is what the slots need of a file system. Tests cut its power.
type disk interface {
	Open(name string) (io.ReadCloser, error)
	Create(name string, mode os.FileMode) (file, error) // empty
	Rename(from, to string) error
	Remove(name string) error
	Symlink(to, name string) error
	Readlink(name string) (string, error)
	Mkdir(name string) error
	SyncDir(name string) error
	Free(dir string) (int64, error) // bytes
}

type file interface {
	io.WriteCloser
	Sync() error
}

type osDisk struct{}

func (osDisk) Open(name string) (io.ReadCloser, error) { return os.Open(name) }
func (osDisk) Create(name string, mode os.FileMode) (file, error) {
	return os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
}
func (osDisk) Rename(from, to string) error         { return os.Rename(from, to) }
func (osDisk) Remove(name string) error             { return os.Remove(name) }
func (osDisk) Symlink(to, name string) error        { return os.Symlink(to, name) }
func (osDisk) Readlink(name string) (string, error) { return os.Readlink(name) }
func (osDisk) Mkdir(name string) error              { return os.Mkdir(name, 0o700) }
func (osDisk) SyncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Free is the room that a program without privileges can still use.
func (osDisk) Free(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// errLock says that the disk does not even take the lock: nothing can be changed, and nobody else changes anything.
var errLock = errors.New("the slots cannot be locked")

// lock keeps two programs from changing the slots at once. The kernel lets go of it when the program ends.
func lock(name string) (unlock func() error, err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, errors.Join(errLock, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(errLock, err, f.Close())
	}
	return f.Close, nil
}

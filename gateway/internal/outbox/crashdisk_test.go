package outbox

import (
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sector is what a disk writes as one, if the power holds. Bytes of a sector that were not written anew stay as they were even
// when it does not (SQLite calls that power-safe overwrite, and assumes it too).
const sector = 512

// crashDisk is a file system in memory whose power can be cut. It keeps apart what programs see (the page cache) and what the
// medium holds, and promises only what POSIX promises: fsync of a file makes its bytes and length durable, fsync of a folder its
// names. Everything else may be on the medium or not, sector by sector and name by name. Random choices come from rng alone.
type crashDisk struct {
	rng   *rand.Rand
	dirs  map[string]*crashDir
	freed []*inode // deleted files: their blocks are handed out again, not wiped
	root  string   // the folder of the log
	firm  bool     // the name of root is on the medium
	even  bool     // the next cut takes each name with the same chance

	ops      int  // so far
	cutAt    int  // the power goes at this operation; 0 never
	dead     bool // it has gone: nothing works any more
	fault    fault
	faulted  int // operations failed by fault
	trace    func(format string, args ...any)
	onRemove func(name string, b []byte) // told of each removed file
}

// fault makes operations from..until fail.
type fault struct {
	from, until int // by crashDisk.ops; until 0: none
	err         error
	short       bool // writes do a part and say so; other operations succeed
	reads       bool // reading fails too
	syncs       bool // only fsync fails
	once        bool // only the first of them
}

type crashDir struct{ entries []*crashEntry }

// crashEntry is a name: what programs see, what the medium holds, and what it was since the folder was last synced.
type crashEntry struct {
	name      string
	now, disk *inode
	past      []*inode // values that a power cut may leave; the last is now
}

// inode is a file. A sector that is not dirty is not written by fsync, even if data and disk differ: that is what a failed fsync
// leaves behind on ext4, XFS and Btrfs.
type inode struct {
	name       string // at first
	data, disk []byte
	dirty      []bool
	resized    bool
}

var errPower = &os.PathError{Op: "power", Path: "", Err: syscall.EIO}

func newCrashDisk(rng *rand.Rand, dirs ...string) *crashDisk {
	d := &crashDisk{rng: rng, dirs: map[string]*crashDir{}, root: dirs[0]}
	for _, name := range dirs {
		d.dirs[name] = &crashDir{}
	}
	return d
}

// step counts an operation and says whether it fails.
func (d *crashDisk) step(op, name string, reading bool) (err error) {
	if d.dead {
		return errPower
	}
	d.ops++
	if d.trace != nil {
		defer func() { d.trace("  %d %s %s: %v", d.ops, op, filepath.Base(name), err) }()
	}
	if d.ops == d.cutAt {
		d.dead = true
		return errPower
	}
	if f := d.fault; d.ops >= f.from && d.ops < f.until && !f.short && (!reading || f.reads) && (!f.syncs || op == "sync") &&
		(f.err != syscall.ENOSPC || op != "remove") { // deleting works on a full disk
		d.faulted++
		if f.once {
			d.fault = fault{}
		}
		return f.err
	}
	return nil
}

func (d *crashDisk) split(path string) (*crashDir, string) {
	return d.dirs[filepath.Dir(path)], filepath.Base(path)
}

func (c *crashDir) find(name string) *crashEntry {
	for _, e := range c.entries {
		if e.name == name {
			return e
		}
	}
	return nil
}

func (c *crashDir) set(name string, to *inode) {
	e := c.find(name)
	if e == nil {
		e = &crashEntry{name: name}
		c.entries = append(c.entries, e)
	}
	e.now = to
	e.past = append(e.past, to)
}

func (d *crashDisk) OpenFile(path string, flag int, _ os.FileMode) (file, error) {
	if dir := d.dirs[path]; dir != nil {
		if err := d.step("open", path, true); err != nil {
			return nil, err
		}
		return &crashFile{d: d, dir: dir, name: path}, nil
	}
	dir, name := d.split(path)
	if dir == nil && strings.HasPrefix(d.root, path) { // a folder above
		return &crashFile{d: d, dir: &crashDir{}, name: path}, d.step("open", path, true)
	}
	if dir == nil {
		return nil, fs.ErrNotExist
	}
	e := dir.find(name)
	there := e != nil && e.now != nil
	if err := d.step("open", path, there && flag&(os.O_TRUNC|os.O_WRONLY|os.O_RDWR) == 0); err != nil {
		return nil, err
	}
	switch {
	case there && flag&os.O_EXCL != 0:
		return nil, fs.ErrExist
	case !there && flag&os.O_CREATE == 0:
		return nil, fs.ErrNotExist
	case !there:
		dir.set(name, &inode{name: name})
		e = dir.find(name)
	case flag&os.O_TRUNC != 0:
		e.now.resize(0)
	}
	return &crashFile{d: d, ino: e.now, name: name}, nil
}

func (d *crashDisk) Remove(path string) error {
	if err := d.step("remove", path, false); err != nil {
		return err
	}
	dir, name := d.split(path)
	e := dir.find(name)
	if e == nil || e.now == nil {
		return fs.ErrNotExist
	}
	gone := e.now.data
	d.free(e.now)
	dir.set(name, nil)
	if d.onRemove != nil {
		d.onRemove(name, gone)
	}
	return nil
}

func (d *crashDisk) free(i *inode) {
	const kept = 16
	if len(i.data) > sector {
		d.freed = append(d.freed, &inode{name: i.name, data: i.data})
		d.freed = d.freed[max(0, len(d.freed)-kept):]
	}
}

func (d *crashDisk) Rename(from, to string) error {
	if err := d.step("rename", from, false); err != nil {
		return err
	}
	fromDir, fromName := d.split(from)
	toDir, toName := d.split(to)
	e := fromDir.find(fromName)
	if e == nil || e.now == nil {
		return fs.ErrNotExist
	}
	toDir.set(toName, e.now)
	fromDir.set(fromName, nil)
	return nil
}

func (d *crashDisk) ReadDir(path string) ([]os.DirEntry, error) {
	if err := d.step("list", path, true); err != nil {
		return nil, err
	}
	dir := d.dirs[path]
	if dir == nil {
		return nil, fs.ErrNotExist
	}
	var list []os.DirEntry
	for _, e := range dir.entries {
		if e.now != nil {
			list = append(list, crashInfo{e.name, int64(len(e.now.data))})
		}
	}
	slices.SortFunc(list, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

// wipe deletes everything for good; the blocks keep their bytes.
func (d *crashDisk) wipe() {
	for _, dir := range d.dirs {
		for _, e := range dir.entries {
			if e.now != nil {
				d.free(e.now)
			}
		}
		dir.entries = nil
	}
	d.firm = false
}

// writeBack is what the kernel does of its own accord after a while.
func (d *crashDisk) writeBack() {
	for _, path := range d.order() {
		for _, e := range d.dirs[path].entries {
			if e.now != nil {
				e.now.sync(func() bool { return true })
			}
		}
	}
}

// crashFile is an open file or folder.
type crashFile struct {
	d    *crashDisk
	ino  *inode
	dir  *crashDir
	name string
}

func (f *crashFile) Close() error { return nil }

func (f *crashFile) ReadAt(b []byte, off int64) (int, error) {
	if err := f.d.step("read", f.name, true); err != nil {
		return 0, err
	}
	if off >= int64(len(f.ino.data)) {
		return 0, io.EOF
	}
	n := copy(b, f.ino.data[off:])
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt does a part before it fails.
func (f *crashFile) WriteAt(b []byte, off int64) (int, error) {
	if f.d.dead {
		return 0, errPower
	}
	err := f.d.step("write", f.name, false)
	if p := f.d.fault; err == nil && p.short && f.d.ops >= p.from && f.d.ops < p.until {
		f.d.faulted++
		err = io.ErrShortWrite
	}
	n := len(b)
	if err != nil && n > 0 {
		n = f.d.rng.IntN(n + 1)
	}
	f.ino.write(b[:n], int(off))
	return n, err
}

func (f *crashFile) Truncate(size int64) error {
	if err := f.d.step("truncate", f.name, false); err != nil {
		return err
	}
	f.ino.resize(int(size))
	return nil
}

func (f *crashFile) Stat() (os.FileInfo, error) {
	if err := f.d.step("stat", f.name, true); err != nil {
		return nil, err
	}
	if f.dir != nil {
		return crashInfo{f.name, 0}, nil
	}
	return crashInfo{f.name, int64(len(f.ino.data))}, nil
}

// Sync of a file that fails writes some of its sectors and forgets that the others are dirty.
func (f *crashFile) Sync() error {
	wasDead := f.d.dead
	err := f.d.step("sync", f.name, false)
	if wasDead {
		return err
	}
	if f.dir != nil {
		if err == nil {
			f.dir.sync()
			f.d.firm = f.d.firm || f.name == filepath.Dir(f.d.root)
		}
		return err
	}
	if err == nil {
		f.ino.sync(func() bool { return true })
	} else if !f.d.dead {
		f.ino.sync(func() bool { return f.d.rng.IntN(2) == 0 })
	}
	return err
}

func (c *crashDir) sync() {
	kept := c.entries[:0]
	for _, e := range c.entries {
		e.disk, e.past = e.now, e.past[:0]
		if e.now != nil {
			kept = append(kept, e)
		}
	}
	c.entries = kept
}

// write may lose the power on the way: what was copied is in the page cache, and the cut decides what of it reaches the medium.
func (i *inode) write(b []byte, off int) {
	if len(b) == 0 {
		return
	}
	if end := off + len(b); end > len(i.data) {
		i.resize(end)
	}
	copy(i.data[off:], b)
	for s := off / sector; s <= (off+len(b)-1)/sector; s++ {
		i.dirty[s] = true
	}
}

func (i *inode) resize(size int) {
	i.resized = true
	if size < len(i.data) { // a copy: what is freed or on the medium must not change
		i.data = slices.Clone(i.data[:size])
	}
	for len(i.data) < size {
		i.data = append(i.data, make([]byte, size-len(i.data))...)
	}
	n := (size + sector - 1) / sector
	for len(i.dirty) < n {
		i.dirty = append(i.dirty, false)
	}
	i.dirty = i.dirty[:n]
}

func (i *inode) sync(reaches func() bool) {
	if len(i.disk) > len(i.data) {
		i.disk = i.disk[:len(i.data)]
	}
	old := len(i.disk)
	i.disk = append(i.disk, make([]byte, len(i.data)-old)...)
	for s := range i.dirty {
		if i.dirty[s] && reaches() {
			from, to := s*sector, min((s+1)*sector, len(i.data))
			copy(i.disk[from:to], i.data[from:to])
		}
		i.dirty[s] = false
	}
	i.resized = false
}

// crashInfo describes a file or folder.
type crashInfo struct {
	name string
	size int64
}

func (i crashInfo) Name() string               { return i.name }
func (i crashInfo) Size() int64                { return i.size }
func (i crashInfo) Mode() fs.FileMode          { return 0o600 }
func (i crashInfo) ModTime() time.Time         { return time.Time{} }
func (i crashInfo) IsDir() bool                { return i.name == quarantineDir }
func (i crashInfo) Sys() any                   { return nil }
func (i crashInfo) Type() fs.FileMode          { return 0 }
func (i crashInfo) Info() (fs.FileInfo, error) { return i, nil }

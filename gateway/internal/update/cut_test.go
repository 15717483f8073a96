package update

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errPower = errors.New("the power is gone")

// A node is a file or a link; its name is on the disk when its folder was synced, its data when it was.
type node struct {
	data, synced []byte
	link         string
}

// A memory is a disk that stops taking changes after some of them.
type memory struct {
	live, durable map[string]*node
	left          int // changes until the power goes; below 0: it stays
	done          int
}

func (d *memory) spend() error {
	if d.left == 0 {
		return errPower
	}
	d.left--
	d.done++
	return nil
}

func (d *memory) Open(name string) (io.ReadCloser, error) {
	n, ok := d.live[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return io.NopCloser(bytes.NewReader(n.data)), nil
}

func (d *memory) Create(name string, _ os.FileMode) (file, error) {
	if err := d.spend(); err != nil {
		return nil, err
	}
	n := &node{}
	d.live[name] = n
	return &handle{d, n}, nil
}

func (d *memory) Rename(from, to string) error {
	n, ok := d.live[from]
	if !ok {
		return fs.ErrNotExist
	}
	if err := d.spend(); err != nil {
		return err
	}
	d.live[to] = n
	delete(d.live, from)
	return nil
}

func (d *memory) Remove(name string) error {
	if _, ok := d.live[name]; !ok {
		return fs.ErrNotExist
	}
	if err := d.spend(); err != nil {
		return err
	}
	delete(d.live, name)
	return nil
}

func (d *memory) Symlink(to, name string) error {
	if _, ok := d.live[name]; ok {
		return fs.ErrExist
	}
	if err := d.spend(); err != nil {
		return err
	}
	d.live[name] = &node{link: to}
	return nil
}

func (d *memory) Readlink(name string) (string, error) {
	if n, ok := d.live[name]; ok && n.link != "" {
		return n.link, nil
	}
	return "", fs.ErrNotExist
}

func (d *memory) Mkdir(string) error { return nil }

func (d *memory) SyncDir(dir string) error {
	if err := d.spend(); err != nil {
		return err
	}
	in := func(name string, _ *node) bool { return filepath.Dir(name) == dir }
	maps.DeleteFunc(d.durable, in)
	for name, n := range d.live {
		if in(name, n) {
			d.durable[name] = n
		}
	}
	return nil
}

func (d *memory) Free(string) (int64, error) { return 1 << 30, nil }

type handle struct {
	d *memory
	n *node
}

func (h *handle) Write(p []byte) (int, error) {
	if err := h.d.spend(); err != nil {
		return 0, err
	}
	h.n.data = append(h.n.data, p...)
	return len(p), nil
}

func (h *handle) Sync() error {
	if err := h.d.spend(); err != nil {
		return err
	}
	h.n.synced = slices.Clone(h.n.data)
	return nil
}

func (h *handle) Close() error { return nil }

// What a cut leaves: all that was done (a kill), only what was synced, or all names but only the synced data of them.
var losses = []string{"kill", "synced", "names"}

func (d *memory) after(loss string) *memory {
	names := d.live
	if loss == "synced" {
		names = d.durable
	}
	next := &memory{live: map[string]*node{}, durable: map[string]*node{}, left: -1}
	for name, n := range names {
		m := &node{data: slices.Clone(n.synced), link: n.link}
		if loss == "kill" {
			m.data = slices.Clone(n.data)
		}
		m.synced = slices.Clone(m.data)
		next.live[name], next.durable[name] = m, m
	}
	return next
}

func on(d *memory, key ed25519.PublicKey) *Slots {
	return &Slots{dir: "/update", key: key, disk: d, held: func() (func() error, error) { return func() error { return nil }, nil }}
}

func made(t *testing.T, key ed25519.PrivateKey, version string) []byte {
	t.Helper()
	var out bytes.Buffer
	program := bytes.Repeat([]byte(version+" "), 300)
	if _, err := Write(&out, key, Manifest{Version: version, OS: runtime.GOOS, Arch: runtime.GOARCH}, program); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// The life of a gateway: two updates that are confirmed, one that crashes, one that is taken back by hand. Wherever the power goes
// in it, once or twice, and whatever of what was not synced is lost: the next start has a whole program, the one before or the
// one after, and after some more starts no trial is left.
func TestAPowerCutLeavesAWholeProgram(t *testing.T) {
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public, _ := key.Public().(ed25519.PublicKey)
	updates := map[string][]byte{}
	for _, v := range []string{"1.1.0", "1.2.0", "1.3.0"} {
		updates[v] = made(t, key, v)
	}
	steps := []struct {
		do  func(s *Slots) error
		may []string // versions that may count from its beginning until the next has begun
	}{
		{apply(updates["1.1.0"]), []string{"", "1.1.0"}},
		{begin("1.1.0"), []string{"1.1.0"}},
		{func(s *Slots) error { return s.Running("a").Confirm() }, []string{"1.1.0"}},
		{apply(updates["1.2.0"]), []string{"1.1.0", "1.2.0"}},
		{begin("1.2.0"), []string{"1.2.0"}},
		{func(s *Slots) error { return s.Running("b").Confirm() }, []string{"1.2.0"}},
		{apply(updates["1.3.0"]), []string{"1.2.0", "1.3.0"}},
		{begin("1.3.0"), []string{"1.3.0"}},
		{begin("1.3.0"), []string{"1.3.0", "1.2.0"}}, // cuts count as starts
		{begin("1.3.0"), []string{"1.3.0", "1.2.0"}},
		{begin("1.2.0"), []string{"1.3.0", "1.2.0"}},
		{func(s *Slots) error { _, err := s.Back(Text{EN: "by hand"}); return err }, []string{"1.2.0", ""}},
	}
	runs := 0
	for i := range steps {
		for cut := 0; ; cut++ {
			ended := false
			for _, loss := range losses {
				d := &memory{live: map[string]*node{}, durable: map[string]*node{}, left: -1}
				for _, before := range steps[:i] {
					if err := before.do(on(d, public)); err != nil {
						t.Fatal(i, err)
					}
				}
				d.left = cut
				err := steps[i].do(on(d, public))
				ended = err == nil
				for _, again := range []int{0, 1 + cut%8} { // the power goes again while the next start sets things right
					next := d.after(loss)
					next.left = again
					_, _ = on(next, public).Choose("1.0.0")
					check(t, on(next.after(loss), public), steps[i].may, fmt.Sprintf("step %d, cut %d, %s, again %d", i, cut, loss, again))
					runs++
				}
			}
			if ended {
				break
			}
		}
	}
	t.Log(runs, "cuts")
}

func apply(update []byte) func(*Slots) error {
	return func(s *Slots) error {
		_, err := s.Apply(bytes.NewReader(update), Options{Installed: "1.0.0"})
		return err
	}
}

func begin(version string) func(*Slots) error {
	return func(s *Slots) error {
		c, err := s.Choose("1.0.0")
		if err == nil && c.Version != version {
			return fmt.Errorf("version %q starts, not %s", c.Version, version)
		}
		return err
	}
}

func check(t *testing.T, s *Slots, may []string, where string) {
	t.Helper()
	for start := range 5 {
		if slot := s.current(); slot != Installed {
			if _, err := s.whole(slot); err != nil {
				t.Fatalf("%s, start %d: what counts is not whole: %v", where, start, err)
			}
		}
		c, err := s.Choose("1.0.0")
		if err != nil {
			t.Fatalf("%s, start %d: %v", where, start, err)
		}
		if start == 0 && !slices.Contains(may, c.Version) {
			t.Fatalf("%s: version %q starts, want one of %q", where, c.Version, may)
		}
		if start > 0 && s.load().Trial == nil {
			break // nothing changes any more
		}
		if c.Slot != s.current() {
			t.Fatalf("%s, start %d: slot %q starts, %q counts", where, start, c.Slot, s.current())
		}
	}
	if k := s.load(); k.Trial != nil {
		t.Fatalf("%s: a trial without end: %+v", where, k.Trial)
	}
}

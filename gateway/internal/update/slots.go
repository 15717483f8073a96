package update

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/linshao/linshao/cloud/wire/program"
)

// Installed names what is in no slot: the program that was installed on the machine.
const Installed = ""

// Names in a slot, and in the folder of slots.
const (
	programFile = "gateway"
	signedFile  = "signed"
	currentLink = "current"
	stateFile   = "state.json"
	lockFile    = "lock"
)

// Slots are the programs that updates brought.
type Slots struct {
	dir  string
	key  ed25519.PublicKey
	disk disk
	mu   sync.Mutex // within this program; the lock file is between programs
	held func() (func() error, error)
}

// Open makes the folder of slots in a data folder where it is not there. Only what key has signed counts.
func Open(data string, key ed25519.PublicKey) (*Slots, error) {
	dir := filepath.Join(data, "update")
	s := &Slots{dir: dir, key: key, disk: osDisk{}}
	for _, d := range []string{dir, s.slot("a"), s.slot("b")} {
		if err := s.disk.Mkdir(d); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("make slots: %w", err)
		}
	}
	s.held = func() (func() error, error) { return lock(filepath.Join(dir, lockFile)) }
	return s, nil
}

// Exists says whether an update was ever brought to a data folder.
func Exists(data string) bool {
	_, err := os.Stat(filepath.Join(data, "update"))
	return err == nil
}

func (s *Slots) slot(name string) string { return filepath.Join(s.dir, name) }

func (s *Slots) program(name string) string { return filepath.Join(s.dir, name, programFile) }

func other(slot string) string {
	if slot == "a" {
		return "b"
	}
	return "a"
}

// Slot says in which slot a program lies: a, b, or Installed.
func (s *Slots) Slot(executable string) string {
	dir, err := filepath.EvalSymlinks(s.dir)
	if err != nil {
		return Installed
	}
	for _, slot := range []string{"a", "b"} {
		if executable == filepath.Join(dir, slot, programFile) {
			return slot
		}
	}
	return Installed
}

// alone does what must not be done by two at once.
func (s *Slots) alone(do func() error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	unlock, err := s.held()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	return do()
}

// current is the slot that counts.
func (s *Slots) current() string {
	to, err := s.disk.Readlink(s.slot(currentLink))
	if err != nil || (to != "a" && to != "b") {
		return Installed
	}
	return to
}

// point lets a slot count, or the installed program. The link is replaced in one step.
func (s *Slots) point(slot string) error {
	link := s.slot(currentLink)
	if slot == Installed {
		if err := s.disk.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("switch to the installed program: %w", err)
		}
		return s.sync(s.dir)
	}
	if err := s.disk.Remove(link + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("switch to slot %s: %w", slot, err)
	}
	if err := s.disk.Symlink(slot, link+".new"); err != nil {
		return fmt.Errorf("switch to slot %s: %w", slot, err)
	}
	if err := s.disk.Rename(link+".new", link); err != nil {
		return fmt.Errorf("switch to slot %s: %w", slot, err)
	}
	return s.sync(s.dir)
}

func (s *Slots) sync(dir string) error {
	if err := s.disk.SyncDir(dir); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// whole reads a slot and answers its manifest when program, digest and signature fit.
func (s *Slots) whole(slot string) (Manifest, error) {
	signed, err := s.read(filepath.Join(s.slot(slot), signedFile), 2*program.ManifestMost)
	if err != nil {
		return Manifest{}, fmt.Errorf("read slot %s: %w", slot, err)
	}
	f, err := s.disk.Open(s.program(slot))
	if err != nil {
		return Manifest{}, fmt.Errorf("read slot %s: %w", slot, err)
	}
	m, err := program.Fits(signed, f, s.key)
	return m, errors.Join(err, f.Close())
}

func (s *Slots) read(name string, most int64) ([]byte, error) {
	f, err := s.disk.Open(name)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, most))
	return data, errors.Join(err, f.Close())
}

// save replaces a small file; it is on the disk when save returns.
func (s *Slots) save(name string, data []byte) error {
	f, err := s.disk.Create(name+".new", 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := s.disk.Rename(name+".new", name); err != nil {
		return fmt.Errorf("replace %s: %w", name, err)
	}
	return s.sync(filepath.Dir(name))
}

// drop makes a slot one that is not used again.
func (s *Slots) drop(slot string) error {
	if err := s.disk.Remove(filepath.Join(s.slot(slot), signedFile)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("empty slot %s: %w", slot, err)
	}
	return s.sync(s.slot(slot))
}

// A Text is a rules.Text as the state has it.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// A Trial is a program that has not proved itself.
type Trial struct {
	Slot     string `json:"slot"`
	Version  string `json:"version"`
	From     string `json:"from"`               // the version before it
	Starts   int    `json:"starts"`             // of the program, since it was brought
	Offline  bool   `json:"offline"`            // there was no connection to the cloud before it either
	Revision uint64 `json:"revision,omitempty"` // of the rollout that brought it; 0: a person did
	WatchS   uint32 `json:"watch_s,omitempty"`  // for how long it must be well, in seconds; 0: Healthy
	Told     bool   `json:"told,omitempty"`     // that it is under way
	Over     *Text  `json:"over,omitempty"`     // why it is to be given up
}

// Ways in which an update ends.
const (
	Confirmed  = "confirmed"
	RolledBack = "rolled_back"
	Superseded = "superseded" // a newer program was installed on the machine
)

// An Outcome is how the last update ended.
type Outcome struct {
	What     string `json:"what"` // Confirmed, RolledBack, Superseded
	Version  string `json:"version"`
	Revision uint64 `json:"revision,omitempty"` // of the rollout that brought it; 0: a person did
	To       string `json:"to,omitempty"`       // the slot that counts instead
	Why      Text   `json:"why"`
	Told     bool   `json:"told"`
}

// kept is state.json.
type kept struct {
	Installed string   `json:"installed"`        // version of the installed program when the last update was brought
	Before    string   `json:"before,omitempty"` // slot to go back to
	Trial     *Trial   `json:"trial,omitempty"`
	Last      *Outcome `json:"last,omitempty"`
}

// load reads the state. Damage makes a trial of what counts: it is confirmed when it proves itself, and given up otherwise.
func (s *Slots) load() kept {
	var k kept
	data, err := s.read(s.slot(stateFile), 64<<10)
	if errors.Is(err, fs.ErrNotExist) && s.current() == Installed {
		return k
	}
	if err == nil {
		err = json.Unmarshal(data, &k)
	}
	if err == nil {
		return k
	}
	slot := s.current()
	if slot == Installed {
		return kept{}
	}
	m, _ := s.whole(slot) // one that is not is found so in a moment
	return kept{Before: other(slot), Trial: &Trial{Slot: slot, Version: m.Version, Told: true}}
}

func (s *Slots) keep(k kept) error {
	data, err := json.Marshal(k)
	if err != nil {
		return fmt.Errorf("write state of the update: %w", err)
	}
	return s.save(s.slot(stateFile), data)
}

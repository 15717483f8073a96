package evidence

import (
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	format "github.com/linshao/linshao/cloud/wire/evidence"
	"github.com/linshao/linshao/gateway/internal/state"
)

// Dir is the folder of the bundles in the data folder. The one called evidence is the outbox's.
const Dir = "bundles"

const (
	suffix     = ".lse"
	noteSuffix = ".json"
	halfSuffix = ".new" // of a file that is being written, as state.Save calls it too
	chainFile  = "chain.json"
	workDir    = "work"
)

// A Bundle is one that is kept here.
type Bundle struct {
	Number uint64    `json:"number"`
	ID     string    `json:"id"`
	Alert  string    `json:"alert"`
	Rule   string    `json:"rule"`
	At     time.Time `json:"at"` // of the alert
	Made   time.Time `json:"made"`
	Size   int64     `json:"size"`
	Open   bool      `json:"open"` // its alert has not ended: it goes last when room is needed

	Fed     int    `json:"fed"`   // chunks that are in the evidence log or were
	Epoch   uint64 `json:"epoch"` // of that log
	First   uint64 `json:"first"` // number of the first of them there
	Last    uint64 `json:"last"`
	Sent    bool   `json:"sent"`              // the cloud has all of it
	Refused bool   `json:"refused,omitempty"` // the cloud takes it not

	unreadable bool // passed over until the next start
}

// link is the end of the chain.
type link struct {
	Number uint64 `json:"number"`
	ID     string `json:"id"`
}

// A Store keeps bundles in a folder of bounded size. It may be used by many goroutines.
type Store struct {
	dir   string
	key   ed25519.PrivateKey
	quota int64
	keep  time.Duration

	mu      sync.Mutex
	chain   link
	bundles []*Bundle // by number
}

// Open reads what is kept in a folder.
func Open(dir string, key ed25519.PrivateKey, quota int64, keep time.Duration) (*Store, error) {
	s := &Store{dir: dir, key: key, quota: quota, keep: keep}
	if err := os.MkdirAll(filepath.Join(dir, workDir), 0o700); err != nil {
		return nil, fmt.Errorf("open evidence: %w", err)
	}
	halves, err := filepath.Glob(filepath.Join(dir, "*"+halfSuffix))
	if err != nil {
		return nil, fmt.Errorf("open evidence: %w", err)
	}
	for _, half := range halves { // the gateway was killed while it wrote them; they are made again from what they are made of, notes from their bundles
		if err := os.Remove(half); err != nil {
			return nil, fmt.Errorf("open evidence: %w", err)
		}
	}
	if s.bundles, err = List(dir); err != nil {
		return nil, err
	}
	if text, err := os.ReadFile(filepath.Join(dir, chainFile)); err == nil {
		_ = json.Unmarshal(text, &s.chain) // a damaged one: the newest bundle tells
	}
	if n := len(s.bundles); n > 0 && s.bundles[n-1].Number > s.chain.Number { // the gateway ended between the two
		s.chain = link{s.bundles[n-1].Number, s.bundles[n-1].ID}
	}
	return s, nil
}

// List reads what is kept in a folder, by number; the gateway may be running.
func List(dir string) (all []*Bundle, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil {
		return nil, fmt.Errorf("list evidence: %w", err)
	}
	for _, name := range names {
		b := &Bundle{}
		text, err := os.ReadFile(strings.TrimSuffix(name, suffix) + noteSuffix)
		if err != nil || json.Unmarshal(text, b) != nil || b.ID == "" {
			if b, err = describe(name); err != nil {
				continue // what is no bundle is nobody's
			}
		}
		all = append(all, b)
	}
	slices.SortFunc(all, func(a, b *Bundle) int { return cmp.Compare(a.Number, b.Number) })
	return all, nil
}

// describe reads from a bundle itself what its note has lost.
func describe(name string) (*Bundle, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	h, err := format.ReadHead(f)
	if err != nil {
		return nil, err
	}
	m := h.Manifest
	return &Bundle{Number: m.Number, ID: h.ID, Alert: m.Alert.ID, Rule: m.Alert.Rule, At: m.Alert.At, Made: m.Made, Size: h.Size}, nil
}

// Path of a bundle's file.
func Path(dir string, b *Bundle) string {
	return filepath.Join(dir, fmt.Sprintf("%08d-%s%s", b.Number, b.ID[:16], suffix))
}

func (s *Store) note(b *Bundle) error {
	text, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("note evidence: %w", err)
	}
	return state.Save(strings.TrimSuffix(Path(s.dir, b), suffix)+noteSuffix, text)
}

// part is one of a bundle that is being made.
type part struct {
	format.Part
	file string // where its bytes are
}

// seal makes a bundle of parts, on disk when it answers. The manifest's place in the chain is filled in.
func (s *Store) seal(m format.Manifest, parts []part, open bool) (b Bundle, head []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range parts {
		if err := measure(&parts[i]); err != nil {
			return b, nil, err
		}
		m.Parts = append(m.Parts, parts[i].Part)
	}
	m.Number, m.Previous = s.chain.Number+1, s.chain.ID
	if head, err = format.Seal(m, s.key); err != nil {
		return b, nil, err
	}
	h, err := format.ReadHead(strings.NewReader(string(head)))
	if err != nil {
		return b, nil, err
	}
	b = Bundle{Number: m.Number, ID: h.ID, Alert: m.Alert.ID, Rule: m.Alert.Rule, At: m.Alert.At, Made: m.Made, Size: h.Size, Open: open}
	s.makeRoom(b.Size, m.Made)
	if err := s.write(Path(s.dir, &b), head, parts); err != nil {
		return b, nil, err
	}
	s.chain = link{b.Number, b.ID}
	kept := b
	s.bundles = append(s.bundles, &kept)
	_ = errors.Join(s.note(&b), s.saveChain()) // the bundle is on disk and tells both: to make it once more would be wrong
	return b, head, nil
}

func (s *Store) saveChain() error {
	text, err := json.Marshal(s.chain)
	if err != nil {
		return fmt.Errorf("note evidence: %w", err)
	}
	return state.Save(filepath.Join(s.dir, chainFile), text)
}

func measure(p *part) error {
	f, err := os.Open(p.file)
	if err != nil {
		return fmt.Errorf("seal evidence: %w", err)
	}
	defer f.Close() //nolint:errcheck // it was only read
	sum := sha256.New()
	if p.Size, err = io.Copy(sum, f); err != nil {
		return fmt.Errorf("seal evidence: %w", err)
	}
	p.SHA256 = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// write makes the file under another name and renames it when it is on disk.
func (s *Store) write(path string, head []byte, parts []part) (err error) {
	f, err := os.OpenFile(path+halfSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("write evidence: %w", err)
	}
	_, err = f.Write(head)
	for i := 0; err == nil && i < len(parts); i++ {
		err = appendFile(f, parts[i].file)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(path+halfSuffix, path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write evidence: %w", err), os.Remove(path+halfSuffix))
	}
	return syncDir(s.dir)
}

func appendFile(to *os.File, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(to, f)
	return errors.Join(err, f.Close())
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// makeRoom deletes what the cloud has decided on and is older than it may get (a clock that is set forward must not cost what nobody
// else has), and then until so many bytes more fit the quota: first what the cloud has, then
// what no open alert holds, oldest first, then the rest.
func (s *Store) makeRoom(size int64, now time.Time) {
	rank := func(b *Bundle) int {
		switch {
		case b.Sent && !b.Open:
			return 0
		case !b.Open:
			return 1
		}
		return 2
	}
	order := slices.Clone(s.bundles)
	slices.SortStableFunc(order, func(a, b *Bundle) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.Number, b.Number)) })
	for _, b := range order {
		size += b.Size
	}
	for _, b := range order {
		young := now.Sub(b.Made) < s.keep || b.Open && now.Sub(b.Made) < 2*s.keep || !b.Sent && !b.Refused
		if size <= s.quota && young {
			continue
		}
		size -= b.Size
		s.remove(b)
	}
}

// spare deletes bundles that the cloud has and no open alert holds, oldest first, until so many bytes are free, and says how many are:
// the disk may be full of other things than evidence.
func (s *Store) spare(size int64) (freed int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range slices.Clone(s.bundles) {
		if freed >= size {
			break
		}
		if b.Sent && !b.Open {
			s.remove(b)
			freed += b.Size
		}
	}
	return freed
}

// remove deletes a bundle. It needs mu.
func (s *Store) remove(b *Bundle) {
	if b.Number == s.chain.Number && s.saveChain() != nil { // nothing else would know where the chain stands
		return
	}
	path := Path(s.dir, b)
	os.Remove(path)                                          //nolint:errcheck // what stays is met again at the next start
	os.Remove(strings.TrimSuffix(path, suffix) + noteSuffix) //nolint:errcheck // likewise
	s.bundles = slices.DeleteFunc(s.bundles, func(x *Bundle) bool { return x == b })
}

// Ended says that an alert has ended: what it held may go when its time comes.
func (s *Store) Ended(alert string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, b := range s.bundles {
		if b.Alert == alert && b.Open {
			b.Open = false
			errs = append(errs, s.note(b))
		}
	}
	return errors.Join(errs...)
}

// Lost says that chunks are no longer in the evidence log although the cloud does not have them: their bundles go up again, or
// are refused for good.
func (s *Store) Lost(epoch, first, last uint64, refused bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, b := range s.bundles {
		if b.Fed == 0 || b.Sent || b.Epoch != epoch || b.Last < first || b.First > last {
			continue
		}
		b.Fed, b.Refused = 0, b.Refused || refused
		errs = append(errs, s.note(b))
	}
	return errors.Join(errs...)
}

// next is the oldest bundle of which chunks are still to be given to the log; false: there is none.
func (s *Store) next(epoch uint64) (Bundle, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.bundles {
		if b.Sent || b.Refused || b.unreadable {
			continue
		}
		if b.Fed > 0 && b.Epoch != epoch { // the log is a new one
			b.Fed = 0
		}
		if b.Fed < format.Chunks(b.Size) {
			return *b, true
		}
	}
	return Bundle{}, false
}

// skip passes a bundle over that cannot be read: others wait behind it.
func (s *Store) skip(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.bundles {
		if b.ID == id {
			b.unreadable = true
		}
	}
}

// fed notes that a chunk of a bundle is in the log. It is written down now and then: what is given twice does no harm.
func (s *Store) fed(id string, index int, epoch, seq uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.bundles {
		if b.ID != id || b.Fed != index {
			continue
		}
		if index == 0 {
			b.Epoch, b.First = epoch, seq
		}
		b.Fed, b.Last = index+1, seq
		if b.Fed%16 == 0 || b.Fed == format.Chunks(b.Size) {
			return s.note(b)
		}
	}
	return nil
}

// acked says up to which number the cloud has the log.
func (s *Store) acked(epoch, cum uint64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, b := range s.bundles {
		if !b.Sent && !b.Refused && b.Epoch == epoch && b.Fed == format.Chunks(b.Size) && b.Last <= cum {
			b.Sent = true
			errs = append(errs, s.note(b))
		}
	}
	return errors.Join(errs...)
}

// has says whether there is a bundle of an alert.
func (s *Store) has(alert string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.bundles, func(b *Bundle) bool { return b.Alert == alert })
}

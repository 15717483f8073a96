package update

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/wire/program"
)

// A shelf hands one file out, over a line of the test's choice.
type shelf struct {
	mu   sync.Mutex // held while it answers
	file []byte
	cut  int // the line breaks after so many bytes of an answer; 0: it does not
	sent int // bytes in all
	asks int
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asks++
	if r.Header.Get("Authorization") != "Bearer token" {
		http.Error(w, "no token", http.StatusUnauthorized)
		return
	}
	http.ServeContent(&line{w, s, s.cut}, r, "", time.Time{}, bytes.NewReader(s.file))
}

// set changes it between answers.
func (s *shelf) set(file []byte, cut int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.file, s.cut = file, cut
}

// count answers how many bytes were sent, and for how many questions.
func (s *shelf) count() (sent, asks int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent, s.asks
}

// A line breaks in the midst of an answer.
type line struct {
	http.ResponseWriter
	shelf *shelf
	left  int
}

func (l *line) Write(p []byte) (int, error) {
	if l.shelf.cut > 0 && len(p) > l.left {
		n, _ := l.ResponseWriter.Write(p[:l.left])
		l.shelf.sent += n
		panic(http.ErrAbortHandler)
	}
	l.left -= len(p)
	n, err := l.ResponseWriter.Write(p)
	l.shelf.sent += n
	return n, err
}

// lsu is an update whose program does not compress.
func lsu(t *testing.T, key ed25519.PrivateKey, m Manifest, size int) []byte {
	t.Helper()
	text := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(len(m.Version))}).Read(text) // never fails
	if m.OS == "" {
		m.OS, m.Arch = runtime.GOOS, runtime.GOARCH
	}
	var out bytes.Buffer
	if _, err := Write(&out, key, m, text); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

type roomless struct{ osDisk }

func (roomless) Free(string) (int64, error) { return spare + 1000, nil }

// shop is slots and a shelf.
func shop(t *testing.T) (*Slots, *shelf, ed25519.PrivateKey, func(Source) (string, error)) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	public, _ := key.Public().(ed25519.PublicKey)
	s, err := Open(t.TempDir(), public)
	if err != nil {
		t.Fatal(err)
	}
	all := &shelf{file: lsu(t, key, Manifest{Version: "1.1.0"}, 1<<20)}
	server := httptest.NewServer(all)
	t.Cleanup(server.Close)
	client := server.Client()
	t.Cleanup(client.CloseIdleConnections)
	return s, all, key, func(from Source) (string, error) {
		sum := sha256.Sum256(all.file)
		if from.SHA256 == "" {
			from.SHA256 = hex.EncodeToString(sum[:])
		}
		if from.Size == 0 {
			from.Size = int64(len(all.file))
		}
		if from.Token == "" {
			from.Token = "token"
		}
		if from.Version == "" {
			from.Version = "1.1.0"
		}
		from.URL = server.URL + "/artifacts/" + from.SHA256
		return s.Fetch(t.Context(), client, from, Options{Installed: "1.0.0"})
	}
}

// left are the files beside the slots that were fetched.
func left(t *testing.T, s *Slots) []string {
	t.Helper()
	all, err := filepath.Glob(s.slot(fetched + "*"))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestABadLineCostsNothingTwice: what came is on the disk, and is not asked for again.
func TestABadLineCostsNothingTwice(t *testing.T) {
	s, all, _, fetch := shop(t)
	good := all.file
	all.set(good, 150_000)
	name, tries := "", 0
	for err := errors.New("not begun"); err != nil; tries++ {
		if tries > 20 {
			t.Fatal(err)
		}
		if name, err = fetch(Source{}); err != nil {
			if _, no := errors.AsType[*Refused](err); no {
				t.Fatalf("a line that breaks refuses the update: %v", err)
			}
		}
	}
	sent, asked := all.count()
	text, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(text, good) || sent > len(good)+tries*64<<10 {
		t.Errorf("%v, %d bytes of %d, %d sent in %d tries", err, len(text), len(good), sent, tries)
	}
	if _, err := fetch(Source{}); err != nil {
		t.Error(err)
	}
	if _, asks := all.count(); asks != asked {
		t.Errorf("what is there is asked for again, %d times", asks-asked)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if m, err := s.Apply(f, Options{Installed: "1.0.0"}); err != nil || m.Version != "1.1.0" {
		t.Error(m, err)
	}
	all.set(append(bytes.Clone(good), 0), 7) // within the head
	if _, err := fetch(Source{}); err == nil || len(left(t, s)) != 1 {
		t.Errorf("%v, %v", err, left(t, s))
	} else if _, no := errors.AsType[*Refused](err); no {
		t.Errorf("a line that breaks in the head refuses the update: %v", err)
	}
}

// TestNothingIsWrittenUnsigned: what the vendor has not signed for this machine, and what is older, does not reach the disk.
func TestNothingIsWrittenUnsigned(t *testing.T) {
	s, all, key, fetch := shop(t)
	good := all.file
	for _, c := range []struct {
		what, says string
		file       []byte
		from       Source
		passes     bool
	}{
		{"a stranger's", "signature", lsu(t, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{9}, 32)), Manifest{Version: "1.1.0"}, 9000), Source{}, false},
		{"none", "no update file", make([]byte, 1<<20), Source{}, false},
		{"older", "older than the present", lsu(t, key, Manifest{Version: "0.9.0"}, 9000), Source{Version: "0.9.0"}, false},
		{"another version than was said", "the cloud says", lsu(t, key, Manifest{Version: "1.0.1"}, 9000), Source{Version: "1.2.0"}, false},
		{"of another machine", "for plan9/mips", lsu(t, key, Manifest{Version: "1.1.0", OS: "plan9", Arch: "mips"}, 9000), Source{}, false},
		{"another file than was said", "not the file that the cloud named", good, Source{SHA256: strings.Repeat("0", 64)}, false},
		{"too large", "bytes with the digest", good, Source{Size: program.FileMost + 1}, false},
		{"of no size", "bytes with the digest", good, Source{Size: -1}, false},
		{"out of the folder", "bytes with the digest", good, Source{SHA256: "../../../../etc/passwd"}, false},
		{"longer than was said", "not the file", good, Source{Size: int64(len(good)) - 1}, false},
		{"with another token", "HTTP status 401", good, Source{Token: "x"}, true},
	} {
		all.set(c.file, 0)
		_, err := fetch(c.from)
		no, ok := errors.AsType[*Refused](err)
		if err == nil || !strings.Contains(err.Error(), c.says) || (ok && !no.Passes) == c.passes {
			t.Errorf("%s: %v", c.what, err)
		}
		for _, name := range left(t, s) {
			if text, err := os.ReadFile(name); err != nil || len(text) > 0 {
				t.Errorf("%s: %d bytes stay on the disk, %v", c.what, len(text), err)
			}
		}
	}
	all.set(good, 0)
	s.disk = roomless{}
	if _, err := fetch(Source{}); err == nil || !strings.Contains(err.Error(), "no room") || len(left(t, s)) != 0 {
		t.Errorf("a full disk: %v, %v", err, left(t, s))
	} else if no, ok := errors.AsType[*Refused](err); !ok || !no.Passes {
		t.Errorf("a full disk refuses for good: %v", err)
	}
}

// TestWhatAPowerCutLeavesIsBegunAnew: zeros where the file was never written, and parts of another version.
func TestWhatAPowerCutLeavesIsBegunAnew(t *testing.T) {
	s, all, key, fetch := shop(t)
	sum := sha256.Sum256(all.file)
	name := s.slot(fetched + hex.EncodeToString(sum[:]))
	if err := errors.Join(os.WriteFile(name, make([]byte, 70_000), 0o600), os.WriteFile(s.slot(fetched+strings.Repeat("a", 64)), []byte("old"), 0o600)); err != nil {
		t.Fatal(err)
	}
	_, err := fetch(Source{})
	if _, no := errors.AsType[*Refused](err); err == nil || no || len(left(t, s)) != 0 {
		t.Fatalf("%v, %v", err, left(t, s))
	}
	if got, err := fetch(Source{}); err != nil || got != name {
		t.Fatal(got, err)
	}
	all.set(lsu(t, key, Manifest{Version: "1.2.0"}, 50_000), 0)
	if _, err := fetch(Source{Version: "1.2.0"}); err != nil || len(left(t, s)) != 1 {
		t.Fatal(err, left(t, s))
	}
	if err := s.Sweep(""); err != nil || len(left(t, s)) != 0 {
		t.Error(err, left(t, s))
	}
}

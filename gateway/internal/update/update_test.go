package update_test

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/gateway/internal/update"
)

func keys(seed byte) (ed25519.PublicKey, ed25519.PrivateKey) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	public, _ := key.Public().(ed25519.PublicKey)
	return public, key
}

func made(t testing.TB, key ed25519.PrivateKey, m update.Manifest) []byte {
	t.Helper()
	if m.OS == "" {
		m.OS, m.Arch = runtime.GOOS, runtime.GOARCH
	}
	var out bytes.Buffer
	if _, err := update.Write(&out, key, m, bytes.Repeat([]byte(m.Version), 1000)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// What is wrong with an update is said, and nothing on the disk is other than before.
func TestABadUpdateChangesNothing(t *testing.T) {
	public, key := keys(1)
	_, stranger := keys(2)
	data := t.TempDir()
	s, err := update.Open(data, public)
	if err != nil {
		t.Fatal(err)
	}
	good := made(t, key, update.Manifest{Version: "1.5.0"})
	if _, err := s.Apply(bytes.NewReader(good), update.Options{Installed: "1.4.0"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Choose("1.4.0"); err != nil {
		t.Fatal(err)
	}
	next := made(t, key, update.Manifest{Version: "1.6.0"})
	before := tree(t, data)
	refused := func(name string, text []byte, want string) {
		t.Helper()
		_, err := s.Apply(bytes.NewReader(text), update.Options{Installed: "1.4.0"})
		var no *update.Refused
		if !errors.As(err, &no) || !strings.Contains(no.Text.EN, want) || no.Text.ZH == "" {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
		if after := tree(t, data); after != before {
			t.Errorf("%s changed the disk from\n%s\nto\n%s", name, before, after)
		}
	}
	refused("during a trial", next, "1.5.0 is still on trial")
	if err := s.Running("a").Confirm(); err != nil {
		t.Fatal(err)
	}
	before = tree(t, data)
	flip := func(i int) []byte { b := slices.Clone(next); b[i] ^= 1; return b }
	refused("empty", nil, "no update file")
	refused("other file", []byte(strings.Repeat("x", 500)), "no update file")
	refused("manifest changed", flip(30), "not the vendor's")
	refused("signature changed", flip(bytes.IndexByte(next, '}')+3), "not the vendor's")
	refused("stranger", made(t, stranger, update.Manifest{Version: "1.6.0"}), "not the vendor's")
	refused("other machine", made(t, key, update.Manifest{Version: "1.6.0", OS: "linux", Arch: "mips"}), "for linux/mips")
	refused("older", made(t, key, update.Manifest{Version: "1.4.9"}), "older than the present 1.5.0")
	refused("same", good, "the present one")
	refused("too far", made(t, key, update.Manifest{Version: "3.0.0", Minimum: "2.0.0"}), "may follow version 2.0.0")
	for n := 0; n < len(next); n += 5 {
		_, err := s.Apply(bytes.NewReader(next[:n]), update.Options{Installed: "1.4.0"})
		var no *update.Refused
		if !errors.As(err, &no) {
			t.Fatalf("cut after %d of %d bytes: %v", n, len(next), err)
		}
	}
	program := bytes.IndexByte(next, '}') + 1 + ed25519.SignatureSize
	refused("program of another", append(slices.Clone(next[:program]), good[bytes.IndexByte(good, '}')+1+ed25519.SignatureSize:]...), "not the one of the signed manifest")
	for i := program; i < len(next); i++ {
		if _, err := update.Inspect(bytes.NewReader(flip(i)), public); err == nil && i < len(next)-4 { // the last four are a checksum of what the digest covers
			t.Errorf("byte %d changed and nobody sees it", i)
		}
	}
	old := made(t, key, update.Manifest{Version: "1.4.9"})
	if _, err := s.Apply(bytes.NewReader(old), update.Options{Installed: "1.4.0", Downgrade: true}); err != nil {
		t.Errorf("a downgrade that is wanted: %v", err)
	}
}

// tree are names, links and contents below a folder.
func tree(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		all.WriteString(path)
		switch to, err := os.Readlink(path); {
		case err == nil:
			all.WriteString(" -> " + to)
		case !d.IsDir():
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			all.Write(text[:min(len(text), 300)])
		}
		all.WriteByte('\n')
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// A program that rots on the disk, or that a newer installed one overtakes, no longer counts, and people are told once.
func TestWhatCountsIsWholeAndNewest(t *testing.T) {
	public, key := keys(1)
	data := t.TempDir()
	s, err := update.Open(data, public)
	if err != nil {
		t.Fatal(err)
	}
	bring := func(version, slot string) {
		t.Helper()
		if _, err := s.Apply(bytes.NewReader(made(t, key, update.Manifest{Version: version})), update.Options{Installed: "1.0.0"}); err != nil {
			t.Fatal(err)
		}
		if c, err := s.Choose("1.0.0"); err != nil || c.Version != version || c.Slot != slot {
			t.Fatalf("%+v %v", c, err)
		}
		if err := s.Running(slot).Confirm(); err != nil {
			t.Fatal(err)
		}
	}
	bring("1.1.0", "a")
	bring("1.2.0", "b")
	file := filepath.Join(data, "update", "b", "gateway")
	if err := os.WriteFile(file, []byte("rotten"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Choose("1.0.0"); err != nil || c.Version != "1.1.0" {
		t.Errorf("after damage: %+v %v", c, err)
	}
	told, err := s.Running("a").News()
	if err != nil || len(told) != 1 || !strings.Contains(told[0].EN, "was taken back: the program is damaged") {
		t.Errorf("%v %v", told, err)
	}
	if told, err := s.Running("a").News(); err != nil || told != nil {
		t.Errorf("told again: %v %v", told, err)
	}
	other, _ := keys(2)
	if stranger, err := update.Open(data, other); err != nil {
		t.Error(err)
	} else if st, err := stranger.Status("1.0.0"); err != nil || len(st.Slots) != 0 {
		t.Errorf("with another key: %+v %v", st, err)
	}
	if c, err := s.Choose("1.1.5"); err != nil || c.Path != "" {
		t.Errorf("a newer installed one: %+v %v", c, err)
	}
	if st, err := s.Status("1.1.5"); err != nil || st.Last.What != update.Superseded || st.Version != "1.1.5" {
		t.Errorf("%+v %v", st, err)
	}
}

// A trial is confirmed after ten minutes on end, once connected; after half an hour it is given up.
func TestATrialIsJudged(t *testing.T) {
	ill, began := errors.New("actions have not turned"), time.Now()
	for _, c := range []struct {
		name    string
		offline bool
		look    func(time.Duration) (string, error)
		what    string
		after   time.Duration
		why     string
	}{
		{"well", false, func(time.Duration) (string, error) { return "connected", nil }, update.Confirmed, 10 * time.Minute, ""},
		{"alone", false, func(time.Duration) (string, error) { return "alone", nil }, update.Confirmed, 10 * time.Minute, ""},
		{"connected once", false, func(d time.Duration) (string, error) {
			if d == 15*time.Minute {
				return "connected", nil
			}
			return "offline", nil
		}, update.Confirmed, 15 * time.Minute, ""},
		{"offline as before", true, func(time.Duration) (string, error) { return "offline", nil }, update.Confirmed, 10 * time.Minute, ""},
		{"offline", false, func(time.Duration) (string, error) { return "offline", nil }, update.RolledBack, 30 * time.Minute, "no connection to the cloud"},
		{"ill at first", false, func(d time.Duration) (string, error) {
			if d < 2*time.Minute {
				return "connected", ill
			}
			return "connected", nil
		}, update.Confirmed, 12 * time.Minute, ""},
		{"ill again and again", false, func(d time.Duration) (string, error) {
			if d%(9*time.Minute) == 0 {
				return "connected", ill
			}
			return "connected", nil
		}, update.RolledBack, 30 * time.Minute, "actions have not turned"},
	} {
		j := update.Judge{Trial: &update.Trial{Offline: c.offline}}
		for d := time.Duration(0); ; d += update.Look {
			uplink, wrong := c.look(d)
			what, why := j.See(began.Add(d), wrong, uplink)
			if what == "" && d <= time.Hour {
				continue
			}
			if what != c.what || d != c.after || !strings.Contains(why.EN, c.why) {
				t.Errorf("%s: %q after %v: %v", c.name, what, d, why)
			}
			break
		}
	}
}

func TestVersionsAreOrdered(t *testing.T) {
	sorted := []string{"(devel)", "0.0.0-20260101000000-abc", "0.9.0", "1.0.0-rc.2", "v1.0.0-rc.10", "1.0.0-rc.x", "v1.0.0+dirty", "1.2.0", "1.10.0"}
	for i, a := range sorted {
		for k, b := range sorted {
			if got := update.Compare(a, b); (got < 0) != (i < k) || (got > 0) != (i > k) {
				t.Errorf("Compare(%s, %s) = %d", a, b, got)
			}
		}
	}
	for _, bad := range []string{"", "1", "1.2", "1.2.3.4", "a.b.c", "1..2", "-1.0.0", "+1.0.0", "fb9dfc9"} {
		if update.Known(bad) {
			t.Errorf("%q has an order", bad)
		}
	}
}

// Whatever a file holds, it is refused in words or it is what the key has signed.
func FuzzUpdate(f *testing.F) {
	public, key := keys(1)
	good := made(f, key, update.Manifest{Version: "1.5.0"})
	f.Add(good)
	f.Add(good[:len(good)/2])
	f.Add([]byte("LSU1\n\x00\x00\x00\x02{}"))
	f.Add(append([]byte("LSU1\n\xff\xff\xff\xff"), good...))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := update.Inspect(bytes.NewReader(data), public)
		var no *update.Refused
		if err != nil && !errors.As(err, &no) {
			t.Errorf("%v", err)
		}
		if err == nil && m.Version != "1.5.0" {
			t.Errorf("%+v was never signed", m)
		}
	})
}

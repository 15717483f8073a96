package evidence_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/wire/evidence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var at = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)

func bundle(t testing.TB, key ed25519.PrivateKey, number uint64, previous string, parts ...string) []byte {
	t.Helper()
	m := evidence.Manifest{Gateway: "gw-0142", Number: number, Previous: previous, Made: at, Alert: evidence.Alert{ID: "a-1", Severity: "B", At: at}}
	var body []byte
	for i, p := range parts {
		sum := sha256.Sum256([]byte(p))
		m.Parts = append(m.Parts, evidence.Part{Name: fmt.Sprintf("part-%d", i), Kind: evidence.KindReadings, Size: int64(len(p)), SHA256: hex.EncodeToString(sum[:])})
		body = append(body, p...)
	}
	head, err := evidence.Seal(m, key)
	if err != nil {
		t.Fatal(err)
	}
	return append(head, body...)
}

func keyOf(b byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{b}, ed25519.SeedSize))
}

func known(keys ...ed25519.PrivateKey) func(string) []ed25519.PublicKey {
	return func(string) (out []ed25519.PublicKey) {
		for _, k := range keys {
			out = append(out, k.Public().(ed25519.PublicKey))
		}
		return out
	}
}

// TestEveryFlippedBitIsFound: of a small bundle, whichever bit it is.
func TestEveryFlippedBitIsFound(t *testing.T) {
	key := keyOf(1)
	good := bundle(t, key, 1, "", "one part", "and another")
	if v, err := evidence.Verify(bytes.NewReader(good), known(key)); err != nil || len(v.Faults) > 0 {
		t.Fatalf("%+v %v", v, err)
	}
	for i := range len(good) * 8 {
		bad := bytes.Clone(good)
		bad[i/8] ^= 1 << (i % 8)
		v, err := evidence.Verify(bytes.NewReader(bad), known(key))
		if err != nil || len(v.Faults) == 0 || v.Faults[0].ZH == "" || v.Faults[0].EN == "" {
			t.Fatalf("bit %d: %+v %v", i, v, err)
		}
	}
	for n := range good {
		if v, err := evidence.Verify(bytes.NewReader(good[:n]), known(key)); err != nil || len(v.Faults) == 0 {
			t.Fatalf("cut to %d bytes: %+v %v", n, v, err)
		}
	}
}

// TestAClipIsFilm: a browser is handed it under the type that the bundle says, from the cloud's own address.
func TestAClipIsFilm(t *testing.T) {
	for kind, good := range map[string]bool{
		"video/mp4": true, `video/mp4; codecs="avc1.64001f"`: true, `video/mp4; codecs="hev1.1.6.L93.B0"`: true,
		"text/html": false, "": false, "video/mp4\r\nSet-Cookie: a": false, `video/mp4; codecs="a"; x`: false, "image/svg+xml": false,
	} {
		m := evidence.Manifest{Gateway: "gw-1", Number: 1, Alert: evidence.Alert{ID: "a"}, Parts: []evidence.Part{
			{Name: "clip.mp4", Kind: evidence.KindClip, Type: kind, SHA256: strings.Repeat("0", 64), Video: &evidence.Video{}}}}
		if _, err := evidence.Seal(m, keyOf(1)); (err == nil) != good {
			t.Errorf("%q: %v", kind, err)
		}
	}
}

// TestFaultsAreSaid: each in words that tell which it is.
func TestFaultsAreSaid(t *testing.T) {
	key, other := keyOf(1), keyOf(2)
	good := bundle(t, key, 1, "", "one part")
	changed := bytes.Clone(good)
	changed[len(changed)-1] ^= 1
	for _, c := range []struct {
		bundle []byte
		keys   func(string) []ed25519.PublicKey
		say    string
	}{
		{changed, known(key), `"part-0" was changed`}, {append(bytes.Clone(good), 'x'), known(key), "behind its end"},
		{good, known(), "nobody says"}, {good, known(other), "another key"}, {good[:len(good)-2], known(key), "cut off"}, {[]byte("PK"), known(key), "no evidence bundle"},
	} {
		v, err := evidence.Verify(bytes.NewReader(c.bundle), c.keys)
		if err != nil || len(v.Faults) != 1 || !strings.Contains(v.Faults[0].EN, c.say) {
			t.Errorf("%s: %+v %v", c.say, v, err)
		}
	}
}

// TestChain: a missing bundle is told and is no fault, an exchanged one is.
func TestChain(t *testing.T) {
	key := keyOf(1)
	head := func(b []byte) *evidence.Head {
		h, err := evidence.ReadHead(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	one := head(bundle(t, key, 1, "", "a"))
	two := head(bundle(t, key, 2, one.ID, "b"))
	three := head(bundle(t, key, 3, two.ID, "c"))
	forged := head(bundle(t, key, 2, one.ID, "B"))
	for _, c := range []struct {
		heads           []*evidence.Head
		faults, missing int
	}{{[]*evidence.Head{three, one, two}, 0, 0}, {[]*evidence.Head{one, three}, 0, 1}, {[]*evidence.Head{two, three}, 0, 1}, {[]*evidence.Head{one, forged, three}, 1, 0}, {[]*evidence.Head{one, two, forged}, 1, 0}, {[]*evidence.Head{two, two}, 0, 1}} {
		faults, missing := evidence.Chain(c.heads)
		if len(faults) != c.faults || len(missing) != c.missing {
			t.Errorf("%d bundles: %+v %+v", len(c.heads), faults, missing)
		}
	}
}

// FuzzVerify: any bytes are answered by faults, never by a panic, and what is accepted is what was sealed.
func FuzzVerify(f *testing.F) {
	key := keyOf(1)
	good := bundle(f, key, 1, "", "one part")
	f.Add(good)
	f.Add(good[:40])
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := evidence.Verify(bytes.NewReader(b), known(key))
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Faults) == 0 && !bytes.Equal(b, good) {
			t.Fatal("something else was accepted")
		}
	})
}

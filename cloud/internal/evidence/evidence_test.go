package evidence_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/evidence"
	"github.com/linshao/linshao/cloud/wire"
	format "github.com/linshao/linshao/cloud/wire/evidence"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

var start = time.Date(2026, 11, 22, 20, 0, 0, 0, time.UTC)

// desk is a service with its database and folder.
type desk struct {
	*testing.T
	db  *db.DB
	dir string
	now time.Time
	s   *evidence.Service
	key ed25519.PrivateKey
}

func open(t *testing.T, place *dbtest.Place) *desk {
	d := &desk{T: t, db: place.Open(t), dir: t.TempDir(), now: start, key: ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, ed25519.SeedSize))}
	var err error
	d.s, err = evidence.New(evidence.Config{DB: d.db, Dir: filepath.Join(d.dir, "evidence"), Gateway: 1 << 20, Keep: 30 * 24 * time.Hour, Changed: func(string) {},
		Now: func() time.Time { return d.now }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	d.update(func(tx *sql.Tx) error {
		return d.s.Key(t.Context(), tx, "gw-1", d.key.Public().(ed25519.PublicKey))
	})
	return d
}

func (d *desk) update(fn func(*sql.Tx) error) {
	d.Helper()
	if err := d.db.Update(d.Context(), fn); err != nil {
		d.Fatal(err)
	}
}

// bundle makes one of gateway gw-1, with a clip of so many bytes.
func (d *desk) bundle(number uint64, previous string, size int) (b []byte, chunks []*wire.Chunk) {
	d.Helper()
	clip := bytes.Repeat([]byte{byte(number)}, size)
	sum := sha256.Sum256(clip)
	head, err := format.Seal(format.Manifest{Gateway: "gw-1", Number: number, Previous: previous, Made: start, Alert: format.Alert{ID: "a-1", Severity: "B", At: start},
		Parts: []format.Part{{Name: "clip.mp4", Kind: format.KindClip, Type: `video/mp4; codecs="avc1.64001f"`, Size: int64(size), SHA256: hex.EncodeToString(sum[:]),
			Video: &format.Video{Camera: "cam-1", Name: "车棚", From: start.Add(-10 * time.Second), To: start.Add(20 * time.Second), CameraFrom: start.Add(-8 * time.Second)}}}}, d.key)
	if err != nil {
		d.Fatal(err)
	}
	h, err := format.ReadHead(bytes.NewReader(head))
	if err != nil {
		d.Fatal(err)
	}
	id, _ := hex.DecodeString(h.ID)
	b = append(head, clip...)
	for i := 0; i*format.ChunkSize < len(b); i++ {
		chunks = append(chunks, &wire.Chunk{Bundle: id, Size: uint64(len(b)), Index: uint32(i), Data: b[i*format.ChunkSize : min((i+1)*format.ChunkSize, len(b))]})
	}
	return b, chunks
}

func (d *desk) take(gateway string, c *wire.Chunk) (code string) {
	d.Helper()
	code, err := d.s.Keep(d.Context(), gateway, c)
	if err != nil {
		d.Fatal(err)
	}
	if code == "" {
		d.update(func(tx *sql.Tx) error {
			_, err := d.s.Chunk(d.Context(), tx, gateway, c)
			return err
		})
	}
	return code
}

func (d *desk) state(id []byte) (state string, why string) {
	d.Helper()
	if err := d.db.Reader().QueryRowContext(d.Context(), `SELECT state, why_en FROM evidence WHERE id = ?`, hex.EncodeToString(id)).Scan(&state, &why); err != nil {
		d.Fatal(err)
	}
	return state, why
}

func (d *desk) finish() {
	d.Helper()
	if err := d.s.Finish(d.Context()); err != nil {
		d.Fatal(err)
	}
}

func (d *desk) incident(handling string) {
	d.update(func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(d.Context(), `INSERT INTO incidents (id, gateway, alert, site, device, rule, severity, title_zh, title_en, message_zh, message_en, detail, shadow, active,
			handling, since, opened_at, deadline, closed_at) VALUES ('i-1', 'gw-1', 'a-1', 's', 'd', 'r', 'B', '', '', '', '', '{}', 0, 0, ?, 0, 0, 0, 0)`, handling); err != nil {
			return err
		}
		_, err := tx.ExecContext(d.Context(), `INSERT INTO incident_alerts (gateway, alert, incident, site, device, rule, zone, channel, danger, joined, severity, severity_now, active, shelved, told, counts, since, at, came, recovered_at, burst,
			title_zh, title_en, message_zh, message_en, detail) VALUES ('gw-1', 'a-1', 'i-1', 's', 'd', 'r', '', '', '', '', 'B', 'B', 0, 0, 1, 1, 0, 0, 0, 0, 1, '', '', '', '', '{}')`)
		return err
	})
}

// TestABundleComesInPieces: in any order and twice, it is whole in the end, and a player reads its clip in ranges.
func TestABundleComesInPieces(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := open(t, place)
		d.incident("handling")
		b, chunks := d.bundle(1, "", 130<<10)
		for _, i := range []int{2, 0, 0, 2} {
			if code := d.take("gw-1", chunks[i]); code != "" {
				t.Fatal(code)
			}
		}
		clips, err := evidence.Of(t.Context(), d.db.Reader(), "i-1")
		if err != nil || len(clips) != 1 || clips[0].State != evidence.Uploading || clips[0].Percent != 66 || *clips[0].SkewMS != 2000 {
			t.Fatalf("%+v %v", clips, err)
		}
		if _, err := d.s.OpenClip(t.Context(), clips[0]); !errors.Is(err, evidence.ErrUnknown) {
			t.Fatal("a clip that is not whole was opened", err)
		}
		d.take("gw-1", chunks[1])
		d.finish()
		if clips, err = evidence.Of(t.Context(), d.db.Reader(), "i-1"); err != nil || clips[0].State != evidence.Whole || clips[0].Why != nil {
			t.Fatalf("%+v %v", clips, err)
		}
		f, err := d.s.OpenClip(t.Context(), clips[0])
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(f)
		if err = errors.Join(err, f.Close()); err != nil || !bytes.Equal(got, b[len(b)-130<<10:]) {
			t.Fatal(len(got), err)
		}
		if code := d.take("gw-1", chunks[1]); code != "" { // it comes once more, after a lost acknowledgement
			t.Fatal(code)
		}
		if left, _ := filepath.Glob(filepath.Join(d.dir, "evidence", "gw-1", "*.part")); len(left) > 0 {
			t.Fatal("a repeated chunk made a file", left)
		}
	})
}

// TestWrongChunksAreRefused: each with its code; a byte that was changed at the gateway is found when all is here.
func TestWrongChunksAreRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := open(t, place)
		_, chunks := d.bundle(1, "", 100<<10)
		change := func(fn func(*wire.Chunk)) *wire.Chunk {
			c := &wire.Chunk{Bundle: chunks[0].Bundle, Size: chunks[0].Size, Index: chunks[0].Index, Data: bytes.Clone(chunks[0].Data)}
			fn(c)
			return c
		}
		_, large := d.bundle(2, hex.EncodeToString(chunks[0].Bundle), 2<<20)
		for name, c := range map[string]struct {
			chunk   *wire.Chunk
			gateway string
			code    string
		}{
			"head":     {change(func(c *wire.Chunk) { c.Data[100] ^= 1 }), "gw-1", "corrupt"},
			"short":    {change(func(c *wire.Chunk) { c.Data = c.Data[1:] }), "gw-1", "corrupt"},
			"beyond":   {change(func(c *wire.Chunk) { c.Index = 3 }), "gw-1", "corrupt"},
			"huge":     {change(func(c *wire.Chunk) { c.Size = 1 << 40 }), "gw-1", "too_large"},
			"size":     {change(func(c *wire.Chunk) { c.Size++ }), "gw-1", "corrupt"},
			"nameless": {change(func(c *wire.Chunk) { c.Bundle = nil }), "gw-1", "corrupt"},
			"foreign":  {chunks[0], "gw-2", "foreign"},
			"quota":    {large[0], "gw-1", "quota"},
		} {
			if code := d.take(c.gateway, c.chunk); code != c.code {
				t.Errorf("%s: %q, want %q", name, code, c.code)
			}
		}
		chunks[1].Data[7] ^= 1
		for _, c := range chunks {
			d.take("gw-1", c)
		}
		d.finish()
		if state, why := d.state(chunks[0].Bundle); state != evidence.Refused || why != `"clip.mp4" was changed: its SHA-256 is not that of the manifest` {
			t.Error(state, why)
		}
	})
}

// TestAnnouncedEvidenceHasItsBoundsToo: what a gateway announces counts when it comes, and cannot be announced without end.
func TestAnnouncedEvidenceHasItsBoundsToo(t *testing.T) {
	d := open(t, dbtest.SQLite(t))
	announce := func(chunk *wire.Chunk) {
		d.update(func(tx *sql.Tx) error {
			_, err := d.s.Taken(t.Context(), tx, "gw-1", &wire.Taken{Head: chunk.Data})
			return err
		})
	}
	_, large := d.bundle(1, "", 2<<20)
	announce(large[0])
	if code := d.take("gw-1", large[0]); code != "quota" {
		t.Errorf("a bundle that is announced and too large: %q", code)
	}
	_, before := d.bundle(1, "", 10)
	for n := range 500 {
		_, chunks := d.bundle(uint64(n+2), hex.EncodeToString(before[0].Bundle), 10)
		announce(chunks[0])
	}
	var rows int
	if err := d.db.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM evidence`).Scan(&rows); err != nil || rows > 400 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// TestALookIsNotedOnce: for ten minutes, and of each person.
func TestALookIsNotedOnce(t *testing.T) {
	d := open(t, dbtest.SQLite(t))
	look := func(name string) {
		t.Helper()
		if err := d.s.Viewed(audit.By(t.Context(), audit.Person{Name: name}), "clip.view", "c", "jinxiu", nil); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"w.li", "w.li", "z.he"} {
		look(name)
	}
	d.now = d.now.Add(11 * time.Minute)
	look("w.li")
	if all, err := audit.List(t.Context(), d.db.Reader(), audit.Filter{Limit: 10}); err != nil || len(all) != 3 {
		t.Fatalf("%d notes, %v", len(all), err)
	}
}

// TestTheChainIsLookedAt: a bundle that names another one before it stays, and says so.
func TestTheChainIsLookedAt(t *testing.T) {
	d := open(t, dbtest.SQLite(t))
	_, one := d.bundle(1, "", 10)
	_, two := d.bundle(2, hex.EncodeToString(one[0].Bundle), 10)
	_, forged := d.bundle(3, hex.EncodeToString(one[0].Bundle), 10)
	for _, c := range []*wire.Chunk{one[0], two[0], forged[0]} {
		d.take("gw-1", c)
	}
	d.finish()
	for i, want := range []bool{true, false, false} { // forged does not fit two, and two is told of that too
		state, why := d.state([]*wire.Chunk{one[0], two[0], forged[0]}[i].Bundle)
		if state != evidence.Whole || (why == "") != want {
			t.Error(i, state, why)
		}
	}
}

// TestAnOpenIncidentHolds: what is old goes, with a line in the audit, unless its incident is open or a person holds it.
func TestAnOpenIncidentHolds(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := open(t, place)
		d.incident("handling")
		_, chunks := d.bundle(1, "", 10)
		d.take("gw-1", chunks[0])
		d.finish()
		d.now = d.now.Add(31 * 24 * time.Hour)
		expire := func(want string) {
			t.Helper()
			if err := d.s.Expire(t.Context()); err != nil {
				t.Fatal(err)
			}
			if state, _ := d.state(chunks[0].Bundle); state != want {
				t.Fatal(state, want)
			}
		}
		expire(evidence.Whole)
		d.update(func(tx *sql.Tx) error {
			_, err := tx.ExecContext(t.Context(), `UPDATE incidents SET handling = 'closed'`)
			return err
		})
		li := audit.By(t.Context(), audit.Person{Name: "w.li"})
		for range 2 {
			if err := d.s.Hold(li, "i-1", "s", "争议"); err != nil {
				t.Fatal(err)
			}
		}
		if h, err := evidence.HoldOf(li, d.db.Reader(), "i-1"); err != nil || h == nil || *h != (evidence.Hold{Reason: "争议", Who: "w.li", At: d.now.UnixMilli()}) {
			t.Fatal(h, err)
		}
		expire(evidence.Whole)
		if err := d.s.Release(li, "i-1", "s"); err != nil {
			t.Fatal(err)
		}
		expire(evidence.Expired)
		if left, _ := filepath.Glob(filepath.Join(d.dir, "evidence", "gw-1", "*")); len(left) > 0 {
			t.Fatal(left)
		}
		d.take("gw-1", chunks[0])
		expire(evidence.Expired)
		r, err := audit.Verify(t.Context(), d.db.Reader(), time.Time{}, time.Time{}, nil)
		if err != nil || r.Entries != 3 || len(r.Faults) > 0 { // held, released, expired
			t.Fatalf("%+v %v", r, err)
		}
	})
}

// TestAFullDiskIsNoDatabaseError: nothing is noted, and it is told apart.
func TestAFullDiskIsNoDatabaseError(t *testing.T) {
	d := open(t, dbtest.SQLite(t))
	if err := os.WriteFile(filepath.Join(d.dir, "evidence", "gw-1"), nil, 0o600); err != nil { // where the folder should be
		t.Fatal(err)
	}
	_, chunks := d.bundle(1, "", 10)
	_, err := d.s.Keep(context.Background(), "gw-1", chunks[0])
	var full *evidence.FullError
	if !errors.As(err, &full) {
		t.Fatal(err)
	}
}

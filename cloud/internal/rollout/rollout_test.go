package rollout_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/rollout"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/cloud/wire/program"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(dbtest.Main(m)) }

// A fleet is four gateways of four sites, and what they were told.
type fleet struct {
	*rollout.Service
	t    *testing.T
	ctx  context.Context
	db   *db.DB
	now  time.Time
	told map[string]*wire.Update
	lsu  []byte // version 1.1.0, published
	out  map[string]bool
	dir  string // of the files
}

func vendor() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
}

func newFleet(t *testing.T, place *dbtest.Place) *fleet {
	key := vendor()
	public, _ := key.Public().(ed25519.PublicKey)
	f := &fleet{t: t, ctx: t.Context(), db: place.Open(t), now: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), told: map[string]*wire.Update{}, out: map[string]bool{}, dir: t.TempDir()}
	f.Service = rollout.New(rollout.Config{DB: f.db, Dir: f.dir, Vendor: public, Key: key, Secret: []byte("secret"), URL: "http://cloud.example", Rate: 1 << 30,
		Now: func() time.Time { return f.now }, Log: slog.New(slog.DiscardHandler), Barred: func(g string) bool { return f.out[g] }, Publish: func(downs []rollout.Down) {
			for _, x := range downs {
				down, err := wire.Open(public, x.Gateway, x.Payload)
				if err != nil {
					t.Error(err)
				}
				f.told[x.Gateway] = down.GetUpdate()
			}
		}})
	for _, g := range []string{"gw-1", "gw-2", "gw-3", "gw-4"} {
		f.update(func(tx *sql.Tx) error {
			_, err := org.Seen(f.ctx, tx, g, f.now)
			return errors.Join(org.Connect(f.ctx, tx, &wire.Hello{Gateway: g, Session: 1, Boot: 1, Version: "1.0.0"}, f.now), err,
				org.Apply(f.ctx, tx, g, &wire.Inventory{Site: "s-" + g, Name: g}))
		})
		f.back(g)
	}
	f.lsu = made(t, "1.1.0")
	if _, err := f.Publish(f.ctx, []string{f.file(f.lsu)}); err != nil {
		t.Fatal(err)
	}
	return f
}

// made is an update file.
func made(t *testing.T, version string) []byte {
	t.Helper()
	var lsu bytes.Buffer
	if _, err := program.Write(&lsu, vendor(), program.Manifest{Version: version, OS: "linux", Arch: "arm64"}, bytes.Repeat([]byte("program "+version), 9000)); err != nil {
		t.Fatal(err)
	}
	return lsu.Bytes()
}

func (f *fleet) file(text []byte) string {
	f.t.Helper()
	name := filepath.Join(f.t.TempDir(), "x.lsu")
	if err := os.WriteFile(name, text, 0o600); err != nil {
		f.t.Fatal(err)
	}
	return name
}

func (f *fleet) update(fn func(tx *sql.Tx) error) {
	f.t.Helper()
	if err := f.db.Update(f.ctx, fn); err != nil {
		f.t.Fatal(err)
	}
}

// begin rolls 1.1.0 out and answers the first gateway.
func (f *fleet) begin() string {
	f.t.Helper()
	if err := f.Start(f.ctx, rollout.Plan{Version: "1.1.0", Who: "陈敏", Reason: "修复", Step: time.Hour, Watch: time.Minute}); err != nil {
		f.t.Fatal(err)
	}
	f.turn(1)
	for g, u := range f.told {
		if u.GetWatchS() != 60 || u.GetVersion() != "1.1.0" || u.GetSite() != "s-"+g {
			f.t.Errorf("%s was told %v", g, u)
		}
		return g
	}
	return ""
}

// turn lets the service turn; so many gateways have been told something then.
func (f *fleet) turn(want int) {
	f.t.Helper()
	if err := f.Turn(f.ctx); err != nil || len(f.told) != want {
		f.t.Fatal(f.told, err)
	}
}

func (f *fleet) answer(g, state string) {
	f.t.Helper()
	f.update(func(tx *sql.Tx) error {
		return f.UpdateState(f.ctx, tx, g, &wire.UpdateState{Revision: 1, State: state, Version: "1.1.0"})
	})
}

// gone notes that a gateway is silent; back, that it is heard.
func (f *fleet) gone(g string) {
	f.t.Helper()
	f.update(func(tx *sql.Tx) error { _, err := org.Lost(f.ctx, tx, g, f.now); return err })
}

func (f *fleet) back(g string) {
	f.t.Helper()
	f.update(func(tx *sql.Tx) error { _, err := org.Seen(f.ctx, tx, g, f.now); return err })
}

// stands checks the newest rollout.
func (f *fleet) stands(ring int, stopped bool) []rollout.Gateway {
	f.t.Helper()
	o, all, err := rollout.Status(f.ctx, f.db.Reader(), tree.Everywhere())
	if err != nil || o.Ring != ring || o.Stopped != stopped || stopped != (o.Why.ZH != "") || len(all) != 4 {
		f.t.Fatalf("%+v %+v %v; want ring %d, stopped %v", o, all, err, ring, stopped)
	}
	return all
}

// read asks for the file of 1.1.0.
func (f *fleet) read(token, span string) (int, []byte) {
	f.t.Helper()
	for _, u := range f.told {
		r := httptest.NewRequestWithContext(f.ctx, http.MethodGet, wire.ArtifactsPath+u.GetArtifacts()[0].GetSha256(), nil)
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Range", span)
		w := httptest.NewRecorder()
		f.ServeHTTP(w, r)
		text, _ := io.ReadAll(w.Body)
		return w.Code, text
	}
	return 0, nil
}

// TestARolloutGoesRingByRing and stops when a gateway takes the version back; a person lets it go on.
func TestARolloutGoesRingByRing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		f := newFleet(t, place)
		first := f.begin()
		f.answer(first, "applied")
		f.now = f.now.Add(59 * time.Minute)
		f.turn(1)
		f.now = f.now.Add(2 * time.Minute)
		f.turn(2)
		f.now = f.now.Add(time.Minute)
		for g := range f.told {
			if g != first {
				f.answer(g, "reverted")
			}
		}
		f.turn(2)
		if all := f.stands(2, true); all[0].State != "applied" || all[1].State != "reverted" || all[3].State != "later" {
			t.Errorf("%+v", all)
		}
		f.now = f.now.Add(time.Minute)
		if err := f.Move(f.ctx, rollout.Change{Ring: 1, Who: "陈敏", Reason: "再来"}); err == nil {
			t.Error("a ring was taken back")
		}
		if err := f.Move(f.ctx, rollout.Change{Ring: 3, Who: "陈敏", Reason: "查明原因"}); err != nil {
			t.Fatal(err)
		}
		f.now = f.now.Add(time.Minute)
		f.turn(4)
		f.stands(3, false)
	})
}

// TestARolloutStopsOnSilence: of a gateway that tries the version, and of one that had applied it; not of one that was away before,
// nor of one that a person has seen to. Without a gateway that has applied it no ring follows.
func TestARolloutStopsOnSilence(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		f := newFleet(t, place)
		first := f.begin()
		f.gone(first)
		f.now = f.now.Add(2 * time.Hour)
		f.turn(1)
		f.stands(1, false) // it was never asked for anything: nobody knows, and nobody else gets it
		f.back(first)
		f.answer(first, "trial")
		f.now = f.now.Add(time.Minute)
		f.gone(first)
		f.now = f.now.Add(14 * time.Minute)
		f.turn(1)
		f.stands(1, false)
		f.now = f.now.Add(2 * time.Minute)
		f.turn(1)
		f.stands(1, true)
		if err := f.Move(f.ctx, rollout.Change{Ring: 1, Who: "陈敏", Reason: "停电"}); err != nil {
			t.Fatal(err)
		}
		f.now = f.now.Add(2 * time.Hour)
		f.turn(1)
		f.stands(1, false)
		f.back(first)
		f.answer(first, "applied")
		f.now = f.now.Add(time.Minute)
		f.gone(first)
		f.now = f.now.Add(30 * time.Minute)
		f.turn(1)
		f.stands(1, true)
	})
}

// TestFilesAreForTheRing: a file is read with a gateway's token, in parts, while its ring has come, and not otherwise.
func TestFilesAreForTheRing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		f := newFleet(t, place)
		first := f.begin()
		token := f.told[first].GetToken()
		if code, text := f.read(token, "bytes=10-"); code != 206 || !bytes.Equal(text, f.lsu[10:]) {
			t.Error(code, len(text))
		}
		if code, text := f.read(token, ""); code != 200 || !bytes.Equal(text, f.lsu) {
			t.Error(code, len(text))
		}
		may := func(why string, want int) {
			t.Helper()
			if code, _ := f.read(token, ""); code != want {
				t.Errorf("%s: %d, want %d", why, code, want)
			}
		}
		for _, wrong := range []string{"", token + "x", "x" + token, "."} {
			if code, _ := f.read(wrong, ""); code != 401 {
				t.Errorf("%q: %d", wrong, code)
			}
		}
		for g := range map[string]bool{"gw-1": true, "gw-2": true, "gw-3": true, "gw-4": true} {
			want := 404
			if g == first {
				want = 200
			}
			if code, _ := f.read(f.Token(g, f.now.Add(time.Hour)), ""); code != want {
				t.Errorf("%s, of ring %v: %d", g, g == first, code)
			}
		}
		f.out[first] = true
		may("its certificates have ended", 401)
		f.out[first] = false
		if err := f.Move(f.ctx, rollout.Change{Ring: 0, Who: "陈敏", Reason: "等等"}); err != nil {
			t.Fatal(err)
		}
		may("stopped", 404)
		if err := f.Move(f.ctx, rollout.Change{Ring: 1, Who: "陈敏", Reason: "继续"}); err != nil {
			t.Fatal(err)
		}
		may("it goes on", 200)
		f.now = f.now.Add(4 * time.Hour)
		may("after its time", 401)
		token = f.Token(first, f.now.Add(time.Hour))
		if _, err := f.Publish(f.ctx, []string{f.file(made(t, "1.2.0"))}); err != nil {
			t.Fatal(err)
		}
		if err := f.Start(f.ctx, rollout.Plan{Version: "1.2.0", Who: "陈敏", Reason: "更新"}); err != nil {
			t.Fatal(err)
		}
		may("another version is rolled out", 404)
	})
}

// TestWhatIsPublished is signed, whole, new and not too large, and a rollout is of what is published.
func TestWhatIsPublished(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		f := newFleet(t, place)
		bad := bytes.Clone(f.lsu)
		bad[len(bad)-9] ^= 1
		huge := f.file(nil)
		if err := os.Truncate(huge, program.FileMost+1); err != nil {
			t.Fatal(err)
		}
		for what, name := range map[string]string{"damaged": f.file(bad), "cut": f.file(f.lsu[:len(f.lsu)/2]), "empty": f.file(nil), "huge": huge} {
			_, err := f.Publish(f.ctx, []string{name})
			if _, ok := errors.AsType[*program.Refused](err); !ok {
				t.Errorf("%s: %v", what, err)
			}
		}
		next := f.file(made(t, "1.2.0"))
		_, err := f.Publish(f.ctx, []string{next, f.file(f.lsu)})
		if _, ok := errors.AsType[*org.Refusal](err); !ok {
			t.Error("twice:", err)
		}
		for _, wrong := range []rollout.Plan{{Version: "1.0.9"}, {Version: "1.2.0"}, {Version: "1.1.0", Watch: time.Second}, {Version: "1.1.0", Step: -1}} {
			if err := f.Start(f.ctx, wrong); err == nil {
				t.Errorf("%+v was begun", wrong)
			}
		}
	})
}

// TestAChangeIsOfWhatWasSeen: a rollout that stopped by itself, or was replaced, does not go on because somebody was slow to press.
func TestAChangeIsOfWhatWasSeen(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		f := newFleet(t, place)
		first := f.begin()
		seen := &rollout.Seen{ID: 1, Ring: 1}
		f.answer(first, "reverted")
		f.turn(1)
		f.stands(1, true)
		for what, c := range map[string]rollout.Change{"it stopped": {Ring: 2, Seen: seen}, "another one": {Seen: &rollout.Seen{ID: 9}}, "another ring": {Ring: 3, Seen: &rollout.Seen{ID: 1, Ring: 2, Stopped: true}}} {
			if _, ok := errors.AsType[*org.Refusal](f.Move(f.ctx, c)); !ok {
				t.Error(what)
			}
		}
		f.stands(1, true)
		f.now = f.now.Add(time.Minute)
		if err := f.Move(f.ctx, rollout.Change{Ring: 1, Who: "陈敏", Reason: "现场看过", Seen: &rollout.Seen{ID: 1, Ring: 1, Stopped: true}}); err != nil {
			t.Fatal(err)
		}
		f.stands(1, false)
		none, mine := int64(0), int64(1)
		if _, ok := errors.AsType[*org.Refusal](f.Start(f.ctx, rollout.Plan{Version: "1.1.0", After: &none})); !ok {
			t.Error("a rollout that was not seen was replaced")
		}
		if err := f.Start(f.ctx, rollout.Plan{Version: "1.1.0", Who: "陈敏", Reason: "再来", After: &mine}); err != nil {
			t.Error(err)
		}
	})
}

// TestRemovedVersions are gone with their files, and with what a cut publication left; the one rolled out last stays.
func TestRemovedVersions(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		f := newFleet(t, place)
		f.begin()
		if _, err := f.Publish(f.ctx, []string{f.file(made(t, "1.2.0"))}); err != nil {
			t.Fatal(err)
		}
		f.left("old.lsu", 2*time.Hour)
		f.left(".new-1", 2*time.Hour)
		f.left("young.lsu", time.Minute)
		for _, version := range []string{"1.1.0", "0.9.0"} {
			if _, err := f.Remove(f.ctx, version, "陈敏", "清理"); err == nil {
				t.Error("removed:", version)
			}
		}
		if freed, err := f.Remove(f.ctx, "1.2.0", "陈敏", "清理"); err != nil || freed < 100 {
			t.Error(freed, err)
		}
		entries, err := os.ReadDir(f.dir)
		if err != nil || len(entries) != 2 {
			t.Error(entries, err)
		}
		all, err := rollout.Versions(f.ctx, f.db.Reader())
		if err != nil || len(all) != 1 || all[0].Version != "1.1.0" || len(all[0].Files) != 1 || all[0].Files[0].Arch != "arm64" {
			t.Error(all, err)
		}
		if _, err := f.Publish(f.ctx, []string{f.file(made(t, "1.2.0"))}); err != nil {
			t.Error("it cannot be published again:", err)
		}
	})
}

// left puts a file of some age beside the published ones.
func (f *fleet) left(name string, age time.Duration) {
	f.t.Helper()
	path, then := filepath.Join(f.dir, name), f.now.Add(-age)
	if err := errors.Join(os.WriteFile(path, []byte("left"), 0o600), os.Chtimes(path, then, then)); err != nil {
		f.t.Fatal(err)
	}
}

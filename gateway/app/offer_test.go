package app_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/update"
)

// A vendor makes updates and hands them out.
type vendor struct {
	key   ed25519.PrivateKey
	url   string
	files map[string][]byte // by digest
}

func newVendor(t *testing.T) *vendor {
	v := &vendor{key: ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)), files: map[string][]byte{}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(v.files[strings.TrimPrefix(r.URL.Path, wire.ArtifactsPath)]))
	}))
	t.Cleanup(s.Close)
	v.url = s.URL
	return v
}

// offer is what the cloud says of a version.
func (v *vendor) offer(t *testing.T, revision uint64, version string) *wire.Update {
	t.Helper()
	text := v.lsu(t, version)
	sum := sha256.Sum256(text)
	digest := hex.EncodeToString(sum[:])
	v.files[digest] = text
	return &wire.Update{Revision: revision, Site: "test", Version: version, Url: v.url, Token: "t", WatchS: 60,
		Artifacts: []*wire.Artifact{{Os: "plan9", Arch: "mips"}, {Os: runtime.GOOS, Arch: runtime.GOARCH, Sha256: digest, Size: uint64(len(text))}}}
}

func (v *vendor) lsu(t *testing.T, version string) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := update.Write(&out, v.key, update.Manifest{Version: version, OS: runtime.GOOS, Arch: runtime.GOARCH}, []byte("program "+version)); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestTheCloudOffersAProgram: it is fetched, tried, confirmed or taken back, and the cloud is told each, also when a kill kept the
// gateway from noting what it had done.
func TestTheCloudOffersAProgram(t *testing.T) {
	dir, v := t.TempDir(), newVendor(t)
	public, _ := v.key.Public().(ed25519.PublicKey)
	k := &kitchen{open: true}
	ctx, over := context.WithCancelCause(t.Context())
	conf := app.Config{Site: site(t, dir, k.serve(t)), GiveUp: over}
	start(t, conf).stop() // makes the data folder
	slots, err := update.Open(filepath.Join(dir, "data"), public)
	if err != nil {
		t.Fatal(err)
	}
	g := start(t, conf)
	g.TakeOffer(ctx, v.offer(t, 1, "1.1.0")) // refused: it takes none
	g.stop()
	conf.Slots = func() (*update.Slots, error) { return slots, nil }
	g = start(t, conf)
	eventually(t, "the rules run", func() bool { code, _ := g.get(t, "/healthz", ""); return code == 200 })
	wrong := v.offer(t, 1, "1.1.0")
	wrong.Site = "elsewhere"
	g.TakeOffer(ctx, wrong)
	alien := v.offer(t, 2, "1.1.0")
	alien.Artifacts = alien.Artifacts[:1]
	g.TakeOffer(ctx, alien)
	away := v.offer(t, 3, "1.1.0")
	away.Url = "http://127.0.0.1:1"
	g.TakeOffer(ctx, away)
	g.TakeOffer(ctx, away) // is not told again
	g.TakeOffer(ctx, v.offer(t, 3, "1.1.0"))
	if !errors.Is(context.Cause(ctx), app.ErrUpdated) {
		t.Errorf("the process does not end: %v", context.Cause(ctx))
	}
	g.stop()
	if c, err := slots.Choose("1.0.0"); err != nil || c.Version != "1.1.0" {
		t.Fatal(c, err)
	}
	ctx = t.Context()
	conf.Update, conf.GiveUp = slots.Running("a"), func(error) {}
	g = start(t, conf)
	eventually(t, "the rules run", func() bool { code, _ := g.get(t, "/healthz", ""); return code == 200 })
	g.TakeOffer(ctx, v.offer(t, 4, "1.2.0")) // waits: another is on trial
	g.judged(t, 200, 61*time.Second)
	g.TakeOffer(ctx, v.offer(t, 2, "1.3.0")) // an old one, played again
	g.TakeOffer(ctx, v.offer(t, 4, "1.0.9")) // older
	g.TakeOffer(ctx, v.offer(t, 5, "1.1.0")) // is the present one
	_, metrics := g.get(t, "/metrics", "")
	for _, want := range []string{`linshao_desired_revision{about="update",state="desired"} 5`, `linshao_desired_revision{about="update",state="applied"} 5`,
		`linshao_desired_revision{about="update",state="refused"} 4`, `linshao_desired_answers_total{about="update",state="applied"} 2`, `linshao_desired_revision{about="config",state="applied"} 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	// The process is killed when the program is in its slot and nothing else is noted; then that program crashes three times.
	if _, err := slots.Apply(bytes.NewReader(v.lsu(t, "1.4.0")), update.Options{Revision: 6}); err != nil {
		t.Fatal(err)
	}
	g.TakeOffer(ctx, v.offer(t, 6, "1.4.0"))
	g.stop()
	for range 4 {
		if _, err := slots.Choose("1.0.0"); err != nil {
			t.Fatal(err)
		}
	}
	g = start(t, conf)
	eventually(t, "the rules run", func() bool { code, _ := g.get(t, "/healthz", ""); return code == 200 }) // what became of the last one is told by then
	g.TakeOffer(ctx, v.offer(t, 6, "1.4.0"))                                                                // is not tried again
	g.stop()
	got := strings.Join(updateStates(t, dir), " ")
	if want := "1 refused 1 refused 2 refused 3 waits 3 trial 3 trial 4 waits 3 applied 2 refused 4 refused 5 applied 6 trial 6 reverted 6 reverted"; got != want {
		t.Errorf("told\n%s, want\n%s", got, want)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "data", "update", "fetched-*")); err != nil || left != nil {
		t.Error(left, err)
	}
}

// updateStates are the answers to what the cloud offered.
func updateStates(t *testing.T, dir string) (all []string) {
	t.Helper()
	for _, r := range records(t, dir, wire.StreamEvents) {
		var e wire.Event
		if err := proto.Unmarshal(r.Payload, &e); err != nil {
			t.Fatal(err)
		}
		if u := e.GetUpdate(); u != nil {
			all = append(all, fmt.Sprintf("%d %s", u.GetRevision(), u.GetState()))
			if (u.GetWhy().GetZh() == "") != (u.GetState() == "trial" || u.GetState() == "applied") {
				t.Errorf("%v", u)
			}
		}
	}
	return all
}

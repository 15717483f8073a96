package app_test

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linshao/linshao/gateway/app"
)

// TestAHoldOutlivesTheGateway, and a damaged file of holds keeps no gateway from starting: it is said that they are over.
func TestAHoldOutlivesTheGateway(t *testing.T) {
	k := &kitchen{open: true}
	dir := t.TempDir()
	held := func(g *running) bool {
		_, page := g.get(t, "/outputs", "en")
		return strings.Contains(page, "Release the hold")
	}
	g := start(t, app.Config{Site: site(t, dir, k.serve(t))})
	form := url.Values{"device": {"valve-1"}, "point": {"open"}, "value": {"0"}, "for": {"1h"}}
	answer, err := http.PostForm("http://"+g.StatusAddr()+"/outputs/move", form)
	if err != nil {
		t.Fatal(err)
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK || !held(g) {
		t.Fatal("not held by hand:", answer.Status, err)
	}
	g.stop()
	g = start(t, app.Config{Site: site(t, dir, k.serve(t))})
	if !held(g) {
		t.Error("forgotten")
	}
	g.stop()
	file := filepath.Join(dir, "data", "outputs.state")
	if err := os.WriteFile(file, []byte("LSMEMORY torn"), 0o600); err != nil {
		t.Fatal(err)
	}
	g = start(t, app.Config{Site: site(t, dir, k.serve(t))})
	if held(g) {
		t.Error("held by a damaged file")
	}
	eventually(t, "people are told", func() bool {
		all := g.RuleChanges()
		return len(all) > 0 && strings.Contains(all[len(all)-1].String(), "manual holds and lock-outs cannot be read and are over")
	})
	if _, err := os.Stat(file + ".damaged"); err != nil {
		t.Error(err)
	}
}

package app_test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/gateway/app"
	"github.com/linshao/linshao/gateway/internal/state"
)

// TestTheGatewayStartsOverAnyDataFolder: whatever a file there holds, and though nothing can take its place, the valve closes.
func TestTheGatewayStartsOverAnyDataFolder(t *testing.T) {
	files := []string{"boot.json", "claim.code", "identities.state", "health.state", "audit.state", "rules.state", "outputs.state", "rules.last.json", "rules.texts.json", "control.sock"}
	damage := map[string]func(file string) error{
		"garbage": func(file string) error { return os.WriteFile(file, []byte("\x00\xffgarbage\n"), 0o600) },
		"empty":   func(file string) error { return os.WriteFile(file, nil, 0o600) },
		"null": func(file string) error { // sealed as it should be, and nothing in it
			return state.SaveSealed(file, time.Now(), []byte("null"))
		},
		"folder": func(file string) error { return os.MkdirAll(filepath.Join(file, "with", "something"), 0o700) },
	}
	for how, hurt := range damage {
		t.Run(how, func(t *testing.T) {
			k := &kitchen{open: true}
			dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30)) // a unix socket's path has 108 bytes at most
			data := filepath.Join(dir, "data")
			if err := os.MkdirAll(data, 0o700); err != nil {
				t.Fatal(err)
			}
			var err error
			for _, name := range files {
				err = errors.Join(err, hurt(filepath.Join(data, name)))
			}
			if err != nil {
				t.Fatal(err)
			}
			g := start(t, app.Config{Site: site(t, dir, k.serve(t))})
			eventually(t, "the detector is read", func() bool { reads, _, _ := k.state(); return reads > 2 })
			k.set(62)
			eventually(t, "the valve closes", func() bool { _, _, open := k.state(); return !open })
			g.stop()
		})
	}
}

// TestATakenPortKeepsNoGatewayFromStarting: the valve closes, and the page is there as soon as its port is free.
func TestATakenPortKeepsNoGatewayFromStarting(t *testing.T) {
	k := &kitchen{open: true}
	dir := t.TempDir()
	s := site(t, dir, k.serve(t))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Status.Listen = l.Addr().String()
	g := start(t, app.Config{Site: s})
	eventually(t, "the detector is read", func() bool { reads, _, _ := k.state(); return reads > 2 })
	k.set(62)
	eventually(t, "the valve closes", func() bool { _, _, open := k.state(); return !open })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the page is served", func() bool {
		res, err := http.Get("http://" + s.Status.Listen + "/healthz")
		if err != nil {
			return false
		}
		return res.Body.Close() == nil
	})
	http.DefaultClient.CloseIdleConnections()
	g.stop()
}

package control_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/gateway/internal/control"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// folder is short: a socket's path has 108 bytes at most.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ctl")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func TestAskingAndBeingRefused(t *testing.T) {
	dir := folder(t)
	if err := control.Ask(t.Context(), dir, "GET", "/site", nil); !errors.Is(err, control.ErrNobody) {
		t.Errorf("%v", err)
	}
	if err := os.WriteFile(control.Path(dir), nil, 0o600); err != nil { // a killed gateway's
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /site", func(w http.ResponseWriter, _ *http.Request) { control.Answer(w, map[string]int{"devices": 3}, nil) })
	mux.HandleFunc("POST /restart", func(w http.ResponseWriter, _ *http.Request) {
		control.Answer(w, nil, &control.Refusal{Code: "busy", ZH: "忙", EN: "busy", More: []string{"R01/a"}})
	})
	hangs := make(chan struct{})
	mux.HandleFunc("GET /hang", func(_ http.ResponseWriter, r *http.Request) { close(hangs); <-r.Context().Done() })
	s, err := control.Listen(dir, mux, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	if info, err := os.Stat(control.Path(dir)); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	var site struct{ Devices int }
	if err := control.Ask(t.Context(), dir, "GET", "/site", &site); err != nil || site.Devices != 3 {
		t.Errorf("%v %v", site, err)
	}
	var refusal *control.Refusal
	if err := control.Ask(t.Context(), dir, "POST", "/restart", nil); !errors.As(err, &refusal) || refusal.ZH != "忙" || refusal.More[0] != "R01/a" {
		t.Errorf("%v", err)
	}
	if err := control.Ask(t.Context(), dir, "GET", "/nothing", nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("%v", err)
	}
	if _, err := control.Listen(dir, mux, slog.New(slog.DiscardHandler)); err == nil {
		t.Error("two gateways listen on one socket")
	}
	wg.Go(func() { _ = control.Ask(t.Context(), dir, "GET", "/hang", nil) })
	<-hangs
	stop()
	wg.Wait()
	if err := errors.Join(s.Close(), control.Ask(t.Context(), dir, "GET", "/site", nil)); !errors.Is(err, control.ErrNobody) {
		t.Errorf("%v", err)
	}
}

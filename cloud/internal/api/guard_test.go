package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/api"
	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
)

// Some proxies append to the header that came, others add a second one: either way the last entry is theirs.
func TestForwardedAddressCannotBeForged(t *testing.T) {
	h := api.New(api.Config{Proxy: true, Web: http.NotFoundHandler(), Gatherer: prometheus.NewRegistry(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	for _, c := range []struct {
		forwarded []string
		status    int
	}{
		{[]string{"127.0.0.1", "203.0.113.9"}, http.StatusUnauthorized},
		{[]string{"127.0.0.1, 203.0.113.9"}, http.StatusUnauthorized},
		{[]string{"203.0.113.9", "127.0.0.1"}, http.StatusOK},
	} {
		r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = "127.0.0.1:4711", c.forwarded
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%q: status %d, want %d", c.forwarded, w.Code, c.status)
		}
	}
}

// A street's office is behind one address: a dozen pages that read there keep nobody else from reading, and no deed waits behind
// what pages read. Who is not logged in, and who tries passwords, is counted by address.
func TestRequestsAreCountedByCaller(t *testing.T) {
	at := time.Now()
	now := func() time.Time { return at }
	users, err := auth.New(dbtest.SQLite(t).Open(t), now)
	if err != nil {
		t.Fatal(err)
	}
	h := api.New(api.Config{Auth: users, Web: http.NotFoundHandler(), Gatherer: prometheus.NewRegistry(), Now: now, Log: slog.New(slog.DiscardHandler)})
	const password = "correct horse battery"
	ask := func(method, path, token string) int {
		r := httptest.NewRequest(method, "/api/v1"+path, nil)
		r.RemoteAddr = "203.0.113.9:4711"
		if token != "" {
			r.AddCookie(&http.Cookie{Name: "linshao_session", Value: token})
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	flood := func(method, path, token string) (let int) {
		for range 1000 {
			if ask(method, path, token) == http.StatusTooManyRequests {
				return let
			}
			let++
		}
		return let
	}
	var tokens []string
	for _, name := range []string{"张三", "李四"} {
		if err := users.Add(t.Context(), auth.User{Name: name, Role: auth.Operator}, password); err != nil {
			t.Fatal(err)
		}
		token, _, err := users.Login(t.Context(), name, password, "203.0.113.9")
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	if n := flood(http.MethodGet, "/none", tokens[0]); n != 120 {
		t.Errorf("a session reads %d times at once", n)
	}
	if got := ask(http.MethodPost, "/none", tokens[0]); got != http.StatusNotFound {
		t.Errorf("a deed of who has read too much: %d", got)
	}
	if got := ask(http.MethodGet, "/none", tokens[1]); got != http.StatusNotFound {
		t.Errorf("another session at the same address: %d", got)
	}
	if n := flood(http.MethodPost, "/login", tokens[1]); n != 120 {
		t.Errorf("a session lets %d passwords be tried", n)
	}
	for _, token := range []string{"", "of nobody"} {
		if got := ask(http.MethodGet, "/none", token); got != http.StatusTooManyRequests {
			t.Errorf("who is not logged in, by %q: %d", token, got)
		}
	}
	if got := ask(http.MethodGet, "/none", tokens[1]); got != http.StatusNotFound {
		t.Errorf("who is logged in, where passwords were tried: %d", got)
	}
}

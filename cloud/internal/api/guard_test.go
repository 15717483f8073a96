package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/api"
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

package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/api"
	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
)

// Who comes back from an identity provider in vain, or finds it away, is shown the log-in with a reason, never the API's JSON.
func TestRefusalsOfTheProviderLeadToTheLogIn(t *testing.T) {
	users, err := auth.New(dbtest.SQLite(t).Open(t), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	provider := auth.NewOIDC(auth.OIDCConfig{Issuer: gone.URL, ClientID: "c", Redirect: "http://cloud.example" + api.Callback}, users)
	h := api.New(api.Config{Auth: users, OIDC: provider, Web: http.NotFoundHandler(), Gatherer: prometheus.NewRegistry(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	for path, to := range map[string]string{
		"/api/v1/oidc/login":                        "/?login=provider_unavailable",
		api.Callback + "?error=access_denied":       "/?login=bad_login",
		api.Callback + "?state=of-nobody&code=true": "/?login=bad_login",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if at := w.Header().Get("Location"); w.Code != http.StatusSeeOther || at != to {
			t.Errorf("%s: status %d to %q, want %q", path, w.Code, at, to)
		}
		if cookie := w.Header().Get("Set-Cookie"); !strings.Contains(cookie, "Max-Age=0") {
			t.Errorf("%s leaves the cookie of the log-in: %q", path, cookie)
		}
	}
}

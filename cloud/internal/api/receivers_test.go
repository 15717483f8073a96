package api_test

import (
	"context"
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
	"github.com/linshao/linshao/cloud/internal/notify"
)

// receivers is one receiver that refuses; its limit is used up after the first test.
type receivers struct{ tested int }

func (r *receivers) Policy() notify.Policy { return notify.DefaultPolicy() }

func (r *receivers) Receivers(context.Context) ([]notify.Status, error) {
	return []notify.Status{{ID: "duty", Kind: notify.WeCom}}, nil
}

func (r *receivers) Test(_ context.Context, id string, t notify.Trial) (notify.Result, error) {
	if id != "duty" {
		return notify.Result{}, notify.ErrUnknown
	}
	if r.tested++; r.tested > 1 {
		return notify.Result{}, &notify.WaitError{Wait: 40 * time.Second}
	}
	return notify.Result{Answer: "93000 for " + t.By, At: time.UnixMilli(5)}, nil
}

func (r *receivers) Open(_ context.Context, key string) (notify.Opened, error) {
	ask := &notify.Person{Name: "王网格员", Phone: "138****0004", Role: "责任人"}
	switch key {
	case "old":
		return notify.Opened{}, &notify.DeadLink{Ask: ask}
	case "revoked":
		return notify.Opened{}, &notify.DeadLink{Revoked: true}
	}
	return notify.Opened{}, notify.ErrLink
}

func (r *receivers) Revoke(context.Context, string) error { return nil }

// Receivers are the administrator's alone.
func TestReceiversAreForAdministrators(t *testing.T) {
	users, err := auth.New(dbtest.SQLite(t).Open(t), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	there := &receivers{}
	h := api.New(api.Config{Auth: users, Notifier: there, Web: http.NotFoundHandler(), Gatherer: prometheus.NewRegistry(), Now: time.Now, Log: slog.New(slog.DiscardHandler)})
	ask := func(method, path, token string) (int, string) {
		r := httptest.NewRequest(method, "/api/v1"+path, nil)
		if token != "" {
			r.AddCookie(&http.Cookie{Name: "linshao_session", Value: token})
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	tokens := map[string]string{"": ""}
	for _, role := range []string{auth.Viewer, auth.Operator, auth.Admin} {
		if err := users.Add(t.Context(), auth.User{Name: role, Role: role}, "correct horse"); err != nil {
			t.Fatal(err)
		}
		if tokens[role], _, err = users.Login(t.Context(), role, "correct horse", "192.0.2.1"); err != nil {
			t.Fatal(err)
		}
	}
	for role, status := range map[string]int{"": 401, auth.Viewer: 403, auth.Operator: 403} {
		if got, body := ask("GET", "/receivers", tokens[role]); got != status {
			t.Errorf("%q lists: %d %s", role, got, body)
		}
		if got, body := ask("POST", "/receivers/duty/test", tokens[role]); got != status {
			t.Errorf("%q tests: %d %s", role, got, body)
		}
	}
	if got, body := ask("GET", "/ladders", tokens[auth.Viewer]); got != 200 || !strings.Contains(body, `"receivers":1,"failing":0`) || strings.Contains(body, `"duty"`) {
		t.Errorf("whether there are receivers is for everybody, whom they reach is not: %d %s", got, body)
	}
	for _, c := range []struct {
		method, path string
		status       int
		want         string
	}{
		{"GET", "/receivers", 200, `"id":"duty"`},
		{"POST", "/receivers/duty/test", 200, `"answer":"93000 for admin"`},
		{"POST", "/receivers/duty/test", 429, "请 40s 后再试"},
		{"POST", "/receivers/nobody/test", 404, "not_found"},
	} {
		if got, body := ask(c.method, c.path, tokens[auth.Admin]); got != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: %d %s", c.method, c.path, got, body)
		}
	}
	for key, want := range map[string]string{"old": "或联系责任人王网格员。", "revoked": "链接已作废", "foreign": "login_required"} {
		if got, body := ask("GET", "/incidents/GJ-1?k="+key, ""); got != 401 || !strings.Contains(body, want) {
			t.Errorf("%s link: %d %s", key, got, body)
		}
	}
	if there.tested != 2 {
		t.Errorf("%d tests", there.tested)
	}
}

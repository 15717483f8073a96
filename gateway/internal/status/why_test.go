package status_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/linshao/linshao/gateway/internal/status"
	"github.com/linshao/linshao/rules"
)

func explains(cfg *status.Config) {
	cfg.Explain = func(_ context.Context, rule, subject string) (rules.Explanation, error) {
		if rule != "R16" && rule != "" {
			return rules.Explanation{}, fmt.Errorf("explain: %w", rules.ErrNoRule)
		}
		if subject == "gas-9" {
			return rules.Explanation{}, fmt.Errorf("explain: %w", rules.ErrNoSubject)
		}
		return rules.Explanation{Rule: rule, Subject: subject, State: rules.Firing, Why: []rules.Text{{ZH: "level 26 %LEL ≥ limit → 成立", EN: "level 26 %LEL ≥ <limit> → true"}},
			Traces: []rules.Trace{{Changed: true, State: rules.Firing, Why: []rules.Text{{ZH: "当时", EN: "as it was"}}}}}, nil
	}
}

func TestWhyIsAnsweredInJSON(t *testing.T) {
	p := start(t, explains)
	code, text := p.do(t, "GET", "/api/rules/why?rule=R16&subject=gas-1", nil)
	var got status.Why
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != http.StatusOK || got.State != "firing" || got.Why[0].ZH != "level 26 %LEL ≥ limit → 成立" || !got.Traces[0].Changed {
		t.Errorf("%d %s %v", code, text, err)
	}
	for path, want := range map[string]string{"/api/rules/why?rule=R99&subject=gas-1": `"unknown":"rule"`, "/api/rules/why?rule=R16&subject=gas-9": `"unknown":"subject"`} {
		if code, text := p.do(t, "GET", path, nil); code != http.StatusNotFound || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", path, code, text)
		}
	}
}

func TestWhyIsBehindTheLogIn(t *testing.T) {
	p := start(t, func(cfg *status.Config) {
		explains(cfg)
		cfg.User, cfg.Password = "u", "p"
	})
	if code, _ := p.do(t, "GET", "/api/rules/why?rule=R16&subject=gas-1", nil); code != http.StatusUnauthorized {
		t.Errorf("got %d", code)
	}
}

func TestTheFoldOpens(t *testing.T) {
	p := start(t, explains)
	english := func(r *http.Request) { r.Header.Set("Accept-Language", "en") }
	if _, text := p.do(t, "GET", "/", english); !strings.Contains(text, `href="/?why=R16%2fgas-1%2fx#why"`) || strings.Contains(text, "≥") {
		t.Errorf("folded: %s", text)
	}
	_, text := p.do(t, "GET", "/?why=R16%2Fgas-1%2Fx", english)
	if !strings.Contains(text, "level 26 %LEL ≥ &lt;limit&gt; → true") || !strings.Contains(text, "When it fired:") || !strings.Contains(text, "as it was") {
		t.Errorf("open: %s", text)
	}
}

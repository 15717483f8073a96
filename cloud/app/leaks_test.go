package app_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// post sends one request with headers that the matrix has no need of.
func (m *matrix) post(w who, path, body string, header ...string) (int, string) {
	r := httptest.NewRequestWithContext(m.t.Context(), http.MethodPost, "/api/v1"+path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	m.sign(r, w, "")
	out := httptest.NewRecorder()
	m.handler.ServeHTTP(out, r)
	return out.Code, out.Body.String()
}

// Who must change the password first hears no events and reads no metrics before.
func TestFirstPasswordOpensNothing(t *testing.T) {
	m := newMatrix(t)
	if status, body := m.ask(who{role: "must"}, "GET", "/stream", ""); status != http.StatusForbidden || !strings.Contains(string(body), "password_change") {
		t.Errorf("the stream answers %d: %s", status, body)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	m.sign(r, who{role: "must"}, "")
	out := httptest.NewRecorder()
	m.handler.ServeHTTP(out, r)
	if out.Code != http.StatusForbidden {
		t.Errorf("the metrics answer %d", out.Code)
	}
}

// Cards of places are for those who may see the place, or something below it.
func TestCardsOfOtherPlaces(t *testing.T) {
	m := newMatrix(t)
	var list []string
	for _, place := range []string{"", "site:s-own", "site:s-sib", "site:s-above", "node:n-own", "node:n-sib", "node:n-above"} {
		list = append(list, `{"topic":"R16","place":"`+place+`","lines":[{"zh":"卡 `+place+`","en":"x"}]}`)
	}
	if status, body := m.post(who{role: "admin"}, "/cards", `{"cards":[`+strings.Join(list, ",")+`]}`); status != http.StatusOK || strings.Count(body, "卡") != 7 {
		t.Fatalf("%d %s", status, body)
	}
	_, body := m.ask(who{"viewer", "n-own"}, "GET", "/cards", "")
	if text := string(body); strings.Count(text, "卡") != 4 || strings.Contains(text, "s-sib") || strings.Contains(text, "n-sib") || strings.Contains(text, "site:s-above") {
		t.Errorf("%s", text)
	}
}

// A report counts for its own place alone, whatever else it names.
func TestReportNamesNoOtherPlace(t *testing.T) {
	m := newMatrix(t)
	worker := who{"grid", "n-own"}
	for key, body := range map[string]string{
		"aaaaaaaa": `{"kind":"water","text":"漏水","site":"s-own","gateway":"gw-sib"}`,
		"bbbbbbbb": `{"kind":"device","text":"坏了","node":"n-sib","gateway":"gw-own","device":"gas-1"}`,
	} {
		if status, answer := m.post(worker, "/reports", body, "Idempotency-Key", key); status != http.StatusOK || strings.Contains(answer, "sib") {
			t.Errorf("%d %s", status, answer)
		}
	}
	if _, body := m.ask(who{"auditor", "n-own"}, "GET", "/audit?act=incident.report", ""); strings.Count(string(body), `"act":"incident.report"`) != 2 {
		t.Errorf("the audit of the own part: %s", body)
	}
}

// A gateway that is known, and nobody knows where, is invited by who may install everywhere: the token takes over its name.
func TestInviteTakesNoGatewayOver(t *testing.T) {
	m := newMatrix(t)
	for _, c := range []struct {
		w       who
		gateway string
		want    int
	}{
		{who{"installer", "n-own"}, "gw-lost", http.StatusForbidden}, {who{"installer", "n-own"}, "gw-fresh", http.StatusServiceUnavailable}, // there is no CA
		{who{"installer", ""}, "gw-lost", http.StatusServiceUnavailable},
	} {
		if status, body := m.post(c.w, "/gateways/"+c.gateway+"/enrolment", `{"site":"s-own"}`); status != c.want {
			t.Errorf("%s invites %s: %d %s", c.w.name(), c.gateway, status, body)
		}
	}
}

package notify_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
	"github.com/linshao/linshao/cloud/internal/notify"
)

func form(t *testing.T) *notify.Hook {
	t.Helper()
	h, err := notify.ParseHook(notify.HookText{Method: "PUT", Headers: map[string]string{"Authorization": "Bearer {{secret}}", "X-Mac": "{{hmac .Event}}"},
		Body: `{"to":["13800000000"],"text":{{.Text | cut 70 | json}},"sev":{{json .Severity}},"n":{{.Count}},"link":{{json .Link}}}`, OK: `"code":\s*"OK"`, Retry: `LIMIT`})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A gateway of text messages says with 200 what it refuses; it is asked again only where it says so.
func TestTextMessageGateway(t *testing.T) {
	light(t, func(t *testing.T, place *dbtest.Place) {
		h := openAs(t, place, notify.Receiver{Kind: notify.Webhook, AllowPrivate: true, Secret: []byte("0123456789abcdef"), Hook: form(t), PerMinute: 30})
		h.title = `燃气"高"报`
		h.reply <- func(w http.ResponseWriter) { io.WriteString(w, `{"code":"LIMIT_CONTROL"}`) }
		h.reply <- func(w http.ResponseWriter) { io.WriteString(w, `{"code":"OK","echo":"0123456789abcdef"}`) }
		h.fire("A", "a1")
		first, second := h.next(), h.next()
		var m struct {
			Text, Sev, Link string
			N               int
		}
		if err := json.Unmarshal([]byte(second.body), &m); err != nil || m.Sev != "A" || m.N != 1 || !strings.Contains(m.Text, `燃气"高"报`) || strings.Contains(m.Text, "https") || !strings.Contains(m.Link, "/a/GJ-") {
			t.Errorf("%s, %v", second.body, err)
		}
		if second.method != http.MethodPut || second.header.Get("Authorization") != "Bearer 0123456789abcdef" || second.header.Get("X-Mac") == "" ||
			first.header.Get("X-Mac") != second.header.Get("X-Mac") || first.header.Get("Idempotency-Key") != second.header.Get("Idempotency-Key") ||
			second.header.Get("X-Signature") != notify.Sign([]byte("0123456789abcdef"), second.header.Get("X-Timestamp"), second.header.Get("X-Nonce"), []byte(second.body)) {
			t.Errorf("%s %v", second.method, second.header)
		}
		if said, n := h.await("sent"); n != 2 || !strings.Contains(said, "***") {
			t.Errorf("%d attempts: %s", n, said)
		}
	})
}

func TestTextMessageRefused(t *testing.T) {
	h := openAs(t, dbtest.SQLite(t), notify.Receiver{Kind: notify.Webhook, AllowPrivate: true, Hook: form(t)})
	h.reply <- func(w http.ResponseWriter) { io.WriteString(w, `{"code":"TEMPLATE_UNKNOWN"}`) }
	h.fire("A", "a1")
	if said, n := h.await("refused"); n != 1 || !strings.Contains(said, "TEMPLATE") {
		t.Errorf("%d attempts: %s", n, said)
	}
}

func TestWrongForms(t *testing.T) {
	for want, text := range map[string]notify.HookText{
		`method "GET"`:            {Method: "GET", Body: "{}"},
		"body: template":          {Body: "{{.Nothing}}"},
		"unclosed action":         {Body: "{{.Text"},
		"it is no JSON":           {Body: `{"text":"{{.Text}}"}`},
		"more than one line":      {Headers: map[string]string{"X-A": "a\nb"}, Body: "{}"},
		"is no name of a header":  {Headers: map[string]string{"X A": "a"}, Body: "{}"},
		"answer_ok: error":        {Body: "{}", OK: "("},
		"longer than 65536 bytes": {Body: `{{printf "%70000s" .Text}}`},
	} {
		if _, err := notify.ParseHook(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", text, err, want)
		}
	}
	if _, err := notify.ParseHook(notify.HookText{Headers: map[string]string{"content-type": "application/x-www-form-urlencoded"}, Body: "m={{urlquery .Text}}"}); err != nil {
		t.Error(err)
	}
}

func FuzzHook(f *testing.F) {
	f.Add(`{"a":{{json .Text}}}`, "Bearer {{secret}}", "ok")
	f.Add(`{{range .Text}}`, "{{cut -1 .Title}}", "(")
	f.Fuzz(func(_ *testing.T, body, header, ok string) {
		if strings.Contains(body, "{{") && len(body) > 200 { // a template may run as long as its writer likes
			return
		}
		_, _ = notify.ParseHook(notify.HookText{Headers: map[string]string{"X-A": header}, Body: body, OK: ok})
	})
}

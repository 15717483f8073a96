package app_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/linshao/linshao/cloud/app"
)

// The command shows what the receiver says, and no key.
func TestNotifyTest(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"errcode":93000,"errmsg":"invalid webhook url geheim"}`)
	}))
	defer server.Close()
	dir := t.TempDir()
	text := fmt.Sprintf("data: %s\nnotify:\n  - {id: duty, kind: wecom, url: '%s/send?key=geheim', allow_private: true}\n", dir, server.URL)
	if err := os.WriteFile(filepath.Join(dir, "cloud.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := app.Load(filepath.Join(dir, "cloud.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := app.TestReceiver(t.Context(), cfg, "duty", "", "test")
	if err != nil || r.OK || r.Answer != `{"errcode":93000,"errmsg":"invalid webhook url ***"}` {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := app.TestReceiver(t.Context(), cfg, "nobody", "", "test"); err == nil || !strings.Contains(err.Error(), "no such receiver") {
		t.Error(err)
	}
}

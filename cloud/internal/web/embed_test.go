package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/linshao/linshao/cloud/internal/web"
)

func TestHandler(t *testing.T) {
	script := strings.Repeat("let a = 1;\n", 100)
	h, err := web.Handler(fstest.MapFS{"index.html": {Data: []byte("<html>page</html>")}, "todo.html": {Data: []byte("<html>todo</html>")}, "assets/app-1.js": {Data: []byte(script)}, "assets/liveworker-1.js": {Data: []byte(script)}, "icon.svg": {Data: []byte("<svg/>")}})
	if err != nil {
		t.Fatal(err)
	}
	get := func(method, path string, header ...string) *http.Response {
		r := httptest.NewRequest(method, path, nil)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result()
	}
	for path, want := range map[string]string{"/": "page", "/index.html": "page", "/sites/jinxiu": "page", "/a/GJ-1": "page", "/todo": "todo", "/todo/1": "todo", "/todos": "page"} {
		resp := get("GET", path)
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 200 || string(body) != "<html>"+want+"</html>" || resp.Header.Get("Cache-Control") != "no-cache" || !strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
	}
	resp := get("GET", "/assets/app-1.js", "Accept-Encoding", "br, gzip")
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(z); err != nil || string(body) != script || !strings.Contains(resp.Header.Get("Cache-Control"), "immutable") {
		t.Errorf("%v %v", err, resp.Header)
	}
	if said := resp.Header.Get("Content-Security-Policy"); said != "" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("a script of a page: %v", resp.Header)
	}
	for _, path := range []string{"/assets/liveworker-1.js", "/icon.svg"} { // these have no page whose policy would count
		if resp := get("GET", path); !strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("%s has no policy: %v", path, resp.Header)
		}
	}
	if tag := resp.Header.Get("ETag"); tag != "" {
		t.Errorf("what never changes is not asked for again: %q", tag)
	}
	if again := get("GET", "/todo", "If-None-Match", get("GET", "/todo").Header.Get("ETag")); again.StatusCode != 304 {
		t.Errorf("again: %d", again.StatusCode)
	}
	for path, want := range map[string]int{"/assets/app-0.js": 404, "/api/v1/x": 404} {
		if resp := get("GET", path); resp.StatusCode != want {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	if resp := get("POST", "/"); resp.StatusCode != 405 {
		t.Errorf("post: %d", resp.StatusCode)
	}
	if _, err := web.Handler(fstest.MapFS{}); err == nil {
		t.Error("a page without index.html")
	}
	if _, err := web.Handler(web.Files()); err != nil {
		t.Errorf("the built page: %v", err)
	}
}

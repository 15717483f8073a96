package web_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/linshao/linshao/cloud/internal/web"
)

// packed packs otherwise than the server does, so that the two can be told apart.
func packed(script string) []byte {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.HuffmanOnly)
	w.Write([]byte(script)) //nolint:errcheck // into memory
	w.Close()               //nolint:errcheck
	return b.Bytes()
}

func TestHandler(t *testing.T) {
	script := strings.Repeat("let a = 1;\n", 100)
	h, err := web.Handler(fstest.MapFS{"index.html": {Data: []byte("<html>page</html>")}, "todo.html": {Data: []byte("<html>todo</html>")}, "todo.en.html": {Data: []byte("<html>to do</html>")}, "a.html": {Data: []byte("<html>alert</html>")}, "assets/app-1.js": {Data: []byte(script)}, "assets/packed-1.js": {Data: []byte(script)}, "assets/packed-1.js.gz": {Data: packed(script)}, "assets/liveworker-1.js": {Data: []byte(script)}, "icon.svg": {Data: []byte("<svg/>")}, "icon-192.png": {Data: []byte("png")}, "manifest.webmanifest": {Data: []byte("{}")}})
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
	for path, want := range map[string]string{"/": "page", "/index.html": "page", "/sites/jinxiu": "page", "/a/GJ-1": "alert", "/todo": "todo", "/todo/1": "todo", "/todos": "page"} {
		resp := get("GET", path)
		body, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != 200 || string(body) != "<html>"+want+"</html>" || resp.Header.Get("Cache-Control") != "no-cache" || !strings.HasPrefix(resp.Header.Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
	}
	for said, want := range map[string]string{"zh-CN,zh;q=0.9,en;q=0.8": "todo", "ZH": "todo", "en-GB,zh;q=0.5": "to do", "de": "to do"} {
		resp := get("GET", "/todo", "Accept-Language", said)
		if body, _ := io.ReadAll(resp.Body); string(body) != "<html>"+want+"</html>" || !slices.Contains(resp.Header.Values("Vary"), "Accept-Language") {
			t.Errorf("a reader of %s gets %s, %v", said, body, resp.Header)
		}
	}
	for path, want := range map[string]string{
		"/todo":             "/session /incidents?handling=open&limit=50&order=urgent&brief=true",
		"/todo?tab=closed":  "/session",
		"/a/GJ-1":           "/session /incidents/GJ-1",
		"/a/GJ-1?k=a%2Bb":   "/session?k=a%2Bb /incidents/GJ-1?k=a%2Bb",
		"/todo?k=a":         "/session?k=a /incidents?handling=open&limit=50&order=urgent&brief=true&k=a",
		"/a/a%3E%3B%22%0Ab": "/session /incidents/a%3E%3B%22%0Ab",
		"/sites/jinxiu":     "",
		"/assets/app-1.js":  "",
	} {
		var asks []string
		for link := range strings.SplitSeq(get("GET", path).Header.Get("Link"), ", ") {
			if ask, ok := strings.CutSuffix(link, ">; rel=preload; as=fetch; crossorigin"); ok {
				asks = append(asks, strings.TrimPrefix(ask, "</api/v1"))
			}
		}
		if got := strings.Join(asks, " "); got != want {
			t.Errorf("with %s a browser is told to ask for %q, not %q", path, got, want)
		}
	}
	resp := get("GET", "/assets/app-1.js", "Accept-Encoding", "br, gzip")
	if resp := get("GET", "/assets/packed-1.js", "Accept-Encoding", "gzip"); resp.ContentLength != int64(len(packed(script))) {
		t.Errorf("what the build has packed is not served as it is: %v", resp.Header)
	}
	if resp := get("GET", "/assets/packed-1.js.gz"); resp.StatusCode != 404 {
		t.Errorf("a packed form is no file of its own: %d", resp.StatusCode)
	}
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
	for path, want := range map[string]string{"/icon.svg": "image/svg+xml", "/icon-192.png": "image/png", "/manifest.webmanifest": "application/manifest+json"} {
		resp := get("GET", path)
		if kind := resp.Header.Get("Content-Type"); kind != want || resp.Header.Get("Cache-Control") != "public, max-age=86400" || resp.Header.Get("ETag") == "" {
			t.Errorf("%s: %v", path, resp.Header)
		}
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
	if _, err := web.Handler(fstest.MapFS{"index.html": {}, "assets/app-1.js": {Data: []byte(script)}, "assets/app-1.js.gz": {Data: packed("let a = 2;\n")}}); err == nil || !strings.Contains(err.Error(), "assets/app-1.js.gz") {
		t.Errorf("another build's packed script: %v", err)
	}
	if _, err := web.Handler(web.Files()); err != nil {
		t.Errorf("the built page: %v", err)
	}
	for _, name := range []string{"manifest.webmanifest", "icon.svg", "icon-192.png", "icon-512.png", "icon-any-shape.png", "icon-apple.png"} {
		if _, err := fs.Stat(web.Files(), name); err != nil {
			t.Errorf("the built page: %v", err)
		}
	}
}

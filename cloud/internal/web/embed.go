// Package web serves the page. Its built files are committed in dist and embedded, compressed once when the program
// starts where the build has not done so; files named by their content never change, everything else is asked for anew each time.
package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"net/url"
	"path"
	"strings"
)

//go:embed all:dist
var dist embed.FS

// Files are the built files of the page.
func Files() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is embedded above
	}
	return sub
}

type file struct {
	plain, zipped []byte
	kind, etag    string
	immutable     bool
	lasting       bool // what a start screen shows: a day old is new enough
	part          bool // a script or style: it runs under the policy of its page, and a phone is spared the words
}

// Handler serves files from memory. A path that is no file is one of the page's own and gets index.html, or the document
// that is named by its first step and the reader's language (todo.en.html for /todo), which names the scripts of that page.
func Handler(files fs.FS) (http.Handler, error) {
	all := map[string]*file{}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if strings.HasSuffix(name, ".gz") {
			return nil // the packed form of the file beside it
		}
		all["/"+name], err = load(files, name)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load page: %w", err)
	}
	index := all["/index.html"]
	if index == nil {
		return nil, fmt.Errorf("load page: it has no index.html")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		f := all[r.URL.Path]
		if f == nil && (strings.HasPrefix(r.URL.Path, "/assets/") || strings.HasPrefix(r.URL.Path, "/api/")) {
			http.NotFound(w, r) // an old page asks for a file of its build: HTML in its place would break it silently
			return
		}
		if f == nil {
			step, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
			w.Header().Set("Vary", "Accept-Language")
			if f = all["/"+step+language(r)+".html"]; f != nil {
				w.Header().Set("Link", early(step, rest, r.URL.Query()))
			}
		}
		if f == nil {
			f = index
		}
		f.serve(w, r)
	}), nil
}

// language is what stands in the name of a document in the reader's language: nothing for Chinese, as the page itself decides.
func language(r *http.Request) string {
	if said := r.Header.Get("Accept-Language"); said == "" || strings.HasPrefix(strings.ToLower(said), "zh") {
		return ""
	}
	return ".en"
}

// early names what a page that messages lead to asks for first, by the same addresses (ui/src/lib/pages.ts): a phone asks
// for it beside the scripts and not after them, which on a slow line is one way there and back less.
func early(step, rest string, query url.Values) string {
	asks := []string{"/session"}
	switch {
	case step == "todo" && !query.Has("tab"):
		asks = append(asks, "/incidents?handling=open&limit=50&order=urgent&brief=true")
	case step == "a" && rest != "":
		asks = append(asks, "/incidents/"+url.PathEscape(rest))
	}
	links := make([]string, len(asks))
	for n, ask := range asks {
		if key := query.Get("k"); key != "" {
			mark := "?"
			if strings.Contains(ask, "?") {
				mark = "&"
			}
			ask += mark + url.Values{"k": {key}}.Encode()
		}
		links[n] = "</api/v1" + ask + ">; rel=preload; as=fetch; crossorigin"
	}
	return strings.Join(links, ", ")
}

func load(files fs.FS, name string) (*file, error) {
	b, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(b)
	f := &file{plain: b, etag: `"` + hex.EncodeToString(sum[:12]) + `"`, kind: mime.TypeByExtension(path.Ext(name)), immutable: strings.HasPrefix(name, "assets/")}
	ext := path.Ext(name)
	f.lasting = ext == ".webmanifest" || strings.HasPrefix(name, "icon")
	f.part = f.immutable && (ext == ".js" || ext == ".css") && !strings.Contains(name, "worker") // a worker has a policy of its own
	if ext == ".webmanifest" {
		f.kind = "application/manifest+json" // few systems know this ending
	}
	if f.kind == "" {
		f.kind = "application/octet-stream"
	}
	if f.zipped, err = fs.ReadFile(files, name+".gz"); err == nil {
		return f, same(f, name)
	}
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	if z.Len() < len(b)*9/10 {
		f.zipped = z.Bytes()
	}
	return f, nil
}

// same makes sure that what a build has packed is the file beside it.
func same(f *file, name string) error {
	r, err := gzip.NewReader(bytes.NewReader(f.zipped))
	if err != nil {
		return fmt.Errorf("unpack %s.gz: %w", name, err)
	}
	b, err := io.ReadAll(r)
	if err == nil && !bytes.Equal(b, f.plain) {
		err = errors.New("it holds something else than the file beside it: build the web files again (make web)")
	}
	if err != nil {
		return fmt.Errorf("unpack %s.gz: %w", name, err)
	}
	return nil
}

// policy lets the page load its own files and talk to its own server, and nothing else. Vue and the charts set styles
// through the object model, which is no inline style.
const policy = "default-src 'self'; img-src 'self' data:; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.kind)
	h.Set("X-Content-Type-Options", "nosniff")
	if !f.part {
		h.Set("Content-Security-Policy", policy)
		h.Set("Referrer-Policy", "no-referrer") // addresses may hold the key of a link
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
	}
	h.Add("Vary", "Accept-Encoding")
	if f.immutable {
		h.Set("Cache-Control", "public, max-age=31536000, immutable") // never asked for again, so it needs no ETag
	} else {
		h.Set("Cache-Control", "no-cache")
		if f.lasting {
			h.Set("Cache-Control", "public, max-age=86400")
		}
		h.Set("ETag", f.etag)
	}
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.plain
	if f.zipped != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.zipped
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	w.Write(body) //nolint:errcheck // a reader that left does not need it
}

package status

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// commissioning begins the paths of what an installer does.
const commissioning = "/commission"

// mostForm is how long a form may be, in bytes: a value typed for each point of a station with many ports.
const mostForm = 64 << 10

// guard stands before every request: log-in, foreign pages, headers.
func (p *Page) guard(next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if p.open && !local(r.Host) {
			// A foreign name that resolves to this machine: another page's way in (DNS rebinding).
			http.Error(w, "wrong host", http.StatusMisdirectedRequest)
			return
		}
		if !p.public(r) && !p.knows(r) {
			p.refuse(w, r)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, mostForm)
		sameOrigin.ServeHTTP(w, r)
	})
}

// public says whether a page is for everybody: those of a gateway that only this machine can reach, but not what an installer
// does; and the log-in.
func (p *Page) public(r *http.Request) bool {
	switch path := r.URL.Path; {
	case path == "/login" && p.cfg.Door != nil, path == "/style.css":
		return true
	case path == commissioning || strings.HasPrefix(path, commissioning+"/"):
		return false
	}
	return p.open
}

// refuse asks for the password where there is one, else for the claim code.
func (p *Page) refuse(w http.ResponseWriter, r *http.Request) {
	switch {
	case p.cfg.Password != "":
		w.Header().Set("WWW-Authenticate", `Basic realm="linshao", charset="UTF-8"`)
		http.Error(w, "log in", http.StatusUnauthorized)
	case p.cfg.Door != nil && r.Method == http.MethodGet:
		http.Redirect(w, r, "/login?to="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
	default:
		http.Error(w, "log in", http.StatusForbidden)
	}
}

func local(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}

// knows says whether who asks has logged in. It compares in constant time, over hashes so that lengths do not show either.
func (p *Page) knows(r *http.Request) bool {
	if c, err := r.Cookie(cookie); err == nil && p.cfg.Door != nil && p.cfg.Door.Knows(c.Value) {
		return true
	}
	if p.cfg.Password == "" {
		return false
	}
	user, password, ok := r.BasicAuth()
	return same(user, p.cfg.User)&same(password, p.cfg.Password) == 1 && ok
}

func same(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

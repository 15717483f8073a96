package status

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// guard stands before every request: log-in, foreign pages, headers.
func (p *Page) guard(next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection().Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if p.cfg.Password == "" && !local(r.Host) {
			// A foreign name that resolves to this machine: another page's way in (DNS rebinding).
			http.Error(w, "wrong host", http.StatusMisdirectedRequest)
			return
		}
		if p.cfg.Password != "" && !p.knows(r) {
			h.Set("WWW-Authenticate", `Basic realm="linshao", charset="UTF-8"`)
			http.Error(w, "log in", http.StatusUnauthorized)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
		sameOrigin.ServeHTTP(w, r)
	})
}

func local(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.Trim(hostport, "[]")
	}
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}

// knows compares in constant time, over hashes so that lengths do not show either.
func (p *Page) knows(r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	return same(user, p.cfg.User)&same(password, p.cfg.Password) == 1 && ok
}

func same(a, b string) int {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:])
}

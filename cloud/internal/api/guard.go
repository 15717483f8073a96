package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/cloud/wire/enrolment"
)

var problemType = reflect.TypeFor[Problem]()

// caller is who makes a request and from where.
type caller struct {
	user     auth.User
	incident string           // of a signed link: the only incident it opens
	dead     *notify.DeadLink // one that opens nothing any more
	address  string
	token    string
}

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

const cookieName = "linshao_session"

// guard stands in front of everything.
func (a *API) guard(next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		newProblem(http.StatusForbidden, "cross_origin", "拒绝来自其他网站的请求", "requests from other sites are refused").write(w, r)
	}))
	return origin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/api/") {
			next.ServeHTTP(w, r)
			return
		}
		// A copy, for the server looks at its own request to see whether the body was read to its end: what is left of one that
		// was too large must not be taken for the next request.
		r = r.WithContext(r.Context())
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit(r.URL.Path))
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		c := caller{address: a.address(r)}
		if err := a.identify(r, &c); err != nil {
			a.cfg.Log.Error("session cannot be read", "err", err)
			errInternal().write(w, r)
			return
		}
		if !a.limits.allow(c.counted(r)) {
			w.Header().Set("Retry-After", "2")
			errBusy().write(w, r)
			return
		}
		if c.user.Role == "" && !open(r.URL.Path) {
			refusal := errLogin()
			if c.dead != nil {
				refusal = errDeadLink(c.dead, strings.HasSuffix(r.URL.Path, "/rate"))
			}
			refusal.write(w, r)
			return
		}
		ctx := audit.By(r.Context(), audit.Person{Name: c.user.Name, Role: c.user.Role, Address: c.address})
		next.ServeHTTP(w, r.WithContext(context.WithValue(ctx, callerKey{}, c)))
	}))
}

// open says which paths need no login: a gateway shows its token, or the key of its certificate; another platform signs.
func open(path string) bool {
	switch path {
	case "/api/v1/login", "/api/v1/logout", oidcPrefix + "login", Callback, enrolment.PathEnrol, enrolment.PathChallenge, enrolment.PathRenew:
		return true
	}
	return strings.HasPrefix(path, "/api/v1/dock/") && strings.HasSuffix(path, "/callback")
}

// demoGrants let the one user of a demo, which nobody reaches from outside, do everything.
func demoGrants() []auth.Grant {
	return []auth.Grant{{Role: auth.Street}, {Role: auth.Admin}}
}

// identify finds out who calls: a session's cookie first, then the demo, then a signed link. To rate an incident by a link is
// to be the resident whom it was sent to, whoever is logged in where it is opened.
func (a *API) identify(r *http.Request, c *caller) error {
	if strings.HasSuffix(r.URL.Path, "/rate") && r.URL.Query().Has("k") {
		if err := a.byLink(r, c); err != nil || c.user.Role == auth.Rater {
			return err
		}
		*c = caller{address: c.address} // it is no resident's link
	}
	if cookie, err := r.Cookie(cookieName); err == nil {
		u, err := a.cfg.Auth.User(r.Context(), cookie.Value)
		if err == nil {
			c.user, c.token = u, cookie.Value
			return nil
		}
		if !errors.Is(err, auth.ErrNobody) {
			return err
		}
	}
	if a.cfg.Demo {
		c.user = auth.User{Name: "演示", Role: auth.Operator, Grants: demoGrants()}
		return nil
	}
	return a.byLink(r, c)
}

// byLink takes a signed link's word for who calls. A link that is none changes nothing.
func (a *API) byLink(r *http.Request, c *caller) error {
	key := r.URL.Query().Get("k")
	if key == "" {
		return nil
	}
	o, err := a.cfg.Notifier.Open(r.Context(), key)
	dead, isDead := errors.AsType[*notify.DeadLink](err)
	switch {
	case err == nil && o.Resident:
		c.user, c.incident = auth.User{Name: o.Name, Role: auth.Rater}, o.Incident
	case err == nil:
		c.user, c.incident = auth.User{Name: o.Name, Role: auth.Link}, o.Incident
	case isDead:
		c.dead = dead
	case !errors.Is(err, notify.ErrLink):
		return err
	}
	return nil
}

func (a *API) address(r *http.Request) string {
	if a.cfg.Proxy {
		// The last entry is the one that our own proxy has added, some in a header of their own; those before it anybody
		// may have written.
		list := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		if last := strings.TrimSpace(list[len(list)-1]); last != "" {
			return last
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// metricsGuard lets in this machine, and those who may see the whole street.
func (a *API) metricsGuard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ip := net.ParseIP(a.address(r))
		local := ip != nil && ip.IsLoopback()
		var c caller
		if !local {
			if err := a.identify(r, &c); err != nil || c.user.Role == "" || c.user.Role == auth.Link || c.user.Role == auth.Rater {
				errLogin().write(w, r)
				return
			}
			if _, all := c.user.Where(auth.See); !all || c.user.MustChange {
				errForbidden().write(w, r)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// counted names those whose requests are counted together. Behind one address there may be a whole street's office, so who is
// logged in, or came by a link, is counted alone, and what people do apart from what their pages read: no deed waits behind a
// list. Who is not, and whoever tries to become so, is counted by address.
func (c caller) counted(r *http.Request) string {
	who := ""
	switch {
	case open(r.URL.Path):
	case c.token != "":
		who = "session " + c.token
	case c.incident != "":
		who = "link " + c.user.Role + " " + c.incident + " " + c.address // it was sent to many, perhaps
	}
	if who == "" {
		return c.address
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return "deeds of " + who
	}
	return who
}

// Requests that one caller may make: so many at once, so many a second after that. A page makes about ten when it opens.
const (
	burst      = 120
	perSecond  = 20
	maxBuckets = 10_000
)

type bucket struct {
	left float64
	at   time.Time
}

type limits struct {
	mu  sync.Mutex
	now func() time.Time
	of  map[string]*bucket
}

func newLimits(now func() time.Time) *limits { return &limits{now: now, of: map[string]*bucket{}} }

func (l *limits) allow(who string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	b := l.of[who]
	if b == nil {
		if len(l.of) >= maxBuckets {
			clear(l.of)
		}
		b = &bucket{left: burst, at: now}
		l.of[who] = b
	}
	b.left = min(burst, b.left+now.Sub(b.at).Seconds()*perSecond)
	b.at = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}

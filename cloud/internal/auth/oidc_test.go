package auth_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/oauth2-proxy/mockoidc"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db/dbtest"
)

// provider is an identity provider on loopback whose tokens a test may spoil.
type provider struct {
	*mockoidc.MockOIDC
	client *http.Client
	spoil  func(claims jwt.MapClaims) string // answers another token; nil: it is left alone
}

func openProvider(t *testing.T) *provider {
	t.Helper()
	m, err := mockoidc.NewServer(nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{MockOIDC: m, client: &http.Client{Transport: &http.Transport{}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	if err := m.AddMiddleware(p.between); err != nil {
		t.Fatal(err)
	}
	l := httptest.NewUnstartedServer(nil).Listener
	if err := m.Start(l, nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.client.CloseIdleConnections()
		if err := m.Shutdown(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// between changes the token in the provider's answer.
func (p *provider) between(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.spoil == nil || !strings.HasSuffix(r.URL.Path, "/token") {
			next.ServeHTTP(w, r)
			return
		}
		out := httptest.NewRecorder()
		next.ServeHTTP(out, r)
		var body map[string]any
		if json.Unmarshal(out.Body.Bytes(), &body) == nil && body["id_token"] != nil {
			token, _ := body["id_token"].(string)
			payload, _ := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
			d, claims := json.NewDecoder(bytes.NewReader(payload)), jwt.MapClaims{}
			d.UseNumber()
			_ = d.Decode(&claims)
			body["id_token"] = p.spoil(claims)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(out.Code)
		_ = json.NewEncoder(w).Encode(body)
	})
}

// visit goes to the provider as a browser would, and answers what it comes back with.
func (p *provider) visit(t *testing.T, o *auth.OIDC) auth.Return {
	t.Helper()
	to, browser, err := o.Begin(t.Context(), "1.2.3.4")
	if err != nil {
		t.Fatal(err)
	}
	if q := mustParse(t, to).Query(); q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" || q.Get("state") == "" {
		t.Errorf("goes to %s", to)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back := mustParse(t, resp.Header.Get("Location")).Query()
	return auth.Return{State: back.Get("state"), Code: back.Get("code"), Browser: browser, Address: "1.2.3.4"}
}

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestOIDC(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		d := place.Open(t)
		street(t, d)
		now := time.Now()
		s, err := auth.New(d, func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		p := openProvider(t)
		c := p.Config()
		o := auth.NewOIDC(auth.OIDCConfig{Issuer: p.Issuer(), ClientID: c.ClientID, ClientSecret: c.ClientSecret, Redirect: "http://cloud.example/api/v1/oidc/callback", Scopes: []string{"groups"},
			GroupsClaim: "groups", Client: p.client, Groups: map[string][]auth.Grant{"duty": {{Role: auth.Street}}, "wg": {{Role: auth.Grid, Node: "g1"}, {Role: auth.Grid, Node: "gone"}}}}, s)
		login := func(ctx context.Context, subject, name string, groups ...string) (auth.User, string, error) {
			p.QueueUser(&mockoidc.MockUser{Subject: subject, PreferredUsername: name, Groups: groups})
			token, u, err := o.Finish(ctx, p.visit(t, o))
			return u, token, err
		}
		ctx := t.Context()
		u, token, err := login(ctx, "s-1", "王五", "wg", "other")
		if err != nil || u.Name != "王五" || u.Role != auth.Grid || len(u.Grants) != 1 || u.Grants[0].Node != "g1" {
			t.Fatal(u, err)
		}
		if u, err = s.User(ctx, token); err != nil || u.Name != "王五" || len(u.Grants) != 1 {
			t.Error(u, err)
		}
		if _, _, err := s.Login(ctx, "王五", "", "1.2.3.4"); !errors.Is(err, auth.ErrWrong) {
			t.Errorf("a log-in without a password: %v", err)
		}
		if u, _, err := login(ctx, "s-1", "王五改名", "duty"); err != nil || u.Name != "王五" || u.Role != auth.Street { // linked by subject, groups anew
			t.Error(u, err)
		}
		if u, _, err := login(ctx, "s-2", "王五", "wg"); err != nil || u.Name == "王五" || !strings.HasPrefix(u.Name, "王五 ") { // another one of the name
			t.Error(u, err)
		}
		if _, _, err := login(ctx, "s-3", "赵六", "other"); !errors.Is(err, auth.ErrNoGroup) {
			t.Errorf("a stranger: %v", err)
		}
		if _, _, err := login(ctx, "s-1", "王五"); !errors.Is(err, auth.ErrNoGroup) { // he left: what he had ends
			t.Errorf("who left all groups: %v", err)
		}
		if _, err := s.User(ctx, token); !errors.Is(err, auth.ErrNobody) {
			t.Errorf("his session: %v", err)
		}
		list, err := s.Accounts(ctx, auth.Console(), "")
		if err != nil || len(list) != 2 || !list[0].Outside {
			t.Errorf("%+v %v", list, err)
		}

		p.QueueUser(&mockoidc.MockUser{Subject: "s-2", PreferredUsername: "x", Groups: []string{"wg"}})
		back := p.visit(t, o)
		stolen := back
		stolen.Browser = "another"
		if _, _, err := o.Finish(ctx, stolen); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("in another browser: %v", err)
		}
		if _, _, err := o.Finish(ctx, back); err != nil {
			t.Error(err)
		}
		if _, _, err := o.Finish(ctx, back); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("state replayed: %v", err)
		}
		p.QueueUser(&mockoidc.MockUser{Subject: "s-2", PreferredUsername: "x", Groups: []string{"wg"}})
		back = p.visit(t, o)
		now = now.Add(11 * time.Minute)
		if _, _, err := o.Finish(ctx, back); !errors.Is(err, auth.ErrDenied) {
			t.Errorf("ten minutes late: %v", err)
		}
		now = now.Add(-11 * time.Minute)
		other, err := mockoidc.RandomKeypair(2048)
		if err != nil {
			t.Fatal(err)
		}
		sign := func(k *mockoidc.Keypair, c jwt.MapClaims) string {
			text, err := k.SignJWT(c)
			if err != nil {
				t.Error(err)
			}
			return text
		}
		change := func(claim string, v any) func(jwt.MapClaims) string {
			return func(c jwt.MapClaims) string {
				c[claim] = v
				return sign(p.Keypair, c)
			}
		}
		for name, spoil := range map[string]func(jwt.MapClaims) string{
			"wrong nonce": change("nonce", "x"), "no nonce": change("nonce", nil), "wrong audience": change("aud", "x"), "wrong issuer": change("iss", "https://evil.example"),
			"expired": change("exp", now.Add(-time.Minute).Unix()), "not yet": change("nbf", now.Add(time.Hour).Unix()),
			"other key": func(c jwt.MapClaims) string { return sign(other, c) },
			"no token":  func(jwt.MapClaims) string { return "" },
			"alg none": func(c jwt.MapClaims) string {
				text, err := jwt.NewWithClaims(jwt.SigningMethodNone, c).SignedString(jwt.UnsafeAllowNoneSignatureType)
				if err != nil {
					t.Error(err)
				}
				return text
			},
			"secret as key": func(c jwt.MapClaims) string {
				text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, c).SignedString([]byte(p.Config().ClientSecret))
				if err != nil {
					t.Error(err)
				}
				return text
			},
			"claims changed under the signature": func(c jwt.MapClaims) string {
				parts := strings.Split(sign(p.Keypair, c), ".")
				c["groups"] = []string{"duty"}
				b, _ := json.Marshal(c)
				return parts[0] + "." + base64.RawURLEncoding.EncodeToString(b) + "." + parts[2]
			},
		} {
			p.spoil = spoil
			if _, _, err := login(ctx, "s-2", "x", "wg"); !errors.Is(err, auth.ErrDenied) {
				t.Errorf("%s: %v", name, err)
			}
		}
		p.spoil = func(c jwt.MapClaims) string { return sign(p.Keypair, c) }
		if _, _, err := login(ctx, "s-2", "x", "wg"); err != nil { // so that it was not the spoiling itself
			t.Errorf("signed anew: %v", err)
		}
	})
}

// One address cannot take all the room of the log-ins that are under way; a network of IPv6 is one address.
func TestOneAddressHasAPartOfTheRoom(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, place *dbtest.Place) {
		s, err := auth.New(place.Open(t), time.Now)
		if err != nil {
			t.Fatal(err)
		}
		p := openProvider(t)
		o := auth.NewOIDC(auth.OIDCConfig{Issuer: p.Issuer(), ClientID: "c", Redirect: "http://cloud.example/api/v1/oidc/callback", Client: p.client}, s)
		for i := range 100 {
			if _, _, err := o.Begin(t.Context(), "2001:db8:1:2::"+strconv.Itoa(i+1)); err != nil {
				t.Fatal(i, err)
			}
		}
		var locked *auth.LockedError
		if _, _, err := o.Begin(t.Context(), "2001:db8:1:2:3::1"); !errors.As(err, &locked) {
			t.Errorf("one too many: %v", err)
		}
		for _, other := range []string{"2001:db8:1:3::1", "192.0.2.1"} {
			if _, _, err := o.Begin(t.Context(), other); err != nil {
				t.Errorf("%s: %v", other, err)
			}
		}
	})
}

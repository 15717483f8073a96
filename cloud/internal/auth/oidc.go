package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/linshao/linshao/cloud/internal/db"
)

// OIDCConfig is what an OIDC needs.
type OIDCConfig struct {
	Issuer       string
	ClientID     string
	ClientSecret string
	Redirect     string   // address of the callback, as the browser sees it
	Scopes       []string // besides openid and profile
	GroupsClaim  string
	Groups       map[string][]Grant // group of the provider → what its members may do
	Client       *http.Client       // nil: one with a limit of time
}

// OIDC lets people log in through an identity provider: authorization code with PKCE, state, nonce. The provider says who
// somebody is and in which groups; what the groups may do is ours. It is asked for its keys when the first one logs in, so
// that the cloud starts without it.
type OIDC struct {
	cfg OIDCConfig
	s   *Service

	mu       sync.Mutex
	provider *oidc.Provider
}

// Errors of a login through a provider.
var (
	ErrProvider = errors.New("the identity provider does not answer")
	ErrDenied   = errors.New("the identity provider's answer is not valid")
	ErrNoGroup  = errors.New("none of the account's groups may do anything here")
)

const (
	providerLimit = 10 * time.Second
	loginLife     = 10 * time.Minute // from leaving for the provider to coming back
	maxLogins     = 10_000           // under way
	maxOfAddress  = 100              // of these; an office behind one address has some at once
)

// NewOIDC makes one.
func NewOIDC(cfg OIDCConfig, s *Service) *OIDC {
	if cfg.Client == nil {
		cfg.Client = &http.Client{Timeout: providerLimit}
	}
	return &OIDC{cfg: cfg, s: s}
}

// at answers the provider, of which ctx must not be cancelled: it fetches new keys later on.
func (o *OIDC) at(ctx context.Context) (*oidc.Provider, *oauth2.Config, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.provider == nil {
		p, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), o.cfg.Client), o.cfg.Issuer)
		if err != nil {
			return nil, nil, fmt.Errorf("%w: %w", ErrProvider, err)
		}
		o.provider = p
	}
	return o.provider, &oauth2.Config{ClientID: o.cfg.ClientID, ClientSecret: o.cfg.ClientSecret, Endpoint: o.provider.Endpoint(), RedirectURL: o.cfg.Redirect,
		Scopes: append([]string{oidc.ScopeOpenID, "profile"}, o.cfg.Scopes...)}, nil
}

// Begin answers where to send the browser at an address, and a secret that the browser must bring back in a cookie. A
// *LockedError: too many log-ins are under way, of all or of this address.
func (o *OIDC) Begin(ctx context.Context, from string) (address, browser string, err error) {
	_, conf, err := o.at(ctx)
	if err != nil {
		return "", "", err
	}
	state, nonce, verifier := rand.Text(), rand.Text(), oauth2.GenerateVerifier()
	browser = rand.Text()
	now := o.s.now().UnixMilli()
	err = o.s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM oidc_logins WHERE created < ?`, now-loginLife.Milliseconds()); err != nil {
			return fmt.Errorf("clean logins: %w", err)
		}
		done, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO oidc_logins (state, browser, nonce, verifier, created, address)
			SELECT ?, ?, ?, ?, ?, ? WHERE (SELECT count(*) FROM oidc_logins) < ? AND (SELECT count(*) FROM oidc_logins WHERE address = ?) < ?`,
			id(state), id(browser), nonce, verifier, now, network(from), maxLogins, network(from), maxOfAddress))
		if err != nil {
			return fmt.Errorf("begin login: %w", err)
		}
		if !done {
			return &LockedError{time.Minute}
		}
		return nil
	})
	return conf.AuthCodeURL(state, oidc.Nonce(nonce), oauth2.S256ChallengeOption(verifier)), browser, err
}

// network is the address of whom a log-in counts for: an IPv6 reader has a whole network of them.
func network(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	p, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return address
	}
	return p.String()
}

// A Return is what a browser comes back with from the provider.
type Return struct{ State, Code, Browser, Address string }

// Finish checks what a browser brings back, makes or changes its user by the groups, and answers a session's token.
// ErrDenied: it is not what this provider says to this browser now. ErrNoGroup: it is, and may do nothing here.
func (o *OIDC) Finish(ctx context.Context, r Return) (token string, u User, err error) {
	nonce, verifier, err := o.claim(ctx, r)
	if err != nil {
		return "", User{}, err
	}
	p, conf, err := o.at(ctx)
	if err != nil {
		return "", User{}, err
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, o.cfg.Client), providerLimit)
	defer cancel()
	tokens, err := conf.Exchange(ctx, r.Code, oauth2.VerifierOption(verifier))
	if err != nil {
		return "", User{}, fmt.Errorf("%w: %w", ErrDenied, err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	idToken, err := p.VerifierContext(ctx, &oidc.Config{ClientID: o.cfg.ClientID, Now: o.s.now}).Verify(ctx, raw)
	if err != nil {
		return "", User{}, fmt.Errorf("%w: %w", ErrDenied, err)
	}
	if subtle.ConstantTimeCompare([]byte(idToken.Nonce), []byte(nonce)) != 1 {
		return "", User{}, fmt.Errorf("%w: it is for another login", ErrDenied)
	}
	who, err := o.identity(idToken)
	if err != nil {
		return "", User{}, err
	}
	if u, err = o.s.enter(ctx, who); err != nil {
		return "", User{}, err
	}
	if len(u.Grants) == 0 {
		return "", User{}, ErrNoGroup
	}
	token, err = o.s.begin(ctx, u, r.Address, "oidc")
	return token, u, err
}

// claim takes the login that a browser began. It can be taken once.
func (o *OIDC) claim(ctx context.Context, r Return) (nonce, verifier string, err error) {
	err = o.s.db.Update(ctx, func(tx *sql.Tx) error {
		var created int64
		err := tx.QueryRowContext(ctx, `DELETE FROM oidc_logins WHERE state = ? AND browser = ? RETURNING nonce, verifier, created`, id(r.State), id(r.Browser)).
			Scan(&nonce, &verifier, &created)
		if errors.Is(err, sql.ErrNoRows) || err == nil && o.s.now().UnixMilli()-created > loginLife.Milliseconds() {
			nonce = ""
			return nil
		}
		if err != nil {
			return fmt.Errorf("read login: %w", err)
		}
		return nil
	})
	if err == nil && nonce == "" {
		err = fmt.Errorf("%w: no such login was begun here, or it is over", ErrDenied)
	}
	return nonce, verifier, err
}

// identity is who a checked token says somebody is, and what the groups in it may do.
func (o *OIDC) identity(t *oidc.IDToken) (identity, error) {
	var c struct {
		Preferred string `json:"preferred_username"`
		Name      string `json:"name"`
		Email     string `json:"email"`
	}
	if err := t.Claims(&c); err != nil {
		return identity{}, fmt.Errorf("%w: %w", ErrDenied, err)
	}
	groups, err := groupsOf(t, o.cfg.GroupsClaim)
	if err != nil {
		return identity{}, err
	}
	who := identity{issuer: t.Issuer, subject: t.Subject}
	for _, g := range groups {
		who.grants = append(who.grants, o.cfg.Groups[g]...)
	}
	for _, name := range []string{c.Preferred, c.Name, c.Email, t.Subject} {
		if name = strings.TrimSpace(name); checkName(name) == nil {
			who.name = name
			break
		}
	}
	if who.name == "" || who.subject == "" {
		return identity{}, fmt.Errorf("%w: it names nobody", ErrDenied)
	}
	return who, nil
}

// groupsOf reads a claim that holds a list of words, or one word; a token without it has none.
func groupsOf(t *oidc.IDToken, claim string) ([]string, error) {
	var claims map[string]json.RawMessage
	if err := t.Claims(&claims); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDenied, err)
	}
	raw, ok := claims[claim]
	if !ok {
		return nil, nil
	}
	var list []string
	if json.Unmarshal(raw, &list) == nil {
		return list, nil
	}
	var one string
	if err := json.Unmarshal(raw, &one); err != nil {
		return nil, fmt.Errorf("%w: claim %s is no list of words", ErrDenied, claim)
	}
	return []string{one}, nil
}

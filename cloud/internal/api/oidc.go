package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"github.com/linshao/linshao/cloud/internal/auth"
)

// Paths of the log-in through an identity provider; Callback is what the provider is told to send browsers back to.
const (
	oidcPrefix = "/api/v1/oidc/"
	Callback   = oidcPrefix + "callback"
)

// oidcCookie binds a log-in to the browser that began it.
const oidcCookie = "linshao_oidc"

type waysOut struct {
	Body struct {
		Password bool   `json:"password" doc:"by name and password"`
		OIDC     string `json:"oidc,omitempty" doc:"where to send the browser for the identity provider; absent without one"`
		Name     string `json:"name,omitempty" doc:"what people call the provider"`
	}
}

// ways are how one can log in.
func (a *API) ways(context.Context, *none) (*waysOut, error) {
	out := &waysOut{}
	if out.Body.Password = true; a.cfg.OIDC != nil {
		out.Body.OIDC, out.Body.Name = oidcPrefix+"login", a.cfg.OIDCName
	}
	return out, nil
}

type redirectOut struct {
	Status    int
	Location  string        `header:"Location"`
	SetCookie []http.Cookie `header:"Set-Cookie"`
}

// oidcLogin sends the browser to the provider.
func (a *API) oidcLogin(ctx context.Context, _ *none) (*redirectOut, error) {
	if a.cfg.OIDC == nil {
		return nil, errNotFound()
	}
	to, browser, err := a.cfg.OIDC.Begin(ctx, callerOf(ctx).address)
	if err != nil {
		return a.oidcRefused(err)
	}
	return &redirectOut{Status: http.StatusSeeOther, Location: to, SetCookie: []http.Cookie{a.oidcState(browser, 600)}}, nil
}

func (a *API) oidcState(value string, maxAge int) http.Cookie {
	return http.Cookie{Name: oidcCookie, Value: value, Path: oidcPrefix, MaxAge: maxAge, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: a.cfg.Secure}
}

type oidcBackIn struct {
	State   string `query:"state" maxLength:"200"`
	Code    string `query:"code" maxLength:"4096"`
	Error   string `query:"error" maxLength:"200"`
	Browser string `cookie:"linshao_oidc" maxLength:"200"`
}

// oidcBack takes the browser that comes back from the provider.
func (a *API) oidcBack(ctx context.Context, in *oidcBackIn) (*redirectOut, error) {
	if a.cfg.OIDC == nil {
		return nil, errNotFound()
	}
	if in.Error != "" || in.State == "" || in.Code == "" || in.Browser == "" {
		a.cfg.Log.Info("log-in through the identity provider came back without a code", "error", in.Error)
		return a.oidcRefused(auth.ErrDenied)
	}
	token, _, err := a.cfg.OIDC.Finish(ctx, auth.Return{State: in.State, Code: in.Code, Browser: in.Browser, Address: callerOf(ctx).address})
	if err != nil {
		return a.oidcRefused(err)
	}
	return &redirectOut{Status: http.StatusSeeOther, Location: "/", SetCookie: []http.Cookie{a.cookie(token, 7*24*3600), a.oidcState("", -1)}}, nil
}

// oidcRefused sends the browser to the page's log-in, which says in a sentence why it failed and what to do: who comes from a
// provider must not be left with the JSON of an API.
func (a *API) oidcRefused(err error) (*redirectOut, error) {
	err = a.oidcError(err)
	p, ok := errors.AsType[*problem](err)
	if !ok {
		return nil, err
	}
	return &redirectOut{Status: http.StatusSeeOther, Location: "/?login=" + url.QueryEscape(p.code), SetCookie: []http.Cookie{a.oidcState("", -1)}}, nil
}

// oidcError tells people what they can do; the rest is for the log.
func (a *API) oidcError(err error) error {
	var locked *auth.LockedError
	switch {
	case errors.As(err, &locked):
		return errBusy()
	case errors.Is(err, auth.ErrProvider):
		a.cfg.Log.Error("identity provider cannot be asked", "err", err)
		return newProblem(http.StatusBadGateway, "provider_unavailable", "统一认证暂时无法访问，请稍后再试或用密码登录", "the identity provider cannot be reached now; try again, or sign in with a password")
	case errors.Is(err, auth.ErrDenied):
		a.cfg.Log.Warn("log-in through the identity provider refused", "err", err)
		return newProblem(http.StatusUnauthorized, "bad_login", "统一认证登录未通过，请重新登录", "the sign-in through the identity provider failed; please begin again")
	case errors.Is(err, auth.ErrNoGroup):
		return newProblem(http.StatusForbidden, "no_grants", "您的账号在这里没有任何权限，请联系管理员", "your account may do nothing here; ask your administrator")
	}
	return err
}

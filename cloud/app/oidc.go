package app

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"github.com/linshao/linshao/cloud/internal/api"
	"github.com/linshao/linshao/cloud/internal/auth"
)

// OIDC is the identity provider through which people may log in.
type OIDC struct {
	Issuer       string              `yaml:"issuer"`
	Name         string              `yaml:"name"`
	ClientID     string              `yaml:"client_id"`
	ClientSecret string              `yaml:"client_secret_file"`
	Scopes       []string            `yaml:"scopes"`
	GroupsClaim  string              `yaml:"groups_claim"`
	Groups       map[string][]string `yaml:"groups"`

	secret string
	grants map[string][]auth.Grant
}

// oidc checks the identity provider; without an issuer there is none.
func (c *checker) oidc() {
	o := &c.cfg.OIDC
	if o.Issuer == "" {
		if o.ClientID != "" || len(o.Groups) > 0 {
			c.wrong("$.oidc.issuer", "the identity provider's address is missing", "https://id.example/realms/street")
		}
		return
	}
	u, err := url.Parse(o.Issuer)
	if ip := net.ParseIP(u.Hostname()); err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || ip == nil || !ip.IsLoopback()) {
		c.wrong("$.oidc.issuer", fmt.Sprintf("%q is no https address", o.Issuer), "https://id.example/realms/street")
	}
	if o.ClientID == "" {
		c.wrong("$.oidc.client_id", "the id under which the provider knows this cloud is missing", "linshao")
	}
	if c.cfg.PublicURL == "" {
		c.wrong("$.public_url", "the identity provider must send browsers back to an address of the page", "https://linshao.example")
	}
	if o.Name == "" {
		o.Name = "统一认证"
	}
	if o.GroupsClaim == "" {
		o.GroupsClaim = "groups"
	}
	o.secret = string(c.secret("$.oidc.client_secret_file", &o.ClientSecret))
	o.grants = map[string][]auth.Grant{}
	for group, texts := range o.Groups {
		for _, s := range texts {
			g, err := auth.ParseGrant(s)
			if err != nil {
				c.wrong("$.oidc.groups", err.Error(), "grid@wg-08")
			}
			o.grants[group] = append(o.grants[group], g)
		}
	}
}

// signOn is the log-in through the identity provider; nil without one.
func (a *App) signOn(users *auth.Service) *auth.OIDC {
	o := a.cfg.OIDC
	if o.Issuer == "" {
		return nil
	}
	return auth.NewOIDC(auth.OIDCConfig{Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.secret, Redirect: strings.TrimSuffix(a.cfg.PublicURL, "/") + api.Callback,
		Scopes: o.Scopes, GroupsClaim: o.GroupsClaim, Groups: o.grants}, users)
}

package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/enroll"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire/enrolment"
)

// enrolments is the part of the table about certificates.
func (a *API) enrolments(h huma.API) {
	register(a, h, access{auth.Install, anything}, get, "/gateways", "Gateways and the state of their certificates", a.gateways)
	register(a, h, access{auth.Install, anything}, post, "/gateways/{gateway}/enrolment", "Make a one-time token with which a gateway enrols; it is shown once", a.invite)
	register(a, h, access{auth.Install, ofEnrolled}, post, "/gateways/{gateway}/renewal", "Let a gateway renew a certificate that has expired", a.letRenew)
	register(a, h, access{auth.Install, ofEnrolled}, del, "/gateways/{gateway}/certificate", "Revoke all certificates and tokens of a gateway, at once", a.revoke)
	register(a, h, access{}, post, "/enroll", "A gateway takes its certificate with a token", a.enrol)
	register(a, h, access{}, post, "/enroll/challenge", "What a gateway signs to renew its certificate", a.challenge)
	register(a, h, access{}, post, "/enroll/renew", "A gateway renews its certificate by proof of the present key", a.renew)
}

type gatewaysOut struct {
	Body struct {
		Gateways []enroll.Standing `json:"gateways"`
		CA       string            `json:"ca,omitempty" doc:"fingerprint of the CA's root; absent: there is no CA"`
	}
}

func (a *API) gateways(ctx context.Context, _ *none) (*gatewaysOut, error) {
	list, err := enroll.List(ctx, a.cfg.DB.Reader(), scope(ctx), a.cfg.Now())
	if err != nil {
		return nil, err
	}
	out := &gatewaysOut{}
	out.Body.Gateways = list
	if ca := a.cfg.Enroll.CA(); ca != nil {
		out.Body.CA = enrolment.Fingerprint(ca.Root.Raw)
	}
	return out, nil
}

type inviteIn struct {
	Gateway string `path:"gateway" minLength:"2" maxLength:"64"`
	Body    struct {
		Site  string `json:"site,omitempty" maxLength:"80" doc:"the site that it is to serve; needed by who may install in a part of the street alone"`
		Hours int    `json:"hours,omitempty" minimum:"1" maximum:"336" default:"24" doc:"how long the token is good for"`
	}
}

type inviteOut struct {
	Body struct {
		Gateway    string `json:"gateway"`
		Token      string `json:"token" doc:"secret, and shown only here"`
		Cloud      string `json:"cloud" doc:"the address that the gateway is told"`
		Pin        string `json:"pin" doc:"first half of the SHA-256 fingerprint of a certificate that the cloud shows"`
		Invitation string `json:"invitation" doc:"all of it as one text, for a QR code"`
		Expires    int64  `json:"expires" doc:"Unix ms"`
	}
}

// invite makes a token. It needs the right both where the gateway is to be and where it is now; of one that is known, and
// nobody knows where, everywhere: a token takes over whatever has its name.
func (a *API) invite(ctx context.Context, in *inviteIn) (*inviteOut, error) {
	param := func(name string) string { return map[string]string{"gateway": in.Gateway, "site": in.Body.Site}[name] }
	now, err := a.siteOfEnrolled(ctx, in.Gateway)
	if err != nil {
		return nil, err
	}
	known, err := enroll.Known(ctx, a.cfg.DB.Reader(), in.Gateway)
	if err != nil {
		return nil, err
	}
	places := map[about]bool{ofEnrolled: now != "", ofSite: in.Body.Site != "", street: now == "" && (known || in.Body.Site == "")}
	for _, place := range []about{ofEnrolled, ofSite, street} {
		if !places[place] {
			continue
		}
		if err := a.check(ctx, access{auth.Install, place}, param); err != nil {
			return nil, err
		}
	}
	invitation, expires, err := a.cfg.Enroll.Invite(ctx, in.Gateway, in.Body.Site, time.Duration(in.Body.Hours)*time.Hour)
	if err != nil {
		return nil, err
	}
	out := &inviteOut{}
	b := &out.Body
	b.Gateway, b.Token, b.Cloud, b.Pin = in.Gateway, invitation.Token.String(), invitation.Cloud, invitation.Token.Pin.String()
	b.Invitation, b.Expires = invitation.String(), expires.UnixMilli()
	return out, nil
}

// siteOfEnrolled is the site that a gateway serves, or for which it was last invited; empty when it is not known.
func (a *API) siteOfEnrolled(ctx context.Context, gateway string) (string, error) {
	site, err := org.SiteOf(ctx, a.cfg.DB.Reader(), gateway)
	if err != nil || site != "" {
		return site, err
	}
	return enroll.SiteOf(ctx, a.cfg.DB.Reader(), gateway)
}

type gatewayIn struct {
	Gateway string `path:"gateway" minLength:"2" maxLength:"64"`
}

func (a *API) letRenew(ctx context.Context, in *gatewayIn) (*gatewaysOut, error) {
	if err := a.cfg.Enroll.LetRenew(ctx, in.Gateway); err != nil {
		return nil, err
	}
	return a.gateways(ctx, &none{})
}

type revokeIn struct {
	Gateway string `path:"gateway" minLength:"2" maxLength:"64"`
	Reason  string `query:"reason" maxLength:"200" doc:"for the audit log"`
}

func (a *API) revoke(ctx context.Context, in *revokeIn) (*gatewaysOut, error) {
	if err := a.cfg.Enroll.Revoke(ctx, in.Gateway, in.Reason); err != nil {
		return nil, err
	}
	return a.gateways(ctx, &none{})
}

type (
	enrolIn      struct{ Body enrolment.Request }
	renewIn      struct{ Body enrolment.Renewal }
	enrolOut     struct{ Body enrolment.Answer }
	challengeOut struct{ Body enrolment.Challenge }
)

func (a *API) enrol(ctx context.Context, in *enrolIn) (*enrolOut, error) {
	out, err := a.cfg.Enroll.Enrol(ctx, callerOf(ctx).address, in.Body)
	if err != nil {
		return nil, err
	}
	return &enrolOut{out}, nil
}

func (a *API) challenge(ctx context.Context, _ *none) (*challengeOut, error) {
	out, err := a.cfg.Enroll.Challenge(callerOf(ctx).address)
	if err != nil {
		return nil, err
	}
	return &challengeOut{out}, nil
}

func (a *API) renew(ctx context.Context, in *renewIn) (*enrolOut, error) {
	out, err := a.cfg.Enroll.Renew(ctx, callerOf(ctx).address, in.Body)
	if err != nil {
		return nil, err
	}
	return &enrolOut{out}, nil
}

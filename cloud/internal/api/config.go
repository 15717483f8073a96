package api

import (
	"context"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/push"
)

// Pushes keeps what is wanted of gateways' configuration.
type Pushes interface {
	Put(ctx context.Context, w push.Wish) error
	Revert(ctx context.Context, gateway string, to int64, who, reason string) error
}

// maxConfig bounds a configuration that is pushed, in bytes of JSON.
const maxConfig = 1 << 20

func isConfig(path string) bool { return strings.HasSuffix(path, "/config") }

// configurations is the part of the table about what gateways are to go by.
func (a *API) configurations(h huma.API) {
	register(a, h, access{auth.Install, ofGateway}, get, "/gateways/{gateway}/config", "The configuration that a gateway is to have beside its own files, what it has applied, and why not", a.gatewayConfig)
	register(a, h, access{auth.Install, ofGateway}, put, "/gateways/{gateway}/config", "Push rules, profiles, fragments of devices and overrides to a gateway, as a new revision", a.pushConfig)
	register(a, h, access{auth.Install, ofGateway}, post, "/gateways/{gateway}/config/revert", "Push the parts of an older revision again, or none", a.revertConfig)
}

type configIn struct {
	Gateway  string `path:"gateway" maxLength:"64"`
	Revision int64  `query:"revision" minimum:"0" doc:"an older one; absent: what is wanted now"`
}

type configOut struct {
	Body struct {
		push.Revision
		History []push.Revision `json:"history" doc:"newest first, without parts"`
	}
}

func (a *API) gatewayConfig(ctx context.Context, in *configIn) (*configOut, error) {
	out := &configOut{}
	var err error
	if out.Body.Revision, err = push.Of(ctx, a.cfg.DB.Reader(), in.Gateway, in.Revision); err != nil {
		return nil, err
	}
	out.Body.History, err = push.History(ctx, a.cfg.DB.Reader(), in.Gateway)
	return out, err
}

type pushConfigIn struct {
	Gateway string `path:"gateway" maxLength:"64"`
	Body    struct {
		Parts  map[string]string `json:"parts" doc:"rules/x.yaml, profiles/x.yaml, devices.d/x.yaml or overrides.yaml to its text; empty text: the site's own file of that name does not count"`
		Merge  bool              `json:"merge,omitempty" doc:"beside the parts that are wanted already; absent: these are all"`
		If     *int64            `json:"ifRevision,omitempty" minimum:"0" doc:"only while this is the newest revision"`
		Reason string            `json:"reason" minLength:"1" maxLength:"200"`
		Watch  int               `json:"watchMinutes,omitempty" minimum:"0" maximum:"360" doc:"for how long the gateway watches it before it stays; absent: 10"`
	}
}

func (a *API) pushConfig(ctx context.Context, in *pushConfigIn) (*configOut, error) {
	b := in.Body
	err := a.cfg.Pushes.Put(ctx, push.Wish{Gateway: in.Gateway, Parts: b.Parts, Merge: b.Merge, If: b.If, Reason: b.Reason, Who: callerOf(ctx).user.Name, Watch: time.Duration(b.Watch) * time.Minute})
	if err != nil {
		return nil, err
	}
	return a.gatewayConfig(ctx, &configIn{Gateway: in.Gateway})
}

type revertConfigIn struct {
	Gateway string `path:"gateway" maxLength:"64"`
	Body    struct {
		To     int64  `json:"to" minimum:"0" doc:"the revision whose parts are to be; 0: the gateway's own files alone"`
		Reason string `json:"reason" minLength:"1" maxLength:"200"`
	}
}

func (a *API) revertConfig(ctx context.Context, in *revertConfigIn) (*configOut, error) {
	if err := a.cfg.Pushes.Revert(ctx, in.Gateway, in.Body.To, callerOf(ctx).user.Name, in.Body.Reason); err != nil {
		return nil, err
	}
	return a.gatewayConfig(ctx, &configIn{Gateway: in.Gateway})
}

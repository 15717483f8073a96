package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/live"
	"github.com/linshao/linshao/cloud/internal/rollout"
)

// Updates brings programs to gateways.
type Updates interface {
	Start(ctx context.Context, p rollout.Plan) error
	Move(ctx context.Context, c rollout.Change) error
	// Ready says whether versions can be published here at all.
	Ready() bool
}

// rollouts is the part of the table about programs of gateways. Publishing is a command: who publishes has the files at the cloud.
func (a *API) rollouts(h huma.API) {
	register(a, h, access{auth.Install, anything}, get, "/updates", "The program that is rolled out to gateways, what each has applied, and why not; what else is published", a.updates)
	register(a, h, access{auth.Manage, street}, post, "/updates", "Begin to roll a published version out, with one gateway; it takes the place of the rollout before", a.startUpdate)
	register(a, h, access{auth.Manage, street}, post, "/updates/ring", "Go to the next gateways, or let a stopped rollout go on", a.moveUpdate)
	register(a, h, access{auth.Manage, street}, post, "/updates/stop", "Stop: no gateway that has not begun gets the version", a.stopUpdate)
}

type updatesOut struct {
	Body struct {
		Rollout  rollout.Rollout   `json:"rollout"`
		Gateways []rollout.Gateway `json:"gateways"`
		Versions []rollout.Version `json:"versions" doc:"what is published, newest first"`
		Ready    bool              `json:"ready" doc:"this cloud knows the vendor's key; without it nothing can be published"`
	}
}

func (a *API) updates(ctx context.Context, _ *none) (*updatesOut, error) {
	out := &updatesOut{}
	b := &out.Body
	b.Ready = a.cfg.Updates.Ready()
	var err error
	if b.Rollout, b.Gateways, err = rollout.Status(ctx, a.cfg.DB.Reader(), scopeOf(ctx, auth.Install)); err != nil {
		return nil, err
	}
	b.Versions, err = rollout.Versions(ctx, a.cfg.DB.Reader())
	return out, err
}

type startUpdateIn struct {
	Body struct {
		Version string `json:"version" minLength:"1" maxLength:"64" doc:"a published one"`
		After   int64  `json:"after" minimum:"0" doc:"the newest rollout as the caller saw it, 0: none; another one meanwhile is not replaced"`
		Step    int    `json:"stepMinutes,omitempty" minimum:"0" maximum:"43200" doc:"how long a ring was well before the next follows by itself; absent: a person goes on"`
		Watch   int    `json:"watchMinutes,omitempty" minimum:"0" maximum:"360" doc:"for how long a gateway must run it well to keep it; absent: as it likes, ten minutes"`
		Reason  string `json:"reason" minLength:"1" maxLength:"200"`
	}
}

func (a *API) startUpdate(ctx context.Context, in *startUpdateIn) (*updatesOut, error) {
	b := in.Body
	if err := a.cfg.Updates.Start(ctx, rollout.Plan{Version: b.Version, Who: callerOf(ctx).user.Name, Reason: b.Reason, After: &b.After,
		Step: time.Duration(b.Step) * time.Minute, Watch: time.Duration(b.Watch) * time.Minute}); err != nil {
		return nil, err
	}
	return a.updates(ctx, nil)
}

type moveUpdateIn struct {
	Body struct {
		Rollout int64  `json:"rollout" minimum:"1" doc:"as the caller saw it, and so the next two: what has changed meanwhile is not overruled"`
		Was     int    `json:"wasRing" minimum:"1" maximum:"3"`
		Stopped bool   `json:"wasStopped"`
		Ring    int    `json:"ring" minimum:"1" maximum:"3" doc:"to go to"`
		Reason  string `json:"reason" minLength:"1" maxLength:"200"`
	}
}

func (a *API) moveUpdate(ctx context.Context, in *moveUpdateIn) (*updatesOut, error) {
	b := in.Body
	if err := a.cfg.Updates.Move(ctx, rollout.Change{Ring: b.Ring, Who: callerOf(ctx).user.Name, Reason: b.Reason, Seen: &rollout.Seen{ID: b.Rollout, Ring: b.Was, Stopped: b.Stopped}}); err != nil {
		return nil, err
	}
	return a.updates(ctx, nil)
}

type stopUpdateIn struct {
	Body struct {
		Rollout int64  `json:"rollout" minimum:"1" doc:"as the caller saw it"`
		Reason  string `json:"reason" minLength:"1" maxLength:"200"`
	}
}

func (a *API) stopUpdate(ctx context.Context, in *stopUpdateIn) (*updatesOut, error) {
	if err := a.cfg.Updates.Move(ctx, rollout.Change{Who: callerOf(ctx).user.Name, Reason: in.Body.Reason, Seen: &rollout.Seen{ID: in.Body.Rollout}}); err != nil {
		return nil, err
	}
	return a.updates(ctx, nil)
}

// publishRollout tells open pages that a rollout has moved, or a gateway's part in it; each reads what it may see.
func (f *Feed) publishRollout(ctx context.Context) error {
	mark, err := rollout.Marked(ctx, f.db.Reader())
	if err != nil || mark == f.rollout {
		return err
	}
	f.rollout = mark
	return live.Publish(f.hub, live.Thing{Kind: "rollout", ID: "street", Hint: true}, struct{}{})
}

package api

import (
	"context"
	"time"

	"github.com/linshao/linshao/cloud/internal/org/mode"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

type nodeIn struct {
	Node string `path:"node" maxLength:"80"`
}

// ModeNow is how a node works.
type ModeNow struct {
	tree.Mode
	Own      *mode.Change  `json:"own,omitempty" doc:"the emergency of the node itself that is under way or planned"`
	Timeline []mode.Change `json:"timeline" doc:"changes of this node and of those above, newest first, at most 100"`
}

type modeOut struct{ Body ModeNow }

// mode is how a node works now, where that was ordered, and all changes that concern it.
func (a *API) mode(ctx context.Context, in *nodeIn) (*modeOut, error) {
	q := a.cfg.DB.Reader()
	if _, err := tree.Path(ctx, q, in.Node); err != nil {
		return nil, err
	}
	out := &modeOut{}
	var err error
	if out.Body.Mode, err = tree.ModeOf(ctx, q, in.Node, a.cfg.Now()); err != nil {
		return nil, err
	}
	if out.Body.Own, err = a.cfg.Modes.Planned(ctx, q, in.Node); err != nil {
		return nil, err
	}
	out.Body.Timeline, err = mode.Timeline(ctx, q, in.Node, 100)
	return out, err
}

type modesOut struct {
	Body struct {
		Emergencies []mode.Emergency `json:"emergencies" doc:"those of the caller's nodes, and those of the nodes above, which hold for them too"`
	}
}

// modes are the emergencies under way.
func (a *API) modes(ctx context.Context, _ *none) (*modesOut, error) {
	out := &modesOut{}
	var err error
	out.Body.Emergencies, err = mode.Running(ctx, a.cfg.DB.Reader(), scope(ctx), a.cfg.Now())
	return out, err
}

type switchIn struct {
	Node string `path:"node" maxLength:"80"`
	Body struct {
		Mode   string `json:"mode" enum:"ordinary,emergency"`
		From   int64  `json:"from,omitempty" minimum:"0" maximum:"253402300799999" doc:"of an emergency, Unix ms; absent: now"`
		Until  int64  `json:"until,omitempty" minimum:"0" maximum:"253402300799999" doc:"when it ends by itself, Unix ms; absent: a day later"`
		Reason string `json:"reason,omitempty" maxLength:"200" doc:"an emergency needs one"`
	}
}

// switchMode begins, moves or ends an emergency.
func (a *API) switchMode(ctx context.Context, in *switchIn) (*modeOut, error) {
	if _, err := tree.Path(ctx, a.cfg.DB.Reader(), in.Node); err != nil {
		return nil, err
	}
	o := mode.Order{Node: in.Node, Emergency: in.Body.Mode == "emergency", Who: callerOf(ctx).user.Name, Reason: in.Body.Reason, From: moment(in.Body.From), Until: moment(in.Body.Until)}
	if _, err := a.cfg.Modes.Switch(ctx, o); err != nil {
		return nil, err
	}
	a.cfg.Changed()
	return a.mode(ctx, &nodeIn{in.Node})
}

// moment is a time of a request; 0 is none.
func moment(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

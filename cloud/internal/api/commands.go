package api

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/command"
	"github.com/linshao/linshao/cloud/internal/incident"
)

// Commands brings commands down to gateways.
type Commands interface {
	Make(ctx context.Context, w command.Wish) (id string, err error)
	Approve(ctx context.Context, id, who string) error
	Withdraw(ctx context.Context, id, who string) error
}

type commandIn struct {
	Command string `path:"command" maxLength:"40"`
}

type commandOut struct{ Body command.Command }

type makeCommandIn struct {
	Gateway string `path:"gateway" maxLength:"64"`
	Body    struct {
		Device   string  `json:"device" minLength:"1" maxLength:"80"`
		Point    string  `json:"point" minLength:"1" maxLength:"80"`
		Value    float64 `json:"value"`
		Reason   string  `json:"reason" minLength:"1" maxLength:"200" doc:"why; people read it at the site"`
		For      int     `json:"for,omitempty" minimum:"0" maximum:"86400" doc:"seconds for which the output is held afterwards; 0: an hour"`
		Incident string  `json:"incident,omitempty" maxLength:"40" doc:"for which it is done: its timeline tells of it"`
	}
}

type choicesIn struct {
	Gateway string `path:"gateway" maxLength:"64"`
	Device  string `path:"device" maxLength:"80"`
}

type choicesOut struct {
	Body struct {
		Choices []command.Choice `json:"choices" doc:"toward safe first; empty: nothing of it can be moved from afar"`
	}
}

// choices are what can be asked of a device from afar.
func (a *API) choices(ctx context.Context, in *choicesIn) (*choicesOut, error) {
	out := &choicesOut{}
	var err error
	out.Body.Choices, err = command.Choices(ctx, a.cfg.DB.Reader(), in.Gateway, in.Device)
	return out, err
}

// makeCommand moves an output from afar.
func (a *API) makeCommand(ctx context.Context, in *makeCommandIn) (*commandOut, error) {
	b := in.Body
	reason := strings.TrimSpace(b.Reason)
	if reason == "" || math.IsNaN(b.Value) || math.IsInf(b.Value, 0) {
		return nil, newProblem(http.StatusUnprocessableEntity, "bad_request", "请写明理由和数值", "say why, and a number")
	}
	id, err := a.cfg.Commands.Make(ctx, command.Wish{Gateway: in.Gateway, Device: b.Device, Point: b.Point, Value: b.Value, Reason: reason,
		Hold: time.Duration(b.For) * time.Second, Incident: b.Incident, Who: callerOf(ctx).user.Name})
	return a.commandAnswer(ctx, id, err)
}

func (a *API) approveCommand(ctx context.Context, in *commandIn) (*commandOut, error) {
	return a.commandAnswer(ctx, in.Command, a.cfg.Commands.Approve(ctx, in.Command, callerOf(ctx).user.Name))
}

func (a *API) withdrawCommand(ctx context.Context, in *commandIn) (*commandOut, error) {
	return a.commandAnswer(ctx, in.Command, a.cfg.Commands.Withdraw(ctx, in.Command, callerOf(ctx).user.Name))
}

// command shows how far a command has come.
func (a *API) command(ctx context.Context, in *commandIn) (*commandOut, error) {
	return a.commandAnswer(ctx, in.Command, nil)
}

func (a *API) commandAnswer(ctx context.Context, id string, err error) (*commandOut, error) {
	var r *command.Refusal
	if errors.As(err, &r) {
		return nil, &problem{status: http.StatusConflict, code: r.Code, text: incident.Text(r.Text)}
	}
	if err != nil {
		return nil, err
	}
	c, err := command.Get(ctx, a.cfg.DB.Reader(), id)
	return &commandOut{c}, err
}

type commandsIn struct {
	Gateway  string `query:"gateway" maxLength:"64"`
	Incident string `query:"incident" maxLength:"40"`
	State    string `query:"state" enum:"waiting,ready,sent,acting,confirmed,failed,refused,expired,unknown,withdrawn"`
	Limit    int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type commandsOut struct {
	Body struct {
		Commands []command.Command `json:"commands"`
	}
}

func (a *API) commands(ctx context.Context, in *commandsIn) (*commandsOut, error) {
	out := &commandsOut{}
	var err error
	out.Body.Commands, err = command.List(ctx, a.cfg.DB.Reader(), command.Filter{Gateway: in.Gateway, Incident: in.Incident, State: in.State, Scope: scope(ctx), Limit: in.Limit})
	return out, err
}

type desiredIn struct {
	Gateway string `path:"gateway" maxLength:"64"`
}

type desiredOut struct{ Body command.Desired }

func (a *API) desired(ctx context.Context, in *desiredIn) (*desiredOut, error) {
	d, err := command.DesiredOf(ctx, a.cfg.DB.Reader(), in.Gateway)
	return &desiredOut{d}, err
}

package api

import (
	"context"
	"strings"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/org/dutycheck"
)

type askDutyIn struct {
	Node string `path:"node" maxLength:"80"`
	Body struct {
		Role    string `json:"role,omitempty" maxLength:"80" doc:"absent: whoever is on duty"`
		Minutes int    `json:"minutes" minimum:"1" maximum:"120" doc:"to answer"`
	}
}

type dutyCheckOut struct{ Body dutycheck.Check }

// askDuty asks whether who is on duty at a node is there.
func (a *API) askDuty(ctx context.Context, in *askDutyIn) (*dutyCheckOut, error) {
	c, err := a.cfg.Checks.Ask(ctx, dutycheck.Question{Node: in.Node, Role: strings.TrimSpace(in.Body.Role), Minutes: in.Body.Minutes, Who: callerOf(ctx).user.Name})
	if err != nil {
		return nil, err
	}
	a.moved()
	return &dutyCheckOut{c}, nil
}

type dutyChecksIn struct {
	Node  string `query:"node" maxLength:"80" doc:"this node and all below it"`
	Limit int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type dutyChecksOut struct {
	Body struct {
		Checks []dutycheck.Check `json:"checks" doc:"newest first"`
	}
}

// dutyChecks are those of the caller's part of the street.
func (a *API) dutyChecks(ctx context.Context, in *dutyChecksIn) (*dutyChecksOut, error) {
	out := &dutyChecksOut{}
	var err error
	out.Body.Checks, err = dutycheck.List(ctx, a.cfg.DB.Reader(), scope(ctx), in.Node, in.Limit)
	return out, err
}

type dutyCheckIn struct {
	Check int64 `path:"check" minimum:"1"`
}

// dutyCheck is one check with its answers.
func (a *API) dutyCheck(ctx context.Context, in *dutyCheckIn) (*dutyCheckOut, error) {
	c, err := dutycheck.Get(ctx, a.cfg.DB.Reader(), in.Check)
	return &dutyCheckOut{c}, err
}

// answerDuty takes the caller's word, or that of the holder of a signed link, that they are there.
func (a *API) answerDuty(ctx context.Context, in *dutyCheckIn) (*dutyCheckOut, error) {
	u, how := callerOf(ctx).user, "page"
	if u.Role == auth.Link {
		how = "link"
	}
	c, err := a.cfg.Checks.Answer(ctx, dutycheck.Reply{Check: in.Check, Who: u.Name, How: how})
	if err != nil {
		return nil, err
	}
	a.moved()
	return &dutyCheckOut{c}, nil
}

type dutyPlansOut struct {
	Body struct {
		Plans []dutycheck.RandomPlan `json:"plans"`
	}
}

// dutyPlans say in which windows checks come at random moments; the moments are told to nobody.
func (a *API) dutyPlans(ctx context.Context, _ *none) (*dutyPlansOut, error) {
	out := &dutyPlansOut{}
	var err error
	out.Body.Plans, err = dutycheck.Plans(ctx, a.cfg.DB.Reader(), scope(ctx))
	return out, err
}

type dutyPlanIn struct {
	Node string `path:"node" maxLength:"80"`
	Body struct {
		Role    string `json:"role,omitempty" maxLength:"80" doc:"absent: whoever is on duty"`
		Days    string `json:"days,omitempty" maxLength:"400" doc:"as of a shift; absent: daily"`
		Hours   string `json:"hours,omitempty" maxLength:"20" doc:"the window, such as 22:00-06:00; absent: all day"`
		Times   int    `json:"times" minimum:"0" maximum:"20" doc:"checks in a window at least; 0: no plan any more"`
		Minutes int    `json:"minutes,omitempty" minimum:"1" maximum:"120" default:"5" doc:"to answer"`
	}
}

// planDuty keeps the plan of a node and role.
func (a *API) planDuty(ctx context.Context, in *dutyPlanIn) (*dutyPlansOut, error) {
	b := in.Body
	if err := a.cfg.Checks.Keep(ctx, dutycheck.RandomPlan{Node: in.Node, Role: strings.TrimSpace(b.Role), Days: b.Days, Hours: b.Hours, Times: b.Times, Minutes: b.Minutes, Who: callerOf(ctx).user.Name}); err != nil {
		return nil, err
	}
	return a.dutyPlans(ctx, nil)
}

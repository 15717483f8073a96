package api

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/duty"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

type flowIn struct {
	ID     string `path:"id" maxLength:"40"`
	Phones string `query:"phones" enum:"masked,full" default:"masked" doc:"full: for those who may dial, and it is logged"`
}

type flowOut struct {
	Body struct {
		Limits     map[string]int64   `json:"limits" doc:"how long each step may take, ms, by what must follow; absent: no limit"`
		Commanders []incident.Answers `json:"commanders" doc:"who answers for it at each whistle, the first one first"`
		Nodes      []tree.Node        `json:"nodes" doc:"from the root to its place, with who is responsible and the teams, as far as the caller may see them"`
		Duty       []duty.Holder      `json:"duty" doc:"who is on duty at its site now"`
	}
}

// flow is who commands, who goes and who handles an incident, and how long each step may take.
func (a *API) flow(ctx context.Context, in *flowIn) (*flowOut, error) {
	if err := a.mayDial(ctx, in.Phones, ofIncident, in.ID); err != nil {
		return nil, err
	}
	q, out := a.cfg.DB.Reader(), &flowOut{}
	i, err := incident.Get(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	if out.Body.Limits, err = a.cfg.Incidents.LimitsOf(ctx, q, i); err != nil {
		return nil, err
	}
	if out.Body.Commanders, err = a.cfg.Incidents.Commanders(ctx, q, i); err != nil {
		return nil, err
	}
	path, err := incident.Path(ctx, q, i)
	if err != nil {
		return nil, err
	}
	tree.Assign(nil, path, a.today().Format(time.DateOnly))
	out.Body.Nodes = orgAnswer(scope(ctx).Visible(path), in.Phones).Body.Nodes
	for n := range out.Body.Commanders { // above the caller's part of the street there is the name of the place alone
		c := &out.Body.Commanders[n]
		if !slices.ContainsFunc(out.Body.Nodes, func(n tree.Node) bool { return n.ID == c.Node && n.Responsible != nil }) {
			c.Person = ""
		}
	}
	out.Body.Duty = []duty.Holder{}
	if i.Site == "" {
		return out, nil
	}
	people, err := duty.OnDutyFor(ctx, q, i.Site, "", a.today())
	if errors.Is(err, org.ErrUnknown) {
		return out, nil
	}
	if in.Phones != "full" {
		people = duty.Masked(people)
	}
	out.Body.Duty = append(out.Body.Duty, people...)
	return out, err
}

type assigneesOut struct {
	Body struct {
		Assignees []incident.Assignee `json:"assignees"`
	}
}

// assignees are those to whom the incident can be dispatched.
func (a *API) assignees(ctx context.Context, in *incidentIn) (*assigneesOut, error) {
	q, out := a.cfg.DB.Reader(), &assigneesOut{}
	i, err := incident.Get(ctx, q, in.ID)
	if err != nil {
		return nil, err
	}
	out.Body.Assignees, err = a.cfg.Incidents.Assignees(ctx, q, i)
	return out, err
}

type toRateOut struct {
	Body struct {
		Title    incident.Text `json:"title"`
		At       int64         `json:"at" doc:"when it was opened, Unix ms"`
		ClosedAt int64         `json:"closedAt,omitempty" doc:"Unix ms; absent: it is not closed, and cannot be rated yet"`
		Rating   int           `json:"rating,omitempty" doc:"absent: not rated yet"`
	}
}

// toRate is what a resident must know of an incident to rate it: neither where it is nor who did what.
func (a *API) toRate(ctx context.Context, in *incidentIn) (*toRateOut, error) {
	i, err := incident.Get(ctx, a.cfg.DB.Reader(), in.ID)
	if err != nil {
		return nil, err
	}
	out := &toRateOut{}
	b := &out.Body
	b.Title, b.At, b.ClosedAt, b.Rating = i.Title, i.OpenedAt, i.ClosedAt, i.Rating
	return out, nil
}

package api

import (
	"context"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/incident"
)

type splitIn struct {
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Alerts []incident.AlertID `json:"alerts" minItems:"1" maxItems:"200" doc:"those to take out"`
		Reason string             `json:"reason" minLength:"1" maxLength:"500"`
	}
}

// split answers the new incident.
func (a *API) split(ctx context.Context, in *splitIn) (*detailOut, error) {
	who, err := a.person(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	id, err := a.cfg.Incidents.Split(ctx, in.ID, in.Body.Alerts, who, in.Body.Reason)
	if err == nil {
		a.cfg.Feed.Incident(in.ID)
	}
	return a.after(ctx, id, err)
}

type mergeIn struct {
	ID   string `path:"id" maxLength:"40"`
	Body struct {
		Into   string `json:"into" minLength:"1" maxLength:"40" doc:"the incident that gets its alerts"`
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
	}
}

// merge answers the incident that has the alerts then. The caller must hold the right at both.
func (a *API) merge(ctx context.Context, in *mergeIn) (*detailOut, error) {
	if err := a.check(ctx, access{auth.Dispatch, ofIncident}, func(string) string { return in.Body.Into }); err != nil {
		return nil, err
	}
	who, err := a.person(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	err = a.cfg.Incidents.Merge(ctx, in.ID, in.Body.Into, who, in.Body.Reason)
	if err == nil {
		a.cfg.Feed.Incident(in.ID)
	}
	return a.after(ctx, in.Body.Into, err)
}

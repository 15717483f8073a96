package api

import (
	"context"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/org/duty"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

type orgIn struct {
	Node   string `query:"node" maxLength:"80" doc:"this node and all below it; default: everything"`
	Phones string `query:"phones" enum:"masked,full" default:"masked" doc:"full: for operators alone, and it is logged"`
}

type orgOut struct {
	Body struct {
		Nodes []tree.Node `json:"nodes" doc:"each before those below it, siblings by id"`
	}
}

// org is the tree of those who answer for sites, with who is responsible today.
func (a *API) org(ctx context.Context, in *orgIn) (*orgOut, error) {
	if err := a.mayDial(ctx, in.Phones, ofNode, in.Node); err != nil {
		return nil, err
	}
	part := scope(ctx)
	nodes, err := tree.With(ctx, a.cfg.DB.Reader(), "", a.today())
	if err != nil {
		return nil, err
	}
	nodes = part.Visible(nodes)
	if in.Node != "" {
		if nodes = tree.From(nodes, in.Node); len(nodes) == 0 {
			return nil, errNotFound()
		}
	}
	return orgAnswer(nodes, in.Phones), nil
}

type siteOrgIn struct {
	Site   string `path:"site" maxLength:"80"`
	Phones string `query:"phones" enum:"masked,full" default:"masked" doc:"full: for operators alone, and it is logged"`
}

type siteOrgOut struct {
	Body struct {
		Nodes []tree.Node   `json:"nodes" doc:"from the root"`
		Duty  []duty.Holder `json:"duty" doc:"who is on duty now, in whatever role"`
	}
}

// siteOrg is the way from the root to the node on which a site hangs; the last one's responsible is the site's.
func (a *API) siteOrg(ctx context.Context, in *siteOrgIn) (*siteOrgOut, error) {
	if err := a.mayDial(ctx, in.Phones, ofSite, in.Site); err != nil {
		return nil, err
	}
	path, err := tree.PathOf(ctx, a.cfg.DB.Reader(), in.Site)
	if err != nil {
		return nil, err
	}
	tree.Assign(nil, path, a.today().Format(time.DateOnly))
	out := &siteOrgOut{}
	out.Body.Nodes = orgAnswer(scope(ctx).Visible(path), in.Phones).Body.Nodes
	if out.Body.Duty, err = duty.OnDutyFor(ctx, a.cfg.DB.Reader(), in.Site, "", a.today()); in.Phones != "full" {
		out.Body.Duty = duty.Masked(out.Body.Duty)
	}
	return out, err
}

// mayDial lets those who give out work see whole phone numbers.
func (a *API) mayDial(ctx context.Context, phones string, what about, id string) error {
	if phones != "full" {
		return nil
	}
	if id == "" {
		what = street
	}
	if err := a.check(ctx, access{auth.Dial, what}, func(string) string { return id }); err != nil {
		return err
	}
	a.cfg.Log.Info("phone numbers of the organisation shown", "who", callerOf(ctx).user.Name, string(what), id)
	return nil
}

// today is now where the street is.
func (a *API) today() time.Time {
	if a.cfg.Zone == nil {
		return a.cfg.Now()
	}
	return a.cfg.Now().In(a.cfg.Zone)
}

func orgAnswer(nodes []tree.Node, phones string) *orgOut {
	if phones != "full" {
		nodes = tree.Masked(nodes)
	}
	out := &orgOut{}
	out.Body.Nodes = append([]tree.Node{}, nodes...)
	return out
}

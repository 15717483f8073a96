package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/siteplan"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// SitePlan is what the plan of a site is drawn from.
type SitePlan struct {
	Revision string            `json:"revision" doc:"empty: nobody has drawn it, and the page lays it out by itself"`
	Plan     siteplan.Plan     `json:"plan"`
	Picture  *siteplan.Picture `json:"picture,omitempty"`
	Nodes    []PlanNode        `json:"nodes" doc:"that of the site and those below it, each before those below"`
}

// PlanNode is a part of a site, and who answers for it.
type PlanNode struct {
	ID          string     `json:"id"`
	Parent      string     `json:"parent,omitempty"`
	Kind        string     `json:"kind"`
	Name        string     `json:"name"`
	Responsible *tree.Duty `json:"responsible,omitempty"`
}

type sitePlanOut struct{ Body SitePlan }

func (a *API) sitePlan(ctx context.Context, in *siteIn) (*sitePlanOut, error) {
	q, out := a.cfg.DB.Reader(), &sitePlanOut{}
	var err error
	if out.Body.Plan, out.Body.Revision, err = siteplan.Read(ctx, q, in.Site); err != nil {
		return nil, err
	}
	if out.Body.Picture, err = siteplan.PictureOf(ctx, q, in.Site); err != nil {
		return nil, err
	}
	out.Body.Nodes, err = a.nodesOfSite(ctx, in.Site)
	return out, err
}

// nodesOfSite are the node on which a site hangs and those below it, but for those of other sites.
func (a *API) nodesOfSite(ctx context.Context, site string) ([]PlanNode, error) {
	out := []PlanNode{}
	path, err := tree.PathOf(ctx, a.cfg.DB.Reader(), site)
	if errors.Is(err, org.ErrUnknown) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	top := path[len(path)-1]
	below, err := tree.Subtree(ctx, a.cfg.DB.Reader(), top.ID)
	if err != nil {
		return nil, err
	}
	tree.Assign(path[:len(path)-1], below, a.today().Format(time.DateOnly))
	mine := map[string]bool{}
	for _, n := range tree.Masked(below) {
		if n.ID == top.ID || mine[n.Parent] && len(n.Sites) == 0 {
			mine[n.ID] = true
			out = append(out, PlanNode{n.ID, n.Parent, n.Kind, n.Name, n.Responsible})
		}
	}
	return out, nil
}

// maxPlan bounds a plan that is drawn, in bytes of JSON.
const maxPlan = 512 << 10

type setSitePlanIn struct {
	Site string `path:"site" maxLength:"80"`
	Body struct {
		Was  string        `json:"was" maxLength:"40" doc:"the revision that was drawn from; empty: there was none"`
		Plan siteplan.Plan `json:"plan"`
	}
}

func (a *API) setSitePlan(ctx context.Context, in *setSitePlanIn) (*sitePlanOut, error) {
	if err := siteplan.Save(ctx, a.cfg.DB, siteplan.Sited{Site: in.Site, Plan: in.Body.Plan}, in.Body.Was); err != nil {
		return nil, planError(err)
	}
	return a.sitePlan(ctx, &siteIn{in.Site})
}

type removeSitePlanIn struct {
	Site string `path:"site" maxLength:"80"`
	Was  string `query:"was" maxLength:"40" doc:"the revision that is taken away"`
}

func (a *API) removeSitePlan(ctx context.Context, in *removeSitePlanIn) (*sitePlanOut, error) {
	if err := siteplan.Remove(ctx, a.cfg.DB, in.Site, in.Was); err != nil {
		return nil, planError(err)
	}
	return a.sitePlan(ctx, &siteIn{in.Site})
}

// planError says what is wrong with a plan that somebody has drawn.
func planError(err error) error {
	if errors.Is(err, siteplan.ErrChanged) {
		return newProblem(http.StatusConflict, "changed", "另一个人刚改过这张平面图：请重新打开，再改一次", "another person has just changed this plan: open it again and make your change once more")
	}
	ms, ok := errors.AsType[siteplan.Mistakes](err)
	if !ok {
		return err
	}
	bad := newProblem(http.StatusUnprocessableEntity, "bad_plan", ms[0].Text.ZH, ms[0].Text.EN)
	for _, m := range ms {
		bad.texts = append(bad.texts, incident.Text(m.Text))
	}
	return bad
}

type setPlanPictureIn struct {
	Site        string `path:"site" maxLength:"80"`
	ContentType string `header:"Content-Type"`
	RawBody     []byte `contentType:"image/jpeg"`
}

func (a *API) setPlanPicture(ctx context.Context, in *setPlanPictureIn) (*sitePlanOut, error) {
	file, err := fileOf(in.ContentType, in.RawBody)
	if err == nil {
		err = siteplan.SetPicture(ctx, a.cfg.DB, in.Site, file)
	}
	if errors.Is(err, siteplan.ErrPicture) {
		bad := newProblem(http.StatusUnprocessableEntity, "bad_picture", "底图要是 JPEG 或 PNG 图片，不超过 4 MiB，长宽不超过 6000 像素", "the picture must be a JPEG or PNG of 4 MiB and 6000 pixels a side at most")
		bad.details = []string{err.Error()}
		return nil, bad
	}
	if err != nil {
		return nil, err
	}
	return a.sitePlan(ctx, &siteIn{in.Site})
}

func (a *API) removePlanPicture(ctx context.Context, in *siteIn) (*sitePlanOut, error) {
	if err := siteplan.RemovePicture(ctx, a.cfg.DB, in.Site); err != nil {
		return nil, err
	}
	return a.sitePlan(ctx, in)
}

// planPicture answers the picture. The page asks with the picture's id, so the reader's own browser may keep it.
func (a *API) planPicture(ctx context.Context, in *siteIn) (*photoBytesOut, error) {
	kind, content, err := siteplan.PictureBytes(ctx, a.cfg.DB.Reader(), in.Site)
	if err != nil {
		return nil, err
	}
	return &photoBytesOut{kind, "inline", "private, max-age=86400", content}, nil
}

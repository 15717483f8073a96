package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/command"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/dutycheck"
	"github.com/linshao/linshao/cloud/internal/org/patrol"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// An access is what an operation needs: a right, and for which part of the street. Every operation names one; the zero
// access is for everybody, also without a login.
type access struct {
	right auth.Right
	about about
}

// about says what an operation is about, and with that where its right must be held.
type about string

const (
	anything   about = ""         // whatever the caller may see: the handler keeps to scope(ctx)
	self       about = "self"     // the caller's own account
	street     about = "street"   // all of it
	ofSite     about = "site"     // the site of the path's {site}
	ofGateway  about = "gateway"  // the site of the path's {gateway}
	ofChart    about = "chart"    // the same; who has a link may see the charts of its incident's device
	ofIncident about = "incident" // the site of the incident of the path's {id}
	ofNode     about = "node"     // the node of the path's {node}
	ofEnrolled about = "enrolled" // the site of the path's {gateway}, or that for which it was invited
	ofClip     about = "clip"     // the incident of the path's {clip}, or else the site of its gateway
	ofBundle   about = "bundle"   // the same of the path's {bundle}
	ofCommand  about = "command"  // the site of the command of the path's {command}
	ofRound    about = "round"    // the node of the round of the path's {round}
	ofCheck    about = "check"    // the node of the duty check of the path's {check}; who has its link may answer it
)

type accessKey struct{}

// allow is the middleware of an operation that lets in who may.
func (a *API) allow(need access) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		if err := a.check(ctx.Context(), need, ctx.Param); err != nil {
			r, w := humago.Unwrap(ctx)
			p, ok := errors.AsType[*problem](a.known(err))
			if !ok {
				p = errInternal()
			}
			p.write(w, r)
			return
		}
		next(huma.WithValue(ctx, accessKey{}, need))
	}
}

// check refuses a caller who lacks a right where it is needed. What a caller may not even see is not found.
func (a *API) check(ctx context.Context, need access, param func(string) string) error {
	c := callerOf(ctx)
	switch {
	case need.right == "":
		return nil
	case c.user.Role == "":
		return errLogin()
	case c.user.Role == auth.Link || c.user.Role == auth.Rater:
		return a.checkLink(ctx, need, param)
	case need.about == self:
		return nil
	case c.user.MustChange:
		return errPassword()
	}
	nodes, all := c.user.Where(need.right)
	if all || need.about == anything && len(nodes) > 0 {
		return nil
	}
	if need.about == anything || need.about == street {
		return errForbidden()
	}
	path, err := a.pathTo(ctx, need.about, param)
	if err != nil {
		return err
	}
	if within(nodes, path) {
		return nil
	}
	if nodes, all = c.user.Where(auth.See); all || within(nodes, path) {
		return errForbidden()
	}
	return errNotFound()
}

// checkLink keeps the reader of a link to its incident; with an account of one's own one sees more.
func (a *API) checkLink(ctx context.Context, need access, param func(string) string) error {
	id := callerOf(ctx).incident
	if need.about == ofCheck && "check-"+param("check") == id {
		return nil
	}
	if !slices.Contains(auth.RightsOf(callerOf(ctx).user.Role), need.right) {
		return errLogin()
	}
	switch need.about {
	case ofIncident:
		if param("id") == id {
			return nil
		}
	case ofChart:
		in, err := incident.Get(ctx, a.cfg.DB.Reader(), id)
		if err != nil {
			return err
		}
		if in.Gateway == param("gateway") && in.Device == param("device") {
			return nil
		}
	}
	return errLogin()
}

// scope is the part of the street in which the caller holds the right that the operation needs.
func scope(ctx context.Context) tree.Scope {
	need, _ := ctx.Value(accessKey{}).(access)
	return scopeOf(ctx, need.right)
}

// scopeOf is the part of the street in which the caller holds a right.
func scopeOf(ctx context.Context, r auth.Right) tree.Scope {
	nodes, all := callerOf(ctx).user.Where(r)
	if all {
		return tree.Everywhere()
	}
	return tree.Below(nodes...)
}

// pathTo answers the nodes from the root to what an operation is about; none when it hangs on no node.
func (a *API) pathTo(ctx context.Context, what about, param func(string) string) ([]tree.Node, error) {
	q := a.cfg.DB.Reader()
	site := param("site")
	var err error
	switch what {
	case ofNode:
		return tree.Path(ctx, q, param("node"))
	case ofGateway, ofChart:
		site, err = org.SiteOf(ctx, q, param("gateway"))
	case ofEnrolled:
		site, err = a.siteOfEnrolled(ctx, param("gateway"))
	case ofIncident:
		var in incident.Incident
		if in, err = incident.Get(ctx, q, param("id")); err == nil {
			return a.pathOfIncident(ctx, in)
		}
	case ofRound, ofCheck:
		return a.pathOfWork(ctx, what, param)
	case ofCommand:
		var c command.Command
		c, err = command.Get(ctx, q, param("command"))
		site = c.Site
	case ofClip, ofBundle:
		gateway, in, found, e := a.incidentOfEvidence(ctx, what, param)
		if e == nil && found {
			return a.pathOfIncident(ctx, in)
		}
		if err = e; err == nil {
			site, err = org.SiteOf(ctx, q, gateway)
		}
	case ofSite:
	default:
		return nil, fmt.Errorf("an operation about %q", what)
	}
	if err != nil {
		return nil, err
	}
	path, err := tree.PathOf(ctx, q, site)
	if errors.Is(err, org.ErrUnknown) {
		return nil, nil
	}
	return path, err
}

// pathOfWork is the path to the node of a round or of a duty check.
func (a *API) pathOfWork(ctx context.Context, what about, param func(string) string) ([]tree.Node, error) {
	id, err := strconv.ParseInt(param(string(what)), 10, 64)
	if err != nil {
		return nil, errNotFound()
	}
	q, node := a.cfg.DB.Reader(), ""
	if what == ofRound {
		var r patrol.Round
		r, err = patrol.Get(ctx, q, id)
		node = r.Node
	} else {
		var c dutycheck.Check
		c, err = dutycheck.Get(ctx, q, id)
		node = c.Node
	}
	if err != nil {
		return nil, err
	}
	path, err := tree.Path(ctx, q, node)
	if errors.Is(err, org.ErrUnknown) {
		return nil, nil
	}
	return path, err
}

// pathOfIncident is the path to an incident's place, and to the node that it was dispatched to: a department of another part
// of the street sees and handles what was given to it.
func (a *API) pathOfIncident(ctx context.Context, in incident.Incident) ([]tree.Node, error) {
	path, err := incident.Path(ctx, a.cfg.DB.Reader(), in)
	if to := in.Assignee; err == nil && to != nil && to.Kind != "person" {
		node, _, _ := strings.Cut(to.ID, "/")
		more, err := tree.Path(ctx, a.cfg.DB.Reader(), node)
		if err != nil && !errors.Is(err, org.ErrUnknown) {
			return nil, err
		}
		path = append(path, more...)
	}
	return path, err
}

func within(nodes []string, path []tree.Node) bool {
	return slices.ContainsFunc(path, func(n tree.Node) bool { return slices.Contains(nodes, n.ID) })
}

// register makes an operation.
func register[I, O any](a *API, h huma.API, need access, method, path, summary string, fn func(context.Context, *I) (*O, error)) {
	op := huma.Operation{Method: method, Path: "/api/v1" + path, Summary: summary, OperationID: huma.GenerateOperationID(method, path, (*O)(nil)), MaxBodyBytes: bodyLimit(path),
		Middlewares: huma.Middlewares{a.allow(need)}}
	if isUpload(path) {
		op.BodyReadTimeout = uploadTime
	}
	if need.right != "" {
		op.Description = fmt.Sprintf("Needs the right %s.", need.right)
	}
	op.Responses = map[string]*huma.Response{}
	ref := h.OpenAPI().Components.Schemas.Schema(problemType, true, "Problem")
	op.Responses["default"] = &huma.Response{Description: "What went wrong", Content: map[string]*huma.MediaType{"application/json": {Schema: ref}}}
	op.Errors = nil
	huma.Register(h, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := fn(ctx, in)
		if err != nil {
			return nil, a.known(err)
		}
		return out, nil
	})
}

// Methods, short enough for the table of operations.
const (
	get   = http.MethodGet
	post  = http.MethodPost
	patch = http.MethodPatch
	del   = http.MethodDelete
	put   = http.MethodPut
)

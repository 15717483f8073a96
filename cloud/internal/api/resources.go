package api

import (
	"context"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

type resourcesIn struct {
	Node   string `query:"node" maxLength:"80" doc:"at this node and below it; default: everything"`
	Kind   string `query:"kind" maxLength:"80" doc:"resources and devices of this kind alone"`
	Phones string `query:"phones" enum:"masked,full" default:"masked" doc:"full: with the right dial alone, and it is logged"`
}

type resourcesOut struct {
	Body struct {
		Resources []tree.Resource    `json:"resources" doc:"by kind, node and name"`
		Devices   []tree.DeviceCount `json:"devices" doc:"by kind"`
	}
}

// resources is what there is to help with in the caller's part of the street, and what watches over it.
func (a *API) resources(ctx context.Context, in *resourcesIn) (*resourcesOut, error) {
	if err := a.mayDial(ctx, in.Phones, ofNode, in.Node); err != nil {
		return nil, err
	}
	q := a.cfg.DB.Reader()
	if in.Node != "" {
		if err := a.check(ctx, access{auth.See, ofNode}, func(string) string { return in.Node }); err != nil {
			return nil, err
		}
		if _, err := tree.Path(ctx, q, in.Node); err != nil {
			return nil, err
		}
	}
	out, part := &resourcesOut{}, tree.Part{Scope: scope(ctx), Node: in.Node, Kind: in.Kind}
	var err error
	if out.Body.Resources, err = tree.Resources(ctx, q, part); err != nil {
		return nil, err
	}
	if in.Phones != "full" {
		for i := range out.Body.Resources {
			out.Body.Resources[i].Phone = tree.Mask(out.Body.Resources[i].Phone)
		}
	}
	out.Body.Devices, err = tree.CountDevices(ctx, q, part)
	return out, err
}

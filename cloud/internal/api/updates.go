package api

import (
	"context"

	"github.com/linshao/linshao/cloud/internal/rollout"
)

type updatesOut struct {
	Body struct {
		Rollout  rollout.Rollout   `json:"rollout"`
		Gateways []rollout.Gateway `json:"gateways"`
	}
}

func (a *API) updates(ctx context.Context, _ *none) (*updatesOut, error) {
	out := &updatesOut{}
	var err error
	out.Body.Rollout, out.Body.Gateways, err = rollout.Status(ctx, a.cfg.DB.Reader(), scope(ctx))
	return out, err
}

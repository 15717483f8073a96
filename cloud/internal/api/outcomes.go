package api

import (
	"bytes"
	"context"

	"github.com/linshao/linshao/cloud/internal/incident"
)

type outcomesIn struct {
	Gateway string `query:"gateway" maxLength:"64" doc:"of this gateway alone"`
}

type outcomesOut struct {
	ContentType string `header:"Content-Type"`
	Disposition string `header:"Content-Disposition"`
	Body        []byte `contentType:"text/csv"`
}

// outcomes is what people found, as a file for a replay of rules.
func (a *API) outcomes(ctx context.Context, in *outcomesIn) (*outcomesOut, error) {
	var b bytes.Buffer
	if err := incident.WriteOutcomes(ctx, a.cfg.DB.Reader(), incident.Outcomes{In: scope(ctx), Gateway: in.Gateway}, &b); err != nil {
		return nil, err
	}
	return &outcomesOut{"text/csv; charset=utf-8", `attachment; filename="outcomes.csv"`, b.Bytes()}, nil
}

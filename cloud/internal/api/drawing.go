package api

import (
	"context"
	"net/http"

	"github.com/linshao/linshao/cloud/internal/org/drawing"
)

type drawingOut struct{ Body drawing.Drawing }

// drawing is what the caller's part of the street is drawn from.
func (a *API) drawing(ctx context.Context, _ *none) (*drawingOut, error) {
	d, err := drawing.Read(ctx, a.cfg.DB.Reader(), scope(ctx))
	if err != nil {
		return nil, err
	}
	return &drawingOut{d}, nil
}

type drawingIn struct {
	RawBody []byte `contentType:"application/geo+json"`
}

// setDrawing takes a GeoJSON file.
func (a *API) setDrawing(ctx context.Context, in *drawingIn) (*drawingOut, error) {
	d, err := drawing.Parse(in.RawBody)
	if err == nil {
		err = drawing.Save(ctx, a.cfg.DB, d)
	}
	if m, ok := drawing.AsMistake(err); ok {
		return nil, newProblem(http.StatusUnprocessableEntity, "bad_drawing", m.Text.ZH, m.Text.EN)
	}
	if err != nil {
		return nil, err
	}
	return a.drawing(ctx, nil)
}

package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/linshao/linshao/cloud/internal/org/drawing"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// ImportOrg brings a file into the tree of the organisation. The cloud may be running.
func ImportOrg(ctx context.Context, cfg Config, f *tree.File, o tree.Options) (tree.Result, error) {
	d, err := openDB(ctx, cfg, slog.Default(), userPatience)
	if err != nil {
		return tree.Result{}, err
	}
	r, err := tree.Import(console(ctx), d, f, o)
	return r, errors.Join(err, d.Close())
}

// Org answers a node of the organisation and all below it, with who is responsible at a time where the street is; with an
// empty id, everything.
func Org(ctx context.Context, cfg Config, node string, at time.Time) ([]tree.Node, error) {
	d, err := openDB(ctx, cfg, slog.Default(), userPatience)
	if err != nil {
		return nil, err
	}
	nodes, err := tree.With(ctx, d.Reader(), node, at.In(cfg.zone))
	return nodes, errors.Join(err, d.Close())
}

// ImportDrawing brings outlines and positions of a GeoJSON file into the maps. A *drawing.Mistake says what is wrong with the
// file; then nothing is changed. The cloud may be running.
func ImportDrawing(ctx context.Context, cfg Config, data []byte) (drawing.Drawing, error) {
	w, err := drawing.Parse(data)
	if err != nil {
		return w, err
	}
	d, err := openDB(ctx, cfg, slog.Default(), userPatience)
	if err != nil {
		return w, err
	}
	err = drawing.Save(console(ctx), d, w)
	return w, errors.Join(err, d.Close())
}

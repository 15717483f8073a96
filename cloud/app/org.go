package app

import (
	"context"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/drawing"
	"github.com/linshao/linshao/cloud/internal/org/siteplan"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// ImportOrg brings a file into the tree of the organisation. The cloud may be running.
func ImportOrg(ctx context.Context, cfg Config, f *tree.File, o tree.Options) (tree.Result, error) {
	return with(ctx, cfg, func(d *db.DB) (tree.Result, error) { return tree.Import(console(ctx), d, f, o) })
}

// Org answers a node of the organisation and all below it, with who is responsible at a time where the street is; with an
// empty id, everything.
func Org(ctx context.Context, cfg Config, node string, at time.Time) ([]tree.Node, error) {
	return with(ctx, cfg, func(d *db.DB) ([]tree.Node, error) { return tree.With(ctx, d.Reader(), node, at.In(cfg.zone)) })
}

// ImportDrawing brings outlines and positions of a GeoJSON file into the maps. A *drawing.Mistake says what is wrong with the
// file; then nothing is changed. The cloud may be running.
func ImportDrawing(ctx context.Context, cfg Config, data []byte) (drawing.Drawing, error) {
	w, err := drawing.Parse(data)
	if err != nil {
		return w, err
	}
	return w, withDB(ctx, cfg, func(d *db.DB) error { return drawing.Save(console(ctx), d, w) })
}

// ImportPlans puts the plans of a file in the place of those of the same sites. siteplan.Mistakes say what is wrong with the
// file; then nothing is changed. The cloud may be running.
func ImportPlans(ctx context.Context, cfg Config, f *siteplan.File) error {
	return withDB(ctx, cfg, func(d *db.DB) error { return siteplan.Import(console(ctx), d, f) })
}

// Plans answers the plans that people have drawn, by site.
func Plans(ctx context.Context, cfg Config) ([]siteplan.Sited, error) {
	return with(ctx, cfg, func(d *db.DB) ([]siteplan.Sited, error) { return siteplan.All(ctx, d.Reader(), tree.Everywhere()) })
}

package api

import (
	"context"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/live"
	"github.com/linshao/linshao/cloud/internal/wall"
)

type wallOut struct{ Body wall.Snapshot }

// wall is what the caller's part of the street looks like at one moment.
func (a *API) wall(ctx context.Context, _ *none) (*wallOut, error) {
	s, err := wall.Read(ctx, a.cfg.DB, wall.View{Part: scope(ctx), Now: a.cfg.Now().In(a.cfg.Zone)})
	if err != nil {
		return nil, err
	}
	return &wallOut{s}, nil
}

// publishCells tells the state of sites that something has changed at.
func (f *Feed) publishCells(ctx context.Context, sites map[string]bool) error {
	ids := make([]string, 0, len(sites))
	for id := range sites {
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return nil
	}
	cells, err := wall.CellsOf(ctx, f.db.Reader(), f.now(), ids...)
	if err != nil {
		return fmt.Errorf("read cells: %w", err)
	}
	for _, id := range ids {
		c := cells[id]
		c.ID, c.Name = id, "" // a page knows it by its snapshot
		if err := live.Publish(f.hub, live.Thing{Kind: "cell", ID: id, Site: id}, c); err != nil {
			return err
		}
	}
	return nil
}

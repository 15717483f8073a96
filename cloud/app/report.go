package app

import (
	"context"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/report"
)

// reports keeps what figures are counted from.
func (a *App) reports() runner {
	return report.NewKeeper(report.Config{DB: a.db, Zone: a.cfg.zone, Now: a.opt.Now, Log: a.opt.Log})
}

// Report counts for a node, or for the whole street when it is empty, in the month that holds a day. It answers the street's
// time zone besides.
func Report(ctx context.Context, cfg Config, node string, month time.Time) (report.Report, *time.Location, error) {
	from := time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, cfg.zone)
	r, err := with(ctx, cfg, func(d *db.DB) (report.Report, error) {
		if node != "" {
			if _, err := tree.Path(ctx, d.Reader(), node); err != nil {
				return report.Report{}, err
			}
		}
		return report.Make(ctx, d.Reader(), report.Ask{Scope: tree.Everywhere(), Node: node, Kind: report.Month, From: from, To: from, Now: time.Now().In(cfg.zone)})
	})
	return r, cfg.zone, err
}

package app

import (
	"context"
	"database/sql"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/enroll"
	"github.com/linshao/linshao/cloud/internal/org"
)

// Decommission takes a gateway out of service. The cloud may be running. org.ErrUnknown: there is no such gateway.
func Decommission(ctx context.Context, cfg Config, gateway string) error {
	ctx = console(ctx)
	return withDB(ctx, cfg, func(d *db.DB) error {
		return d.Update(ctx, func(tx *sql.Tx) error {
			if err := org.Decommission(ctx, tx, gateway, time.Now()); err != nil {
				return err
			}
			return enroll.End(ctx, tx, gateway, enroll.Decommissioned, "", time.Now())
		})
	})
}

package app

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/linshao/linshao/cloud/internal/enroll"
	"github.com/linshao/linshao/cloud/internal/org"
)

// Decommission takes a gateway out of service. The cloud may be running. org.ErrUnknown: there is no such gateway.
func Decommission(ctx context.Context, cfg Config, gateway string) error {
	d, err := openDB(ctx, cfg, slog.Default(), userPatience)
	if err != nil {
		return err
	}
	ctx = console(ctx)
	err = d.Update(ctx, func(tx *sql.Tx) error {
		if err := org.Decommission(ctx, tx, gateway, time.Now()); err != nil {
			return err
		}
		return enroll.End(ctx, tx, gateway, enroll.Decommissioned, "", time.Now())
	})
	return errors.Join(err, d.Close())
}

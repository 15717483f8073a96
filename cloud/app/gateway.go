package app

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/linshao/linshao/cloud/internal/org"
)

// Decommission takes a gateway out of service. The cloud may be running. org.ErrUnknown: there is no such gateway.
func Decommission(ctx context.Context, cfg Config, gateway string) error {
	d, err := openDB(ctx, cfg, slog.Default(), userPatience)
	if err != nil {
		return err
	}
	err = d.Update(ctx, func(tx *sql.Tx) error { return org.Decommission(ctx, tx, gateway, time.Now()) })
	return errors.Join(err, d.Close())
}

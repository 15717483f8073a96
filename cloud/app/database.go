package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// userPatience is how long a person waits for a database that cannot be reached.
const userPatience = 10 * time.Second

// openDB opens the database that the configuration names.
func openDB(ctx context.Context, cfg Config, log *slog.Logger, patience time.Duration) (*db.DB, error) {
	if cfg.SQL == "" {
		return db.Open(ctx, filepath.Join(cfg.Data, "cloud.db"), db.Cloud())
	}
	return db.OpenPostgres(ctx, db.Postgres{URL: cfg.SQL, Password: cfg.sqlPassword, Patience: patience, Log: log}, db.Cloud())
}

// with opens the database for what a command does. The cloud may be running.
func with[R any](ctx context.Context, cfg Config, do func(*db.DB) (R, error)) (result R, err error) {
	err = withDB(ctx, cfg, func(d *db.DB) error {
		result, err = do(d)
		return err
	})
	return result, err
}

// withDB is with for what has no result.
func withDB(ctx context.Context, cfg Config, do func(*db.DB) error) error {
	d, err := openDB(ctx, cfg, slog.Default(), userPatience)
	if err != nil {
		return err
	}
	return errors.Join(do(d), d.Close())
}

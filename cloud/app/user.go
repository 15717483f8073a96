package app

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
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

// AddUser makes a user of the page, or gives an existing one a new role and password. The cloud may be running.
func AddUser(ctx context.Context, cfg Config, name, role, password string) error {
	d, err := openDB(ctx, cfg, slog.Default(), userPatience)
	if err != nil {
		return err
	}
	users, err := auth.New(d, time.Now)
	if err == nil {
		err = users.Add(ctx, auth.User{Name: name, Role: role}, password)
	}
	return errors.Join(err, d.Close())
}

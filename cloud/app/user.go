package app

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
)

// AddUser makes a user of the page, or gives an existing one a new role and password. The cloud may be running.
func AddUser(ctx context.Context, cfg Config, name, role, password string) error {
	d, err := db.Open(ctx, filepath.Join(cfg.Data, "cloud.db"), db.Cloud())
	if err != nil {
		return err
	}
	users, err := auth.New(d, time.Now)
	if err == nil {
		err = users.Add(ctx, auth.User{Name: name, Role: role}, password)
	}
	return errors.Join(err, d.Close())
}

package app

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/rollout"
	"github.com/linshao/linshao/cloud/wire"
)

// Update is how programs are brought to gateways.
type Update struct {
	Key  string `yaml:"key"`
	Dir  string `yaml:"dir"`
	Rate int64  `yaml:"rate_kib"`

	vendor ed25519.PublicKey
}

func (c *checker) update() {
	u := &c.cfg.Update
	if u.Rate < 0 {
		c.wrong("$.update.rate_kib", "it is below nothing", "such as 256")
	}
	if u.Key == "" {
		return
	}
	text, err := os.ReadFile(c.beside(u.Key))
	if err == nil {
		u.vendor, err = wire.DecodeKey(text)
	}
	if err != nil {
		c.wrong("$.update.key", err.Error(), "the vendor's public key, as PEM: openssl pkey -in vendor.key -pubout")
	}
}

// rolling is what a rollout needs of a configuration.
func rolling(ctx context.Context, cfg Config, d *db.DB, log *slog.Logger, now func() time.Time) (rollout.Config, error) {
	key, err := commandKey(ctx, d)
	if err != nil {
		return rollout.Config{}, err
	}
	secret, err := auth.Secret(ctx, d, "artifacts")
	if err != nil {
		return rollout.Config{}, err
	}
	dir := cfg.Update.Dir
	switch {
	case dir == "":
		dir = filepath.Join(cfg.Data, "artifacts")
	case !filepath.IsAbs(dir):
		dir = filepath.Join(cfg.Data, dir)
	}
	return rollout.Config{DB: d, Dir: dir, Vendor: cfg.Update.vendor, Key: key, Secret: secret, URL: pageURL(cfg), Rate: cfg.Update.Rate << 10, Now: now, Log: log}, nil
}

func (a *App) buildRollout(ctx context.Context) error {
	c, err := rolling(ctx, a.cfg, a.db, a.opt.Log, a.opt.Now)
	if err != nil {
		return fmt.Errorf("build rollout: %w", err)
	}
	c.Barred = a.enroll.Barred
	c.Publish = down[rollout.Down](a)
	if a.worker != nil {
		c.Lease = a.worker
	}
	a.rollout = rollout.New(c)
	return nil
}

// Rolling opens the rollouts of a cloud that may be running, for a command.
func Rolling(ctx context.Context, cfg Config, do func(ctx context.Context, s *rollout.Service, d *db.DB) error) error {
	return withDB(ctx, cfg, func(d *db.DB) error {
		c, err := rolling(ctx, cfg, d, slog.New(slog.DiscardHandler), time.Now)
		if err != nil {
			return err
		}
		return do(console(ctx), rollout.New(c), d)
	})
}

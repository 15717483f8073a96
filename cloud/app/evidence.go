package app

import (
	"context"
	"path/filepath"

	"crypto/ed25519"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/evidence"
)

// Evidence says where the bundles of gateways are kept, and how much of them.
type Evidence struct {
	Dir     string `yaml:"dir"`
	Gateway int64  `yaml:"gateway_mib"`
}

const standardEvidence = 4096 // MiB

func (c *checker) evidence() {
	e := &c.cfg.Evidence
	if e.Gateway == 0 {
		e.Gateway = standardEvidence
	}
	if e.Gateway < 0 {
		c.wrong("$.evidence.gateway_mib", "it is below nothing", "such as 4096")
	}
}

func (a *App) buildEvidence(context.Context) (err error) {
	e := a.cfg.Evidence
	dir := e.Dir
	switch {
	case dir == "":
		dir = filepath.Join(a.cfg.Data, "evidence")
	case !filepath.IsAbs(dir):
		dir = filepath.Join(a.cfg.Data, dir)
	}
	a.evidence, err = evidence.New(evidence.Config{DB: a.db, Dir: dir, Gateway: e.Gateway << 20, Keep: a.cfg.Retention.evidence, Changed: a.feed.Incident, Now: a.opt.Now, Log: a.opt.Log})
	return err
}

// EvidenceKeys answers the public keys that a gateway has told the cloud of, for a check of its bundles. The cloud may be running.
func EvidenceKeys(ctx context.Context, cfg Config, gateway string) ([]ed25519.PublicKey, error) {
	return with(ctx, cfg, func(d *db.DB) ([]ed25519.PublicKey, error) { return evidence.Keys(ctx, d.Reader(), gateway) })
}

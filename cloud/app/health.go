package app

import (
	"context"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/health"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

// health checks when devices and gateways count as silent.
func (c *checker) health() {
	h := &c.cfg.Health
	for _, d := range []struct {
		key         string
		text        *string
		to          *time.Duration
		least, most time.Duration
		standard    string
	}{
		{"delivery", &h.Delivery, &h.delivery, 10 * time.Second, 30 * time.Minute, "2m"},
		{"tell_silent_gateway", &h.Tell, &h.tell, 0, 24 * time.Hour, "5m"},
	} {
		if *d.text == "" {
			*d.text = d.standard
		}
		var err error
		if *d.to, err = time.ParseDuration(*d.text); err != nil || *d.to < d.least || *d.to > d.most {
			c.wrong("$.health."+d.key, fmt.Sprintf("%q is no duration from %v to %v", *d.text, d.least, d.most), "such as "+d.standard)
		}
	}
}

// buildHealth builds what knows how far devices can be trusted, and what tells Prometheus how the street stands.
func (a *App) buildHealth(context.Context) error {
	cfg := health.Config{DB: a.db, Incidents: a.events, Changed: observer{a.feed, a.wake}.Incident, Delivery: a.cfg.Health.delivery, Tell: a.cfg.Health.tell,
		Now: a.opt.Now, Zone: a.cfg.zone, Log: a.opt.Log}
	if a.worker != nil {
		cfg.Lease = a.worker
	}
	a.health = health.New(cfg)
	a.registry.MustRegister(newFigures(a))
	return nil
}

// Calibrate takes calibrations. The cloud may be running.
func Calibrate(ctx context.Context, cfg Config, list []health.Calibration) (health.CalibrationsTaken, error) {
	return with(ctx, cfg, func(d *db.DB) (health.CalibrationsTaken, error) {
		return health.Calibrate(ctx, d, tree.Everywhere(), list, time.Now().In(cfg.zone))
	})
}

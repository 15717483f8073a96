package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/report"
	"github.com/linshao/linshao/cloud/internal/rollout"
)

// figures tells Prometheus how the street stands, from the database when it is asked.
type figures struct {
	a                         *App
	open, overdue, silent, up *prometheus.Desc
	ring, stopped, stand      *prometheus.Desc
}

const figuresLimit = 3 * time.Second

func newFigures(a *App) *figures {
	return &figures{a,
		prometheus.NewDesc("linshao_incidents_open", "Incidents that are not closed, by class and category; without those of rules on trial.", []string{"severity", "category"}, nil),
		prometheus.NewDesc("linshao_incidents_overdue", "Open incidents that nobody has taken or closed in time.", nil, nil),
		prometheus.NewDesc("linshao_gateways_silent", "Gateways in service that do not report.", nil, nil),
		prometheus.NewDesc("linshao_gateways", "Gateways in service.", nil, nil),
		prometheus.NewDesc("linshao_rollout_ring", "How far the newest program is rolled out: 1 one gateway, 2 5 %, 3 all.", []string{"version"}, nil),
		prometheus.NewDesc("linshao_rollout_stopped", "1 when the newest rollout was stopped, by itself or by a person.", []string{"version"}, nil),
		prometheus.NewDesc("linshao_rollout_gateways", "Gateways by how they stand with the newest rollout.", []string{"state"}, nil)}
}

// Describe implements prometheus.Collector.
func (f *figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{f.open, f.overdue, f.silent, f.up, f.ring, f.stopped, f.stand} {
		to <- d
	}
}

// Collect implements prometheus.Collector. A database that fails leaves the figures out: none is better than an old one.
func (f *figures) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), figuresLimit)
	defer cancel()
	s, err := report.Stand(ctx, f.a.db.Reader())
	if err != nil {
		f.a.opt.Log.Warn("figures not told to Prometheus", "err", err)
		return
	}
	for _, o := range s.Open {
		to <- prometheus.MustNewConstMetric(f.open, prometheus.GaugeValue, float64(o.N), o.Severity, o.Category)
	}
	to <- prometheus.MustNewConstMetric(f.overdue, prometheus.GaugeValue, float64(s.Overdue))
	to <- prometheus.MustNewConstMetric(f.silent, prometheus.GaugeValue, float64(s.Silent))
	to <- prometheus.MustNewConstMetric(f.up, prometheus.GaugeValue, float64(s.Gateways))
	if err := f.rollout(ctx, to); err != nil {
		f.a.opt.Log.Warn("how the rollout stands is not told to Prometheus", "err", err)
	}
}

// rollout tells how the newest rollout stands; nothing when there was none.
func (f *figures) rollout(ctx context.Context, to chan<- prometheus.Metric) error {
	o, all, err := rollout.Status(ctx, f.a.db.Reader(), tree.Everywhere())
	if err != nil || o.ID == 0 {
		return err
	}
	stopped, states := 0.0, map[string]float64{}
	if o.Stopped {
		stopped = 1
	}
	for _, g := range all {
		states[g.State]++
	}
	to <- prometheus.MustNewConstMetric(f.ring, prometheus.GaugeValue, float64(o.Ring), o.Version)
	to <- prometheus.MustNewConstMetric(f.stopped, prometheus.GaugeValue, stopped, o.Version)
	for state, n := range states {
		to <- prometheus.MustNewConstMetric(f.stand, prometheus.GaugeValue, n, state)
	}
	return nil
}

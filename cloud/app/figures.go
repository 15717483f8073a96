package app

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/report"
)

// figures tells Prometheus how the street stands, from the database when it is asked.
type figures struct {
	a                         *App
	open, overdue, silent, up *prometheus.Desc
}

const figuresLimit = 3 * time.Second

func newFigures(a *App) *figures {
	return &figures{a,
		prometheus.NewDesc("linshao_incidents_open", "Incidents that are not closed, by class and category; without those of rules on trial.", []string{"severity", "category"}, nil),
		prometheus.NewDesc("linshao_incidents_overdue", "Open incidents that nobody has taken or closed in time.", nil, nil),
		prometheus.NewDesc("linshao_gateways_silent", "Gateways in service that do not report.", nil, nil),
		prometheus.NewDesc("linshao_gateways", "Gateways in service.", nil, nil)}
}

// Describe implements prometheus.Collector.
func (f *figures) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{f.open, f.overdue, f.silent, f.up} {
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
}

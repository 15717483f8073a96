package evidence

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Figures are what is kept, for an operator.
type Figures struct {
	Bundles, Waiting, Refused int
	Bytes                     int64
	Oldest                    time.Time // of the alert of the oldest that waits; zero: none does
}

// Figures counts what is kept.
func (s *Store) Figures() (f Figures) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range s.bundles {
		f.Bundles++
		f.Bytes += b.Size
		switch {
		case b.Refused:
			f.Refused++
		case !b.Sent:
			f.Waiting++
			if f.Oldest.IsZero() || b.At.Before(f.Oldest) {
				f.Oldest = b.At
			}
		}
	}
	return f
}

// Register counts what is kept for Prometheus.
func (c *Collector) Register(reg prometheus.Registerer) {
	gauge := func(metric, help string, value func(Figures) float64) {
		reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "linshao_evidence_" + metric, Help: help}, func() float64 { return value(c.store.Figures()) }))
	}
	gauge("bundles", "Evidence bundles that are kept here.", func(f Figures) float64 { return float64(f.Bundles) })
	gauge("waiting", "Bundles that the cloud does not have.", func(f Figures) float64 { return float64(f.Waiting) })
	gauge("refused", "Bundles that the cloud refuses.", func(f Figures) float64 { return float64(f.Refused) })
	gauge("bytes", "Bytes of all bundles.", func(f Figures) float64 { return float64(f.Bytes) })
	gauge("oldest_seconds", "Age of the oldest bundle that the cloud does not have; 0: it has all.", func(f Figures) float64 {
		if f.Oldest.IsZero() {
			return 0
		}
		return c.cfg.Now().Sub(f.Oldest).Seconds()
	})
}

package action

import "github.com/prometheus/client_golang/prometheus"

// Metrics of actions.
type Metrics struct{ results *prometheus.CounterVec }

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_actions_total", Help: "Actions by outcome."}, []string{"outcome"})}
	r.MustRegister(m.results)
	return m
}

func (m *Metrics) count(outcome string) {
	if m != nil {
		m.results.WithLabelValues(outcome).Inc()
	}
}

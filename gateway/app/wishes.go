package app

import "github.com/prometheus/client_golang/prometheus"

// What the cloud wants of a gateway, as figures call it.
const (
	aboutConfig = "config"
	aboutUpdate = "update"
)

// wishes are the figures of what the cloud wants of this gateway, and of what became of it.
type wishes struct {
	answers  *prometheus.CounterVec
	revision *prometheus.GaugeVec
}

func newWishes(reg prometheus.Registerer) *wishes {
	w := &wishes{
		answers: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_desired_answers_total",
			Help: "Answers to what the cloud wants of this gateway (config: pushed files, update: its program), by what became of it."}, []string{"about", "state"}),
		revision: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "linshao_desired_revision",
			Help: "Newest revision of what the cloud wants (desired), the one in force (applied; 0: none), and the last that was refused or taken back (refused)."}, []string{"about", "state"}),
	}
	reg.MustRegister(w.answers, w.revision)
	return w
}

// answered notes an answer about a revision.
func (w *wishes) answered(about, state string, revision uint64) {
	w.answers.WithLabelValues(about, state).Inc()
	if state == offerRefused || state == offerReverted {
		w.revision.WithLabelValues(about, "refused").Set(float64(revision))
	}
}

// stands notes which revision is wanted, and which is in force.
func (w *wishes) stands(about string, desired, applied uint64) {
	w.revision.WithLabelValues(about, "desired").Set(float64(desired))
	w.revision.WithLabelValues(about, "applied").Set(float64(applied))
}

package uplink

import "github.com/prometheus/client_golang/prometheus"

// Metrics of the uplink.
type Metrics struct {
	Connected  prometheus.Gauge       // 1 while a session is open
	Connects   *prometheus.CounterVec // attempts by result: ok, failed
	Batches    *prometheus.CounterVec // sent, by stream; repeats count again
	Records    *prometheus.CounterVec // sent, by stream; repeats count again
	Bytes      *prometheus.CounterVec // sent, by stream: MQTT payload
	Acked      *prometheus.CounterVec // records acknowledged, by stream
	Rejected   *prometheus.CounterVec // records the cloud will never take, by stream
	IgnoredAck *prometheus.CounterVec // acknowledgements ignored, by reason
	Overdue    *prometheus.CounterVec // times a stream went back because no answer came
	InFlight   *prometheus.GaugeVec   // unacknowledged batches, by stream
	Live       prometheus.Counter     // live values sent
	Fenced     prometheus.Counter     // times that another gateway was found to use our identity
	Foreign    *prometheus.CounterVec // records that the cloud has from another gateway under our numbers, by stream
}

// NewMetrics makes the metrics and registers them; a nil registry keeps them to itself.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_uplink_" + name, Help: help}, labels)
	}
	m := &Metrics{
		Connected:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "linshao_uplink_connected", Help: "1 while a session with the broker is open."}),
		Connects:   counter("connects_total", "Connections tried.", "result"),
		Batches:    counter("batches_total", "Batches sent, repeats included.", "stream"),
		Records:    counter("records_total", "Records sent, repeats included.", "stream"),
		Bytes:      counter("bytes_total", "Bytes of batches sent, repeats included.", "stream"),
		Acked:      counter("acked_records_total", "Records that the cloud has acknowledged.", "stream"),
		Rejected:   counter("rejected_records_total", "Records that the cloud will never take.", "stream"),
		IgnoredAck: counter("ignored_acks_total", "Acknowledgements not acted upon.", "reason"),
		Overdue:    counter("overdue_total", "Times that batches were repeated because no answer came.", "stream"),
		Live:       prometheus.NewCounter(prometheus.CounterOpts{Name: "linshao_uplink_live_total", Help: "Messages with the newest values sent."}),
		Fenced:     prometheus.NewCounter(prometheus.CounterOpts{Name: "linshao_uplink_fenced_total", Help: "Times that another gateway was found to use this one's identity."}),
		Foreign:    counter("foreign_records_total", "Records that the cloud has from another gateway under numbers of ours.", "stream"),
		InFlight:   prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "linshao_uplink_inflight_batches", Help: "Batches without an answer."}, []string{"stream"}),
	}
	if reg != nil {
		reg.MustRegister(m.Connected, m.Connects, m.Batches, m.Records, m.Bytes, m.Acked, m.Rejected, m.IgnoredAck, m.Overdue, m.InFlight, m.Live, m.Fenced, m.Foreign)
	}
	return m
}

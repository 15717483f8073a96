package poll

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/drivers/device"
)

// Metrics of all channels.
type Metrics struct {
	requests *prometheus.CounterVec
	errors   *prometheus.CounterVec
	busy     *prometheus.CounterVec
	up       *prometheus.GaugeVec
	stretch  *prometheus.GaugeVec
	devices  *prometheus.CounterVec
	duration prometheus.Histogram
}

// NewMetrics registers the metrics of all channels.
func NewMetrics(r prometheus.Registerer) *Metrics {
	label := []string{"channel"}
	m := &Metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_channel_requests_total", Help: "Reads and writes of a channel."}, label),
		errors:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_channel_errors_total", Help: "Points not read well, and writes that failed, by reason."}, []string{"channel", "reason"}),
		busy:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_channel_busy_seconds_total", Help: "Time for which a channel was in use; its rate is the busy ratio."}, label),
		up:       prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "linshao_channel_up", Help: "1 while the channel is open."}, label),
		stretch:  prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "linshao_channel_stretch_ratio", Help: "Interval of the most delayed device of a channel lately over the configured one; 1 when the line keeps up."}, label),
		devices:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_device_busy_seconds_total", Help: "Time for which a device used its channel; devices that are read together share it by their points."}, []string{"channel", "device"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "linshao_read_seconds", Help: "Time of one read of one device, all channels.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10}}),
	}
	r.MustRegister(m.requests, m.errors, m.busy, m.up, m.stretch, m.devices, m.duration)
	return m
}

// meter counts for one channel, also without Prometheus: the local page shows it.
type meter struct {
	channel  string
	all      *Metrics
	requests prometheus.Counter
	seconds  prometheus.Counter
	count    *count
}

// count is read by other goroutines.
type count struct {
	up              atomic.Bool
	requests, bad   atomic.Uint64
	busyNanoseconds atomic.Int64
}

func (m *Metrics) meter(channel string) meter {
	t := meter{channel: channel, all: m, count: &count{}}
	if m != nil {
		t.requests, t.seconds = m.requests.WithLabelValues(channel), m.busy.WithLabelValues(channel)
	}
	return t
}

func (m meter) used(took time.Duration) {
	m.count.requests.Add(1)
	m.count.busyNanoseconds.Add(int64(took))
	if m.all != nil {
		m.requests.Inc()
		m.seconds.Add(took.Seconds())
	}
}

// unit counts what a unit took of the line's time.
func (m meter) unit(u *unit, took time.Duration) {
	if m.all == nil {
		return
	}
	share := took.Seconds() / float64(len(u.points))
	for i := 0; i < len(u.points); {
		id, n := u.points[i].Device, i
		for i < len(u.points) && u.points[i].Device == id {
			i++
		}
		m.all.devices.WithLabelValues(m.channel, id).Add(share * float64(i-n))
	}
}

func (m meter) stretched(r float64) {
	if m.all != nil {
		m.all.stretch.WithLabelValues(m.channel).Set(r)
	}
}

func (m meter) read(took time.Duration, err error) {
	m.used(took)
	if m.all != nil {
		m.all.duration.Observe(took.Seconds())
	}
	if err != nil {
		m.failed(reasonOf(err))
	}
}

func (m meter) write(took time.Duration, err error) {
	m.used(took)
	if err != nil {
		m.count.bad.Add(1)
		if m.all != nil {
			m.all.errors.WithLabelValues(m.channel, "write").Inc()
		}
	}
}

func (m meter) failed(why device.Reason) {
	m.count.bad.Add(1)
	if m.all != nil {
		m.all.errors.WithLabelValues(m.channel, why.String()).Inc()
	}
}

func (m meter) open(took time.Duration, up bool) {
	m.count.busyNanoseconds.Add(int64(took))
	m.count.up.Store(up)
	if m.all != nil {
		value := 0.0
		if up {
			value = 1
		}
		m.all.up.WithLabelValues(m.channel).Set(value)
	}
}

// Stats of a channel since its start.
type Stats struct {
	Up       bool
	Requests uint64
	Bad      uint64        // points not read well, and failed writes
	Busy     time.Duration // time for which the channel was in use
	Units    []UnitStats
}

// UnitStats are the figures of what is read in one go: the devices that share an address and an interval.
type UnitStats struct {
	Devices  []string
	Interval time.Duration // as configured
	Busy     time.Duration // time for which the line was in use for it
	Stretch  float64       // its interval lately over the configured one: 1 when the line keeps up, 0 while nothing is known
}

// Stats may be called by any goroutine.
func (p *Poller) Stats() Stats {
	c := p.meter.count
	s := Stats{Up: c.up.Load(), Requests: c.requests.Load(), Bad: c.bad.Load(), Busy: time.Duration(c.busyNanoseconds.Load())}
	for _, u := range p.units {
		s.Units = append(s.Units, UnitStats{Devices: u.devices, Interval: u.interval, Busy: time.Duration(u.busy.Load()), Stretch: u.stretch.get()})
	}
	return s
}

// ratio is a number that other goroutines read.
type ratio struct{ bits atomic.Uint64 }

func (r *ratio) set(v float64) { r.bits.Store(math.Float64bits(v)) }
func (r *ratio) get() float64  { return math.Float64frombits(r.bits.Load()) }

package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
)

const (
	storageBeat = time.Second
	storageCalm = 30 * time.Second // without an error, before people are told that all is well: a dying card comes and goes
)

// storage watches whether the disk takes what the logs give it. The page says it at once; the event waits in memory like all
// events then, and is in the cloud when the events log takes it.
type storage struct {
	events, telemetry, parts *outbox.Log
	put                      func(*wire.Event)
	now                      func() time.Time
	log                      *slog.Logger

	synced uint64    // telemetry's fsyncs when the parts were well
	told   bool      // that it fails
	well   time.Time // the first moment without an error since then, on the real clock

	mu    sync.Mutex
	since time.Time // on the clock that stamps events; zero: all is well
	cause string
}

// watch looks until ctx ends.
func (s *storage) watch(ctx context.Context) {
	tick := time.NewTicker(storageBeat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			s.look(storageCalm)
		case <-ctx.Done():
			s.look(0)
			return
		}
	}
}

// look tells of a turn. One to the better counts when it has lasted.
func (s *storage) look(calm time.Duration) {
	since, cause := s.failing()
	if since.IsZero() {
		if !s.told {
			return
		}
		if s.well.IsZero() {
			s.well = time.Now()
		}
		if time.Since(s.well) >= calm {
			s.tell(false)
		}
		return
	}
	s.well = time.Time{}
	s.mu.Lock()
	if !s.told {
		s.since = s.now().Add(-time.Since(since))
	}
	s.cause = cause.Error()
	s.mu.Unlock()
	if !s.told {
		s.tell(true)
	}
}

func (s *storage) tell(degraded bool) {
	s.told = degraded
	since, cause := s.state()
	s.put(&wire.Event{Kind: &wire.Event_Storage{Storage: &wire.Storage{Degraded: degraded, Cause: cause, SinceMs: since.UnixMilli(), AtMs: s.now().UnixMilli()}}})
	if degraded {
		return
	}
	s.mu.Lock()
	s.since, s.cause = time.Time{}, ""
	s.mu.Unlock()
	s.log.Info("the disk takes everything again", "since", since)
}

// state is since when the disk takes nothing, and why; zero when all is well.
func (s *storage) state() (since time.Time, cause string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.since, s.cause
}

// failing is since when a log is degraded, on the real clock. A log is only seen to be well when something is appended. To the
// events that is the event of this very turn, to telemetry the next record; parts may not come for minutes, so a record will do.
func (s *storage) failing() (since time.Time, cause error) {
	parts, telemetry := s.parts.Stats(), s.telemetry.Stats()
	if parts.Degraded.IsZero() {
		s.synced = telemetry.Fsyncs
	} else if telemetry.Fsyncs > s.synced {
		parts.Degraded = time.Time{}
	}
	for _, st := range []outbox.Stats{s.events.Stats(), telemetry, parts} {
		if !st.Degraded.IsZero() && (since.IsZero() || st.Degraded.Before(since)) {
			since, cause = st.Degraded, st.Cause
		}
	}
	return since, cause
}

// metrics of the logs, as they are when they are asked for.
func (s *storage) metrics(reg prometheus.Registerer) {
	for name, log := range map[string]*outbox.Log{"events": s.events, "telemetry": s.telemetry, "parts": s.parts} {
		gauge := func(metric, help string, value func(outbox.Stats) float64) {
			reg.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "linshao_outbox_" + metric, Help: help, ConstLabels: prometheus.Labels{"log": name}},
				func() float64 { return value(log.Stats()) }))
		}
		gauge("degraded", "1 while the disk takes nothing and records wait in memory.", func(st outbox.Stats) float64 {
			if st.Degraded.IsZero() {
				return 0
			}
			return 1
		})
		gauge("backlog_records", "Records that the cloud does not have.", func(st outbox.Stats) float64 { return float64(st.Backlog) })
		gauge("bytes", "Bytes of the log on disk.", func(st outbox.Stats) float64 { return float64(st.Bytes) })
		gauge("failures", "Failed writes and fsyncs since the start.", func(st outbox.Stats) float64 { return float64(st.Failures) })
	}
}

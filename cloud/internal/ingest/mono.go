package ingest

import (
	"context"
	"time"

	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

const (
	monoBucket = 5 * time.Minute  // two clocks of quartz drift apart by some 30 ms in it
	monoStale  = 15 * time.Minute // without a word of the gateway's
)

// A mono is what is known of a gateway's monotonic clock in one session: the largest difference to ours that a message has
// shown. Messages take their time, so the clock is never behind what is reckoned by that. Older differences are forgotten,
// because the two clocks do not run alike. Our clock that cannot be set counts, where there is one: from the service's origin.
type mono struct {
	session     uint64
	boot        uint32
	this, last  int64     // ms of its clock less ms of ours; of the present bucket and the one before
	began, seen time.Time // of the bucket; the newest message
	two         bool      // last counts
}

func (m *mono) learn(ms uint64, now, origin time.Time) {
	diff := int64(ms) - now.Sub(origin).Milliseconds()
	switch age := now.Sub(m.began); {
	case m.began.IsZero() || age >= 2*monoBucket:
		m.this, m.two, m.began = diff, false, now
	case age >= monoBucket || age < 0:
		m.last, m.this, m.two, m.began = m.this, diff, true, now
	default:
		m.this = max(m.this, diff)
	}
	m.seen = now
}

// Clock answers the gateway's monotonic clock in a session, in ms since its start numbered boot, as far as this worker has
// heard of it; never more than it is.
func (s *Service) Clock(gateway string, session uint64) (ms uint64, boot uint32, ok bool) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.monos[gateway]
	if m == nil || m.session != session || now.Sub(m.seen) > monoStale {
		return 0, 0, false
	}
	diff := m.this
	if m.two {
		diff = max(diff, m.last)
	}
	at := now.Sub(s.origin).Milliseconds() + diff
	return uint64(max(0, at)), m.boot, at > 0
}

// greeted learns from a hello.
func (s *Service) greeted(h *wire.Hello, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if h.GetMonoMs() == 0 {
		delete(s.monos, h.GetGateway())
		return
	}
	m := s.monos[h.GetGateway()]
	if m == nil || m.session != h.GetSession() {
		m = &mono{session: h.GetSession(), boot: h.GetBoot()}
		s.monos[h.GetGateway()] = m
	}
	m.learn(h.GetMonoMs(), now, s.origin)
}

// ticked learns from the records of a batch of the present session. Which start that is of, a worker that did not take the hello
// reads from SQL.
func (s *Service) ticked(ctx context.Context, gateway string, b *wire.Batch, now time.Time) error {
	s.mu.Lock()
	m := s.monos[gateway]
	s.mu.Unlock()
	if m == nil || m.session != b.GetSession() {
		boot, err := org.PresentBoot(ctx, s.cfg.DB.Reader(), gateway)
		if err != nil {
			return err
		}
		m = &mono{session: b.GetSession(), boot: boot.Boot}
	}
	newest := uint64(0)
	for _, r := range b.GetRecords() {
		if r.GetBoot() == m.boot {
			newest = max(newest, r.GetMonoMs())
		}
	}
	if newest == 0 || newest > uint64(100*365*24*time.Hour/time.Millisecond) {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.monos[gateway]; old != nil && old.session == m.session {
		m = old
	}
	s.monos[gateway] = m
	m.learn(newest, now, s.origin)
	return nil
}

package ingest

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

// How long a gateway may say nothing before it is told as offline. Its own pings are heard through the embedded broker
// alone, at the interval that it told when it connected; through another one its last will tells, and its records may be
// minutes apart.
const (
	silence     = 60 * time.Second // at least, and two pings
	longSilence = 6 * time.Minute
)

const (
	sweepEvery = 5 * time.Second
	sweepLate  = 6 * sweepEvery   // after the one before: the cloud itself did not run or heard nothing in between
	settling   = 90 * time.Second // for gateways to be heard again after that: they try at least once a minute
	repeatTick = time.Second
)

// status takes the retained status or the last will. A will of an older session says nothing about the present one.
func (s *Service) status(ctx context.Context, gateway string, payload []byte) error {
	if len(payload) == 0 {
		return nil // the retained status was cleared
	}
	var st wire.Status
	if err := proto.Unmarshal(payload, &st); err != nil {
		s.metrics.refused.WithLabelValues("malformed").Inc()
		return nil
	}
	c, known, err := org.ContactOf(ctx, s.cfg.DB.Reader(), gateway)
	if err != nil {
		return err
	}
	if !known || st.GetSession() != c.Session || st.GetOnline() {
		return nil // online is what hello and batches prove
	}
	return s.Disconnected(ctx, gateway)
}

// Heard notes any sign of life, such as a ping, of a connection that promises one every keepAlive; 0: it promises none. It
// never blocks.
func (s *Service) Heard(gateway string, keepAlive time.Duration) {
	s.hear(gateway, s.cfg.Now())
	s.mu.Lock()
	s.pings[gateway] = keepAlive
	s.mu.Unlock()
}

func (s *Service) hear(gateway string, at time.Time) {
	s.mu.Lock()
	s.heard[gateway] = at
	s.mu.Unlock()
}

// inHand notes that a message is being taken, until the answer is called.
func (s *Service) inHand() (taken func()) {
	begun := s.cfg.Now()
	s.mu.Lock()
	s.hands++
	hand := s.hands
	s.taking[hand] = begun
	s.mu.Unlock()
	return func() {
		s.mu.Lock()
		delete(s.taking, hand)
		s.mu.Unlock()
	}
}

// readTo is the time up to which everything that came has been taken: now, unless messages are in hand. What gateways sent
// since then may wait behind those, and says nothing against them. It needs mu.
func (s *Service) readTo(now time.Time) time.Time {
	for _, begun := range s.taking {
		if begun.Before(now) {
			now = begun
		}
	}
	return now
}

// Disconnected notes that the broker lost a gateway's connection.
func (s *Service) Disconnected(ctx context.Context, gateway string) error {
	s.mu.Lock()
	delete(s.silent, gateway) // it comes back with a hello, and with nothing less
	s.mu.Unlock()
	return s.lost(ctx, gateway, s.cfg.Now())
}

func (s *Service) lost(ctx context.Context, gateway string, since time.Time) error {
	var lost bool
	err := s.update(ctx, gateway, 1, func(ctx context.Context, tx *sql.Tx) (err error) {
		lost, err = org.Lost(ctx, tx, gateway, since)
		return err
	})
	if elsewhere(err) {
		return nil // the worker that has it looks after it
	}
	if err != nil {
		return err
	}
	if lost {
		s.cfg.Log.Warn("gateway offline", "gateway", gateway)
		s.changed(gateway)
	}
	return nil
}

// Run finds gateways that fell silent, says acknowledgements again, and tells gateways that somebody looks, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	sweep := time.NewTicker(sweepEvery)
	defer sweep.Stop()
	again := time.NewTicker(repeatTick)
	defer again.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case <-sweep.C:
			err = s.Sweep(ctx)
		case <-again.C:
			s.Repeat()
		case <-s.looked:
			err = s.watches(ctx)
		}
		if err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("silent gateways cannot be found, or watched ones not told", "err", err)
		}
	}
}

// Sweep marks every gateway as offline that said nothing for too long, measured by the cloud's own clock of what it has read:
// a cloud that is behind, was stopped or has just begun calls nobody silent. One that it called so and that is heard after
// all is online again. Run calls it every five seconds.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.cfg.Now()
	if err := s.returned(ctx); err != nil {
		return err
	}
	if !s.settled(now) {
		return nil
	}
	online, err := org.Online(ctx, s.cfg.DB.Reader())
	if err != nil {
		return fmt.Errorf("find silent gateways: %w", err)
	}
	for gateway, seen := range online {
		s.mu.Lock()
		if heard, ok := s.heard[gateway]; ok && heard.After(seen) {
			seen = heard
		}
		quiet := s.readTo(now).Sub(seen) >= s.patience(gateway)
		if quiet {
			s.silent[gateway] = seen
		}
		s.mu.Unlock()
		if !quiet {
			continue
		}
		if err := s.lost(ctx, gateway, seen); err != nil {
			return err
		}
	}
	return nil
}

// settled says whether the cloud has listened without a break for long enough to judge. Sweep calls it each time.
func (s *Service) settled(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.swept.IsZero() || now.Sub(s.swept) > sweepLate {
		s.listens = now
	}
	s.swept = now
	return now.Sub(s.listens) >= settling
}

// patience is how long a gateway may say nothing. It needs mu.
func (s *Service) patience(gateway string) time.Duration {
	every, pinged := s.pings[gateway]
	if !pinged || every == 0 {
		return longSilence
	}
	return max(silence, 2*every)
}

// returned marks the gateways as online that Sweep called silent and that were heard since.
func (s *Service) returned(ctx context.Context) error {
	back := map[string]time.Time{}
	s.mu.Lock()
	for gateway, seen := range s.silent {
		if heard := s.heard[gateway]; heard.After(seen) {
			back[gateway] = heard
		}
	}
	s.mu.Unlock()
	for gateway, heard := range back {
		var was bool
		err := s.update(ctx, gateway, 1, func(ctx context.Context, tx *sql.Tx) (err error) {
			was, err = org.Seen(ctx, tx, gateway, heard)
			return err
		})
		if err != nil && !elsewhere(err) {
			return err
		}
		s.mu.Lock()
		delete(s.silent, gateway)
		s.mu.Unlock()
		if was {
			s.cfg.Log.Info("gateway heard again", "gateway", gateway)
			s.changed(gateway)
		}
	}
	return nil
}

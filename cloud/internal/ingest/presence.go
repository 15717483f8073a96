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
// alone; through another one its last will tells, and its records may be minutes apart.
const (
	silence     = 60 * time.Second
	longSilence = 6 * time.Minute
)

const (
	sweepEvery = 5 * time.Second
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

// Heard notes any sign of life, such as a ping. It never blocks.
func (s *Service) Heard(gateway string) {
	s.hear(gateway, s.cfg.Now())
	s.mu.Lock()
	s.pinged[gateway] = true
	s.mu.Unlock()
}

func (s *Service) hear(gateway string, at time.Time) {
	s.mu.Lock()
	s.heard[gateway] = at
	s.mu.Unlock()
}

// Disconnected notes that the broker lost a gateway's connection.
func (s *Service) Disconnected(ctx context.Context, gateway string) error {
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

// Sweep marks every gateway as offline that said nothing for too long.
func (s *Service) Sweep(ctx context.Context) error {
	online, err := org.Online(ctx, s.cfg.DB.Reader())
	if err != nil {
		return fmt.Errorf("find silent gateways: %w", err)
	}
	now := s.cfg.Now()
	for gateway, seen := range online {
		s.mu.Lock()
		if heard, ok := s.heard[gateway]; ok && heard.After(seen) {
			seen = heard
		}
		limit := longSilence
		if s.pinged[gateway] {
			limit = silence
		}
		s.mu.Unlock()
		if now.Sub(seen) < limit {
			continue
		}
		if err := s.lost(ctx, gateway, seen); err != nil {
			return err
		}
	}
	return nil
}

package ingest

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
)

// liveEvery is how often a gateway's newest values are taken at most.
const liveEvery = time.Second

// live shows the newest values of a gateway whose history is still on its way. Nothing of it is kept.
func (s *Service) live(ctx context.Context, gateway string, payload []byte) ([]Reply, error) {
	var l wire.Live
	if err := proto.Unmarshal(payload, &l); err != nil {
		return s.refuse(gateway, "malformed", err)
	}
	if n := len(l.GetReadings()); n == 0 || n > wire.MaxPayload {
		return s.refuse(gateway, "malformed", fmt.Errorf("live values of %d bytes", n))
	}
	c, known, err := org.ContactOf(ctx, s.cfg.DB.Reader(), gateway)
	if err != nil {
		return nil, err
	}
	if !known || c.Session != l.GetSession() {
		return s.fence(ctx, gateway, c, l.GetSession())
	}
	now := s.cfg.Now()
	s.mu.Lock()
	early := now.Sub(s.shown[gateway]) < liveEvery
	if !early {
		s.shown[gateway] = now
	}
	s.mu.Unlock()
	if early {
		return s.refuse(gateway, "rate", fmt.Errorf("live values within %v", liveEvery))
	}
	rs, err := s.latest(l.GetReadings())
	if err != nil {
		return s.refuse(gateway, "malformed", err)
	}
	boot, err := org.PresentBoot(ctx, s.cfg.DB.Reader(), gateway)
	if err != nil {
		return nil, err
	}
	present(rs, boot, now)
	s.hear(gateway, now)
	s.cfg.Observer.Readings(gateway, rs)
	return nil, nil
}

package uplink_test

import (
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/uplink"
)

// glimpses is a camera that always has another piece.
type glimpses struct {
	mu    sync.Mutex
	taken int
	ever  chan struct{}
}

// Next implements uplink.Looks.
func (g *glimpses) Next(most int) []byte {
	if most < wire.LookPiece {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.taken++
	return make([]byte, wire.LookPiece)
}

// Changed implements uplink.Looks.
func (g *glimpses) Changed() <-chan struct{} { return g.ever }

// TestAnAlertPassesALook: on a line of 5 kbit/s that a camera's pictures fill, with telemetry and evidence behind, an alert waits for
// one message at most, and the others go on too.
func TestAnAlertPassesALook(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		e.width = 625
		g := &glimpses{ever: make(chan struct{})}
		s.cfg.Looks = []uplink.Looks{g}
		s.append(t, 0, 300)
		_, stop := s.run(t, e)
		pass(2 * time.Minute)
		var worst time.Duration
		for range 10 {
			begin := time.Now()
			s.append(t, 1, 0)
			epoch, _, next := s.events.State()
			for c.cumOf(wire.StreamEvents, epoch) < next-1 {
				pass(100 * time.Millisecond)
			}
			worst = max(worst, time.Since(begin))
			s.append(t, 0, 3)
			pass(7 * time.Second)
		}
		for begin := time.Now(); s.telemetry.Stats().Backlog > 0; pass(time.Second) {
			if time.Since(begin) > 10*time.Minute {
				t.Fatal("pictures keep readings back")
			}
		}
		stop()
		if worst > 10*time.Second { // a piece is 6.7 s
			t.Errorf("an alert waited %v", worst)
		}
		if n, _, looks := e.count(wire.UpLook); n != 1 || looks < 10 {
			t.Errorf("%d connections, %d pieces", n, looks)
		}
		t.Logf("alerts waited %v at most beside %d pieces", worst, g.taken)
	})
}

var _ uplink.Looks = (*glimpses)(nil)

package uplink_test

import (
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/wire"
)

// TestLiveForWhoLooks: a device that is read every 5 s is up to 5 s old when the newest values are taken, and as long as they
// rest grows older on the page. So they rest less while somebody looks.
func TestLiveForWhoLooks(t *testing.T) {
	for _, x := range []struct {
		linger      uint32
		least, most time.Duration
	}{{0, 4 * time.Second, 6 * time.Second}, {1000, 1500 * time.Millisecond, 2500 * time.Millisecond}} {
		bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
			s.cfg.Started, s.cfg.Clock = time.Now(), func() uint32 { return wire.ClockSynced }
			s.cfg.Newest = func() []byte { return []byte("newest") }
			s.append(t, 0, 30_000)
			pass(10 * time.Minute) // no cloud
			c.slow, c.credit, c.linger = 500*time.Millisecond, 1, x.linger
			e.delay = 0
			_, stop := s.run(t, e)
			settle(t, s, c, 10*time.Minute)
			stop()
			if len(e.live) < 3 {
				t.Fatalf("live values were sent %d times", len(e.live))
			}
			for i, at := range e.live[2:] { // the first comes before the wish
				if rest := at.Sub(e.live[i+1]); rest < x.least || rest > x.most {
					t.Errorf("linger %d: live values after %v", x.linger, rest)
				}
			}
		})
	}
}

package uplink_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/uplink"
)

// TestEvidenceOverABadLine: a line that is cut at every fourth message, for hours: evidence gets through from where it stood, nothing of
// it is lost, and an alert that comes meanwhile goes before it.
func TestEvidenceOverABadLine(t *testing.T) {
	for name, x := range map[string]struct {
		drop  int
		delay time.Duration
	}{"cut": {}, "cut, lossy and out of order": {100, 300 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) { evidenceOver(t, x.drop, x.delay) })
	}
}

func evidenceOver(t *testing.T, drop int, delay time.Duration) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		evidence := openLog(t, t.TempDir(), wire.StreamEvidence)
		defer evidence.Close() //nolint:errcheck // of a test
		s.gone[wire.StreamEvidence] = map[uint64]bool{}
		s.cfg.Streams = append(s.cfg.Streams, uplink.Feed{ID: wire.StreamEvidence, Stream: evidence})
		const chunks = 400
		for n := range chunks {
			if _, err := evidence.Append(wire.StreamEvidence, time.Now(), 2, append(content(wire.StreamEvidence, uint64(n)+1), make([]byte, 40<<10)...)); err != nil {
				t.Fatal(err)
			}
		}
		e.cut, e.drop, e.delay = 250, drop, delay
		_, stop := s.run(t, e)
		began, worst, behind := time.Now(), time.Duration(0), 0
		for evidence.Stats().Backlog > 0 {
			if time.Since(began) > 12*time.Hour {
				t.Fatalf("%d of %d are still here", evidence.Stats().Backlog, chunks)
			}
			_, before, _ := e.count("")
			at := time.Now()
			s.append(t, 1, 2)
			epoch, _, next := s.events.State()
			for c.cumOf(wire.StreamEvents, epoch) < next-1 {
				pass(50 * time.Millisecond)
			}
			worst = max(worst, time.Since(at))
			behind += e.evidenceFirst(before)
			pass(3 * time.Second)
		}
		took := time.Since(began)
		stop()
		e.cut, e.drop = 0, 0
		dials, _, sent := e.count(wire.UpEvidence)
		if behind > 0 && delay == 0 { // of answers that overtake each other, who is answered first may send first
			t.Errorf("%d times evidence was sent while an alert waited", behind)
		}
		if dials < 50 || sent > 6*chunks {
			t.Errorf("%d connections; %d messages for %d chunks: it does not go on where it stood", dials, sent, chunks)
		}
		t.Logf("%d chunks in %v over %d connections by %d messages; alerts took %v at most", chunks, took.Round(time.Second), dials, sent, worst)
	})
}

// evidenceFirst is 1 when of the messages after so many, but for the one that was under way, evidence comes before events.
func (e *ether) evidenceFirst(after int) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	topics := e.published[min(after+1, len(e.published)):]
	of := func(leaf string) int {
		return slices.IndexFunc(topics, func(topic string) bool { return strings.HasSuffix(topic, leaf) })
	}
	if first, alert := of(wire.UpEvidence), of(wire.UpEvents); first >= 0 && alert > first {
		return 1
	}
	return 0
}

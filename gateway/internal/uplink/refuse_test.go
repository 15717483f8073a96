package uplink_test

import (
	"math"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/uplink"
)

// holed is a log that has lost the records first to last, from a moment on.
type holed struct {
	uplink.Stream
	first, last uint64
	lost        atomic.Bool
}

func (h *holed) Read(from uint64, most int) ([]outbox.Record, error) {
	if h.lost.Load() && from >= h.first && from <= h.last {
		from = h.last + 1
	}
	return h.Stream.Read(from, most)
}

// TestARefusedRecordBehindAHoleStopsNothing: 17 is refused, and before the cloud has 12 to 16 they are gone.
func TestARefusedRecordBehindAHoleStopsNothing(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		h := &holed{Stream: s.telemetry, first: 12, last: 16}
		for i, f := range s.cfg.Streams {
			if f.ID == wire.StreamTelemetry {
				s.cfg.Streams[i].Stream = h
			}
		}
		_, stop := s.run(t, e)
		pass(time.Second)
		c.do(func() { c.mute = true })
		s.append(t, 0, 20)
		pass(time.Second)
		epoch, _, _ := s.telemetry.State()
		h.lost.Store(true)
		var b []byte
		c.do(func() {
			p := c.place(wire.StreamTelemetry, epoch)
			p.cum, c.mute = 11, false
			for seq := range p.got {
				if seq > 11 {
					delete(p.got, seq)
				}
			}
			a := c.ack(wire.StreamTelemetry, epoch)
			a.Rejects = []*wire.Reject{{First: 17, Last: 17, Code: "corrupt"}}
			b, _ = proto.Marshal(a)
		})
		e.down(b)
		pass(time.Minute)
		stop()
		if !c.has(wire.StreamTelemetry, epoch, 18, 20) || s.telemetry.Stats().Backlog != 0 {
			t.Fatalf("the cloud stands at %d, backlog %d", c.cumOf(wire.StreamTelemetry, epoch), s.telemetry.Stats().Backlog)
		}
	})
}

// TestAnAcknowledgementOfEverythingIsNoAcknowledgement: -2 in a damaged database is 2^64-2 here, and behind it there is no number.
func TestAnAcknowledgementOfEverythingIsNoAcknowledgement(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		s.append(t, 0, 5)
		epoch, _, _ := s.telemetry.State()
		c.do(func() { c.place(wire.StreamTelemetry, epoch).cum = math.MaxUint64 - 1 })
		_, stop := s.run(t, e)
		pass(time.Minute)
		if _, _, next := s.telemetry.State(); next != 6 || s.telemetry.Stats().Backlog != 5 {
			t.Errorf("next %d, backlog %d", next, s.telemetry.Stats().Backlog)
		}
		if n := testutil.ToFloat64(s.cfg.Metrics.IgnoredAck.WithLabelValues("absurd")); n == 0 || n > 5 || len(c.hellos) > 4 {
			t.Errorf("%v ignored, %d hellos", n, len(c.hellos))
		}
		c.do(func() { c.place(wire.StreamTelemetry, epoch).cum = 0 })
		pass(time.Minute)
		stop()
		if !c.has(wire.StreamTelemetry, epoch, 1, 5) {
			t.Error("not delivered when the cloud is well again")
		}
	})
}

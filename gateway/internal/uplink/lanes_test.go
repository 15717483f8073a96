package uplink_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/uplink"
)

// TestLiveBeforeHistory: after an outage the newest values come first and then every few seconds, until the history is there.
func TestLiveBeforeHistory(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		s.cfg.Started, s.cfg.Clock = time.Now(), func() uint32 { return wire.ClockSynced }
		s.cfg.Newest = func() []byte { return []byte("newest") }
		s.append(t, 2, 3000)
		pass(10 * time.Minute) // no cloud
		s.append(t, 1, 1)
		var linger []time.Duration
		s.cfg.OnLinger = func(d time.Duration) { linger = append(linger, d) }
		c.slow = 2 * time.Second
		c.credit, c.linger = 1, 1000
		_, stop := s.run(t, e)
		settle(t, s, c, 10*time.Minute)
		stop()
		topics := strings.Join(e.published, " ")
		if events, live, history := strings.Index(topics, wire.UpEvents), strings.Index(topics, wire.UpLive), strings.Index(topics, wire.UpTelemetry); events < 0 || live < events || history < live {
			t.Errorf("events at %d, live values at %d, history at %d", events, live, history)
		}
		if n := testutil.ToFloat64(s.cfg.Metrics.Live); n < 3 || n > 25 {
			t.Errorf("live values sent %v times", n)
		}
		for i, at := range e.live[1:] {
			if gap := at.Sub(e.live[i]); gap > 10*time.Second {
				t.Errorf("no live values for %v while history goes up", gap)
			}
		}
		if got := fmt.Sprint(c.late[wire.StreamEvents]); got != "[true false]" {
			t.Errorf("late marks of events: %s", got)
		}
		if late := c.late[wire.StreamTelemetry]; !late[0] || late[len(late)-1] {
			t.Errorf("late marks of telemetry: %v", late)
		}
		if len(linger) == 0 || linger[0] != time.Second {
			t.Errorf("linger %v", linger)
		}
		if h := c.hellos[0]; h.Clock != wire.ClockSynced || h.MonoMs < 600_000 {
			t.Errorf("hello says clock %d, mono %d", h.Clock, h.MonoMs)
		}
		before := testutil.ToFloat64(s.cfg.Metrics.Live)
		_, stop = s.run(t, e)
		s.append(t, 0, 1)
		pass(time.Minute)
		stop()
		if n := testutil.ToFloat64(s.cfg.Metrics.Live); n != before {
			t.Error("live values without an outage")
		}
		s.check(t, c)
	})
}

// TestAlertOnASlowLine: at 5 kbit/s an alert waits for one message at most, and nothing is sent twice.
func TestAlertOnASlowLine(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		e.width = 625
		for range 30 {
			if _, err := s.telemetry.Append(2, time.Now(), 2, make([]byte, 5000)); err != nil {
				t.Fatal(err)
			}
		}
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
			pass(7 * time.Second)
		}
		settled := func() bool { return s.telemetry.Stats().Backlog == 0 }
		for !settled() {
			pass(time.Second)
		}
		stop()
		if worst > 10*time.Second { // 5000 bytes are 8 s
			t.Errorf("an alert waited %v", worst)
		}
		if n, _, _ := e.count(""); n != 1 || c.repeats > 0 {
			t.Errorf("%d connections, %d repeats", n, c.repeats)
		}
		t.Logf("alerts waited %v at most", worst)
	})
}

// TestHugeRecordOnASlowLine: the limits for a confirmation grow until the largest record passes.
func TestHugeRecordOnASlowLine(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		e.width = 625
		if _, err := s.telemetry.Append(2, time.Now(), 2, make([]byte, 60<<10)); err != nil {
			t.Fatal(err)
		}
		_, stop := s.run(t, e)
		for begin := time.Now(); s.telemetry.Stats().Backlog > 0; pass(time.Second) {
			if time.Since(begin) > 20*time.Minute {
				t.Fatal("it never arrived")
			}
		}
		stop()
	})
}

// TestTwins: two gateways with one identity notice each other and leave long pauses instead of fighting.
func TestTwins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, c := newSite(t), newSite(t), newCloud()
		e := newEther(c, 1)
		var fenced atomic.Int32
		var stops []func()
		for _, s := range []*site{a, b} {
			s.cfg.OnFenced = func() { fenced.Add(1) }
			s.append(t, 5, 50)
			_, stop := s.run(t, e)
			stops = append(stops, stop)
		}
		pass(3 * time.Hour)
		dials, _, _ := e.count("")
		for _, stop := range stops {
			stop()
		}
		a.close(t)
		b.close(t)
		t.Logf("%d connections of both in 3 h, %d times fenced", dials, fenced.Load())
		if fenced.Load() < 2 || dials > 150 {
			t.Errorf("%d connections in 3 h, %d times fenced", dials, fenced.Load())
		}
	})
}

// TestToldOfATwin: what the cloud shows of another session counts only when it is newer than its last word to us; when it says
// so itself, the gateway rests and stays connected.
func TestToldOfATwin(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		fenced := 0
		s.cfg.OnFenced = func() { fenced++ }
		_, stop := s.run(t, e)
		s.append(t, 1, 1)
		pass(time.Minute)
		epoch, _, _ := s.telemetry.State()
		tell := func(a *wire.Ack) {
			body, _ := proto.Marshal(a)
			e.down(body)
			pass(time.Second)
		}
		tell(&wire.Ack{Session: 77, Stream: 2, Epoch: epoch, Cum: 1, Credit: 8, TimeMs: time.Now().Add(-2 * time.Minute).UnixMilli()})
		if fenced != 0 {
			t.Error("fenced by a replay")
		}
		tell(&wire.Ack{Session: c.session, Stream: 2, Epoch: epoch, RetryAfterMs: 300_000})
		if n, _, _ := e.count(""); fenced != 1 || n != 1 {
			t.Errorf("fenced %d times, %d connections", fenced, n)
		}
		_, before, _ := e.count("")
		s.append(t, 1, 1)
		pass(4 * time.Minute)
		if _, n, _ := e.count(""); n != before {
			t.Error("a fenced gateway sends")
		}
		settle(t, s, c, 15*time.Minute)
		tell(&wire.Ack{Session: 78, Stream: 2, Epoch: epoch, Cum: 1, Credit: 8, TimeMs: time.Now().UnixMilli()})
		pass(4 * time.Minute)
		if n, _, _ := e.count(""); fenced != 2 || n != 1 {
			t.Errorf("fenced %d times, %d connections", fenced, n)
		}
		s.append(t, 1, 1)
		settle(t, s, c, 15*time.Minute)
		stop()
		s.check(t, c)
	})
}

// TestNumbersOfATwin: a copy of the disk has used numbers that were never sent from here. The loss is told.
func TestNumbersOfATwin(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		s.append(t, 0, 5)
		var gaps []uplink.Gap
		s.cfg.OnGap = func(g uplink.Gap) { gaps = append(gaps, g) }
		e.refuse = 1000
		_, stop := s.run(t, e)
		pass(time.Second)
		s.append(t, 0, 20) // of this process, and no connection yet
		epoch, _, _ := s.telemetry.State()
		c.do(func() {
			p := c.place(wire.StreamTelemetry, epoch)
			p.cum = 12
		})
		e.mu.Lock()
		e.refuse = 0
		e.mu.Unlock()
		pass(2 * time.Minute)
		stop()
		if len(gaps) != 1 || gaps[0].First != 6 || gaps[0].Last != 12 || !c.has(2, epoch, 13, 25) {
			t.Errorf("gaps %+v", gaps)
		}
	})
}

// TestSentAwayAtTheDoor: a cloud that has too many at once answers a hello with a time to come again. It is kept, and not more.
func TestSentAwayAtTheDoor(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		fenced := 0
		s.cfg.OnFenced = func() { fenced++ }
		c.credit, c.retry = 0, 5000
		s.append(t, 3, 30)
		_, stop := s.run(t, e)
		pass(4 * time.Second)
		c.do(func() { c.credit, c.retry = 8, 0 })
		if took := settle(t, s, c, time.Minute); took > 3*time.Second {
			t.Errorf("it came back after %v more", took)
		}
		stop()
		c.do(func() { c.credit, c.retry = 0, 420_000 })
		_, stop = s.run(t, e)
		pass(6 * time.Minute)
		c.do(func() { c.credit, c.retry = 8, 0 })
		s.append(t, 3, 30)
		settle(t, s, c, 3*time.Minute)
		stop()
		if fenced != 0 {
			t.Error("taken for a twin")
		}
		s.check(t, c)
	})
}

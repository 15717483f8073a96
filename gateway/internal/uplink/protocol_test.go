package uplink_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/uplink"
)

// bubble runs a story in its own time, with a site, a cloud and an ether between them.
func bubble(t *testing.T, seed uint64, story func(t *testing.T, s *site, c *cloud, e *ether)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s, c := newSite(t), newCloud()
		story(t, s, c, newEther(c, seed))
		s.close(t)
	})
}

func (s *site) run(t *testing.T, e *ether) (u *uplink.Uplink, stop func()) {
	t.Helper()
	u, err := uplink.NewOn(s.cfg, e.dial)
	if err != nil {
		t.Fatal(err)
	}
	return u, start(t, u)
}

// pass lets time go by, and everything that is due happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// settle waits until the cloud has everything, in the bubble's time.
func settle(t *testing.T, s *site, c *cloud, most time.Duration) time.Duration {
	t.Helper()
	begin := time.Now()
	for time.Since(begin) < most {
		c.mu.Lock()
		done := s.delivered(c)
		c.mu.Unlock()
		if done {
			pass(time.Second)
			return time.Since(begin)
		}
		pass(time.Second)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	t.Fatalf("not delivered within %v: hellos %d, wrong %v", most, len(c.hellos), c.wrong)
	return 0
}

func TestEverythingGoesUpInOrder(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		s.append(t, 50, 3000)
		u, stop := s.run(t, e)
		settle(t, s, c, time.Minute)
		if !u.Connected() || u.LastAck().IsZero() {
			t.Error("not connected")
		}
		s.append(t, 1, 1)
		if took := settle(t, s, c, time.Minute); took > 2*time.Second {
			t.Errorf("a new record took %v", took)
		}
		stop()
		pass(time.Second)
		if third := e.published[2]; !strings.HasSuffix(third, wire.UpEvents) { // after status and hello
			t.Errorf("events do not go first: %v", e.published[:4])
		}
		s.check(t, c)
		if c.repeats != 0 || len(c.hellos) != 1 {
			t.Errorf("%d repeats, %d hellos on a good line", c.repeats, len(c.hellos))
		}
		if fmt.Sprint(c.online) != "[true false]" {
			t.Errorf("status %v", c.online)
		}
		if backlog := s.telemetry.Stats().Backlog; backlog != 0 {
			t.Errorf("backlog %d", backlog)
		}
	})
}

func TestRejectedRecordsAreSetAside(t *testing.T) {
	for _, standing := range []bool{false, true} {
		dir := t.TempDir()
		bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
			c.refuse[17], c.standing = "corrupt", standing
			var gaps []outbox.Gap
			s.cfg.DeadDir, s.cfg.OnGap = dir, func(g outbox.Gap) { gaps = append(gaps, g) }
			s.append(t, 0, 40)
			_, stop := s.run(t, e)
			pass(time.Minute)
			stop()
			epoch, _, _ := s.telemetry.State()
			if !c.has(2, epoch, 1, 16) || !c.has(2, epoch, 18, 40) {
				t.Fatalf("standing %v: the rest did not arrive", standing)
			}
			if len(gaps) != 1 || gaps[0].First != 17 || gaps[0].Last != 17 || gaps[0].Reason != "rejected" || gaps[0].Stream != 2 {
				t.Errorf("gaps %+v", gaps)
			}
			if n := testutil.ToFloat64(s.cfg.Metrics.Rejected.WithLabelValues("telemetry")); n != 1 {
				t.Errorf("%v rejected", n)
			}
			if n := s.telemetry.Stats().Backlog; n != 0 {
				t.Errorf("backlog %d", n)
			}
		})
		b, err := os.ReadFile(filepath.Join(dir, "rejected.jsonl"))
		if err != nil || bytes.Count(b, []byte("\n")) != 1 || !bytes.Contains(b, []byte(`"seq":17,"code":"corrupt"`)) {
			t.Errorf("%v %s", err, b)
		}
	}
}

func TestHoleIsToldAndPassed(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		s.append(t, 0, 20)
		s.telemetry.Drop(5) // 21 to 25 never existed
		s.append(t, 0, 20)
		_, stop := s.run(t, e)
		pass(time.Minute)
		stop()
		epoch, _, _ := s.telemetry.State()
		if p := c.place(2, epoch); !c.has(2, epoch, 1, 20) || !c.has(2, epoch, 26, 45) || fmt.Sprint(p.lost) != "[26]" {
			t.Fatalf("cum %d, holes told %v", p.cum, p.lost)
		}
		if s.telemetry.Stats().Backlog != 0 {
			t.Error("backlog")
		}
	})
}

// TestCloudPassesAHoleByItself: a gap event may tell it of the hole before the hello does.
func TestCloudPassesAHoleByItself(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		s.append(t, 0, 20)
		_, stop := s.run(t, e)
		pass(time.Second)
		s.telemetry.Drop(5)
		epoch, _, _ := s.telemetry.State()
		var b []byte
		c.do(func() {
			c.place(2, epoch).cum = 25
			b, _ = proto.Marshal(c.ack(2, epoch))
		})
		e.down(b)
		pass(time.Second)
		s.append(t, 0, 5)
		pass(time.Minute)
		stop()
		if !c.has(2, epoch, 26, 28) || len(c.hellos) > 2 || s.telemetry.Stats().Backlog != 0 {
			t.Fatalf("hellos %d, backlog %d", len(c.hellos), s.telemetry.Stats().Backlog)
		}
	})
}

func TestRestoredOutbox(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		s.append(t, 0, 5)
		epoch, _, _ := s.telemetry.State()
		c.place(2, epoch).cum = 90 // it got 90 records before the folder was put back
		_, stop := s.run(t, e)
		pass(time.Minute)
		s.append(t, 0, 5)
		pass(time.Minute)
		stop()
		if !c.has(2, epoch, 91, 95) {
			t.Fatal("new records did not arrive")
		}
		if err := s.telemetry.Sync(); err != nil { // gaps are told when their numbers are on the disk
			t.Fatal(err)
		}
		if g := s.telemetry.Gaps(); len(g) != 1 || g[0].First != 1 || g[0].Last != 5 || g[0].Reason != outbox.ReasonRestored {
			t.Fatalf("%+v", g)
		}
	})
}

// TestACloudThatForgetsGetsEverythingAgain: its database is lost or put back while the broker, and so the connection, stays.
func TestACloudThatForgetsGetsEverythingAgain(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		s.append(t, 10, 100)
		_, stop := s.run(t, e)
		settle(t, s, c, time.Minute)
		c.do(func() { c.session, c.places = 0, map[string]*place{} })
		s.append(t, 0, 10)
		settle(t, s, c, 2*time.Minute)
		stop()
		s.check(t, c)
	})
}

func TestForeignAcksAreIgnored(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		s.append(t, 0, 10)
		_, stop := s.run(t, e)
		pass(time.Minute)
		var session uint64
		c.do(func() { c.mute, session = true, c.session })
		s.append(t, 0, 10)
		pass(time.Second)
		epoch, _, _ := s.telemetry.State()
		bad := map[string]*wire.Ack{
			"session": {Session: session + 1, Stream: 2, Epoch: epoch, Cum: 20, Credit: 8},
			"epoch":   {Session: session, Stream: 2, Epoch: epoch + 1, Cum: 20, Credit: 8},
			"stream":  {Session: session, Stream: 9, Epoch: epoch, Cum: 20, Credit: 8},
			"old":     {Session: session, Stream: 2, Epoch: epoch, Cum: 5, Credit: 8},
			"beyond":  {Session: session, Stream: 2, Epoch: epoch, Cum: 1 << 40, Credit: 8},
		}
		for reason, a := range bad {
			b, _ := proto.Marshal(a)
			e.down(b)
			pass(time.Second)
			if n := testutil.ToFloat64(s.cfg.Metrics.IgnoredAck.WithLabelValues(reason)); n != 1 {
				t.Errorf("%s: counted %v", reason, n)
			}
		}
		e.down([]byte("{}"))
		pass(time.Second)
		if n := testutil.ToFloat64(s.cfg.Metrics.IgnoredAck.WithLabelValues("malformed")); n != 1 {
			t.Errorf("malformed: counted %v", n)
		}
		if n := s.telemetry.Stats().Backlog; n != 10 {
			t.Errorf("%d records left the outbox on a word that was not the cloud's", 10-n)
		}
		stop()
	})
}

func TestHelloIsRepeatedUntilAnswered(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		c.mute = true
		s.append(t, 1, 1)
		_, stop := s.run(t, e)
		pass(95 * time.Second)
		if dials, _, hellos := e.count(wire.UpHello); hellos != 4 || dials != 1 {
			t.Errorf("%d hellos in 95 s, %d connections", hellos, dials)
		}
		if _, _, batches := e.count(wire.UpEvents); batches != 0 {
			t.Error("a batch was sent before the cloud answered")
		}
		c.do(func() { c.mute = false })
		settle(t, s, c, time.Minute)
		stop()
	})
}

func TestRepeatsSlowDown(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		_, stop := s.run(t, e)
		pass(time.Second)
		c.do(func() { c.mute = true })
		s.append(t, 0, 1)
		for _, at := range []struct {
			wait time.Duration
			want int
		}{{9 * time.Second, 1}, {2 * time.Second, 2}, {20 * time.Second, 3}, {40 * time.Second, 4}, {20 * time.Minute, 9}} {
			pass(at.wait)
			if _, _, n := e.count(wire.UpTelemetry); n != at.want {
				t.Errorf("after %v more: sent %d times, want %d", at.wait, n, at.want)
			}
		}
		c.do(func() { c.mute = false })
		settle(t, s, c, 10*time.Minute)
		stop()
		s.check(t, c)
	})
}

func TestWindowAndCredit(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		_, stop := s.run(t, e)
		pass(time.Second)
		c.do(func() { c.mute = true })
		for range 20 {
			s.append(t, 1, 60)
			pass(10 * time.Millisecond)
		}
		batches := testutil.ToFloat64(s.cfg.Metrics.Batches.WithLabelValues("telemetry"))
		size := testutil.ToFloat64(s.cfg.Metrics.Bytes.WithLabelValues("telemetry"))
		if batches > 8 || size > 256<<10 {
			t.Errorf("%v batches of %v bytes in flight", batches, size)
		}
		c.do(func() { c.mute, c.credit, c.retry = false, 0, 60_000 })
		pass(15 * time.Second) // repeated, and answered with: stop
		_, before, _ := e.count("")
		s.append(t, 5, 5)
		pass(50 * time.Second)
		if _, n, _ := e.count(""); n != before {
			t.Errorf("%d messages in the minute that the cloud asked for", n-before)
		}
		c.do(func() { c.credit, c.retry = 1, 0 })
		settle(t, s, c, 10*time.Minute)
		stop()
		s.check(t, c)
	})
}

func TestUnconfirmedPublishEndsTheConnection(t *testing.T) {
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		e.silent = 1000
		_, stop := s.run(t, e)
		pass(9 * time.Second)
		if n, _, _ := e.count(""); n != 1 {
			t.Errorf("%d connections after 9 s", n)
		}
		pass(3 * time.Second)
		if n, _, _ := e.count(""); n != 2 {
			t.Errorf("%d connections after 12 s", n)
		}
		stop()
	})
}

func TestPauses(t *testing.T) {
	s := newSite(t)
	defer s.close(t)
	u, err := uplink.NewOn(s.cfg, newEther(newCloud(), 1).dial)
	if err != nil {
		t.Fatal(err)
	}
	silence, refusal := context.DeadlineExceeded, error(syscall.ECONNREFUSED)
	for _, at := range []struct {
		failed int
		err    error
		urgent bool
		most   time.Duration
	}{{0, silence, false, time.Second}, {4, silence, true, 16 * time.Second}, {9, silence, false, 30 * time.Second}, {9, silence, true, 20 * time.Second},
		{9, refusal, false, 300 * time.Second}, {1000, fmt.Errorf("connect: %w", refusal), false, 300 * time.Second}, {9, refusal, true, 20 * time.Second}} {
		var sum time.Duration
		for range 400 {
			p := u.Pause(at.failed, at.err, at.urgent)
			if p < 0 || p > at.most {
				t.Fatalf("pause %v after %d failures", p, at.failed)
			}
			sum += p
		}
		if mean := sum / 400; mean < at.most*2/5 || mean > at.most*3/5 {
			t.Errorf("mean pause after %d failures is %v of %v", at.failed, mean, at.most)
		}
	}
}

func TestAddressesRefused(t *testing.T) {
	s := newSite(t)
	defer s.close(t)
	for url, ok := range map[string]bool{
		"mqtt://127.0.0.1:1883": true, "mqtt://localhost": true, "mqtt://[::1]:1883": true, "mqtts://cloud.example": true,
		"mqtt://cloud.example": false, "mqtt://192.168.1.4:1883": false, "mqtt://localhost.example": false,
		"http://127.0.0.1": false, "cloud.example:8883": false, "": false, "mqtts://": false, "mqtt://127.0.0.1.example": false,
	} {
		cfg := s.cfg
		cfg.URL = url
		if _, err := uplink.New(cfg); (err == nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
	cfg := s.cfg
	cfg.URL, cfg.Gateway = "mqtt://127.0.0.1", "+/#"
	if _, err := uplink.New(cfg); err == nil {
		t.Error("a gateway id with wildcards was accepted")
	}
}

func TestEveryRecordFitsAMessage(t *testing.T) {
	if outbox.MaxPayload > wire.MaxPayload {
		t.Fatal("the outbox takes records that the wire does not")
	}
	bubble(t, 1, func(t *testing.T, s *site, c *cloud, e *ether) {
		for range 5 {
			if _, err := s.telemetry.Append(2, time.Now(), 2, make([]byte, outbox.MaxPayload)); err != nil {
				t.Fatal(err)
			}
		}
		_, stop := s.run(t, e)
		settle(t, s, c, time.Minute)
		stop()
		if len(c.wrong) != 0 {
			t.Error(c.wrong)
		}
	})
}

func TestNoErrorRepeatsThePassword(t *testing.T) {
	s := newSite(t)
	defer s.close(t)
	for _, url := range []string{"mqtts://u:%geheim@cloud.example", "mqtts://u:geheim@:8883", "ftp://u:geheim@cloud.example", "mqtts://u:ge heim@cloud.example"} {
		cfg := s.cfg
		cfg.URL = url
		if _, err := uplink.New(cfg); err == nil || strings.Contains(err.Error(), "heim") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

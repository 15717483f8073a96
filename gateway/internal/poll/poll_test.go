package poll_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/poll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pass lets the bubble's clock run.
func pass(d time.Duration) { <-time.After(d) }

// line is a channel in memory: each address answers, or is silent until the time-out.
type line struct {
	mu      sync.Mutex
	timeout time.Duration
	open    func() error
	silent  map[string]bool
	gone    bool
	writes  map[device.Key]float64
	log     []string
	closed  bool
}

func (l *line) Open(context.Context, device.Channel) (device.Conn, error) {
	if l.open != nil {
		if err := l.open(); err != nil {
			return nil, err
		}
	}
	return l, nil
}

func (l *line) Read(_ context.Context, points []device.Point) ([]device.Reading, error) {
	l.mu.Lock()
	l.log = append(l.log, points[0].Address)
	rs := make([]device.Reading, len(points))
	gone, silent := l.gone, l.silent[points[0].Address]
	l.mu.Unlock()
	if gone {
		return nil, errors.New("cable pulled")
	}
	if silent {
		<-time.After(l.timeout)
	}
	for i, p := range points {
		if rs[i] = device.Judge(p, l.writes[p.Key()]+1, time.Now()); silent {
			rs[i] = device.BadReading(p, device.Timeout, time.Now())
		}
	}
	return rs, nil
}

func (l *line) Write(_ context.Context, p device.Point, v float64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gone {
		return errors.New("cable pulled")
	}
	l.writes[p.Key()] = v
	return nil
}

func (l *line) Close() error { l.set(func() { l.closed = true }); return nil }

// set changes the line while it is in use.
func (l *line) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

func dev(id, address string, every time.Duration) device.Device {
	return device.Device{ID: id, Poll: every, Points: []device.Point{{Device: id, Name: "power", Address: address}, {Device: id, Name: "relay", Address: address, Writable: []float64{0, 1}}}}
}

// bench runs a poller in a bubble and keeps what it says.
type bench struct {
	*poll.Poller
	mu      sync.Mutex
	got     [][]device.Reading
	changes []poll.Change
	stop    func()
}

func start(t *testing.T, l *line, now func() time.Time, devices ...device.Device) *bench {
	t.Helper()
	if l.writes == nil {
		l.writes = map[device.Key]float64{}
	}
	return startOn(t, poll.Config{Channel: device.Channel{ID: "c", Timeout: l.timeout}, Driver: l, Devices: devices, Now: now})
}

func startOn(t *testing.T, cfg poll.Config) *bench {
	t.Helper()
	b := &bench{}
	cfg.Changed = func(c poll.Change) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.changes = append(b.changes, c)
	}
	var err error
	b.Poller, err = poll.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out := make(chan []device.Reading)
	var all sync.WaitGroup
	all.Go(func() {
		if err := b.Run(ctx, out); err != nil {
			t.Error(err)
		}
		close(out)
	})
	all.Go(func() {
		for rs := range out {
			b.mu.Lock()
			b.got = append(b.got, rs)
			b.mu.Unlock()
		}
	})
	b.stop = func() { cancel(); all.Wait() }
	return b
}

// take answers what came since the last call.
func (b *bench) take() [][]device.Reading {
	b.mu.Lock()
	defer b.mu.Unlock()
	got := b.got
	b.got = nil
	return got
}

// count counts the readings of a device by reason.
func count(batches [][]device.Reading, id string) map[device.Reason]int {
	n := map[device.Reason]int{}
	for _, rs := range batches {
		for _, r := range rs {
			if r.Device == id && r.Point == "power" {
				n[r.Reason]++
			}
		}
	}
	return n
}

func TestPortsOfOneAddressAreOneRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{}
		b := start(t, l, nil, dev("A.1", "3", time.Second), dev("A.2", "3", time.Second), dev("B", "4", 2*time.Second))
		pass(10*time.Second - time.Millisecond)
		b.stop()
		got := b.take()
		if a, c := count(got, "A.1")[0], count(got, "B")[0]; a < 10 || a > 11 || c < 5 || c > 6 {
			t.Errorf("A.1 read %d times in 10 s, B %d times", a, c)
		}
		if len(got) > 17 || len(got[0]) != 4 {
			t.Errorf("%d slices, the first of %d readings", len(got), len(got[0]))
		}
		if len(b.changes) != 3 || !b.changes[0].Online {
			t.Errorf("changes %+v", b.changes)
		}
		if !l.closed {
			t.Error("the connection was left open")
		}
	})
}

func TestADeadDeviceIsGivenARestAndNeverLooksFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{timeout: 300 * time.Millisecond, silent: map[string]bool{"4": true}}
		b := start(t, l, nil, dev("A", "3", time.Second), dev("B", "4", time.Second))
		pass(2*time.Minute - time.Millisecond)
		synctest.Wait()
		good, dead := count(b.take(), "A"), b.changes
		if good[0] < 118 {
			t.Errorf("the living device got %d of 120 readings beside the dead one", good[0])
		}
		if len(dead) != 2 || dead[1].Device != "B" || dead[1].Online || dead[1].Reason != device.Timeout {
			t.Errorf("changes %+v", dead)
		}
		reads := 0
		l.mu.Lock()
		for _, a := range l.log {
			if a == "4" {
				reads++
			}
		}
		l.mu.Unlock()
		if reads > 13 { // 3 turns, the first twice, then after 2 4 8 16 20 20 … s
			t.Errorf("the dead device was asked %d times in 2 min", reads)
		}
		l.set(func() { clear(l.silent) })
		pass(62 * time.Second)
		b.stop()
		after := count(b.take(), "B")
		if after[0] == 0 || after[device.NotRead] == 0 {
			t.Errorf("after it came back: %v", after)
		}
		if last := b.changes[len(b.changes)-1]; len(b.changes) != 3 || !last.Online {
			t.Errorf("changes %+v", b.changes)
		}
	})
}

func TestABadReadingForEveryTurnOfADeadDevice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{timeout: 10 * time.Millisecond, silent: map[string]bool{"4": true}}
		b := start(t, l, nil, dev("B", "4", time.Second))
		pass(time.Minute - time.Millisecond)
		b.stop()
		n := count(b.take(), "B")
		if total := n[device.Timeout] + n[device.NotRead]; total < 59 || n[device.ReasonNone] != 0 {
			t.Errorf("in 60 s: %v", n)
		}
	})
}

func TestAClosedChannelIsTriedWithBackOffAndSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries, refuse := 0, true
		l := &line{}
		l.open = func() error {
			l.mu.Lock()
			defer l.mu.Unlock()
			if tries++; refuse {
				return errors.New("no such port")
			}
			return nil
		}
		b := start(t, l, nil, dev("A", "3", time.Second))
		pass(5*time.Minute - time.Millisecond)
		n := count(b.take(), "A")
		if n[device.ChannelDown] < 299 || n[device.ChannelDown] > 301 {
			t.Errorf("readings in 5 min: %v", n)
		}
		if tries < 10 || tries > 60 {
			t.Errorf("%d attempts in 5 min", tries)
		}
		l.set(func() { refuse = false })
		pass(31 * time.Second)
		if n := count(b.take(), "A"); n[device.ReasonNone] == 0 {
			t.Errorf("after the port came back: %v", n)
		}
		l.set(func() { l.gone = true })
		pass(2 * time.Second)
		l.set(func() { l.gone = false })
		if n := count(b.take(), "A"); n[device.ChannelDown] == 0 || !l.closed {
			t.Errorf("after the cable was pulled: %v, closed %v", n, l.closed)
		}
		b.stop()
		var states []bool
		for _, c := range b.changes {
			states = append(states, c.Online)
		}
		if len(states) < 3 || states[0] || !states[1] || states[2] {
			t.Errorf("states %v", states)
		}
	})
}

func TestRequestsGoBeforePolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{timeout: 300 * time.Millisecond, silent: map[string]bool{"1": true, "2": true, "3": true}}
		b := start(t, l, nil, dev("A", "1", time.Second), dev("B", "2", time.Second), dev("C", "3", time.Second), dev("D", "4", time.Minute))
		pass(500 * time.Millisecond)
		began := time.Now()
		if err := b.Write(t.Context(), device.Key{Device: "D", Point: "relay"}, 1); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited > 300*time.Millisecond {
			t.Errorf("a write waited %v: more than the request under way", waited)
		}
		r, err := b.Read(t.Context(), device.Key{Device: "D", Point: "relay"})
		if err != nil || r.Value != 2 { // the line answers one more than was written
			t.Errorf("read back %+v, %v", r, err)
		}
		if err := b.Write(t.Context(), device.Key{Device: "X", Point: "relay"}, 1); !errors.Is(err, poll.ErrNoPoint) {
			t.Errorf("a write to nowhere: %v", err)
		}
		b.stop()
		if err := b.Write(t.Context(), device.Key{Device: "D", Point: "relay"}, 1); !errors.Is(err, poll.ErrClosed) {
			t.Errorf("a write after the end: %v", err)
		}
	})
}

func TestAWriteDoesNotWaitForWhoeverTakesTheReadings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{writes: map[device.Key]float64{}}
		p, err := poll.New(poll.Config{Channel: device.Channel{ID: "c"}, Driver: l, Devices: []device.Device{dev("A", "1", time.Second)}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		out := make(chan []device.Reading) // nobody reads: the disk is stuck
		done := make(chan error)
		go func() { done <- p.Run(ctx, out) }()
		pass(10 * time.Second)
		if err := p.Write(t.Context(), device.Key{Device: "A", Point: "relay"}, 0); err != nil {
			t.Error(err)
		}
		cancel()
		<-out
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestReadingsCarryTheInjectedClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		past := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		b := start(t, &line{}, func() time.Time { return past }, dev("A", "1", time.Second))
		pass(time.Second)
		b.stop()
		if got := b.take(); !got[0][0].Time.Equal(past) || !b.changes[0].At.Equal(past) {
			t.Errorf("stamped %v, %v", got[0][0].Time, b.changes[0].At)
		}
	})
}

// held is how a driver says that it is gone, and when it is worth asking again.
type held struct{ until time.Time }

func (held) Error() string           { return "in quarantine" }
func (held) Reason() device.Reason   { return device.DriverCrashed }
func (h held) RetryAt() time.Time    { return h.until }
func wrapped(err error) func() error { return func() error { return fmt.Errorf("open: %w", err) } }

func TestADriverInQuarantineIsLeftAloneUntilItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int32
		refuse := wrapped(held{time.Now().Add(10 * time.Minute)})
		l := &line{open: func() error {
			if tries.Add(1) == 1 {
				return refuse()
			}
			return nil
		}}
		b := start(t, l, nil, dev("A", "1", time.Second))
		pass(10*time.Minute - time.Millisecond)
		if n := count(b.take(), "A"); tries.Load() != 1 || n[device.DriverCrashed] < 599 || len(n) != 1 {
			t.Errorf("%d attempts to open within the quarantine, readings by reason %v", tries.Load(), n)
		}
		pass(2 * time.Second)
		if tries.Load() != 2 {
			t.Errorf("%d attempts to open after it", tries.Load())
		}
		b.stop()
		if c := b.changes; len(c) != 2 || c[0].Reason != device.DriverCrashed || !c[1].Online {
			t.Errorf("changes %+v", c)
		}
	})
}

// TestAWriteOnADeadConnectionIsDoneOnTheNext: the peer has dropped the connection since the last poll, and nobody has noticed.
func TestAWriteOnADeadConnectionIsDoneOnTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{}
		l.open = func() error { l.set(func() { l.gone = false }); return nil }
		b := start(t, l, nil, dev("valve", "1", time.Minute))
		pass(time.Second)
		l.set(func() { l.gone = true })
		key := device.Key{Device: "valve", Point: "relay"}
		if err := b.Write(t.Context(), key, 0); err == nil {
			t.Error("a write on a dead connection succeeded")
		}
		if err := b.Write(t.Context(), key, 0); err != nil {
			t.Errorf("the second attempt went to the dead connection too: %v", err)
		}
		b.stop()
	})
}

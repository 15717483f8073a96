package poll_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/poll"
)

func TestALentLineIsLeftAloneAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{timeout: 100 * time.Millisecond}
		b := start(t, l, nil, dev("A", "3", time.Second), dev("B", "4", time.Second))
		pass(10*time.Second + 100*time.Millisecond)
		b.take()
		var during []string
		err := b.Lend(t.Context(), func(context.Context) error {
			l.set(func() {
				if !l.closed {
					t.Error("the port is not free")
				}
				l.log = nil
			})
			pass(10 * time.Minute)
			l.set(func() { during = l.log })
			if err := b.Fresh(); err != nil {
				t.Errorf("a lent line is no stuck one: %v", err)
			}
			return b.Lend(t.Context(), nil)
		})
		if !errors.Is(err, poll.ErrLent) {
			t.Errorf("two at once: %v", err)
		}
		if n := count(b.take(), "A"); n[device.NotRead] < 599 || len(n) != 1 || len(during) != 0 {
			t.Errorf("meanwhile %v, and %d reads of the poller's own", n, len(during))
		}
		pass(3 * time.Second)
		if n := count(b.take(), "B"); n[device.ReasonNone] < 2 {
			t.Errorf("after it came back: %v", n)
		}
		b.stop()
		if len(b.changes) != 2 {
			t.Errorf("changes %+v", b.changes)
		}
		if err := b.Lend(t.Context(), nil); !errors.Is(err, poll.ErrClosed) {
			t.Errorf("after the end: %v", err)
		}
	})
}

func TestAWriteTakesALentLineBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{}
		b := start(t, l, nil, dev("valve", "3", time.Second))
		key, wrote := device.Key{Device: "valve", Point: "relay"}, make(chan time.Duration, 1)
		err := b.Lend(t.Context(), func(ctx context.Context) error {
			go func() {
				began := time.Now()
				if err := b.Write(t.Context(), key, 1); err != nil {
					t.Error(err)
				}
				wrote <- time.Since(began)
			}()
			<-ctx.Done()
			pass(300 * time.Millisecond) // the request under way
			l.set(func() {
				if _, ok := l.writes[key]; ok {
					t.Error("two on one line")
				}
			})
			if !errors.Is(context.Cause(ctx), poll.ErrRecalled) {
				t.Errorf("cause %v", context.Cause(ctx))
			}
			return ctx.Err()
		})
		if !errors.Is(err, poll.ErrRecalled) {
			t.Errorf("lend answers %v", err)
		}
		if waited := <-wrote; waited != 300*time.Millisecond {
			t.Errorf("the write waited %v", waited)
		}
		b.stop()
	})
}

func TestAWriteDoesNotWaitForABorrowerThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{}
		b := start(t, l, nil, dev("valve", "3", time.Second))
		ended := make(chan error, 1)
		go func() {
			ended <- b.Lend(t.Context(), func(context.Context) error { pass(time.Minute); return nil })
		}()
		pass(time.Second)
		began := time.Now()
		if err := b.Write(t.Context(), device.Key{Device: "valve", Point: "relay"}, 1); err != nil || time.Since(began) != 2*time.Second {
			t.Errorf("the write took %v: %v", time.Since(began), err)
		}
		if err := b.Lend(t.Context(), nil); !errors.Is(err, poll.ErrLent) {
			t.Errorf("lent twice while the first hangs: %v", err)
		}
		if err := <-ended; err != nil {
			t.Error(err)
		}
		b.stop()
	})
}

func TestABorrowerThatPanicsOrErrsHarmsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &line{}, nil, dev("A", "3", time.Second))
		if err := b.Lend(t.Context(), func(context.Context) error { panic("a bug in a scan") }); err == nil || !strings.Contains(err.Error(), "a bug in a scan") {
			t.Errorf("a panic became %v", err)
		}
		odd := errors.New("nobody there")
		if err := b.Lend(t.Context(), func(context.Context) error { return odd }); !errors.Is(err, odd) {
			t.Errorf("an error became %v", err)
		}
		b.take()
		pass(3 * time.Second)
		if n := count(b.take(), "A"); n[device.ReasonNone] < 2 {
			t.Errorf("after that: %v", n)
		}
		b.stop()
	})
}

func TestTheEndTakesALentLineBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, &line{}, nil, dev("A", "3", time.Second))
		ended := make(chan error, 1)
		go func() {
			ended <- b.Lend(t.Context(), func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() })
		}()
		pass(time.Second)
		b.stop()
		if err := <-ended; !errors.Is(err, poll.ErrClosed) {
			t.Errorf("lend answers %v", err)
		}
	})
}

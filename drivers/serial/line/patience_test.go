package line_test

import (
	"context"
	"errors"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// device in a bubble: it answers each letter after a while; 0 means never.
type late struct{ after atomic.Int64 }

func (l *late) connect(context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	go func() {
		for b := make([]byte, 1); ; {
			if _, err := far.Read(b); err != nil {
				return
			}
			after, letter := time.Duration(l.after.Load()), b[0]
			if after == 0 {
				continue
			}
			time.AfterFunc(after, func() { _, _ = far.Write([]byte{letter, '.'}) }) // a connection that was given up takes none
		}
	}()
	return near, nil
}

// exchange answers how long it took.
func (l *late) exchange(t *testing.T, p *line.Port, after time.Duration, whole bool) (time.Duration, error) {
	t.Helper()
	l.after.Store(int64(after))
	<-time.After(5 * time.Second) // the quiet time is over
	began := time.Now()
	_, err := p.Exchange(t.Context(), line.Request{Frame: []byte{'a'}, To: 'a', Expect: 2, Whole: whole}, echo('a'))
	return time.Since(began), err
}

func TestAKnownDeviceIsNotWaitedForTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &late{}
		p, err := line.OpenOver(t.Context(), channel("", 2*time.Second), l.connect)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close() //nolint:errcheck // nothing to lose
		for range 10 {
			if took, err := l.exchange(t, p, 40*time.Millisecond, false); err != nil {
				t.Fatalf("%v after %v", err, took)
			}
		}
		took, err := l.exchange(t, p, 0, false)
		wantFault(t, err, device.Timeout)
		if took > 200*time.Millisecond {
			t.Errorf("its silence cost %v", took)
		}
		if took, err := l.exchange(t, p, 0, false); took < 2*time.Second || err == nil {
			t.Errorf("after a miss it was waited for %v: %v", took, err)
		}
		for _, slow := range []time.Duration{1500, 1500, 1000, 1900} { // it has become slower, and is not lost for that
			if took, err := l.exchange(t, p, slow*time.Millisecond, false); err != nil {
				t.Errorf("%v after %v", err, took)
			}
		}
	})
}

func TestAWriteIsWaitedForAsLongAsTheChannelAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &late{}
		p, err := line.OpenOver(t.Context(), channel("", 2*time.Second), l.connect)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close() //nolint:errcheck // nothing to lose
		for range 10 {
			if _, err := l.exchange(t, p, 40*time.Millisecond, false); err != nil {
				t.Fatal(err)
			}
		}
		if took, err := l.exchange(t, p, 1900*time.Millisecond, true); err != nil {
			t.Errorf("%v after %v", err, took)
		}
		if took, err := l.exchange(t, p, 1000*time.Millisecond, false); err != nil { // it is read back while it is still at it
			t.Errorf("after a write: %v after %v", err, took)
		}
		if took, err := l.exchange(t, p, 0, false); err == nil || took > 1600*time.Millisecond {
			t.Errorf("then its silence cost %v", took)
		}
	})
}

// The wait may be short, the quiet time after it is not: what comes within twice the whole time-out is nobody's answer.
func TestQuietCoversTheWholeTimeoutAfterAShortWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &late{}
		p, err := line.OpenOver(t.Context(), channel("", 2*time.Second), l.connect)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close() //nolint:errcheck // nothing to lose
		for range 10 {
			if _, err := l.exchange(t, p, 40*time.Millisecond, false); err != nil {
				t.Fatal(err)
			}
		}
		l.after.Store(0)
		began := time.Now()
		if _, err := ask(p, 'a'); err == nil {
			t.Error("silence was no fault")
		}
		l.after.Store(int64(40 * time.Millisecond))
		if _, err := ask(p, 'a'); err != nil {
			t.Error(err)
		}
		if waited := time.Since(began); waited < 4*time.Second {
			t.Errorf("asked again %v after the request that was not answered", waited)
		}
		var fault *line.Fault
		l.after.Store(0)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := p.Exchange(ctx, line.Request{Frame: []byte{'a'}, To: 'a', Expect: 2}, echo('a')); !errors.As(err, &fault) {
			t.Error(err)
		}
		began = time.Now()
		l.after.Store(int64(40 * time.Millisecond))
		if _, err := ask(p, 'a'); err != nil || time.Since(began) < 3800*time.Millisecond {
			t.Errorf("after a caller's deadline: %v, %v", time.Since(began), err)
		}
	})
}

func TestPatienceFollowsTheDevice(t *testing.T) {
	const ceiling = 2 * time.Second
	cases := []struct {
		name        string
		took        []time.Duration // over and over
		least, most time.Duration
	}{
		{"quick", []time.Duration{5 * time.Millisecond}, 150 * time.Millisecond, 150 * time.Millisecond},
		{"on the wire before it was expected", []time.Duration{-time.Second}, 150 * time.Millisecond, 150 * time.Millisecond},
		{"slow", []time.Duration{400 * time.Millisecond}, 1200 * time.Millisecond, 1300 * time.Millisecond},
		{"slower than a third of all", []time.Duration{900 * time.Millisecond}, ceiling, ceiling},
		{"slow now and then", append(make([]time.Duration, 19), 800*time.Millisecond), 850 * time.Millisecond, ceiling},
	}
	for _, c := range cases {
		var p line.Patience
		for i := range 200 {
			if i < 8 && p.Limit(ceiling) != ceiling {
				t.Errorf("%s: %v after %d answers", c.name, p.Limit(ceiling), i)
			}
			p.Answered(c.took[i%len(c.took)])
		}
		if got := p.Limit(ceiling); got < c.least || got > c.most {
			t.Errorf("%s: waits for %v, not %v to %v", c.name, got, c.least, c.most)
		}
		if p.Missed(); p.Limit(ceiling) != ceiling {
			t.Errorf("%s: after a miss %v", c.name, p.Limit(ceiling))
		}
		if p.Answered(c.took[0]); p.Limit(ceiling) > c.most {
			t.Errorf("%s: after a miss and an answer %v", c.name, p.Limit(ceiling))
		}
	}
}

package devicetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

func (c Case) reads(t *testing.T) {
	conn := c.open(t, c.Channel)
	c.checkValues(t, c.Points, answered(t, conn, c.points()))
}

func (c Case) readsAgain(t *testing.T) {
	conn := c.open(t, c.Channel)
	for range 3 {
		c.checkValues(t, c.Points, answered(t, conn, c.points()))
	}
}

// readsSome reverses the points and leaves some out: the order is the caller's, and nothing is answered from the last read.
func (c Case) readsSome(t *testing.T) {
	conn := c.open(t, c.Channel)
	c.checkValues(t, c.Points, answered(t, conn, c.points()))
	var want []Want
	var ps []device.Point
	for i := len(c.Points) - 1; i >= 0; i -= 2 {
		want, ps = append(want, c.Points[i]), append(ps, c.Points[i].Point)
	}
	c.checkValues(t, want, answered(t, conn, ps))
	if rs := answered(t, conn, nil); len(rs) != 0 {
		t.Errorf("%d readings for no points", len(rs))
	}
}

// absent: a device that does not answer costs its own readings, never the channel.
func (c Case) absent(t *testing.T) {
	if c.Absent == "" {
		t.Skip("the case has no Absent")
	}
	ch := c.Channel
	ch.Timeout = min(ch.Timeout, shortWait)
	conn := c.open(t, ch)
	for range 2 {
		start := time.Now()
		for _, r := range mustRead(t.Context(), t, conn, c.absentPoints()) {
			if r.Quality != device.Bad || r.Reason != device.Timeout {
				t.Errorf("%v: got %v %q, want bad timeout", r.Key(), r.Quality, r.Reason)
			}
		}
		if took, bound := time.Since(start), time.Duration(len(c.Points)+1)*ch.Timeout+slack; took > bound {
			t.Errorf("an absent device took %v, more than %v", took, bound)
		}
		c.checkValues(t, c.Points, answered(t, conn, c.points()))
	}
}

// missing: a point that the device does not have costs itself alone, wherever it stands among the others.
func (c Case) missing(t *testing.T) {
	if c.Missing.Name == "" {
		t.Skip("the case has no Missing")
	}
	conn := c.open(t, c.Channel)
	for at := range len(c.Points) + 1 {
		ps := c.points()
		ps = append(ps[:at:at], append([]device.Point{c.Missing}, ps[at:]...)...)
		for range 2 {
			rs := answered(t, conn, ps)
			if r := rs[at]; r.Quality != device.Bad || r.Reason != device.NoSuchPoint {
				t.Errorf("%v: got %v %q, want bad no_such_point", r.Key(), r.Quality, r.Reason)
			}
			c.checkValues(t, c.Points, append(rs[:at:at], rs[at+1:]...))
		}
	}
}

func (c Case) readOnly(t *testing.T) {
	conn := c.open(t, c.Channel)
	p := c.Points[0].Point
	p.Writable = nil
	if err := conn.Write(t.Context(), p, c.Points[0].Value); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("writing the read-only point %v: got %v, want errors.ErrUnsupported", p.Key(), err)
	}
	c.checkValues(t, c.Points, answered(t, conn, c.points()))
}

// forbidden: a value outside the profile's list is refused before it reaches the device.
func (c Case) forbidden(t *testing.T) {
	if len(c.Writes) == 0 {
		t.Skip("the case has no Writes")
	}
	conn := c.open(t, c.Channel)
	w := c.Writes[0]
	before := answered(t, conn, []device.Point{w.Point})[0].Value
	p := w.Point
	p.Writable = []float64{before}
	if err := conn.Write(t.Context(), p, before+1); err == nil {
		t.Errorf("%v: a value that is not in Writable was written", p.Key())
	}
	if now := answered(t, conn, []device.Point{w.Point})[0].Value; now != before {
		t.Errorf("%v: a refused write changed %v to %v", p.Key(), before, now)
	}
}

func (c Case) writes(t *testing.T) {
	if len(c.Writes) == 0 {
		t.Skip("the case has no Writes")
	}
	conn := c.open(t, c.Channel)
	for _, w := range c.Writes {
		if err := conn.Write(t.Context(), w.Point, w.Value); err != nil {
			t.Fatalf("write %v = %v: %v", w.Point.Key(), w.Value, err)
		}
		c.checkValues(t, []Want{w}, answered(t, conn, []device.Point{w.Point}))
	}
}

// deadline: the caller's deadline ends a read even where the channel's own time-out is longer.
func (c Case) deadline(t *testing.T) {
	ps, ch := c.silent(t)
	conn := c.open(t, ch)
	if c.Mute != nil {
		c.Mute(t)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	c.endsSoon(t, func() error { return unanswered(conn.Read(ctx, ps)) })
}

func (c Case) cancel(t *testing.T) {
	ps, ch := c.silent(t)
	conn := c.open(t, ch)
	if c.Mute != nil {
		c.Mute(t)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer time.AfterFunc(100*time.Millisecond, cancel).Stop()
	c.endsSoon(t, func() error { return unanswered(conn.Read(ctx, ps)) })
}

// closeInterrupts: Close from another goroutine ends a Read that waits for a device.
func (c Case) closeInterrupts(t *testing.T) {
	ps, ch := c.silent(t)
	conn := c.open(t, ch)
	if c.Mute != nil {
		c.Mute(t)
	}
	defer time.AfterFunc(100*time.Millisecond, func() { _ = conn.Close() }).Stop()
	c.endsSoon(t, func() error {
		rs, err := conn.Read(t.Context(), ps)
		if err != nil {
			return nil
		}
		return unanswered(rs, nil)
	})
}

// unanswered checks what a read that was cut short may say: bad readings, or that the context ended.
func unanswered(rs []device.Reading, err error) error {
	if err != nil && !isContext(err) {
		return err
	}
	for _, r := range rs {
		if r.Quality != device.Bad {
			return errors.New("a silent device gave a reading that is not bad")
		}
	}
	return nil
}

func (c Case) endsSoon(t *testing.T, read func() error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- read() }()
	select {
	case err := <-done:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(100*time.Millisecond + slack):
		t.Error("the read went on waiting")
	}
}

func (c Case) closeTwice(t *testing.T) {
	conn := c.open(t, c.Channel)
	if err := conn.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	_ = conn.Close() // must neither panic nor hang
}

func (c Case) readAfterClose(t *testing.T) {
	conn := c.open(t, c.Channel)
	if err := conn.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
	if rs, err := conn.Read(t.Context(), c.points()); err == nil {
		t.Errorf("a closed channel answered %v", rs)
	}
}

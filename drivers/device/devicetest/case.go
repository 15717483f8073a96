// Package devicetest is the conformance suite of drivers: what every device.Driver promises, in process or behind a
// plug-in, in one place. A driver's test starts a real or simulated device, describes it in a Case and calls Run.
package devicetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"go.uber.org/goleak"
)

// A Case describes one device behind one channel. Fields left zero skip the checks that need them, by name.
type Case struct {
	Driver  device.Driver
	Channel device.Channel // a long Timeout costs nothing: silence is looked for with shortWait at most

	// Points are what the device has, with their values. They share one device address.
	Points []Want
	// Missing is a point of the same device that the device itself says it does not have.
	Missing device.Point
	// Absent is a device address on the channel where nobody answers.
	Absent string
	// Writes are set one after the other; each is confirmed by reading the point back.
	Writes []Want
	// Mute makes the device answer nothing until the test ends. It replaces Absent for drivers without addresses.
	Mute func(t *testing.T)
}

// A Want is a point and the value that is expected or written.
type Want struct {
	Point device.Point
	Value float64
}

// slack is added to every bound on time: a busy machine is not a broken driver.
const slack = 10 * time.Second

// shortWait is the time-out with which silence is looked for.
const shortWait = 500 * time.Millisecond

// Run checks every promise of device.Driver and device.Conn that the case can show.
func Run(t *testing.T, c Case) {
	t.Run("good reads in order", c.reads)
	t.Run("the same points again", c.readsAgain)
	t.Run("a part of the points", c.readsSome)
	t.Run("absent device", c.absent)
	t.Run("missing point", c.missing)
	t.Run("read-only point", c.readOnly)
	t.Run("value that the profile forbids", c.forbidden)
	t.Run("writes", c.writes)
	t.Run("deadline", c.deadline)
	t.Run("cancel", c.cancel)
	t.Run("close interrupts", c.closeInterrupts)
	t.Run("close twice", c.closeTwice)
	t.Run("read after close", c.readAfterClose)
}

// open gives a connection that is closed, and whose goroutines are gone, when the check ends.
func (c Case) open(t *testing.T, ch device.Channel) device.Conn {
	t.Helper()
	before := goleak.IgnoreCurrent()
	conn, err := c.Driver.Open(t.Context(), ch)
	if err != nil {
		t.Fatalf("open channel %s: %v", ch.ID, err)
	}
	t.Cleanup(func() {
		_ = conn.Close() // a second Close is allowed to complain
		goleak.VerifyNone(t, before)
	})
	return conn
}

func (c Case) points() []device.Point {
	ps := make([]device.Point, len(c.Points))
	for i, w := range c.Points {
		ps[i] = w.Point
	}
	return ps
}

// silent gives the points of a device that does not answer, and a channel that is patient enough to be interrupted.
func (c Case) silent(t *testing.T) ([]device.Point, device.Channel) {
	t.Helper()
	if c.Absent == "" && c.Mute == nil {
		t.Skip("the case has neither Absent nor Mute")
	}
	ch := c.Channel
	ch.Timeout = time.Minute
	return c.absentPoints(), ch
}

func (c Case) absentPoints() []device.Point {
	ps := c.points()
	for i := range ps {
		if c.Absent != "" {
			ps[i].Address = c.Absent
		}
	}
	return ps
}

// mustRead reads and checks what holds for every answer: one reading per point, in order, honest about its quality.
func mustRead(ctx context.Context, t *testing.T, conn device.Conn, ps []device.Point) []device.Reading {
	t.Helper()
	before := time.Now()
	rs, err := conn.Read(ctx, ps)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	checkReadings(t, ps, rs, before)
	return rs
}

// answered reads what is there. A driver that has learnt how quick a device is may once wait for less than a busy machine takes:
// what is not there in time is asked for again, as poll does.
func answered(t *testing.T, conn device.Conn, ps []device.Point) []device.Reading {
	t.Helper()
	for began := time.Now(); ; {
		rs := mustRead(t.Context(), t, conn, ps)
		if time.Since(began) > slack || !slices.ContainsFunc(rs, func(r device.Reading) bool { return r.Reason == device.Timeout }) {
			return rs
		}
	}
}

func checkReadings(t *testing.T, ps []device.Point, rs []device.Reading, before time.Time) {
	t.Helper()
	if len(rs) != len(ps) {
		t.Fatalf("%d readings for %d points", len(rs), len(ps))
	}
	for i, r := range rs {
		if r.Key() != ps[i].Key() {
			t.Errorf("reading %d is of %v, asked was %v", i, r.Key(), ps[i].Key())
		}
		if (r.Quality == device.Good) != (r.Reason == device.ReasonNone) {
			t.Errorf("%v: quality %v with reason %q", r.Key(), r.Quality, r.Reason)
		}
		if r.Quality == device.Bad && r.Value == r.Value { // only NaN differs from itself
			t.Errorf("%v: a bad reading carries the value %v", r.Key(), r.Value)
		}
		if r.Time.Before(before.Add(-time.Second)) || r.Time.After(time.Now().Add(time.Second)) {
			t.Errorf("%v: stamped %v, read at %v", r.Key(), r.Time, before)
		}
	}
}

func (c Case) checkValues(t *testing.T, want []Want, rs []device.Reading) {
	t.Helper()
	for i, r := range rs {
		if r.Quality != device.Good || !near(r.Value, want[i].Value) {
			t.Errorf("%v: got %v %v %q, want %v good", r.Key(), r.Value, r.Quality, r.Reason, want[i].Value)
		}
	}
}

// near allows for the rounding of a scale such as 0.1.
func near(a, b float64) bool {
	d := a - b
	return d < 1e-6 && d > -1e-6
}

// isContext says whether an error only repeats that the caller's context ended.
func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

package gb26875_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/cloud/internal/dock/gb26875"
)

// desk is a source with a few units.
type desk struct {
	units [][]byte
	heard []error
	asked int
}

// Next implements the session's Source.
func (d *desk) Next(context.Context) ([]byte, error) {
	if len(d.units) == 0 {
		return nil, nil
	}
	return d.units[0], nil
}

// Sent implements the session's Source.
func (d *desk) Sent(_ context.Context, err error) error {
	d.heard = append(d.heard, err)
	if err == nil || errors.Is(err, gb26875.ErrRejected) {
		d.units = d.units[1:]
	}
	return nil
}

// Asked implements the session's Source.
func (d *desk) Asked(context.Context) error { d.asked++; return nil }

// centre is the other end of a line.
type centre struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func (c *centre) read() (gb26875.Frame, error) { return gb26875.Read(c.in, time.UTC) }

func (c *centre) must() gb26875.Frame {
	c.t.Helper()
	f, err := c.read()
	if err != nil {
		c.t.Fatal(err)
	}
	return f
}

func (c *centre) write(f gb26875.Frame, spoil bool) {
	b, err := f.Append(nil)
	if err != nil {
		c.t.Fatal(err)
	}
	if spoil {
		b[len(b)-3]++
	}
	if _, err := c.conn.Write(b); err != nil {
		c.t.Error(err)
	}
}

func (c *centre) confirm(f gb26875.Frame) {
	c.write(gb26875.Frame{Serial: f.Serial, Command: gb26875.Confirm}, false)
}

// session runs one with a desk, and ends when play returns.
func session(t *testing.T, d *desk, play func(c *centre)) error {
	t.Helper()
	ours, theirs := net.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		err := gb26875.Session(ctx, ours, gb26875.Config{From: gb26875.Address{1}, To: gb26875.Address{2}, Source: d, Zone: time.UTC, Now: time.Now, Log: slog.New(slog.DiscardHandler)})
		ours.Close() //nolint:errcheck // a pipe
		done <- err
	}()
	play(&centre{t, theirs, bufio.NewReaderSize(theirs, 4096)})
	synctest.Wait()
	stop()
	err := <-done
	theirs.Close() //nolint:errcheck // a pipe
	return err
}

func TestEachUnitUntilItIsConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{units: [][]byte{{2, 1, 'a'}, {2, 1, 'b'}}}
		err := session(t, d, func(c *centre) {
			if f := c.must(); f.Data[0] != gb26875.DeviceState || f.Command != gb26875.Send {
				t.Errorf("it begins with %+v", f)
			} else {
				c.confirm(f)
			}
			first := c.must()
			if again := c.must(); again.Serial != first.Serial || string(again.Data) != string(first.Data) {
				t.Errorf("after ten seconds %+v, before %+v", again, first)
			}
			c.confirm(gb26875.Frame{Serial: first.Serial + 7}) // of something else
			c.confirm(first)
			second := c.must()
			if string(second.Data) != "\x02\x01b" || second.Serial == first.Serial {
				t.Errorf("%+v", second)
			}
			c.confirm(first) // a late one changes nothing
			c.confirm(second)
		})
		if len(d.heard) != 2 || d.heard[0] != nil || d.heard[1] != nil || !errors.Is(err, context.Canceled) {
			t.Errorf("heard %v, ended by %v", d.heard, err)
		}
	})
}

func TestASilentCentre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{units: [][]byte{{2, 1, 'a'}}}
		begin, frames := time.Now(), 0
		err := session(t, d, func(c *centre) {
			c.confirm(c.must())
			for {
				if _, err := c.read(); err != nil {
					if !errors.Is(err, io.EOF) {
						t.Error(err)
					}
					return
				}
				frames++
			}
		})
		if frames != 4 || time.Since(begin).Round(time.Second) != 40*time.Second {
			t.Errorf("%d frames in %v", frames, time.Since(begin))
		}
		if !errors.Is(err, gb26875.ErrSilent) || len(d.heard) != 1 || !errors.Is(d.heard[0], gb26875.ErrSilent) || len(d.units) != 1 {
			t.Errorf("heard %v, ended by %v", d.heard, err)
		}
	})
}

func TestRejects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{units: [][]byte{{2, 1, 'a'}, {2, 1, 'b'}}}
		if err := session(t, d, func(c *centre) {
			c.confirm(c.must())
			for range 4 { // it may have been damaged: three times more
				c.write(gb26875.Frame{Serial: c.must().Serial, Command: gb26875.Reject}, false)
			}
			c.confirm(c.must())
		}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if len(d.heard) != 2 || !errors.Is(d.heard[0], gb26875.ErrRejected) || d.heard[1] != nil {
			t.Errorf("heard %v", d.heard)
		}
	})
}

func TestWhatTheCentreAsks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &desk{}
		if err := session(t, d, func(c *centre) {
			c.confirm(c.must())
			for i, q := range []struct {
				data  []byte
				spoil bool
				want  gb26875.Command
			}{
				{[]byte{gb26875.DutyCheck, 1, 10}, false, gb26875.Confirm}, {[]byte{gb26875.AskDevice, 1}, false, gb26875.Respond}, {[]byte{gb26875.AskClock, 1}, false, gb26875.Respond},
				{[]byte{90, 1, 0, 0, 0, 1, 1, 26}, false, gb26875.Reject}, {[]byte{61, 1, 1, 1}, false, gb26875.Reject}, {[]byte{91, 0}, false, gb26875.Reject}, {nil, false, gb26875.Reject},
				{[]byte{gb26875.DutyCheck, 1, 10}, true, gb26875.Reject},
			} {
				c.write(gb26875.Frame{Serial: uint16(i), Command: gb26875.Request, Data: q.data}, q.spoil)
				if f := c.must(); f.Command != q.want || f.Serial != uint16(i) {
					t.Errorf("question %d: %+v", i, f)
				}
			}
		}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if d.asked != 1 {
			t.Errorf("asked %d times", d.asked)
		}
	})
}

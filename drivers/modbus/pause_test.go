package modbus_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
)

// A unit that needs a rest has it also between the requests of one read; another unit is asked meanwhile.
func TestAPauseIsTheUnitsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const pause, answer = 200 * time.Millisecond, 20 * time.Millisecond
		near, far := net.Pipe()
		go queue(far, &atomic.Bool{})
		d := modbus.TCP{Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
		c, err := d.Open(t.Context(), device.Channel{ID: "c", Timeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // nothing to lose
		took := func(unit string, pause time.Duration, places ...uint32) time.Duration {
			began := time.Now()
			var points []device.Point
			for _, at := range places {
				points = append(points, device.Point{Device: unit, Name: "v", Address: unit, Register: device.Register{Space: "holding", Addr: at, Type: "u16", Rest: pause}})
			}
			rs, err := c.Read(t.Context(), points)
			for _, r := range rs {
				if r.Quality != device.Good {
					t.Errorf("got %+v", r)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			return time.Since(began)
		}
		if d := took("1", pause, 0, 5000); d != 2*answer+pause {
			t.Errorf("two requests of one unit took %v", d)
		}
		if d := took("2", 0, 0); d != answer {
			t.Errorf("another unit meanwhile: %v", d)
		}
		if d := took("1", pause, 0); d != pause {
			t.Errorf("the same unit, %v after its answer: %v", answer, d)
		}
	})
}

package modbus_test

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
)

// queue is a TCP server with a line behind it: it asks one unit after the other, and waits a second for those that are dead.
func queue(far net.Conn, dead *atomic.Bool) {
	waiting := make(chan []byte, 10)
	go func() {
		defer close(waiting)
		for {
			request := make([]byte, 12)
			if _, err := io.ReadFull(far, request); err != nil {
				return
			}
			waiting <- request
		}
	}()
	for header := range waiting {
		answer := append(append([]byte{}, header[:4]...), 0, 5, header[6], header[7], 2, 0, 7)
		wait := 20 * time.Millisecond
		if header[6] == 9 && dead.Load() {
			wait = time.Second
			answer = append(append([]byte{}, header[:4]...), 0, 3, header[6], header[7]|0x80, 11)
		}
		<-time.After(wait)
		if _, err := far.Write(answer); err != nil {
			return
		}
	}
}

// TestADeadUnitBehindAGatewayCostsTheOthersNoAnswer: it is not waited for long, but those behind it in the peer's queue are.
func TestADeadUnitBehindAGatewayCostsTheOthersNoAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		var dead atomic.Bool
		go queue(far, &dead)
		d := modbus.TCP{Dial: func(context.Context, string, string) (net.Conn, error) { return near, nil }}
		c, err := d.Open(t.Context(), device.Channel{ID: "c", Timeout: 2 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close() //nolint:errcheck // nothing to lose
		read := func(unit string) (device.Reading, time.Duration) {
			began := time.Now()
			rs, err := c.Read(t.Context(), []device.Point{{Device: unit, Name: "v", Address: unit, Register: device.Register{Space: "holding", Type: "u16"}}})
			if err != nil {
				t.Fatal(err)
			}
			return rs[0], time.Since(began)
		}
		for range 10 {
			for _, unit := range []string{"1", "9"} {
				if r, _ := read(unit); r.Value != 7 {
					t.Fatalf("read %+v", r)
				}
			}
		}
		dead.Store(true)
		if r, took := read("9"); r.Reason != device.Timeout || took > 200*time.Millisecond {
			t.Errorf("the dead one: %v after %v", r.Reason, took)
		}
		for range 3 {
			if r, took := read("1"); r.Quality != device.Good {
				t.Errorf("the one behind it: %v after %v", r.Reason, took)
			}
		}
	})
}

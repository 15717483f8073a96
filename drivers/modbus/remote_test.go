package modbus_test

import (
	"context"
	"io"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/device/devicetest"
	"github.com/linshao/linshao/drivers/modbus"
)

// serveRemote is a converter: it passes a slave's line on over TCP. answered may change what is sent, or send it later.
func (s *slave) serveRemote(t testing.TB, answered func(c net.Conn, frame []byte)) string {
	return "tcp://" + listen(t, func(c net.Conn) {
		for {
			head := make([]byte, 8)
			if _, err := io.ReadFull(c, head); err != nil {
				return
			}
			if head[1] == 16 {
				rest := make([]byte, 1+int(head[6]))
				if _, err := io.ReadFull(c, rest); err != nil {
					return
				}
				head = append(head, rest...)
			}
			if pdu := s.pdu(head[0], head[1:len(head)-2]); pdu != nil {
				answered(c, rtuFrame(append([]byte{head[0]}, pdu...)...))
			}
		}
	})
}

func atOnce(c net.Conn, frame []byte) { _, _ = c.Write(frame) } // the master may be gone

func TestConformanceRTUOverTCP(t *testing.T) {
	s := &slave{units: map[byte]*unit{1: sampleUnit()}}
	devicetest.Run(t, sampleCase(modbus.RTU{}, rtuChannel(s.serveRemote(t, atOnce), time.Second)))
}

// A network may hold back an answer for longer than twice the time-out. RTU frames have no number: on the same connection
// it would be the answer to whatever is asked when it arrives.
func TestALateAnswerOverTheNetworkIsNobodys(t *testing.T) {
	t.Parallel() // most of it is waiting
	s := &slave{units: map[byte]*unit{1: {holding: map[uint16]uint16{0: 1111, 1: 2222}}}}
	held := make(chan func(), 8) // sends a held answer
	var hold atomic.Bool
	ch := rtuChannel(s.serveRemote(t, func(c net.Conn, frame []byte) {
		if hold.Load() {
			held <- func() { atOnce(c, frame) }
			return
		}
		select {
		case late := <-held: // just before the right answer
			late()
		default:
		}
		atOnce(c, frame)
	}), 150*time.Millisecond)
	c := open(t, modbus.RTU{}, ch)
	for range 20 {
		hold.Store(true)
		if r := readOne(t, c, point("holding", 0, "u16")); r.Reason != device.Timeout {
			t.Fatalf("%+v", r)
		}
		hold.Store(false)
		if r := answered(t, c, u16s("holding", 1))[0]; r.Value != 2222 {
			t.Fatalf("register 1 read as %v (%s)", r.Value, r.Reason)
		}
	}
}

// A caller who has no more time for a dead unit does not take the line from the others.
func TestACallersDeadlineCostsNoLine(t *testing.T) {
	s := &slave{units: map[byte]*unit{1: {holding: map[uint16]uint16{0: 1111}}}}
	c := open(t, modbus.RTU{}, rtuChannel(s.serveRemote(t, atOnce), time.Minute))
	dead := point("holding", 0, "u16")
	dead.Address = "9"
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if rs, err := c.Read(ctx, []device.Point{dead}); err != nil || rs[0].Reason != device.Timeout {
		t.Fatalf("%+v %v", rs, err)
	}
	if r := readOne(t, c, point("holding", 0, "u16")); r.Value != 1111 {
		t.Errorf("%+v", r)
	}
}

func TestAConverterThatGoesEndsTheChannel(t *testing.T) {
	s := &slave{units: map[byte]*unit{1: sampleUnit()}}
	ch := rtuChannel(s.serveRemote(t, func(c net.Conn, _ []byte) { _ = c.Close() }), time.Second)
	c := open(t, modbus.RTU{}, ch)
	if rs, err := c.Read(t.Context(), []device.Point{point("holding", 0, "u16")}); err == nil {
		t.Fatalf("got %+v from a line that is gone", rs)
	}
}

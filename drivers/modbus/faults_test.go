package modbus_test

import (
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"testing"
	"time"

	gobu "github.com/goburrow/modbus"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
)

// Each test here plays one scenario twice: first goburrow's own transport fails in it, then ours does not. When the
// first half of a test fails, goburrow was mended.

// goburrowRTU is goburrow all by itself.
func goburrowRTU(t *testing.T, w *linetest.Wire, timeout time.Duration) gobu.Client {
	t.Helper()
	h := gobu.NewRTUClientHandler(w.Path)
	h.BaudRate, h.DataBits, h.Parity, h.StopBits, h.SlaveId, h.Timeout = 115200, 8, "N", 1, 1, timeout
	h.IdleTimeout = 0
	if err := h.Connect(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() }) // a test's end
	return gobu.NewClient(h)
}

func goburrowTCP(t *testing.T, address string, timeout time.Duration) gobu.Client {
	t.Helper()
	h := gobu.NewTCPClientHandler(address)
	h.Timeout, h.SlaveId, h.IdleTimeout = timeout, 1, 0
	t.Cleanup(func() { _ = h.Close() }) // a test's end
	return gobu.NewClient(h)
}

// oneRegister answers a request for one register with its own address as value.
func oneRegister(req []byte) []byte { return rtuFrame(req[0], req[1], 2, req[2], req[3]) }

// turnaround is how long a slow device thinks. goburrow reads what is there after 14 ms.
const turnaround = 100 * time.Millisecond

// holder keeps the first answer back until it is let go, and takes its time with the others.
type holder struct {
	w    *linetest.Wire
	mu   sync.Mutex
	held []byte
	n    int
}

func (h *holder) answer(req []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.n++; h.n == 1 {
		h.held = oneRegister(req)
		return
	}
	<-time.NewTimer(turnaround).C
	h.w.Send(oneRegister(req)...)
}

func (h *holder) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.w.Send(h.held...)
}

// The first answer arrives right after its time-out. goburrow then gives every caller the value of the register before.
func TestLateAnswerRTU(t *testing.T) {
	t.Parallel() // most of it is waiting
	t.Run("goburrow", func(t *testing.T) {
		w := linetest.New(t)
		h := &holder{w: w}
		w.Serve(t, 8, h.answer)
		c := goburrowRTU(t, w, time.Second)
		if _, err := c.ReadHoldingRegisters(100, 1); err == nil {
			t.Fatal("no time-out")
		}
		h.release()
		for _, reg := range []uint16{200, 300} {
			b, err := c.ReadHoldingRegisters(reg, 1)
			if err != nil || binary.BigEndian.Uint16(b) != reg-100 {
				t.Errorf("asked %d: got %v %v, expected goburrow to answer %d with no error", reg, b, err, reg-100)
			}
		}
	})
	t.Run("ours", func(t *testing.T) {
		w := linetest.New(t)
		h := &holder{w: w}
		w.Serve(t, 8, h.answer)
		c := open(t, modbus.RTU{}, rtuChannel(w.Path, 3*time.Second))
		if r := readOne(t, c, point("holding", 100, "u16")); r.Reason != device.Timeout {
			t.Fatalf("got %+v", r)
		}
		h.release()
		for _, reg := range []uint32{200, 300, 400} {
			if r := readOne(t, c, point("holding", reg, "u16")); r.Value != float64(reg) || r.Quality != device.Good {
				t.Errorf("asked %d: got %+v", reg, r)
			}
		}
	})
}

// The same on TCP, where goburrow notices but stays out of step for ever.
func TestLateAnswerTCP(t *testing.T) {
	t.Parallel() // most of it is waiting
	serve := func(c net.Conn) {
		var late func()
		for n := 0; ; n++ {
			id, unit, req, err := readTCP(c)
			if err != nil {
				return
			}
			answer := func() { writeTCP(c, id, unit, []byte{req[0], 2, req[1], req[2]}) }
			if n == 0 {
				late = answer
				continue
			}
			if n == 1 {
				late()
			}
			answer()
		}
	}
	t.Run("goburrow", func(t *testing.T) {
		c := goburrowTCP(t, listen(t, serve), 200*time.Millisecond)
		for _, reg := range []uint16{100, 200, 300, 400} {
			if b, err := c.ReadHoldingRegisters(reg, 1); err == nil {
				t.Errorf("asked %d: got %v, expected goburrow to fail", reg, b)
			}
		}
	})
	t.Run("ours", func(t *testing.T) {
		c := open(t, modbus.TCP{}, tcpChannel(listen(t, serve), 3*time.Second))
		if r := readOne(t, c, point("holding", 100, "u16")); r.Reason != device.Timeout {
			t.Fatalf("got %+v", r)
		}
		for _, reg := range []uint32{200, 300, 400} {
			if r := readOne(t, c, point("holding", reg, "u16")); r.Value != float64(reg) || r.Quality != device.Good {
				t.Errorf("asked %d: got %+v", reg, r)
			}
		}
	})
}

// One register asked, nine more than that answered.
func TestQuantityIsChecked(t *testing.T) {
	long := func(unit, fn byte) []byte {
		return append([]byte{unit, fn, 20}, make([]byte, 20)...)
	}
	t.Run("goburrow RTU", func(t *testing.T) {
		w := linetest.New(t)
		w.Serve(t, 8, func(r []byte) { w.Send(rtuFrame(long(r[0], r[1])...)...) })
		c := goburrowRTU(t, w, time.Second)
		if b, err := c.ReadHoldingRegisters(0, 1); err != nil || len(b) != 20 {
			t.Errorf("got %d bytes %v, expected goburrow to take 20", len(b), err)
		}
	})
	serve := func(c net.Conn) {
		for {
			id, unit, req, err := readTCP(c)
			if err != nil {
				return
			}
			writeTCP(c, id, unit, long(unit, req[0])[1:])
		}
	}
	t.Run("goburrow TCP", func(t *testing.T) {
		if b, err := goburrowTCP(t, listen(t, serve), time.Second).ReadHoldingRegisters(0, 1); err != nil || len(b) != 20 {
			t.Errorf("got %d bytes %v, expected goburrow to take 20", len(b), err)
		}
	})
	t.Run("ours RTU", func(t *testing.T) {
		w := linetest.New(t)
		w.Serve(t, 8, func(r []byte) { w.Send(rtuFrame(long(r[0], r[1])...)...) })
		c := open(t, modbus.RTU{}, rtuChannel(w.Path, 10*time.Second))
		if r := readOne(t, c, point("holding", 0, "u16")); r.Reason != device.Mismatch {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("ours TCP", func(t *testing.T) {
		c := open(t, modbus.TCP{}, tcpChannel(listen(t, serve), 10*time.Second))
		if r := readOne(t, c, point("holding", 0, "u16")); r.Reason != device.Mismatch {
			t.Errorf("got %+v", r)
		}
	})
}

// An exception that arrives as 4 bytes and then 1. The second piece leaves when the first has surely been read.
func TestSplitException(t *testing.T) {
	serve := func(t *testing.T, w *linetest.Wire) {
		w.Serve(t, 8, func(r []byte) {
			e := rtuFrame(r[0], r[1]|0x80, 3)
			w.Send(e[:4]...)
			<-time.NewTimer(turnaround).C
			w.Send(e[4:]...)
		})
	}
	t.Run("goburrow", func(t *testing.T) {
		w := linetest.New(t)
		serve(t, w)
		c := goburrowRTU(t, w, time.Second)
		_, err := c.ReadHoldingRegisters(0, 1)
		var refused *gobu.ModbusError
		if err == nil || errors.As(err, &refused) {
			t.Errorf("got %v, expected goburrow not to see the exception", err)
		}
	})
	t.Run("ours", func(t *testing.T) {
		w := linetest.New(t)
		serve(t, w)
		c := open(t, modbus.RTU{}, rtuChannel(w.Path, 10*time.Second))
		for range 2 {
			if r := readOne(t, c, point("holding", 0, "u16")); r.Reason != device.Refused {
				t.Errorf("got %+v", r)
			}
		}
	})
}

// A device that drips one byte at a time: goburrow's time-out begins anew with each.
func TestDrippingAnswer(t *testing.T) {
	t.Parallel() // most of it is waiting
	serve := func(t *testing.T, w *linetest.Wire, every time.Duration) {
		w.Serve(t, 8, func(r []byte) {
			for _, b := range rtuFrame(r[0], r[1], 20, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9, 0, 10) {
				select {
				case <-time.After(every):
					w.Send(b)
				case <-t.Context().Done():
					return
				}
			}
		})
	}
	t.Run("goburrow", func(t *testing.T) {
		w := linetest.New(t)
		serve(t, w, 100*time.Millisecond)
		c := goburrowRTU(t, w, time.Second)
		start := time.Now()
		_, err := c.ReadHoldingRegisters(0, 10)
		if took := time.Since(start); took < 1500*time.Millisecond {
			t.Errorf("took %v (%v), expected goburrow to wait for more than 1.5 s", took, err)
		}
	})
	t.Run("ours", func(t *testing.T) {
		w := linetest.New(t)
		serve(t, w, 400*time.Millisecond) // ten seconds for the whole answer
		c := open(t, modbus.RTU{}, rtuChannel(w.Path, 500*time.Millisecond))
		p := []device.Point{point("holding", 0, "u16"), point("holding", 9, "u16")}
		start := time.Now()
		rs, err := c.Read(t.Context(), p)
		if took := time.Since(start); err != nil || rs[0].Quality != device.Bad || took > 8*time.Second {
			t.Errorf("took %v: %+v %v", took, rs, err)
		}
	})
}

// A device that answers at once. goburrow waits for 14 ms all the same. The fastest read counts: a busy machine slows any.
func TestNoFixedDelay(t *testing.T) {
	const fixed = 12 * time.Millisecond
	fastest := func(reads int, read func() error) time.Duration {
		best := time.Hour
		for ; reads > 0 && best >= fixed; reads-- {
			start := time.Now()
			if err := read(); err != nil {
				t.Fatal(err)
			}
			best = min(best, time.Since(start))
		}
		return best
	}
	w := linetest.New(t)
	w.Serve(t, 8, func(r []byte) { w.Send(oneRegister(r)...) })
	g := goburrowRTU(t, w, 10*time.Second)
	theirs := fastest(20, func() error { _, err := g.ReadHoldingRegisters(7, 1); return err })
	w2 := linetest.New(t)
	w2.Serve(t, 8, func(r []byte) { w2.Send(oneRegister(r)...) })
	c := open(t, modbus.RTU{}, rtuChannel(w2.Path, 10*time.Second))
	p := []device.Point{point("holding", 7, "u16")}
	ours := fastest(500, func() error { _, err := c.Read(t.Context(), p); return err })
	if theirs < fixed || ours >= fixed {
		t.Errorf("goburrow %v, ours %v", theirs, ours)
	}
}

// The peer closes the connection. goburrow never dials again; ours says that the channel is gone, and a new one works.
func TestPeerCloses(t *testing.T) {
	var mu sync.Mutex
	n := 0
	serve := func(c net.Conn) {
		mu.Lock()
		n++
		first := n%2 == 1
		mu.Unlock()
		for !first {
			id, unit, req, err := readTCP(c)
			if err != nil {
				return
			}
			writeTCP(c, id, unit, []byte{req[0], 2, req[1], req[2]})
		}
	}
	address := listen(t, serve)
	g := goburrowTCP(t, address, time.Second)
	for range 3 {
		if b, err := g.ReadHoldingRegisters(5, 1); err == nil {
			t.Errorf("got %v, expected goburrow never to dial again", b)
		}
	}
	mu.Lock()
	n = 0
	mu.Unlock()
	c := open(t, modbus.TCP{}, tcpChannel(address, 10*time.Second))
	p := []device.Point{point("holding", 5, "u16")}
	if rs, err := c.Read(t.Context(), p); err == nil {
		t.Fatalf("got %+v, want an error", rs)
	}
	again := open(t, modbus.TCP{}, tcpChannel(address, 10*time.Second))
	if r := readOne(t, again, p[0]); r.Value != 5 {
		t.Errorf("got %+v", r)
	}
}

// A device that does not answer: goburrow's Close waits for the request, ours ends it (see also devicetest).
func TestCloseInterruptsTCP(t *testing.T) {
	t.Parallel() // most of it is waiting
	asked := make(chan struct{}, 2)
	mute := func(c net.Conn) {
		for {
			if _, _, _, err := readTCP(c); err != nil {
				return
			}
			asked <- struct{}{}
		}
	}
	h := gobu.NewTCPClientHandler(listen(t, mute))
	h.Timeout, h.SlaveId, h.IdleTimeout = 2*time.Second, 1, 0
	done := make(chan struct{})
	go func() { defer close(done); _, _ = gobu.NewClient(h).ReadHoldingRegisters(0, 1) }()
	<-asked
	start := time.Now()
	_ = h.Close()
	if took := time.Since(start); took < time.Second {
		t.Errorf("goburrow's Close took %v, expected it to wait for the time-out", took)
	}
	<-done
	c := open(t, modbus.TCP{}, tcpChannel(listen(t, mute), time.Minute))
	ended := make(chan error, 1)
	go func() { _, err := c.Read(t.Context(), []device.Point{point("holding", 5, "u16")}); ended <- err }()
	<-asked
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if err := <-ended; err == nil {
		t.Error("a closed channel gave readings")
	}
}

// A long answer at 1200 baud is 2.1 s on the wire: that time is not the device's, and does not count against its time-out.
func TestWireTimeIsNotTheDevices(t *testing.T) {
	t.Parallel() // most of it is waiting
	w := linetest.New(t)
	w.Serve(t, 8, func(r []byte) {
		<-time.After(2 * time.Second)
		w.Send(rtuFrame(append([]byte{r[0], r[1], 250}, make([]byte, 250)...)...)...)
	})
	ch := rtuChannel(w.Path, 1500*time.Millisecond)
	ch.Serial.Baud = 1200
	p := []device.Point{}
	for i := range uint32(125) {
		p = append(p, point("holding", i, "u16"))
	}
	rs, err := open(t, modbus.RTU{}, ch).Read(t.Context(), p)
	if err != nil || rs[124].Quality != device.Good {
		t.Errorf("got %+v %v", rs[124], err)
	}
}

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
	t.Run("goburrow", func(t *testing.T) {
		w := linetest.New(t)
		h := &holder{w: w}
		w.Serve(t, 8, h.answer)
		c := goburrowRTU(t, w, 300*time.Millisecond)
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
		c := open(t, modbus.RTU{}, rtuChannel(w.Path, 300*time.Millisecond))
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
		c := open(t, modbus.TCP{}, tcpChannel(listen(t, serve), 200*time.Millisecond))
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
		c := open(t, modbus.RTU{}, rtuChannel(w.Path, time.Second))
		if r := readOne(t, c, point("holding", 0, "u16")); r.Reason != device.Mismatch {
			t.Errorf("got %+v", r)
		}
	})
	t.Run("ours TCP", func(t *testing.T) {
		c := open(t, modbus.TCP{}, tcpChannel(listen(t, serve), time.Second))
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
		c := open(t, modbus.RTU{}, rtuChannel(w.Path, time.Second))
		for range 2 {
			if r := readOne(t, c, point("holding", 0, "u16")); r.Reason != device.Refused {
				t.Errorf("got %+v", r)
			}
		}
	})
}

// A device that sends one byte every 40 ms: goburrow's time-out of 250 ms begins anew with each.
func TestDrippingAnswer(t *testing.T) {
	serve := func(t *testing.T, w *linetest.Wire) {
		w.Serve(t, 8, func(r []byte) {
			for _, b := range rtuFrame(r[0], r[1], 20, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0, 9, 0, 10) {
				<-time.NewTimer(40 * time.Millisecond).C
				w.Send(b)
			}
		})
	}
	t.Run("goburrow", func(t *testing.T) {
		w := linetest.New(t)
		serve(t, w)
		c := goburrowRTU(t, w, 250*time.Millisecond)
		start := time.Now()
		_, err := c.ReadHoldingRegisters(0, 10)
		if took := time.Since(start); took < 500*time.Millisecond {
			t.Errorf("took %v (%v), expected goburrow to wait for more than 500 ms", took, err)
		}
	})
	t.Run("ours", func(t *testing.T) {
		w := linetest.New(t)
		serve(t, w)
		c := open(t, modbus.RTU{}, rtuChannel(w.Path, 250*time.Millisecond))
		p := []device.Point{point("holding", 0, "u16"), point("holding", 9, "u16")}
		start := time.Now()
		rs, err := c.Read(t.Context(), p)
		if took := time.Since(start); err != nil || rs[0].Quality != device.Bad || took > 450*time.Millisecond {
			t.Errorf("took %v: %+v %v", took, rs, err)
		}
	})
}

// A device that answers at once. goburrow waits for 14 ms all the same.
func TestNoFixedDelay(t *testing.T) {
	const reads = 20
	timed := func(read func() error) time.Duration {
		start := time.Now()
		for range reads {
			if err := read(); err != nil {
				t.Fatal(err)
			}
		}
		return time.Since(start) / reads
	}
	w := linetest.New(t)
	w.Serve(t, 8, func(r []byte) { w.Send(oneRegister(r)...) })
	g := goburrowRTU(t, w, time.Second)
	theirs := timed(func() error { _, err := g.ReadHoldingRegisters(7, 1); return err })
	w2 := linetest.New(t)
	w2.Serve(t, 8, func(r []byte) { w2.Send(oneRegister(r)...) })
	c := open(t, modbus.RTU{}, rtuChannel(w2.Path, time.Second))
	p := []device.Point{point("holding", 7, "u16")}
	ours := timed(func() error { _, err := c.Read(t.Context(), p); return err })
	t.Logf("per read at 115200 baud: goburrow %v, ours %v", theirs, ours)
	if theirs < 12*time.Millisecond || ours > theirs/2 {
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
	c := open(t, modbus.TCP{}, tcpChannel(address, time.Second))
	p := []device.Point{point("holding", 5, "u16")}
	if rs, err := c.Read(t.Context(), p); err == nil {
		t.Fatalf("got %+v, want an error", rs)
	}
	again := open(t, modbus.TCP{}, tcpChannel(address, time.Second))
	if r := readOne(t, again, p[0]); r.Value != 5 {
		t.Errorf("got %+v", r)
	}
}

// A device that does not answer: goburrow's Close waits for the request, ours ends it (see also devicetest).
func TestCloseInterruptsTCP(t *testing.T) {
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
	h.Timeout, h.SlaveId, h.IdleTimeout = 700*time.Millisecond, 1, 0
	done := make(chan struct{})
	go func() { defer close(done); _, _ = gobu.NewClient(h).ReadHoldingRegisters(0, 1) }()
	<-asked
	start := time.Now()
	_ = h.Close()
	if took := time.Since(start); took < 400*time.Millisecond {
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

// A long answer at 9600 baud is 266 ms on the wire: that time is not the device's, and does not count against its time-out.
func TestWireTimeIsNotTheDevices(t *testing.T) {
	w := linetest.New(t)
	w.Serve(t, 8, func(r []byte) {
		answer := rtuFrame(append([]byte{r[0], r[1], 250}, make([]byte, 250)...)...)
		tick := time.NewTicker(10 * time.Second * 10 / 9600) // ten characters of ten bits
		defer tick.Stop()
		for ; len(answer) > 0; <-tick.C {
			n := min(10, len(answer))
			w.Send(answer[:n]...)
			answer = answer[n:]
		}
	})
	ch := rtuChannel(w.Path, 200*time.Millisecond)
	ch.Serial.Baud = 9600
	p := []device.Point{}
	for i := range uint32(125) {
		p = append(p, point("holding", i, "u16"))
	}
	rs, err := open(t, modbus.RTU{}, ch).Read(t.Context(), p)
	if err != nil || rs[124].Quality != device.Good {
		t.Errorf("got %+v %v", rs[124], err)
	}
}

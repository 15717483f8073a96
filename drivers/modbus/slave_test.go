package modbus_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
)

// A unit is a device of the tests: four address spaces. What is not in a map does not exist.
type unit struct {
	coils, discrete map[uint16]bool
	holding, input  map[uint16]uint16
}

// A slave is the far end of a channel. It shares no code with the driver.
type slave struct {
	mu    sync.Mutex
	units map[byte]*unit
	asked [][]byte // PDUs of all requests
	only  byte     // a function that the slave refuses, 0 for none
}

// pdu answers one request; nil for a unit that is not there.
func (s *slave) pdu(id byte, req []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, append([]byte{}, req...))
	u := s.units[id]
	if u == nil {
		return nil
	}
	if req[0] == s.only {
		return []byte{req[0] | 0x80, 1}
	}
	first, n := binary.BigEndian.Uint16(req[1:]), binary.BigEndian.Uint16(req[3:])
	switch req[0] {
	case 1:
		return bits(req[0], u.coils, first, n)
	case 2:
		return bits(req[0], u.discrete, first, n)
	case 3:
		return words(req[0], u.holding, first, n)
	case 4:
		return words(req[0], u.input, first, n)
	case 5:
		if _, ok := u.coils[first]; !ok {
			return []byte{req[0] | 0x80, 2}
		}
		u.coils[first] = n == 0xFF00
		return req
	case 6:
		if _, ok := u.holding[first]; !ok {
			return []byte{req[0] | 0x80, 2}
		}
		u.holding[first] = n
		return req
	case 16:
		for i := range n {
			if _, ok := u.holding[first+i]; !ok {
				return []byte{req[0] | 0x80, 2}
			}
			u.holding[first+i] = binary.BigEndian.Uint16(req[6+2*i:])
		}
		return req[:5]
	}
	return []byte{req[0] | 0x80, 1}
}

func words(fn byte, m map[uint16]uint16, first, n uint16) []byte {
	out := []byte{fn, byte(2 * n)}
	for i := range n {
		v, ok := m[first+i]
		if !ok {
			return []byte{fn | 0x80, 2}
		}
		out = binary.BigEndian.AppendUint16(out, v)
	}
	return out
}

func bits(fn byte, m map[uint16]bool, first, n uint16) []byte {
	out := make([]byte, 2+(n+7)/8)
	out[0], out[1] = fn, byte((n+7)/8)
	for i := range n {
		v, ok := m[first+i]
		if !ok {
			return []byte{fn | 0x80, 2}
		}
		if v {
			out[2+i/8] |= 1 << (i % 8)
		}
	}
	return out
}

func (s *slave) requests() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// sum is CRC-16/MODBUS by table-free long division, written apart from the driver's.
func sum(b []byte) []byte {
	c := uint16(0xFFFF)
	for _, x := range b {
		c ^= uint16(x)
		for range 8 {
			if c&1 == 1 {
				c = c>>1 ^ 0xA001
			} else {
				c >>= 1
			}
		}
	}
	return []byte{byte(c), byte(c >> 8)}
}

func rtuFrame(b ...byte) []byte { return append(b, sum(b)...) }

// serveRTU answers on a wire until the test ends.
func (s *slave) serveRTU(t testing.TB, w *linetest.Wire) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			head := make([]byte, 8)
			if _, err := io.ReadFull(w.Far, head); err != nil {
				return
			}
			if head[1] == 16 {
				rest := make([]byte, 1+int(head[6]))
				if _, err := io.ReadFull(w.Far, rest); err != nil {
					return
				}
				head = append(head, rest...)
			}
			if pdu := s.pdu(head[0], head[1:len(head)-2]); pdu != nil {
				w.Send(rtuFrame(append([]byte{head[0]}, pdu...)...)...)
			}
		}
	}()
	t.Cleanup(func() { w.Unplug(); <-ended })
}

// serveTCP listens on loopback and answers until the test ends.
func (s *slave) serveTCP(t testing.TB) string {
	return listen(t, s.talkTCP)
}

// talkTCP answers until the connection ends.
func (s *slave) talkTCP(c net.Conn) {
	for {
		id, unit, req, err := readTCP(c)
		if err != nil {
			return
		}
		if pdu := s.pdu(unit, req); pdu != nil {
			writeTCP(c, id, unit, pdu)
		}
	}
}

// dial connects to the slave in memory, for tests in virtual time.
func (s *slave) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	go s.talkTCP(far)
	return near, nil
}

func readTCP(c net.Conn) (id uint16, unit byte, pdu []byte, err error) {
	head := make([]byte, 7)
	if _, err := io.ReadFull(c, head); err != nil {
		return 0, 0, nil, err
	}
	pdu = make([]byte, binary.BigEndian.Uint16(head[4:])-1)
	_, err = io.ReadFull(c, pdu)
	return binary.BigEndian.Uint16(head), head[6], pdu, err
}

func writeTCP(c net.Conn, id uint16, unit byte, pdu []byte) {
	out := binary.BigEndian.AppendUint16(nil, id)
	out = binary.BigEndian.AppendUint16(out, 0)
	out = binary.BigEndian.AppendUint16(out, uint16(len(pdu)+1))
	_, _ = c.Write(append(append(out, unit), pdu...)) // the master may be gone
}

// listen calls serve for each connection and ends them all with the test.
func listen(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			all.Go(func() { defer c.Close(); serve(c) }) //nolint:errcheck // a test's end
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close() // may be closed already
		}
		mu.Unlock()
		all.Wait()
	})
	return l.Addr().String()
}

func tcpChannel(address string, timeout time.Duration) device.Channel {
	return device.Channel{ID: "tcp", Driver: "modbus-tcp", Address: address, Timeout: timeout}
}

func rtuChannel(path string, timeout time.Duration) device.Channel {
	return device.Channel{ID: "rs485", Driver: "modbus-rtu", Address: path, Timeout: timeout, Serial: device.Serial{Baud: 115200}}
}

// open opens a channel until the test ends.
func open(t testing.TB, d device.Driver, ch device.Channel) device.Conn {
	t.Helper()
	c, err := d.Open(t.Context(), ch)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // may be closed already
	return c
}

// point makes a point of unit 1: "holding", 16, "u16".
func point(space string, addr uint32, typ string) device.Point {
	return device.Point{Device: "d", Name: space + typ, Address: "1", Register: device.Register{Space: space, Addr: addr, Type: typ}}
}

func readOne(t testing.TB, c device.Conn, p device.Point) device.Reading {
	t.Helper()
	rs, err := c.Read(t.Context(), []device.Point{p})
	if err != nil {
		t.Fatal(err)
	}
	return rs[0]
}

// answered reads what is there. A driver that has learnt how quick a device is may once wait for less than a busy machine takes, and
// then waits for the whole time-out: what is not there in time is asked for again, as poll does.
func answered(t testing.TB, c device.Conn, points []device.Point) []device.Reading {
	t.Helper()
	for tries := 0; ; tries++ {
		rs, err := c.Read(t.Context(), points)
		if err != nil {
			t.Fatal(err)
		}
		if tries == 5 || !slices.ContainsFunc(rs, func(r device.Reading) bool { return r.Reason == device.Timeout }) {
			return rs
		}
	}
}

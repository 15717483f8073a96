package main

import (
	"encoding/binary"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/linshao/linshao/drivers/device"
)

// A profileSlave is a device on loopback that has one golden value of a profile, and zero everywhere else. It frames what
// the profile's author wrote down and decodes nothing: that is what the driver is asked for.
type profileSlave struct {
	protocol string
	listener net.Listener
	group    sync.WaitGroup

	mu       sync.Mutex
	register device.Register
	raw      []byte
	refused  string // the first request that the profile's own limits forbid
	conns    []net.Conn
}

func newProfileSlave(protocol string) (*profileSlave, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	s := &profileSlave{protocol: protocol, listener: l}
	s.group.Go(s.accept)
	return s, nil
}

// hold puts a golden value in its place.
func (s *profileSlave) hold(r device.Register, raw []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.register, s.raw = r, raw
}

// refusal is the first request that the profile's own limits forbid, in words; empty when there was none.
func (s *profileSlave) refusal() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

func (s *profileSlave) close() error {
	err := s.listener.Close()
	s.mu.Lock()
	for _, c := range s.conns {
		_ = c.Close() // the driver may have closed it before
	}
	s.mu.Unlock()
	s.group.Wait()
	return err
}

func (s *profileSlave) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.conns = append(s.conns, c)
		s.mu.Unlock()
		s.group.Go(func() { s.serve(c) })
	}
}

// serve answers until the driver hangs up. A driver sends one request at a time, in one piece.
func (s *profileSlave) serve(c net.Conn) {
	buf := make([]byte, 300)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err := c.Write(s.answer(buf[:n])); err != nil {
			return
		}
	}
}

func (s *profileSlave) answer(request []byte) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.protocol == protocolModbus {
		return s.modbus(request)
	}
	if s.protocol == protocolGB15322 {
		return s.history(request)
	}
	for len(request) > 0 && request[0] == 0xFE {
		request = request[1:]
	}
	if len(request) < 16 {
		return nil
	}
	if s.protocol == protocolDLT645 {
		data := slices.Clone(request[10:14])
		for _, b := range s.raw {
			data = append(data, b+0x33)
		}
		return summed(append(append(slices.Clone(request[:8]), 0x91, byte(len(data))), data...))
	}
	data := append(slices.Clone(request[11:14]), s.raw...)
	return summed(append(append(slices.Clone(request[:9]), 0x81, byte(len(data))), data...))
}

// history answers a question for a gas detector's log: the counts are ones where they are not what is asked for.
func (s *profileSlave) history(request []byte) []byte {
	if len(request) != 6 {
		return nil
	}
	data := s.raw
	if request[2] == 0 && s.register.Space != "count" {
		data = []byte{1, 1, 1, 1, 1, 1, 0}
	}
	frame := summed(append([]byte{0xAA, request[1], request[2], byte(len(data))}, data...))
	frame[len(frame)-1] = 0x55
	return frame
}

// summed appends a meter's checksum and end.
func summed(frame []byte) []byte {
	var sum byte
	for _, b := range frame {
		sum += b
	}
	return append(frame, sum, 0x16)
}

// modbus answers a request of Modbus TCP: transaction, protocol, length, unit, function, address, count.
func (s *profileSlave) modbus(request []byte) []byte {
	if len(request) != 12 {
		return nil
	}
	function, first, count := request[7], uint32(binary.BigEndian.Uint16(request[8:])), uint32(binary.BigEndian.Uint16(request[10:]))
	space := map[byte]string{1: "coil", 2: "discrete", 3: "holding", 4: "input"}[function]
	var body []byte
	switch why := s.forbids(function, first, count); {
	case space == "":
		body = []byte{function | 0x80, 1}
	case why != "":
		if s.refused == "" {
			s.refused = why
		}
		body = []byte{function | 0x80, 3}
	case function <= 2:
		body = s.bits(function, space, first, count)
	default:
		body = append([]byte{function, byte(2 * count)}, make([]byte, 2*count)...)
		if at := int64(s.register.Addr) - int64(first); s.register.Space == space && at >= 0 && at < int64(count) {
			copy(body[2+2*at:], s.raw)
		}
	}
	head := slices.Clone(request[:7])
	binary.BigEndian.PutUint16(head[4:], uint16(len(body)+1))
	return append(head, body...)
}

func (s *profileSlave) bits(function byte, space string, first, count uint32) []byte {
	body := append([]byte{function, byte((count + 7) / 8)}, make([]byte, (count+7)/8)...)
	if at := s.register.Addr - first; s.register.Space == space && s.register.Addr >= first && at < count && len(s.raw) == 1 && s.raw[0] == 1 {
		body[2+at/8] |= 1 << (at % 8)
	}
	return body
}

// forbids says which of the profile's limits a request breaks.
func (s *profileSlave) forbids(function byte, first, count uint32) string {
	r := s.register
	if function <= 2 {
		return ""
	}
	switch {
	case r.MaxRegisters > 0 && int(count) > r.MaxRegisters:
		return fmt.Sprintf("%d registers in one request, max_registers is %d", count, r.MaxRegisters)
	case r.Even && (first%2 != 0 || count%2 != 0):
		return fmt.Sprintf("a request for %d registers at %d, but even: true", count, first)
	}
	for _, h := range r.Holes {
		if first <= h.Last && first+count > h.First {
			return fmt.Sprintf("a request for %d–%d goes into the hole %d–%d", first, first+count-1, h.First, h.Last)
		}
	}
	return ""
}

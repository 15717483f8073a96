package line_test

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"

	"github.com/linshao/linshao/drivers/device"
)

// slaves are the units 1 to 4. They have every register and every coil.
type slaves struct {
	*world
	tcp bool
}

func placeModbus(unit, function byte, addr uint16) uint64 {
	return uint64(unit)<<24 | uint64(function)<<16 | uint64(addr)
}

func pdu(unit byte, request []byte, generation uint32) []byte {
	first, n := binary.BigEndian.Uint16(request[1:]), binary.BigEndian.Uint16(request[3:])
	if request[0] == 5 {
		return bytes.Clone(request)
	}
	if request[0] <= 2 {
		out := make([]byte, 2+(n+7)/8)
		out[0], out[1] = request[0], byte(len(out)-2)
		for i := range n {
			out[2+i/8] |= byte(mix(placeModbus(unit, request[0], first+i), generation)&1) << (i % 8)
		}
		return out
	}
	out := []byte{request[0], byte(2 * n)}
	for i := range n {
		out = binary.BigEndian.AppendUint16(out, uint16(mix(placeModbus(unit, request[0], first+i), generation)))
	}
	return out
}

// crc16 is the long division, apart from the driver's.
func crc16(b []byte) []byte {
	c := uint32(0xFFFF)
	for _, x := range b {
		c ^= uint32(x)
		for range 8 {
			if c, x = c>>1, byte(c&1); x == 1 {
				c ^= 0xA001
			}
		}
	}
	return []byte{byte(c), byte(c >> 8)}
}

func (s *slaves) frame(id []byte, unit byte, pdu []byte) []byte {
	out := append([]byte{unit}, pdu...)
	if s.tcp {
		return append([]byte{id[0], id[1], 0, 0, byte(len(out) >> 8), byte(len(out))}, out...)
	}
	return append(out, crc16(out)...)
}

// open takes a request out of its frame.
func (s *slaves) open(request []byte) (unit byte, pdu []byte, ok bool) {
	if s.tcp {
		return request[6], request[7:], true
	}
	n := len(request) - 2
	c := crc16(request[:n])
	return request[0], request[1:n], c[0] == request[n] && c[1] == request[n+1]
}

func (s *slaves) Answer(request []byte) []byte {
	unit, ask, ok := s.open(request)
	if !ok || unit < 1 || unit > 4 {
		return nil
	}
	s.generation++
	if ask[0] == 5 {
		s.moved = append(s.moved, order{unit, binary.BigEndian.Uint16(ask[1:]), ask[3] == 0xFF})
	}
	return s.frame(request, unit, pdu(unit, ask, s.generation))
}

func (s *slaves) Lie(r *rand.Rand, request, _ []byte) []byte {
	if request == nil {
		return s.frame([]byte{byte(r.Uint32()) | 0x80, 0}, 9, pdu(9, []byte{3, 0, 0, 0, 4}, s.generation))
	}
	unit, ask, _ := s.open(request)
	right := pdu(unit, ask, s.generation+7)
	switch r.IntN(7) {
	case 0: // another unit's, to the same question
		return s.frame(request, unit%4+1, pdu(unit%4+1, ask, s.generation))
	case 1:
		right[0] = right[0]%4 + 1
	case 2: // too long
		right = append(right, make([]byte, 2)...)
		right[1] += 2
	case 3: // too short
		right = right[:len(right)-1]
		right[1]--
	case 4: // a count that is not that of its bytes
		right[1] ^= 1 << r.IntN(4)
	case 5:
		right = []byte{ask[0] | 0x80, []byte{1, 3, 4, 6, 11}[r.IntN(5)]}
	case 6:
		if s.tcp { // another transaction
			return s.frame([]byte{request[0] ^ byte(1+r.IntN(255)), request[1]}, unit, right)
		}
		right = []byte{ask[0] | 0x80, 2}
	}
	return s.frame(request, unit, right)
}

// Frames implements linetest.Devices. TCP has no check bytes that damage could hit.
func (s *slaves) Frames(got []byte) (frames [][]byte) {
	for at := 0; !s.tcp && at+5 <= len(got); at++ {
		for _, size := range []int{5, 8, 5 + int(got[at+2])} {
			if at+size <= len(got) {
				b := got[at : at+size]
				if c := crc16(b[:size-2]); c[0] == b[size-2] && c[1] == b[size-1] {
					frames = append(frames, b)
				}
			}
		}
	}
	return frames
}

func pointsModbus() (lists [][]device.Point) {
	for _, unit := range []string{"1", "2", "3", "4"} {
		list := func(space, typ string, addrs ...uint32) {
			var points []device.Point
			for _, a := range addrs {
				points = append(points, device.Point{Device: unit, Name: space + " " + typ, Address: unit, Register: device.Register{Space: space, Addr: a, Type: typ}})
			}
			lists = append(lists, points)
		}
		list("holding", "u32", 0, 2)
		list("holding", "u32", 100, 102) // an answer of the same length
		list("input", "u32", 0, 2)
		list("input", "u16", 5, 7, 300)
		var coils []uint32
		for a := range uint32(20) { // whose request is as long as its answer, and would pass for it
			coils = append(coils, 0x300+a)
		}
		list("coil", "bool", coils...)
	}
	return lists
}

func truthModbus(p device.Point, generation uint32) float64 {
	r := p.Register
	function := map[string]byte{"coil": 1, "holding": 3, "input": 4}[r.Space]
	word := func(i uint32) uint64 {
		return mix(placeModbus(p.Address[0]-'0', function, uint16(r.Addr+i)), generation)
	}
	switch r.Type {
	case "bool":
		return float64(word(0) & 1)
	case "u32":
		return float64(word(0)&0xFFFF<<16 | word(1)&0xFFFF)
	}
	return float64(word(0) & 0xFFFF)
}

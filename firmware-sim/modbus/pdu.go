// Package modbus is the field side of Modbus: slaves that answer over TCP and over a serial line in RTU framing, the
// register maps of the simulated models, and a register file whose every answer can be checked afterwards. It is written
// against the public specification alone and shares no line with the product's driver.
package modbus

import "encoding/binary"

// Table is one of the four address spaces of a slave.
type Table uint8

// The tables.
const (
	Coils Table = iota
	Discretes
	Inputs
	Holdings
)

func (t Table) String() string { return [...]string{"coil", "discrete", "input", "holding"}[t&3] }

// An Exception is the code by which a slave refuses.
type Exception byte

// The exceptions that the slaves here use.
const (
	IllegalFunction Exception = 1
	IllegalAddress  Exception = 2
	IllegalValue    Exception = 3
	DeviceFailure   Exception = 4
	NoTarget        Exception = 11 // a TCP gateway knows no such unit
)

func (e Exception) Error() string {
	switch e {
	case IllegalFunction:
		return "illegal function"
	case IllegalAddress:
		return "illegal data address"
	case IllegalValue:
		return "illegal data value"
	case NoTarget:
		return "gateway target device failed to respond"
	}
	return "slave device failure"
}

// A Unit is what answers behind one unit id. Addresses are 0-based. Zero means no exception.
type Unit interface {
	ReadBits(t Table, at uint16, dst []bool) Exception
	ReadWords(t Table, at uint16, dst []uint16) Exception
	WriteBits(at uint16, v []bool) Exception
	WriteWords(at uint16, v []uint16) Exception
}

// scratch holds one answer's values, so that serving allocates nothing.
type scratch struct {
	bits  [2000]bool
	words [125]uint16
}

// answer appends the response PDU to a request PDU.
func (s *scratch) answer(u Unit, req, out []byte) []byte {
	if len(req) == 0 {
		return append(out, 0x80, byte(IllegalFunction))
	}
	start := len(out)
	out = append(out, req[0])
	out, exc := s.execute(u, req[0], req[1:], out)
	if exc != 0 {
		return append(out[:start], req[0]|0x80, byte(exc))
	}
	return out
}

func (s *scratch) execute(u Unit, fc byte, body, out []byte) ([]byte, Exception) {
	switch fc {
	case 1, 2, 3, 4:
		return s.read(u, fc, body, out)
	case 5, 6:
		return s.writeOne(u, fc, body, out)
	case 15, 16:
		return s.writeMany(u, fc, body, out)
	}
	return out, IllegalFunction
}

// place decodes the address and count that most requests begin with.
func place(body []byte, most int) (at uint16, n int, exc Exception) {
	if len(body) < 4 {
		return 0, 0, IllegalValue
	}
	at, n = binary.BigEndian.Uint16(body), int(binary.BigEndian.Uint16(body[2:]))
	if n < 1 || n > most {
		return 0, 0, IllegalValue
	}
	if int(at)+n > 1<<16 {
		return 0, 0, IllegalAddress
	}
	return at, n, 0
}

func (s *scratch) read(u Unit, fc byte, body, out []byte) ([]byte, Exception) {
	if len(body) != 4 {
		return out, IllegalValue
	}
	if fc <= 2 {
		at, n, exc := place(body, len(s.bits))
		if exc != 0 {
			return out, exc
		}
		bits := s.bits[:n]
		clear(bits)
		if exc = u.ReadBits(Table(fc-1), at, bits); exc != 0 {
			return out, exc
		}
		return packBits(append(out, byte((n+7)/8)), bits), 0
	}
	at, n, exc := place(body, len(s.words))
	if exc != 0 {
		return out, exc
	}
	words, table := s.words[:n], Holdings
	clear(words)
	if fc == 4 {
		table = Inputs
	}
	if exc = u.ReadWords(table, at, words); exc != 0 {
		return out, exc
	}
	out = append(out, byte(2*n))
	for _, w := range words {
		out = binary.BigEndian.AppendUint16(out, w)
	}
	return out, 0
}

func (s *scratch) writeOne(u Unit, fc byte, body, out []byte) ([]byte, Exception) {
	if len(body) != 4 {
		return out, IllegalValue
	}
	at, v := binary.BigEndian.Uint16(body), binary.BigEndian.Uint16(body[2:])
	exc := IllegalValue
	switch {
	case fc == 6:
		s.words[0] = v
		exc = u.WriteWords(at, s.words[:1])
	case v == 0xFF00 || v == 0:
		s.bits[0] = v != 0
		exc = u.WriteBits(at, s.bits[:1])
	}
	return append(out, body...), exc
}

func (s *scratch) writeMany(u Unit, fc byte, body, out []byte) ([]byte, Exception) {
	most := 1968
	if fc == 16 {
		most = 123
	}
	at, n, exc := place(body, most)
	if exc != 0 {
		return out, exc
	}
	size := 2 * n
	if fc == 15 {
		size = (n + 7) / 8
	}
	if len(body) != 5+size || int(body[4]) != size {
		return out, IllegalValue
	}
	data := body[5:]
	if fc == 15 {
		for i := range n {
			s.bits[i] = data[i/8]>>(i%8)&1 == 1
		}
		exc = u.WriteBits(at, s.bits[:n])
	} else {
		for i := range n {
			s.words[i] = binary.BigEndian.Uint16(data[2*i:])
		}
		exc = u.WriteWords(at, s.words[:n])
	}
	return append(out, body[:4]...), exc
}

func packBits(out []byte, bits []bool) []byte {
	for i, b := range bits {
		if i%8 == 0 {
			out = append(out, 0)
		}
		if b {
			out[len(out)-1] |= 1 << (i % 8)
		}
	}
	return out
}

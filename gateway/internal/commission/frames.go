package commission

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// withoutEcho takes the request away where the adapter heard itself.
func withoutEcho(request, got []byte) (rest []byte, echo bool) {
	if at := bytes.Index(got, request); at >= 0 && len(request) > 0 {
		return slices.Concat(got[:at], got[at+len(request):]), true
	}
	return got, false
}

// modbusRead is a request for registers or bits. One holding register at 0 is the shortest question that nearly every Modbus device
// answers, were it with a refusal.
func modbusRead(unit byte, q question) []byte {
	b := []byte{unit, q.function, byte(q.at >> 8), byte(q.at), 0, q.count}
	return binary.LittleEndian.AppendUint16(b, crc16(b, 0xA001, 0xFFFF))
}

// A question is a read that a Modbus unit is asked for.
type question struct {
	function, count byte
	at              uint16
}

// first is what every unit is asked; second what a silent one is, for devices that say nothing about registers that they do not have.
func first() question  { return question{function: 3, count: 1} }
func second() question { return question{function: 4, count: 1} }

// mostData is the longest value that is asked for, in bytes.
const mostData = 8

// modbusFrame finds the first whole answer to a read of one value and what it takes; size 0: none.
func modbusFrame(b []byte) (at, size int) {
	for at := 0; at+shortest <= len(b); at++ {
		n := 0
		switch {
		case b[at+1]&0x80 != 0:
			n = shortest
		case b[at+1] >= 1 && b[at+1] <= 4 && b[at+2] >= 1 && b[at+2] <= mostData:
			n = shortest + int(b[at+2])
		}
		if n == 0 || at+n > len(b) {
			continue
		}
		if f := b[at : at+n]; crc16(f[:n-2], 0xA001, 0xFFFF) == binary.LittleEndian.Uint16(f[n-2:]) {
			return at, n
		}
	}
	return 0, 0
}

// crc16 is a checksum with the lowest bit first, as Modbus and others have it.
func crc16(b []byte, poly, sum uint16) uint16 {
	for _, x := range b {
		sum ^= uint16(x)
		for range 8 {
			low := sum & 1
			if sum >>= 1; low != 0 {
				sum ^= poly
			}
		}
	}
	return sum
}

// preamble wakes a meter's receiver, four times.
const preamble = 0xFE

func meterFrame() []byte { return []byte{preamble, preamble, preamble, preamble, 0x68} }

// dlt645Ask asks for the number of the meters that a number with wildcards ("AAAAAAAAAA12") means: all of them by the standard's own
// request, some of them by reading the number as data, which knows shortened numbers.
func dlt645Ask(number string) []byte {
	b := meterFrame()
	for i := 5; i >= 0; i-- {
		b = append(b, bcd(number[2*i], number[2*i+1]))
	}
	if strings.Trim(number, "A") == "" {
		b = append(b, 0x68, 0x13, 0)
	} else {
		b = append(b, 0x68, 0x11, 4, 0x01+0x33, 0x04+0x33, 0x00+0x33, 0x04+0x33)
	}
	return append(b, sum8(b[4:]), 0x16)
}

// bcd makes a byte of two digits, of which both may be A.
func bcd(high, low byte) byte {
	digit := func(c byte) byte {
		if c == 'A' {
			return 0xA
		}
		return c - '0'
	}
	return digit(high)<<4 | digit(low)
}

func sum8(b []byte) (s byte) {
	for _, x := range b {
		s += x
	}
	return s
}

// A meterReply is a frame of a meter.
type meterReply struct {
	number  string
	kind    byte // CJ/T 188: type of meter
	control byte
}

// dlt645Frame finds the first whole reply of a meter; size 0: none.
func dlt645Frame(b []byte) (r meterReply, at, size int) {
	for at := 0; at+12 <= len(b); at++ {
		f := b[at:]
		n := 12 + int(f[9])
		if f[0] != 0x68 || f[7] != 0x68 || n > len(f) || f[n-1] != 0x16 || sum8(f[:n-2]) != f[n-2] || f[8]&0x80 == 0 {
			continue
		}
		return meterReply{number: backwards(f[1:7]), control: f[8]}, at, n
	}
	return meterReply{}, 0, 0
}

// cjt188Ask asks every meter of a type (0xAA: any) for its number.
func cjt188Ask(kind byte) []byte {
	b := append(meterFrame(), kind)
	for range 7 { // number: any
		b = append(b, 0xAA)
	}
	b = append(b, 0x03, 3, 0x0A, 0x81, 0)
	return append(b, sum8(b[4:]), 0x16)
}

// cjt188Frame finds the first whole reply of a meter; size 0: none.
func cjt188Frame(b []byte) (r meterReply, at, size int) {
	for at := 0; at+13 <= len(b); at++ {
		f := b[at:]
		n := 13 + int(f[10])
		if f[0] != 0x68 || n > len(f) || f[n-1] != 0x16 || sum8(f[:n-2]) != f[n-2] || f[9]&0x80 == 0 {
			continue
		}
		return meterReply{number: backwards(f[2:9]), kind: f[1], control: f[9]}, at, n
	}
	return meterReply{}, 0, 0
}

// backwards writes bytes of two digits as they are printed on a meter.
func backwards(b []byte) string {
	var s strings.Builder
	for i := len(b) - 1; i >= 0; i-- {
		fmt.Fprintf(&s, "%02X", b[i])
	}
	return s.String()
}

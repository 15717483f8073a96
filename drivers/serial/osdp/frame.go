package osdp

import (
	"encoding/binary"
	"fmt"
)

// Bytes of a frame (SIA OSDP v2.2 §5.9): an optional mark, then start, address, length, control, an optional security block,
// code, data, an optional four bytes of MAC, and CRC or checksum. The length counts all but the mark.
const (
	mark  = 0xFF
	start = 0x53

	replyFlag = 0x80 // in the address: a peripheral speaks
	anyone    = 0x7F // the address that everybody hears

	controlSequence = 0x03
	controlCRC      = 0x04
	controlSecure   = 0x08
	controlUnused   = 0xF0

	headBytes = 5
	crcBytes  = 2
	macBytes  = 4
	// leastFrame is a head, a code and a checksum.
	leastFrame = headBytes + 1 + 1
	// mostFrame is the longest frame that is taken for one; peripherals keep to 256 unless they are told otherwise.
	mostFrame = 512
)

// A frame is one message, checked for length and check bytes and for nothing else.
type frame struct {
	address  byte // with replyFlag when a peripheral speaks
	control  byte
	security []byte // its type and data, without its length; nil when there is no block
	code     byte
	data     []byte // behind the code, still encrypted if it was
	mac      []byte // four bytes, when the security block's type has them
	signed   []byte // what a MAC covers: everything from start to the data
}

func (f frame) sequence() byte { return f.control & controlSequence }

// appendFrame appends a message to b, mark first. finish may append what belongs between the data and the check bytes: it gets the
// frame from its start on, with the length already counting extra bytes.
func appendFrame(b []byte, f frame, extra int, finish func(signed []byte) []byte) []byte {
	b = append(b, mark)
	from := len(b)
	size := headBytes + 1 + len(f.data) + extra + 1
	if f.security != nil {
		size += 1 + len(f.security)
	}
	if f.control&controlCRC != 0 {
		size++
	}
	b = append(b, start, f.address, byte(size), byte(size>>8), f.control)
	if f.security != nil {
		b = append(b, byte(len(f.security)+1))
		b = append(b, f.security...)
	}
	b = append(b, f.code)
	b = append(b, f.data...)
	if finish != nil {
		b = append(b, finish(b[from:])...)
	}
	if f.control&controlCRC == 0 {
		return append(b, checksum(b[from:]))
	}
	return binary.LittleEndian.AppendUint16(b, crc16(b[from:]))
}

// crc16 is CRC-16/AUG-CCITT: polynomial 1021, beginning with 1D0F.
func crc16(b []byte) uint16 {
	crc := uint16(0x1D0F)
	for _, x := range b {
		crc ^= uint16(x) << 8
		for range 8 {
			if carry := crc & 0x8000; carry != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return crc
}

// checksum makes the sum of all bytes of a frame zero.
func checksum(b []byte) byte {
	var sum byte
	for _, x := range b {
		sum -= x
	}
	return sum
}

// sight is what stands at the beginning of what came in.
type sight int

const (
	noise   sight = iota // not the beginning of a frame
	partial              // a frame of which bytes are missing
	broken               // looked like a frame, and its check bytes are wrong
	whole
)

// look judges the bytes at the beginning of b. size is how many of them belong together. What claims to be a frame is never searched
// for another one inside: a card's number may look like a frame.
func look(b []byte) (f frame, size int, s sight) {
	if len(b) == 0 || b[0] != start {
		return frame{}, 1, noise
	}
	if len(b) < headBytes {
		return frame{}, len(b), partial
	}
	size = int(b[2]) | int(b[3])<<8
	if size < leastFrame || size > mostFrame || b[4]&controlUnused != 0 {
		return frame{}, 1, noise
	}
	if len(b) < size {
		return frame{}, len(b), partial
	}
	f, err := parseFrame(b[:size])
	if err != nil {
		return frame{}, size, broken
	}
	return f, size, whole
}

// parseFrame takes one frame apart, from start to its check bytes.
func parseFrame(b []byte) (f frame, err error) {
	f.address, f.control = b[1], b[4]
	end := len(b) - 1
	if f.control&controlCRC != 0 {
		end--
		if binary.LittleEndian.Uint16(b[end:]) != crc16(b[:end]) {
			return f, fmt.Errorf("check frame of %d bytes: wrong CRC", len(b))
		}
	} else if b[end] != checksum(b[:end]) {
		return f, fmt.Errorf("check frame of %d bytes: wrong checksum", len(b))
	}
	at := headBytes
	if f.control&controlSecure != 0 {
		n := int(b[at])
		if n < 2 || at+n >= end {
			return f, fmt.Errorf("check frame of %d bytes: a security block of %d bytes", len(b), n)
		}
		f.security, at = b[at+1:at+n], at+n
	}
	if f.authentic() {
		end -= macBytes
		f.mac = b[end : end+macBytes]
	}
	if at >= end {
		return f, fmt.Errorf("check frame of %d bytes: no code", len(b))
	}
	f.code, f.data, f.signed = b[at], b[at+1:end], b[:end]
	return f, nil
}

// authentic says whether a frame ends with a MAC.
func (f frame) authentic() bool { return f.security != nil && f.security[0] >= macCommand }

// secret says whether a frame's data is encrypted.
func (f frame) secret() bool {
	return f.security != nil && (f.security[0] == secretCommand || f.security[0] == secretReply)
}

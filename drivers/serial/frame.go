package serial

import (
	"encoding/binary"
	"fmt"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// Bytes of DL/T 645-2007.
const (
	preamble  = 0xFE // wakes the receiver, any number before a frame
	startByte = 0x68
	endByte   = 0x16
	offset    = 0x33 // is added to every byte of data
	wildcard  = 0xAA // stands for any two digits of an address

	controlRead  = 0x11
	controlReply = 0x80
	controlError = 0x40
	controlMore  = 0x20

	errorNoData   = 1 << 1
	errorPassword = 1 << 2

	// start, address, start, control, length; then data; then checksum and end
	frameHead = 10
	frameTail = 2
)

// A meterAddress is a meter's number, the last two digits first, as on the wire.
type meterAddress [6]byte

// matches says whether the meter a may answer what was sent to want.
func (want meterAddress) matches(a meterAddress) bool {
	for i := range want {
		if want[i] != wildcard && want[i] != a[i] {
			return false
		}
	}
	return true
}

func (want meterAddress) String() string {
	return fmt.Sprintf("%02X%02X%02X%02X%02X%02X", want[5], want[4], want[3], want[2], want[1], want[0])
}

// id is the address as a number, for the line's book of late answers.
func (want meterAddress) id() uint64 {
	var b [8]byte
	copy(b[:], want[:])
	return binary.LittleEndian.Uint64(b[:])
}

// A frame is one message, its data without the offset.
type frame struct {
	address meterAddress
	control byte
	data    []byte
}

// appendRead appends the request for one data identifier to b.
func appendRead(b []byte, to meterAddress, di uint32) []byte {
	b = append(b, preamble, preamble, preamble, preamble)
	start := len(b)
	b = append(b, startByte)
	b = append(b, to[:]...)
	b = append(b, startByte, controlRead, 4)
	b = binary.LittleEndian.AppendUint32(b, di)
	for i := len(b) - 4; i < len(b); i++ {
		b[i] += offset
	}
	return append(b, checksum(b[start:]), endByte)
}

// nextFrame finds the first whole frame and answers how many bytes it and what stands before it take; 0 when there is none.
// The data is unpacked into buf.
func nextFrame(got, buf []byte) (f frame, used int) {
	for at := 0; at+frameHead+frameTail <= len(got); at++ {
		b := got[at:]
		size := frameHead + int(b[9]) + frameTail
		if b[0] != startByte || b[7] != startByte || size > len(b) || b[size-1] != endByte || b[size-2] != checksum(b[:size-2]) {
			continue
		}
		f.address, f.control = meterAddress(b[1:7]), b[8]
		f.data = buf[:0]
		for _, x := range b[frameHead : size-frameTail] {
			f.data = append(f.data, x-offset)
		}
		return f, at + size
	}
	return frame{}, 0
}

func checksum(b []byte) byte {
	var sum byte
	for _, x := range b {
		sum += x
	}
	return sum
}

// judge says what a reply of the right meter to a read of di means: its value bytes, or a fault. A reply with another
// data identifier is late, and neither.
func (f frame) judge(di uint32) (value []byte, err error) {
	switch f.control {
	case controlRead | controlReply:
		if len(f.data) < 4 {
			return nil, &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("a reply of %d bytes", len(f.data))}
		}
		if binary.LittleEndian.Uint32(f.data) != di {
			return nil, nil
		}
		return f.data[4:], nil
	case controlRead | controlReply | controlMore:
		return nil, &line.Fault{Reason: device.Unsupported, Detail: "the value continues in further frames"}
	case controlRead | controlReply | controlError:
		return nil, f.refusal()
	}
	return nil, nil
}

func (f frame) refusal() error {
	fault := &line.Fault{Reason: device.Refused, Detail: fmt.Sprintf("the meter refuses: % x", f.data)}
	switch {
	case len(f.data) != 1:
		fault.Reason = device.Corrupt
	case f.data[0]&errorNoData != 0:
		fault.Reason = device.NoSuchPoint
	case f.data[0]&errorPassword != 0:
		fault.Reason = device.AuthFailed
	}
	return fault
}

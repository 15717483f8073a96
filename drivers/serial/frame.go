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
	controlNext  = 0x12 // the next frame of a long value
	controlRelay = 0x1C
	controlReply = 0x80
	controlError = 0x40
	controlMore  = 0x20

	errorNoData   = 1 << 1
	errorPassword = 1 << 2

	// start, address, start, control, length; then data; then checksum and end
	frameHead = 10
	frameTail = 2
)

// A frame is one message, its data without the offset.
type frame struct {
	address meterAddress
	control byte
	data    []byte
}

// appendFrame appends a request with its data to b.
func appendFrame(b []byte, to meterAddress, control byte, data ...byte) []byte {
	b = append(b, preamble, preamble, preamble, preamble)
	start := len(b)
	b = append(b, startByte)
	b = append(b, to[:]...)
	b = append(b, startByte, control, byte(len(data)))
	for _, x := range data {
		b = append(b, x+offset)
	}
	return append(b, checksum(b[start:]), endByte)
}

// appendRead appends the request for one data identifier to b, or for the frame seq of its value, from 1.
func appendRead(b []byte, to meterAddress, di uint32, seq byte) []byte {
	var data [5]byte
	binary.LittleEndian.PutUint32(data[:], di)
	if seq == 0 {
		return appendFrame(b, to, controlRead, data[:4]...)
	}
	data[4] = seq
	return appendFrame(b, to, controlNext, data[:]...)
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

// judge says what a reply of the right meter to the read of di, frame seq, means: value bytes, or a fault; more says that
// another frame follows. A reply with another data identifier or frame number is late, and neither.
func (f frame) judge(di uint32, seq byte) (value []byte, more bool, err error) {
	asked, tail := byte(controlRead), 0
	if seq > 0 {
		asked, tail = controlNext, 1 // the frame's number stands last
	}
	switch f.control {
	case asked | controlReply, asked | controlReply | controlMore:
		if len(f.data) < 4+tail {
			return nil, false, &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("a reply of %d bytes", len(f.data))}
		}
		end := len(f.data) - tail
		if binary.LittleEndian.Uint32(f.data) != di || tail > 0 && f.data[end] != seq {
			return nil, false, nil
		}
		return f.data[4:end], f.control&controlMore != 0, nil
	case asked | controlReply | controlError:
		return nil, false, f.refusal()
	}
	return nil, false, nil
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

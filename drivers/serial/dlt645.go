package serial

import (
	"encoding/binary"
	"errors"
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
	controlError = 0x40
	controlMore  = 0x20

	errorNoData   = 1 << 1
	errorPassword = 1 << 2

	// start, address, start, control, length; then data; then checksum and end
	frameHead = 10
	frameTail = 2
)

// dlt645 implements dialect.
type dlt645 struct{}

func (dlt645) parse(p device.Point) (t target, err error) {
	if t.format, err = parseFormat(p.Register.Type); err != nil {
		return t, err
	}
	number, _ := cutKey(p.Address)
	if number == "999999999999" {
		return t, errors.New("meter number 999999999999 is the broadcast: no meter answers it")
	}
	return t, t.address.digits(number, 6)
}

func (dlt645) overhead() int { return frameHead + 4 + frameTail }

func (dlt645) name(di uint32) string {
	return fmt.Sprintf("%02X %02X %02X %02X", di>>24, di>>16&0xFF, di>>8&0xFF, di&0xFF)
}

// appendFrame appends a request with its data to b.
func appendFrame(b []byte, to meterAddress, control byte, data ...byte) []byte {
	b = append(b, preamble, preamble, preamble, preamble)
	start := len(b)
	b = append(b, startByte)
	b = append(b, to[:6]...)
	b = append(b, startByte, control, byte(len(data)))
	for _, x := range data {
		b = append(b, x+offset)
	}
	return append(b, checksum(b[start:]), endByte)
}

func (dlt645) appendRead(b []byte, to meterAddress, di uint32, seq byte) []byte {
	var data [5]byte
	binary.LittleEndian.PutUint32(data[:], di)
	if seq == 0 {
		return appendFrame(b, to, controlRead, data[:4]...)
	}
	data[4] = seq
	return appendFrame(b, to, controlNext, data[:]...)
}

func (dlt645) nextFrame(got, buf []byte) (f frame, used int) {
	for at := 0; at+frameHead+frameTail <= len(got); at++ {
		b := got[at:]
		size := frameHead + int(b[9]) + frameTail
		if b[0] != startByte || b[7] != startByte || size > len(b) || b[size-1] != endByte || b[size-2] != checksum(b[:size-2]) {
			continue
		}
		f.control = b[8]
		copy(f.address[:], b[1:7])
		f.data = buf[:0]
		for _, x := range b[frameHead : size-frameTail] {
			f.data = append(f.data, x-offset)
		}
		return f, at + size
	}
	return frame{}, 0
}

func (dlt645) judge(f frame, di uint32, seq byte) (value []byte, more bool, err error) {
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
		return nil, false, refusal645(f)
	}
	return nil, false, nil
}

func refusal645(f frame) error {
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

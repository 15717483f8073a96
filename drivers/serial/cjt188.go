package serial

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// Bytes of CJ/T 188 (2004 and 2018, whose frame is the same). Data goes out as it is, the identifier's low byte first.
const (
	gasRead  = 0x01
	gasWrite = 0x04
	gasError = 0x40

	meterData    = 0x901F // its last two bytes are the status: bit 0 is 1 when the valve is closed
	valveControl = 0xA017
	valveClosed  = 0x99

	// start, type, address, control, length; behind the data checksum and end
	gasHead = 11
	// identifier and serial number of the exchange, before the value
	gasPrefix = 3
)

// cjt188 implements dialect. A point's space says what kind of meter it is, its address is the identifier.
type cjt188 struct{}

// gasTypes are the meters' types by their names in profiles; that of heat is not verified.
func gasTypes() map[string]byte {
	return map[string]byte{"water": 0x10, "heat": 0x20, "gas": 0x30, "electricity": 0x40}
}

func (cjt188) parse(p device.Point) (t target, err error) {
	kind, known := gasTypes()[p.Register.Space]
	if !known {
		return t, fmt.Errorf("there is no meter of type %q: water, heat, gas or electricity", p.Register.Space)
	}
	if t.format, err = parseFormat(p.Register.Type); err != nil {
		return t, err
	}
	t.address[7] = kind
	return t, t.address.digits(p.Address, 7)
}

func (cjt188) overhead() int { return gasHead + gasPrefix + frameTail }

func (cjt188) name(di uint32) string { return fmt.Sprintf("%02X %02X", di>>8&0xFF, di&0xFF) }

func appendCJT(b []byte, to meterAddress, control byte, data ...byte) []byte {
	b = append(b, preamble, preamble, preamble, preamble)
	start := len(b)
	b = append(b, startByte, to[7])
	b = append(b, to[:7]...)
	b = append(b, control, byte(len(data)))
	b = append(b, data...)
	return append(b, checksum(b[start:]), endByte)
}

// appendRead asks with serial number 0: answers are told apart by their identifier. There is never a second frame.
func (cjt188) appendRead(b []byte, to meterAddress, di uint32, _ byte) []byte {
	return appendCJT(b, to, gasRead, byte(di), byte(di>>8), 0)
}

func (cjt188) nextFrame(got, buf []byte) (f frame, used int) {
	for at := 0; at+gasHead+frameTail <= len(got); at++ {
		b := got[at:]
		size := gasHead + int(b[10]) + frameTail
		if b[0] != startByte || size > len(b) || b[size-1] != endByte || b[size-2] != checksum(b[:size-2]) {
			continue
		}
		copy(f.address[:], b[2:9])
		f.address[7], f.control = b[1], b[9]
		f.data = append(buf[:0], b[gasHead:size-frameTail]...)
		return f, at + size
	}
	return frame{}, 0
}

func (cjt188) judge(f frame, di uint32, _ byte) (value []byte, more bool, err error) {
	switch f.control {
	case gasRead | controlReply:
		if len(f.data) < gasPrefix {
			return nil, false, &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("a reply of %d bytes", len(f.data))}
		}
		if uint32(f.data[0])|uint32(f.data[1])<<8 != di {
			return nil, false, nil
		}
		return f.data[gasPrefix:], false, nil
	case gasRead | controlReply | gasError:
		return nil, false, refusal188(device.NoSuchPoint, f) // reading needs no permission: what else could be wrong
	}
	return nil, false, nil
}

func refusal188(why device.Reason, f frame) error {
	return &line.Fault{Reason: why, Detail: fmt.Sprintf("the meter refuses: % x", f.data)}
}

// isValve says whether a point is a meter's valve, and nothing but closing it is allowed: a gas valve is opened by hand, on site.
func isValve(p device.Point) bool {
	f, err := parseFormat(p.Register.Type)
	if err != nil || p.Register.Addr != meterData || f.bit < 0 {
		return false
	}
	return !slices.ContainsFunc(p.Writable, func(v float64) bool { return v != 0 })
}

// command closes the valve. Meters that want a password or encryption refuse it.
func (cjt188) command(p device.Point, t target, v float64, _ time.Time) ([]byte, error) {
	if !isValve(p) || v != 0 {
		return nil, fmt.Errorf("of a CJ/T 188 meter only the valve can be written, and only closed: %w", errors.ErrUnsupported)
	}
	return appendCJT(nil, t.address, gasWrite, valveControl&0xFF, valveControl>>8, 0, valveClosed), nil
}

func (cjt188) refusal(f frame) error {
	switch {
	case f.control == gasWrite|controlReply|gasError:
		return refusal188(device.Refused, f)
	case f.control == gasWrite|controlReply && len(f.data) >= 2 && uint32(f.data[0])|uint32(f.data[1])<<8 == valveControl:
		return nil
	}
	return errNotMine
}

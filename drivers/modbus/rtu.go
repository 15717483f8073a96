package modbus

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/goburrow/modbus"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// rtuOverhead is unit and checksum around a PDU.
const rtuOverhead = 3

// echoing says whether a line's adapter hears itself: some RS-485 adapters deliver every request back.
type echoing uint8

const (
	echoUnknown echoing = iota
	echoAbsent
	echoPresent
)

// echoGone is how many answers in a row come without an echo until a line that had one is taken for mended: a single
// echo may be lost, and then the next one must not confirm a write.
const echoGone = 3

// rtuLink is a serial line that speaks Modbus RTU.
type rtuLink struct {
	port    *line.Port
	unit    byte
	rest    time.Duration // that the unit needs between two requests
	pdu     modbus.ProtocolDataUnit
	request []byte // the frame that is being answered
	echo    echoing
	without int // answers in a row that came with no echo, on a line that has one
}

func newRTULink(port *line.Port) *rtuLink {
	return &rtuLink{port: port, request: make([]byte, 0, 256)}
}

func (l *rtuLink) address(unit byte, rest time.Duration) { l.unit, l.rest = unit, rest }

// sureOfWrites: the answer to a write equals its request, so an echo would pass for a confirmation.
func (l *rtuLink) sureOfWrites() bool { return l.echo != echoUnknown }

func (l *rtuLink) Close() error { return l.port.Close() }

func (l *rtuLink) send(ctx context.Context, frame []byte) ([]byte, error) {
	expect := answerSize(frame[1:]) + rtuOverhead
	if l.echo == echoPresent {
		expect += len(frame)
	}
	return l.port.Exchange(ctx, line.Request{Frame: frame, To: uint64(l.unit), Expect: expect, Whole: frame[1] > readInput, Rest: l.rest}, l)
}

// Encode implements modbus.Packager. The frame is good until the next one.
func (l *rtuLink) Encode(pdu *modbus.ProtocolDataUnit) ([]byte, error) {
	l.request = append(append(l.request[:0], l.unit, pdu.FunctionCode), pdu.Data...)
	sum := crc(l.request)
	l.request = append(l.request, byte(sum), byte(sum>>8))
	return l.request, nil
}

// Verify implements modbus.Packager. Scan has verified everything.
func (l *rtuLink) Verify(_, _ []byte) error { return nil }

// Decode implements modbus.Packager.
func (l *rtuLink) Decode(frame []byte) (*modbus.ProtocolDataUnit, error) {
	l.pdu.FunctionCode, l.pdu.Data = frame[1], frame[2:len(frame)-2]
	return &l.pdu, nil
}

// Scan implements line.Scanner.
func (l *rtuLink) Scan(got []byte, over bool) ([]byte, error) {
	read := l.request[1] <= readInput
	echoed := false
	if l.echo == echoPresent || read {
		if at := bytes.Index(got, l.request); at >= 0 { // noise may stand before it
			l.echo, l.without, echoed = echoPresent, 0, true
			got = got[at+len(l.request):]
		} else if l.echo == echoPresent && !read {
			return nil, noEcho(got, over)
		}
	}
	answer, at, err := scanRTU(l.request, got, over)
	// A stray byte or two before the answer is no echo, not even half of one; more could be a damaged one.
	if answer != nil && !echoed && at < len(l.request)/2 {
		if l.without++; l.echo == echoUnknown || l.without >= echoGone {
			l.echo = echoAbsent
		}
	}
	return answer, err
}

// noEcho is what came in for a write on a line that echoes, while no echo was in it: what looks like the answer may yet
// be the echo, so nothing is taken for a confirmation.
func noEcho(got []byte, over bool) error {
	if !over || len(got) == 0 {
		return nil
	}
	return &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("%d bytes without the line's echo", len(got))}
}

// scanRTU finds the answer to a request. Noise and the late answers of other units before it are skipped. A whole frame
// of the same unit that is no answer to this request is a fault at once; anything else only when the wait is over.
func scanRTU(request, got []byte, over bool) (answer []byte, at int, err error) {
	foreign := 0 // bytes that belong to whole frames of other units
	for at := 0; at+minRTU <= len(got); at++ {
		frame := wholeFrame(request, got[at:])
		if frame == nil {
			continue
		}
		if frame[0] != request[0] {
			foreign += len(frame)
			at += len(frame) - 1
			continue
		}
		if err := checkAnswer(request[1:len(request)-2], frame[1:len(frame)-2]); err != nil {
			return nil, at, err
		}
		return frame, at, nil
	}
	if !over || len(got) == 0 {
		return nil, 0, nil
	}
	return nil, 0, judgeRTU(request, got, foreign)
}

// judgeRTU names what came in when no answer was in it.
func judgeRTU(request, got []byte, foreign int) error {
	if bytes.HasSuffix(got, request) && len(got) == len(request) {
		return nil // an echo, and silence behind it
	}
	if foreign == len(got) {
		return nil // somebody else's late answer, and silence behind it
	}
	if foreign > 0 {
		return mismatch("an answer of another unit and %d other bytes", len(got)-foreign)
	}
	return &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("%d bytes that are no answer", len(got))}
}

// minRTU is the shortest frame there is: an exception.
const minRTU = 5

// wholeFrame is the frame that begins at the first byte, nil when none does or it is not complete. Its length is told by
// its own function code and byte count, its end by its checksum.
func wholeFrame(request, b []byte) []byte {
	size := 0
	switch fn := b[1]; {
	case fn == request[1]|exceptionFlag, fn&exceptionFlag != 0 && b[0] != request[0]:
		size = 5
	case fn >= readCoils && fn <= readInput:
		size = rtuOverhead + 2 + int(b[2])
	case fn == writeCoil, fn == writeRegister, fn == writeRegisters:
		size = 8
	}
	if size == 0 || size > len(b) || !sumOK(b[:size]) {
		return nil
	}
	return b[:size]
}

func sumOK(frame []byte) bool {
	n := len(frame) - 2
	return crc(frame[:n]) == uint16(frame[n])|uint16(frame[n+1])<<8
}

// crc is the checksum of Modbus RTU.
func crc(b []byte) uint16 {
	sum := uint16(0xFFFF)
	for _, x := range b {
		sum ^= uint16(x)
		for range 8 {
			low := sum & 1
			sum >>= 1
			if low != 0 {
				sum ^= 0xA001
			}
		}
	}
	return sum
}

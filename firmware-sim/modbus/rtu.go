package modbus

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
)

// A Port is an open serial port.
type Port interface {
	io.ReadWriter
	SetReadDeadline(t time.Time) error
}

// An RTU is the set of slaves on a serial line.
type RTU struct {
	bank    *Bank
	journal *Journal
}

// NewRTU makes the slaves of a line; the journal may be nil.
func NewRTU(b *Bank, j *Journal) *RTU { return &RTU{b, j} }

// Silences on the line. A slave takes a frame as ended after 3.5 characters, 4 ms at 9600 baud; schedulers need more room.
const (
	frameGap  = 20 * time.Millisecond // between two bytes of a frame
	resyncGap = 10 * time.Millisecond // before the next frame after a damaged one
)

// Talk answers on an open port until that is gone.
func (r *RTU) Talk(port Port) {
	courier := fault.NewCourier(port)
	defer courier.Close()
	var s scratch
	in := receiver{port: port}
	out := make([]byte, 0, 256)
	for {
		req, err := in.frame()
		if err != nil {
			return
		}
		var verdict fault.Verdict
		out, verdict = r.answer(&s, req, out[:0])
		if verdict.Drop || len(out) == 0 {
			continue
		}
		if courier.Send(out, verdict.Delay) != nil {
			return
		}
	}
}

// Answer is the frame that the slaves send to a request; nil for rubbish, a broadcast or a unit that is not here, and while a fault
// keeps it quiet. Late is for lines of their own.
func (r *RTU) Answer(request []byte) []byte {
	if !good(request) {
		return nil
	}
	var s scratch
	out, verdict := r.answer(&s, request, nil)
	if verdict.Drop || len(out) == 0 {
		return nil
	}
	return out
}

// answer appends the whole response frame; empty for a broadcast or a unit that is not here.
func (r *RTU) answer(s *scratch, req, out []byte) ([]byte, fault.Verdict) {
	if req[0] == 0 {
		r.broadcast(s, req)
		return out, fault.Verdict{}
	}
	at := &r.bank.slots[req[0]]
	if at.unit == nil {
		return out, fault.Verdict{}
	}
	verdict := fault.Judge(at.faults)
	if verdict.Drop {
		return out, verdict
	}
	pdu := req[1 : len(req)-2]
	out = s.answer(at.unit, pdu, append(out, req[0]))
	if verdict.WrongUnit {
		out[0]++
	}
	out = binary.LittleEndian.AppendUint16(out, CRC(out))
	verdict.Damage(out)
	if r.journal != nil && verdict == (fault.Verdict{}) && out[1] < 0x80 {
		r.journal.served(at.name, req[0], pdu, s)
	}
	return out, verdict
}

func (r *RTU) broadcast(s *scratch, req []byte) {
	var ignored [256]byte
	for _, at := range r.bank.slots {
		if at.unit != nil && req[1] > 4 {
			s.answer(at.unit, req[1:len(req)-2], ignored[:0])
		}
	}
}

// A receiver cuts the bytes of a line into frames with a good checksum.
type receiver struct {
	port Port
	buf  [512]byte
	n    int // bytes in buf
	used int // bytes of the last frame, still at the front
}

// frame answers the next frame; it is good until the next call. The error says that the port is gone.
func (in *receiver) frame() ([]byte, error) {
	in.n = copy(in.buf[:], in.buf[in.used:in.n])
	in.used = 0
	for {
		size := requestSize(in.buf[:in.n])
		if size > 0 && in.n >= size {
			if good(in.buf[:size]) {
				in.used = size
				return in.buf[:size], nil
			}
			if err := in.resync(); err != nil {
				return nil, err
			}
			continue
		}
		quiet, err := in.more()
		switch {
		case err != nil:
			return nil, err
		case quiet && in.n >= 4 && good(in.buf[:in.n]):
			// A function this slave cannot measure, but a whole frame.
			in.used = in.n
			return in.buf[:in.n], nil
		case quiet || in.n == len(in.buf):
			in.n = 0
		}
	}
}

// more reads on; quiet means that the line fell silent inside a frame.
func (in *receiver) more() (quiet bool, err error) {
	deadline := time.Time{}
	if in.n > 0 {
		deadline = time.Now().Add(frameGap)
	}
	if err := in.port.SetReadDeadline(deadline); err != nil {
		return false, err
	}
	k, err := in.port.Read(in.buf[in.n:])
	in.n += k
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return true, nil
	}
	return false, err
}

// resync throws away what comes until the line is silent: the only sure end of a damaged frame.
func (in *receiver) resync() error {
	in.n = 0
	for {
		if err := in.port.SetReadDeadline(time.Now().Add(resyncGap)); err != nil {
			return err
		}
		_, err := in.port.Read(in.buf[:])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// requestSize is the length of the request frame that begins with b; 0 while unknown or for a function with no known length.
func requestSize(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case 1, 2, 3, 4, 5, 6:
		return 8
	case 15, 16:
		if len(b) >= 7 {
			return 9 + int(b[6])
		}
	}
	return 0
}

func good(frame []byte) bool {
	n := len(frame) - 2
	return n >= 2 && CRC(frame[:n]) == binary.LittleEndian.Uint16(frame[n:])
}

// CRC is Modbus's CRC-16: polynomial 0xA001, start 0xFFFF.
func CRC(b []byte) uint16 {
	crc := uint16(0xFFFF)
	for _, c := range b {
		crc ^= uint16(c)
		for range 8 {
			low := crc & 1
			crc >>= 1
			if low == 1 {
				crc ^= 0xA001
			}
		}
	}
	return crc
}

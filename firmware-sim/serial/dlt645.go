package serial

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"os"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
)

// Electric is what a single-phase meter measures.
type Electric struct {
	Voltage, Current, Power float64 // V, A, W
	Energy, Frequency       float64 // kWh, Hz
	PowerFactor             float64
}

// MeterConfig describes a DL/T 645-2007 meter.
type MeterConfig struct {
	Number  string          // 12 digits, as printed on the meter
	Measure func() Electric // asked for every answer
	Faults  *fault.Switches // may be nil
}

// A Meter answers read-address and read-data requests; other requests get an error answer.
type Meter struct {
	cfg  MeterConfig
	addr [6]byte // low byte first
}

// NewMeter checks the number; Talk serves.
func NewMeter(cfg MeterConfig) (*Meter, error) {
	b, err := hex.DecodeString(cfg.Number)
	if err != nil || len(b) != 6 {
		return nil, fmt.Errorf("DL/T 645 number %q: need 12 digits", cfg.Number)
	}
	m := &Meter{cfg: cfg}
	for i := range b {
		if b[i]>>4 > 9 || b[i]&15 > 9 {
			return nil, fmt.Errorf("DL/T 645 number %q: need 12 digits", cfg.Number)
		}
		m.addr[5-i] = b[i]
	}
	return m, nil
}

// quiet is how long a request may pause before what came of it is thrown away.
const quiet = 100 * time.Millisecond

// Talk answers on an open port for the meters on its line, until the port is gone.
func Talk(p Port, meters ...*Meter) {
	courier := fault.NewCourier(p)
	defer courier.Close()
	var buf []byte
	chunk := make([]byte, 256)
	for {
		deadline := time.Time{}
		if len(buf) > 0 {
			deadline = time.Now().Add(quiet)
		}
		if p.SetReadDeadline(deadline) != nil {
			return
		}
		n, err := p.Read(chunk)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			buf = buf[:0]
			continue
		}
		if err != nil {
			return
		}
		buf = append(buf, chunk[:n]...)
		for {
			req, used := ParseRequest(buf)
			buf = buf[used:]
			if req == nil {
				break
			}
			for _, m := range meters {
				if m.respond(courier, *req) != nil {
					return
				}
			}
		}
	}
}

func (m *Meter) respond(c *fault.Courier, req Request) error {
	answer := m.Answer(req)
	if answer == nil {
		return nil
	}
	verdict := m.cfg.Faults.Judge()
	if verdict.Drop {
		return nil
	}
	frame := append([]byte{0xFE, 0xFE, 0xFE, 0xFE}, answer...)
	if verdict.WrongUnit {
		frame[5]++
		frame[len(frame)-2]++
	}
	verdict.Damage(frame[4:])
	return c.Send(frame, verdict.Delay)
}

// Hear is what the meter sends to what a master said, with its preamble; nil when it was not meant.
func (m *Meter) Hear(said []byte) []byte {
	req, _ := ParseRequest(said)
	if req == nil || m.cfg.Faults.Judge().Drop {
		return nil
	}
	answer := m.Answer(*req)
	if answer == nil {
		return nil
	}
	return append([]byte{0xFE, 0xFE, 0xFE, 0xFE}, answer...)
}

// A Request is a frame from a master, with its data as meant (0x33 already taken off).
type Request struct {
	Addr    [6]byte // low byte first, 0xAA is a wildcard
	Control byte
	Data    []byte
}

// ParseRequest finds the first whole frame in b. used says how many bytes are dealt with: frame, preamble and rubbish.
// The request is nil when there is no whole frame yet.
func ParseRequest(b []byte) (req *Request, used int) {
	for used < len(b) {
		f := b[used:]
		switch {
		case f[0] != 0x68 || len(f) >= 8 && f[7] != 0x68:
			used++
			continue
		case len(f) < 10 || len(f) < 12+int(f[9]):
			return nil, used
		}
		n := 12 + int(f[9])
		if f[n-1] != 0x16 || sum(f[:n-2]) != f[n-2] {
			used++
			continue
		}
		req = &Request{Control: f[8], Data: make([]byte, f[9])}
		copy(req.Addr[:], f[1:7])
		for i := range req.Data {
			req.Data[i] = f[10+i] - 0x33
		}
		return req, used + n
	}
	return nil, used
}

// Control codes and error bits.
const (
	ctlRead     = 0x11
	ctlReadAddr = 0x13
	errOther    = 0x01
	errNoData   = 0x02
)

// Answer is the frame from the first 68 to the 16; nil when the request is not for this meter or wants no answer.
func (m *Meter) Answer(req Request) []byte {
	if !m.meant(req.Addr) {
		return nil
	}
	switch {
	case req.Control == ctlReadAddr && len(req.Data) == 0:
		return m.frame(0x93, m.addr[:])
	case req.Control == ctlRead && len(req.Data) >= 4:
		di := [4]byte(req.Data[:4])
		value, ok := m.value(uint32(di[3])<<24 | uint32(di[2])<<16 | uint32(di[1])<<8 | uint32(di[0]))
		if !ok {
			return m.frame(0xD1, []byte{errNoData})
		}
		return m.frame(0x91, append(di[:], value...))
	case req.Control&0x80 != 0:
		return nil // another meter's answer
	}
	return m.frame(req.Control|0xC0, []byte{errOther})
}

func (m *Meter) meant(addr [6]byte) bool {
	for i, a := range addr {
		if a != 0xAA && a != m.addr[i] {
			return false
		}
	}
	return true
}

func (m *Meter) frame(control byte, data []byte) []byte {
	f := append([]byte{0x68}, m.addr[:]...)
	f = append(f, 0x68, control, byte(len(data)))
	for _, d := range data {
		f = append(f, d+0x33)
	}
	return append(f, sum(f), 0x16)
}

// value encodes the quantity of a data identifier DI3…DI0, low byte first.
func (m *Meter) value(di uint32) ([]byte, bool) {
	e := m.cfg.Measure()
	switch di {
	case 0x02010100:
		return bcd(e.Voltage, 1, 2), true
	case 0x02020100:
		return bcd(e.Current, 3, 3), true
	case 0x02030000, 0x02030100:
		return bcd(e.Power/1000, 4, 3), true
	case 0x02060000, 0x02060100:
		return bcd(e.PowerFactor, 3, 2), true
	case 0x02800002:
		return bcd(e.Frequency, 2, 2), true
	case 0x00000000, 0x00010000:
		return bcd(e.Energy, 2, 4), true
	case 0x00020000:
		return bcd(0, 2, 4), true
	case 0x04000401:
		return m.addr[:], true
	}
	return nil, false
}

// bcd writes |v| with so many decimals into so many bytes of two digits, low byte first; the top bit is the sign.
func bcd(v float64, decimals, size int) []byte {
	n := uint64(math.Round(math.Abs(v) * math.Pow10(decimals)))
	out := make([]byte, size)
	for i := range out {
		out[i] = byte(n%10 | n/10%10<<4)
		n /= 100
	}
	if v < 0 {
		out[size-1] |= 0x80
	}
	return out
}

func sum(b []byte) (s byte) {
	for _, c := range b {
		s += c
	}
	return s
}

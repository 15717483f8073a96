package serial

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// meterLine implements device.Conn for DL/T 645.
type meterLine struct {
	port    *line.Port
	now     func() time.Time
	targets map[spot]target
	start   map[string]int // by meter number: which point is read first
	ask     question
}

// A spot is what a target is parsed from.
type spot struct {
	address, format string
	di              uint32
}

// A target is a point's place, parsed.
type target struct {
	address meterAddress
	format  format
	err     error // why it cannot be read
}

// Close implements device.Conn.
func (m *meterLine) Close() error { return m.port.Close() }

// Write implements device.Conn.
func (m *meterLine) Write(_ context.Context, p device.Point, _ float64) error {
	return fmt.Errorf("write %s of %s: DL/T 645 meters are only read: %w", p.Name, p.Device, errors.ErrUnsupported)
}

// Read implements device.Conn. Each point is one request. When the very first one times out the meter is taken for dead
// and the others are not tried; the next Read starts with another one, so that a single identifier that is met with
// silence does not hide the rest.
func (m *meterLine) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	if len(points) == 0 {
		return nil, nil
	}
	readings, alive := make([]device.Reading, len(points)), false
	start := m.start[points[0].Address]
	for k := range points {
		i := (start + k) % len(points)
		r, err := m.read(ctx, points[i])
		if err != nil {
			return nil, fmt.Errorf("read meter %s: %w", points[i].Address, err)
		}
		readings[i] = r
		if r.Reason == device.Timeout && !alive {
			for i, p := range points {
				readings[i] = device.BadReading(p, device.Timeout, r.Time)
			}
			m.start[points[0].Address] = (i + 1) % len(points)
			break
		}
		alive = alive || r.Reason != device.Unsupported
	}
	return readings, nil
}

func (m *meterLine) read(ctx context.Context, p device.Point) (device.Reading, error) {
	t := m.target(p)
	if t.err != nil {
		return device.BadReading(p, device.Unsupported, m.now()), nil
	}
	value, err := m.value(ctx, t, p.Register.Addr)
	var fault *line.Fault
	switch {
	case errors.As(err, &fault):
		return device.BadReading(p, fault.Reason, m.now()), nil
	case err != nil:
		return device.Reading{}, err
	}
	return device.Judge(p, value, m.now()), nil
}

func (m *meterLine) value(ctx context.Context, t target, di uint32) (float64, error) {
	q := &m.ask
	q.to, q.di, q.refused, q.request = t.address, di, nil, appendRead(q.request[:0], t.address, di)
	data, err := m.port.Exchange(ctx, line.Request{
		Frame: q.request, To: t.address.id(), Expect: frameHead + 4 + t.format.bytes + frameTail}, q)
	if err != nil {
		return 0, err
	}
	if q.refused != nil {
		return 0, q.refused
	}
	return t.format.decode(data)
}

func (m *meterLine) target(p device.Point) target {
	at := spot{p.Address, p.Register.Type, p.Register.Addr}
	t, known := m.targets[at]
	if !known {
		t = parsePoint(p)
		m.targets[at] = t
	}
	return t
}

// A question is the read that is under way.
type question struct {
	to      meterAddress
	di      uint32
	request []byte
	refused error // the meter's own no: an answer like any other for the line, which needs no rest after it
	buf     [256]byte
}

// Scan implements line.Scanner. Noise, preambles, our own echo, other meters' and other identifiers' late replies are skipped.
func (q *question) Scan(got []byte, over bool) ([]byte, error) {
	late, rest := 0, got
	for {
		f, used := nextFrame(rest, q.buf[:])
		if used == 0 {
			break
		}
		rest = rest[used:]
		if f.control&controlReply == 0 {
			continue // an echo
		}
		if q.to.matches(f.address) {
			value, err := f.judge(q.di)
			if err != nil {
				q.refused, value = err, got[:0]
			}
			if value != nil {
				return value, nil
			}
		}
		late++
	}
	switch {
	case !over || len(rest) == 0 && late == 0:
		return nil, nil
	case late > 0:
		return nil, &line.Fault{Reason: device.Mismatch, Detail: fmt.Sprintf("%d replies of another meter or identifier", late)}
	}
	return nil, &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("%d bytes that are no reply", len(rest))}
}

// CheckPoint says what keeps a point from ever being read by the DL/T 645 driver, in a sentence for the one who wrote
// the profile; nil when nothing does. The gateway calls it when it loads a site. Such a point reads as bad, unsupported.
func CheckPoint(p device.Point) error {
	if t := parsePoint(p); t.err != nil {
		return fmt.Errorf("point %s: %w", p.Name, t.err)
	}
	if len(p.Writable) > 0 {
		return fmt.Errorf("point %s: DL/T 645 meters are only read, drop \"write\"", p.Name)
	}
	return nil
}

func parsePoint(p device.Point) (t target) {
	if t.format, t.err = parseFormat(p.Register.Type); t.err == nil {
		t.address, t.err = parseAddress(p.Address)
	}
	return t
}

// parseAddress knows a meter's number of 12 digits. "AA" stands for any two digits, for a line with a single meter.
func parseAddress(s string) (a meterAddress, err error) {
	bad := fmt.Errorf("meter number %q is not 12 digits", s)
	if len(s) != 2*len(a) {
		return a, bad
	}
	for i := range a {
		high, low := s[2*i], s[2*i+1]
		switch {
		case high == 'A' && low == 'A':
			a[len(a)-1-i] = wildcard
		case high >= '0' && high <= '9' && low >= '0' && low <= '9':
			a[len(a)-1-i] = (high-'0')<<4 | (low - '0')
		default:
			return a, bad
		}
	}
	if a == (meterAddress{0x99, 0x99, 0x99, 0x99, 0x99, 0x99}) {
		return a, errors.New("meter number 999999999999 is the broadcast: no meter answers it")
	}
	return a, nil
}

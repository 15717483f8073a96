package serial

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// A dialect is what differs between the protocols that meters speak.
type dialect interface {
	// parse reads a point's place; an error says why it cannot be read.
	parse(p device.Point) (target, error)
	// appendRead appends the request for one data identifier to b, or for the frame seq of its value, from 1.
	appendRead(b []byte, to meterAddress, di uint32, seq byte) []byte
	// overhead is what an answer has beside its value bytes.
	overhead() int
	// name is a data identifier as manuals write it.
	name(di uint32) string
	// nextFrame finds the first whole frame and answers how many bytes it and what stands before it take; 0 when there is
	// none. The data is unpacked into buf.
	nextFrame(got, buf []byte) (f frame, used int)
	// judge says what a reply of the right meter to the read of di, frame seq, means: value bytes, or a fault; more says
	// that another frame follows. A reply to something else is late, and neither.
	judge(f frame, di uint32, seq byte) (value []byte, more bool, err error)
	// command is the frame that sets a point to a value; an error says why it cannot be written.
	command(p device.Point, t target, v float64, now time.Time) ([]byte, error)
	// refusal is why the meter does not obey; nil when it does.
	refusal(f frame) error
}

// A frame is one message of a meter, its data as it is meant.
type frame struct {
	address meterAddress
	control byte
	data    []byte
}

// controlReply marks what a meter says, in all dialects.
const controlReply = 0x80

func checksum(b []byte) byte {
	var sum byte
	for _, x := range b {
		sum += x
	}
	return sum
}

// meterLine implements device.Conn for meters.
type meterLine struct {
	dialect dialect
	port    *line.Port
	now     func() time.Time
	targets map[spot]target
	start   map[string]int // by meter number: which point is read first
	ask     question
	value   []byte // of the identifier read last
}

// A spot is what a target is parsed from.
type spot struct {
	address, space, format string
	di                     uint32
}

// A target is a point's place, parsed.
type target struct {
	address meterAddress
	format  format
	err     error // why it cannot be read
}

func newMeterLine(d dialect, port *line.Port, now func() time.Time) *meterLine {
	if now == nil {
		now = time.Now
	}
	return &meterLine{dialect: d, port: port, now: now, targets: map[spot]target{}, start: map[string]int{}, ask: question{dialect: d}}
}

// Close implements device.Conn.
func (m *meterLine) Close() error { return m.port.Close() }

// Read implements device.Conn. Each data identifier is one request, however many points stand in its answer. When the very
// first one times out the meter is taken for dead and the others are not tried; the next Read starts with another one, so
// that a single identifier that is met with silence does not hide the rest.
func (m *meterLine) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	if len(points) == 0 {
		return nil, nil
	}
	readings, alive := make([]device.Reading, len(points)), false
	done := make([]bool, len(points))
	start := m.start[points[0].Address]
	for k := range points {
		i := (start + k) % len(points)
		if done[i] {
			continue
		}
		if err := m.read(ctx, points, i, readings, done); err != nil {
			number, _ := cutKey(points[i].Address)
			return nil, fmt.Errorf("read meter %s: %w", number, err)
		}
		r := readings[i]
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

// read asks for point i and fills in all points of its answer.
func (m *meterLine) read(ctx context.Context, points []device.Point, i int, readings []device.Reading, done []bool) error {
	t, di := m.target(points[i]), points[i].Register.Addr
	if t.err != nil {
		readings[i], done[i] = device.BadReading(points[i], device.Unsupported, m.now()), true
		return nil
	}
	data, err := m.fetch(ctx, t, di)
	var fault *line.Fault
	if err != nil && !errors.As(err, &fault) {
		return err
	}
	for j, p := range points {
		if other := m.target(p); j == i || p.Register.Addr == di && p.Register.Space == points[i].Register.Space && other.err == nil {
			readings[j], done[j] = m.reading(p, other, data, fault), true
			if t := device.TraceOf(ctx); t != nil && t.Found != nil && fault == nil {
				t.Found(p, other.format.part(data))
			}
		}
	}
	return nil
}

func (m *meterLine) reading(p device.Point, t target, data []byte, fault *line.Fault) device.Reading {
	if fault == nil {
		value, err := t.format.decode(data)
		if err == nil {
			return device.Judge(p, value, m.now())
		}
		errors.As(err, &fault) // decode answers nothing else
	}
	return device.BadReading(p, fault.Reason, m.now())
}

// maxFrames bounds a value that comes in several frames; the standard's longest needs fewer.
const maxFrames = 16

// fetch reads the value bytes of a data identifier, from as many frames as they take. They are good until the next fetch.
func (m *meterLine) fetch(ctx context.Context, t target, di uint32) ([]byte, error) {
	q := &m.ask
	m.value = m.value[:0]
	for seq := byte(0); seq < maxFrames; seq++ {
		q.to, q.di, q.seq, q.refused, q.more, q.request = t.address, di, seq, nil, false, m.dialect.appendRead(q.request[:0], t.address, di, seq)
		data, err := m.port.Exchange(ctx, line.Request{
			Frame: q.request, To: t.address.id(), Expect: m.dialect.overhead() + t.format.need()}, q)
		if err == nil {
			err = q.refused
		}
		if err != nil {
			return nil, err
		}
		if m.value = append(m.value, data...); !q.more {
			return m.value, nil
		}
	}
	return nil, &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("a value of more than %d frames", maxFrames)}
}

func (m *meterLine) target(p device.Point) target {
	at := spot{p.Address, p.Register.Space, p.Register.Type, p.Register.Addr}
	t, known := m.targets[at]
	if !known {
		t = m.parse(p)
		m.targets[at] = t
	}
	return t
}

func (m *meterLine) parse(p device.Point) target {
	t, err := m.dialect.parse(p)
	t.err = err
	return t
}

// A question is the read that is under way.
type question struct {
	dialect dialect
	to      meterAddress
	di      uint32
	request []byte
	seq     byte  // which frame of a long value; 0: the first
	more    bool  // another follows
	refused error // the meter's own no: an answer like any other for the line, which needs no rest after it
	buf     [256]byte
}

// Scan implements line.Scanner. Noise, preambles, our own echo, other meters' and other identifiers' late replies are skipped.
func (q *question) Scan(got []byte, over bool) ([]byte, error) {
	late, own, rest := 0, false, got
	for {
		f, used := q.dialect.nextFrame(rest, q.buf[:])
		if used == 0 {
			break
		}
		rest = rest[used:]
		if f.control&controlReply == 0 {
			continue // an echo
		}
		if q.to.matches(f.address) {
			own = true
			value, more, err := q.dialect.judge(f, q.di, q.seq)
			if q.more = more; err != nil {
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
		return nil, &line.Fault{Reason: device.Mismatch, Detail: fmt.Sprintf("%d replies of another meter or identifier", late), Foreign: !own && len(rest) == 0}
	}
	return nil, &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("%d bytes that are no reply", len(rest))}
}

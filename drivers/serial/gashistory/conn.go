package gashistory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// A wire carries one question at a time: a line.Port.
type wire interface {
	Exchange(ctx context.Context, req line.Request, s line.Scanner) ([]byte, error)
	Close() error
}

// conn implements device.Conn.
type conn struct {
	port wire
	now  func() time.Time
}

// Close implements device.Conn.
func (c *conn) Close() error { return c.port.Close() }

// Write implements device.Conn: there is nothing to write.
func (c *conn) Write(_ context.Context, p device.Point, _ float64) error {
	return fmt.Errorf("write %s of %s: a detector's log cannot be written: %w", p.Name, p.Device, errors.ErrUnsupported)
}

// Read implements device.Conn. Each question is asked once, however many points its answer holds. When the first is met with silence,
// the others are not tried.
func (c *conn) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	r := &round{conn: c, answers: map[question]answer{}}
	readings := make([]device.Reading, len(points))
	for i, p := range points {
		if CheckPoint(p) != nil {
			readings[i] = device.BadReading(p, device.Unsupported, c.now())
			continue
		}
		value, raw, err := r.value(ctx, p.Register)
		var fault *line.Fault
		switch {
		case err == nil:
			readings[i] = device.Judge(p, value, c.now())
			if t := device.TraceOf(ctx); t != nil && t.Found != nil {
				t.Found(p, raw)
			}
		case errors.As(err, &fault):
			readings[i] = device.BadReading(p, fault.Reason, c.now())
		default:
			return nil, fmt.Errorf("read a gas detector's log: %w", err)
		}
	}
	return readings, nil
}

// A round is what one Read has asked.
type round struct {
	*conn
	answers map[question]answer
	alive   bool // it has answered something
	dead    error
}

type answer struct {
	data []byte
	at   time.Time
	err  error
}

func (r *round) ask(ctx context.Context, n, what byte) ([]byte, error) {
	a := r.answer(ctx, question{n, what})
	return a.data, a.err
}

func (r *round) answer(ctx context.Context, q question) answer {
	a, asked := r.answers[q]
	switch {
	case asked:
		return a
	case r.dead != nil:
		return answer{err: r.dead}
	}
	data, err := r.port.Exchange(ctx, line.Request{Frame: request(q.n, q.what), Expect: longest, Whole: true}, q)
	a = answer{bytes.Clone(data), r.now(), err}
	r.answers[q] = a
	var fault *line.Fault
	if r.alive = r.alive || err == nil; !r.alive && errors.As(err, &fault) && fault.Reason == device.Timeout {
		r.dead = err
	}
	return a
}

// value is what a place holds, and the bytes that it was made of.
func (r *round) value(ctx context.Context, at device.Register) (float64, []byte, error) {
	s, n := byte(at.Addr>>8), byte(at.Addr)
	switch at.Space {
	case spaceCount:
		data, err := r.counts(ctx)
		if err != nil {
			return 0, nil, err
		}
		return float64(data[s-1]), data[s-1 : s], nil
	case spaceNewest:
		return r.newest(ctx, s)
	case spaceRecord:
		data, err := r.ask(ctx, n, s)
		if err != nil {
			return 0, nil, err
		}
		t, err := recordTime(data)
		return float64(t.Unix()), data, err
	case spaceOffset:
		return r.offset(ctx)
	}
	data, err := r.ask(ctx, 0, askExpiry)
	if err != nil {
		return 0, nil, err
	}
	t, err := recordTime(data)
	switch {
	case errors.Is(err, errNone):
		return 0, data, nil
	case at.Space == spaceExpired:
		return 1, data, nonDate(err)
	}
	return float64(t.Unix()), data, err
}

// nonDate lets a sensor be past its life also where nobody knows since when.
func nonDate(err error) error {
	var fault *line.Fault
	if errors.As(err, &fault) && fault.Reason == device.Corrupt {
		return nil
	}
	return err
}

func (r *round) counts(ctx context.Context) ([]byte, error) {
	data, err := r.ask(ctx, 0, askCounts)
	if err == nil && len(data) != countsSize {
		err = misshapen("row of counts", len(data))
	}
	return data, err
}

// newest is the later one of the first and the last record: some detectors number from the oldest, others from the newest.
func (r *round) newest(ctx context.Context, s byte) (float64, []byte, error) {
	counts, err := r.counts(ctx)
	if err != nil || counts[s-1] == 0 {
		return 0, counts, err
	}
	var newest time.Time
	var raw []byte
	for _, n := range [...]byte{1, counts[s-1]} {
		data, err := r.ask(ctx, n, s)
		if err != nil {
			return 0, nil, err
		}
		t, err := recordTime(data)
		if err != nil {
			return 0, nil, err
		}
		if raw == nil || t.After(newest) {
			newest, raw = t, data
		}
	}
	return float64(newest.Unix()), raw, nil
}

// offset compares clocks. The detector's shows minutes, so on average it is half a minute later than it says.
func (r *round) offset(ctx context.Context) (float64, []byte, error) {
	a := r.answer(ctx, question{0, askClock})
	if a.err != nil {
		return 0, nil, a.err
	}
	if len(a.data) != timeSize {
		return 0, nil, misshapen("clock", len(a.data))
	}
	shown, err := dateOf(a.data)
	if err != nil {
		return 0, nil, err
	}
	return shown.Add(30 * time.Second).Sub(a.at).Round(time.Second).Seconds(), a.data, nil
}

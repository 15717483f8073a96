package gashistory_test

import (
	"context"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// A detector answers as one does.
type detector struct {
	alarms      []time.Time
	newestFirst bool
	expired     time.Time
	clock       func() time.Time
	fixed       []byte // the data of every answer
	silent      bool
}

// answer is the frame that a question is met with; nil for none.
func (d *detector) answer(q []byte) []byte {
	if d.silent || len(q) != 6 {
		return nil
	}
	data := d.fixed
	if data == nil {
		data = d.data(int(q[1]), q[2])
	}
	f := append([]byte{0xAA, q[1], q[2], byte(len(data))}, data...)
	var sum byte
	for _, x := range f {
		sum += x
	}
	return append(f, sum, 0x55)
}

func (d *detector) data(n int, what byte) []byte {
	switch {
	case what == 0:
		return []byte{byte(len(d.alarms)), 0, 0, 0, 0, 0, 0}
	case what == 1 && n >= 1 && n <= len(d.alarms):
		if d.newestFirst {
			return append([]byte{byte(n)}, shown(d.alarms[len(d.alarms)-n])...)
		}
		return append([]byte{byte(n)}, shown(d.alarms[n-1])...)
	case what == 7 && !d.expired.IsZero():
		return append([]byte{1}, shown(d.expired)...)
	case what == 8:
		return shown(d.clock())
	}
	return make([]byte, 7)
}

// shown is a time as it stands on the wire.
func shown(t time.Time) []byte {
	t = t.In(time.FixedZone("", 8*3600))
	return []byte{byte(t.Year() >> 8), byte(t.Year()), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute())}
}

// straight is a wire on which nothing ever happens.
type straight struct {
	d     *detector
	asked int
}

func (w *straight) Exchange(_ context.Context, req line.Request, s line.Scanner) ([]byte, error) {
	w.asked++
	if a, err := s.Scan(w.d.answer(req.Frame), true); a != nil || err != nil {
		return a, err
	}
	return nil, &line.Fault{Reason: device.Timeout, Detail: "no answer"}
}

func (*straight) Close() error { return nil }

// one reads a single point.
func one(t testing.TB, c device.Conn, p device.Point) device.Reading {
	t.Helper()
	rs, err := c.Read(t.Context(), []device.Point{p})
	if err != nil || len(rs) != 1 {
		t.Fatalf("read %s: %v, %v", p.Name, rs, err)
	}
	return rs[0]
}

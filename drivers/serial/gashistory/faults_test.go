package gashistory_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/gashistory"
	"github.com/linshao/linshao/drivers/serial/line"
)

// carry is how many questions the rough line carries.
const carry = 20_000

// A rough wire carries questions to a detector, and what can happen on a line happens to a third of them.
type rough struct {
	*rand.Rand
	d       *detector
	late    []byte // arrives with the next answer, which is of another question
	carried int
}

func (*rough) Close() error { return nil }

func (r *rough) Exchange(_ context.Context, req line.Request, s line.Scanner) ([]byte, error) {
	r.carried++
	got, answer := r.late, r.d.answer(req.Frame)
	r.late = nil
	switch r.IntN(24) {
	case 0:
		answer = nil
	case 1:
		answer[r.IntN(len(answer))] ^= 1 << r.IntN(8)
	case 2:
		answer = answer[:r.IntN(len(answer))]
	case 3:
		answer = append(r.noise(), answer...)
	case 4:
		r.late, answer = answer, nil
	case 5:
		r.late = answer
	case 6:
		answer = append(bytes.Clone(req.Frame), answer...)
	case 7:
		n := r.IntN(len(answer))
		answer = append(append(bytes.Clone(answer[:n]), r.noise()...), answer[n:]...)
	}
	got = append(got, answer...)
	for n := 1; n < len(got); n += 1 + r.IntN(9) {
		if a, err := s.Scan(got[:n], false); a != nil || err != nil {
			return a, err
		}
	}
	if a, err := s.Scan(got, true); a != nil || err != nil {
		return a, err
	}
	return nil, &line.Fault{Reason: device.Timeout, Detail: "no answer"}
}

func (r *rough) noise() []byte {
	b := make([]byte, r.IntN(9))
	for i := range b {
		if b[i] = byte(r.Uint32()); r.IntN(5) == 0 {
			b[i] = 0xAA
		}
	}
	return b
}

// Whatever happens on the line, a good value is that of the record that was asked for. A sum of one byte lets one changed frame of 256
// through where two bits are wrong; the line here changes one.
func TestNeverAnotherRecord(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := &rough{Rand: rand.New(rand.NewPCG(seed, 1)), d: &detector{}}
	began := china("2026-01-01 00:00:00")
	for n := range 200 {
		r.d.alarms = append(r.d.alarms, began.Add(time.Duration(n)*37*time.Minute))
	}
	c := gashistory.Driver{}.OnWire(r)
	good, reads, before := 0, 0, 0
	for r.carried < carry {
		n := 1 + r.IntN(200)
		if n == before { // a late answer to the same question is told by the line, which gives the detector a rest
			continue
		}
		before = n
		p := device.Point{Device: "d", Name: "x", Register: gashistory.Record(gashistory.Alarm, n)}
		got := one(t, c, p)
		reads++
		if got.Quality != device.Good {
			continue
		}
		if good++; got.Value != float64(r.d.alarms[n-1].Unix()) {
			t.Fatalf("seed %d, question %d: record %d is %v", seed, r.carried, n, got.Value)
		}
	}
	if good < reads/2 {
		t.Errorf("%d of %d reads were good", good, reads)
	}
}

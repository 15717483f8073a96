package serial

import (
	"bytes"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
)

// A GasLog is the port of a household gas detector at which its history is read (GB 15322.2-2019): 4800 8E1, no addresses. The zero
// value is a detector whose clock is right and which has noted nothing.
type GasLog struct {
	Ahead  time.Duration   // of the detector's clock
	Faults *fault.Switches // may be nil

	mu      sync.Mutex
	alarms  []time.Time // by the right time, oldest first
	expired bool
	asked   int
}

// gasLogMost is how many alarms it keeps; then the oldest go.
const gasLogMost = 200

// gasLogPause is what it takes to look a record up.
const gasLogPause = 2 * time.Millisecond

// Note notes an alarm, at the right time.
func (g *GasLog) Note(at time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.alarms = append(g.alarms, at); len(g.alarms) > gasLogMost {
		g.alarms = g.alarms[1:]
	}
}

// Expire ends the sensor's life.
func (g *GasLog) Expire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.expired = true
}

// Asked is how many questions it has heard.
func (g *GasLog) Asked() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.asked
}

// Answer is the frame that a question is met with; nil where it is none.
func (g *GasLog) Answer(q []byte) []byte {
	if len(q) != 6 || q[0] != 0xAA || q[3] != 0 || q[5] != 0x55 || sum(q[:4]) != q[4] {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	data := make([]byte, 7)
	switch n := int(q[1]); q[2] {
	case 0:
		data[0] = byte(len(g.alarms))
		if g.expired {
			data[6] = 1
		}
	case 1:
		if n >= 1 && n <= len(g.alarms) {
			data = append([]byte{byte(n)}, g.shown(g.alarms[n-1])...)
		}
	case 7:
		if g.expired {
			data = append([]byte{1}, g.shown(time.Now())...)
		}
	case 8:
		data = g.shown(time.Now())
	}
	f := append([]byte{0xAA, q[1], q[2], byte(len(data))}, data...)
	return append(f, sum(f), 0x55)
}

// shown is a time as the detector's clock has it.
func (g *GasLog) shown(t time.Time) []byte {
	t = t.Add(g.Ahead).In(time.FixedZone("UTC+8", 8*3600))
	return []byte{byte(t.Year() >> 8), byte(t.Year()), byte(t.Month()), byte(t.Day()), byte(t.Hour()), byte(t.Minute())}
}

// Talk answers on an open port until it is gone.
func (g *GasLog) Talk(p Port) {
	courier := fault.NewCourier(p)
	defer courier.Close()
	var buf []byte
	chunk := make([]byte, 64)
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
		for buf = append(buf, chunk[:n]...); ; {
			at := bytes.IndexByte(buf, 0xAA)
			if at < 0 || len(buf) < at+6 {
				break
			}
			answer := g.Answer(buf[at : at+6])
			buf = buf[at+6:]
			verdict := g.Faults.Judge()
			if answer == nil || verdict.Drop {
				continue
			}
			verdict.Damage(answer)
			if courier.Send(answer, verdict.Delay+gasLogPause) != nil {
				return
			}
		}
	}
}

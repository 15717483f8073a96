package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// times a device is read: once proves nothing on a line that is only bad at times.
const times = 3

// A Line is what was seen of a channel while all its devices were read.
type Line struct {
	Channel device.Channel
	Down    error // it cannot be opened, or ended; nil: it is there
	Seen    []Seen
}

// Seen is how the devices behind one address answered.
type Seen struct {
	ID       string
	Requests int // how often it was asked
	Right    int // right answers; a refusal is one
	Silent   int // nothing came back, or no more than our own request
	Damaged  int // something came that is no right frame
	Foreign  int // a right frame of another device, or to another request
	Echoed   int // our own request came back
	Took     []time.Duration
	longest  int // bytes of the longest right answer
	shortest int // bytes of the shortest damaged one; 0: none was damaged
	most     int // bytes of the longest damaged one
	heads    int // damaged ones that begin as the right one would: baud and parity are right
}

// note counts one exchange.
func (s *Seen) note(x device.Exchange) {
	s.Requests++
	in := x.In
	if at := bytes.Index(in, x.Out); at >= 0 && len(x.Out) > 0 {
		// A write's right answer is its echo too, but here nobody writes.
		s.Echoed++
		in = slices.Concat(in[:at], in[at+len(x.Out):])
	}
	var fault *line.Fault
	switch {
	case x.Err == nil:
		s.Right++
		s.longest = max(s.longest, len(in))
		s.Took = append(s.Took, x.Took)
	case errors.As(x.Err, &fault) && fault.Reason == device.Mismatch:
		s.Foreign++
	case len(in) == 0:
		s.Silent++
	default:
		s.Damaged++
		s.most = max(s.most, len(in))
		if len(in) >= longAnswer && len(x.Out) > 2 && bytes.HasPrefix(in, x.Out[:2]) {
			s.heads++
		}
		if s.shortest == 0 || len(in) < s.shortest {
			s.shortest = len(in)
		}
	}
}

// median of the answers' times; 0 without any.
func (s *Seen) median() time.Duration {
	if len(s.Took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.Took))
	return sorted[len(sorted)/2]
}

// ReadLine reads all devices of a channel some times and looks at what happens on the wire. It writes nothing. The line must be
// free: who polls it must pause.
func ReadLine(ctx context.Context, driver device.Driver, ch device.Channel, devices []device.Device) Line {
	l := Line{Channel: ch}
	conn, err := driver.Open(ctx, ch)
	if err != nil {
		l.Down = err
		return l
	}
	for _, unit := range unitsOf(devices) {
		seen := Seen{ID: unit.id}
		traced := device.WithTrace(ctx, &device.Trace{Exchanged: seen.note})
		for range times {
			if _, err := conn.Read(traced, unit.points); err != nil {
				l.Down = fmt.Errorf("read %s: %w", unit.id, err)
				break
			}
		}
		l.Seen = append(l.Seen, seen)
		if l.Down != nil || ctx.Err() != nil {
			break
		}
	}
	if err := conn.Close(); err != nil && l.Down == nil {
		l.Down = fmt.Errorf("close channel: %w", err)
	}
	return l
}

// A unit is what has one address on a line, and is read together.
type unit struct {
	id     string
	points []device.Point
}

func unitsOf(devices []device.Device) []unit {
	var units []unit
	at := map[string]int{}
	for _, d := range devices {
		if len(d.Points) == 0 {
			continue
		}
		address := d.Points[0].Protocol + " " + d.Points[0].Address
		i, known := at[address]
		if !known {
			i, at[address] = len(units), len(units)
			units = append(units, unit{id: d.ID})
		}
		units[i].points = append(units[i].points, d.Points...)
	}
	return units
}

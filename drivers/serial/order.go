package serial

import (
	"context"
	"errors"
	"fmt"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// Write implements device.Conn: a command to a meter, where the profile allows it. It is confirmed by the meter's answer;
// whether something moved is seen by reading the point.
func (m *meterLine) Write(ctx context.Context, p device.Point, v float64) error {
	if err := m.write(ctx, p, v); err != nil {
		return fmt.Errorf("write %s of %s: %w", p.Name, p.Device, err)
	}
	return nil
}

func (m *meterLine) write(ctx context.Context, p device.Point, v float64) error {
	if err := p.CheckWrite(v); err != nil {
		return err
	}
	t := m.target(p)
	if t.err != nil {
		return t.err
	}
	command, err := m.dialect.command(p, t, v, m.now())
	if err != nil {
		return err
	}
	o := &order{dialect: m.dialect, to: t.address}
	_, err = m.port.Exchange(ctx, line.Request{Frame: command, To: t.address.id(), Expect: m.dialect.overhead(), Whole: true}, o)
	if err == nil {
		err = o.refused
	}
	return err
}

// raw is what the device has for a value in the point's unit.
func raw(p device.Point, v float64) float64 {
	if p.Scale == 0 {
		return v - p.Offset
	}
	return (v - p.Offset) / p.Scale
}

// errNotMine says that a frame is no answer to the command.
var errNotMine = errors.New("no answer to the command")

// An order is the command that is under way.
type order struct {
	dialect dialect
	to      meterAddress
	refused error
	buf     [256]byte
}

// Scan implements line.Scanner. An echo of the command has no mark of a reply.
func (o *order) Scan(got []byte, over bool) ([]byte, error) {
	for rest := got; ; {
		f, used := o.dialect.nextFrame(rest, o.buf[:])
		if used == 0 {
			break
		}
		rest = rest[used:]
		if !o.to.matches(f.address) {
			continue
		}
		if err := o.dialect.refusal(f); !errors.Is(err, errNotMine) {
			o.refused = err
			return got, nil
		}
	}
	if over && len(got) > 0 {
		return nil, &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("%d bytes that are no reply", len(got))}
	}
	return nil, nil
}

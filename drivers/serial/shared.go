package serial

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// A Speaker speaks one protocol on a line that it shares with others. What it promises of answers, it keeps among their
// frames too: a frame that is not its own protocol's is noise.
type Speaker interface {
	On(port *line.Port) device.Conn
}

// Shared opens lines on which devices of several protocols hang, each with its own baud and parity. A point's Protocol
// says who reads it.
type Shared map[string]Speaker

// Open opens the serial port at ch.Address.
func (s Shared) Open(ctx context.Context, ch device.Channel) (device.Conn, error) {
	port, err := line.Open(ctx, ch)
	if err != nil {
		return nil, err
	}
	c := &shared{port: port, conns: map[string]device.Conn{}}
	for protocol, speaker := range s {
		c.conns[protocol] = speaker.On(port)
	}
	return c, nil
}

// errNobody is what a device of an unknown protocol costs: its own readings, not the line.
var errNobody = fmt.Errorf("nobody speaks the protocol on this line: %w", errors.ErrUnsupported)

// shared implements device.Conn.
type shared struct {
	port  *line.Port
	conns map[string]device.Conn // by protocol; each uses the port while it is asked, and no longer
}

// Close implements device.Conn.
func (c *shared) Close() error { return c.port.Close() }

// Read implements device.Conn.
func (c *shared) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	if len(points) == 0 {
		return nil, nil
	}
	conn, err := c.with(points[0])
	switch {
	case errors.Is(err, errNobody):
		readings := make([]device.Reading, len(points))
		for i, p := range points {
			readings[i] = device.BadReading(p, device.Unsupported, time.Now())
		}
		return readings, nil
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", points[0].Device, err)
	}
	return conn.Read(ctx, points)
}

// Write implements device.Conn.
func (c *shared) Write(ctx context.Context, p device.Point, v float64) error {
	conn, err := c.with(p)
	if err != nil {
		return fmt.Errorf("write %s of %s: %w", p.Name, p.Device, err)
	}
	return conn.Write(ctx, p, v)
}

// with makes the line ready for a device.
func (c *shared) with(p device.Point) (device.Conn, error) {
	conn := c.conns[p.Protocol]
	if conn == nil {
		return nil, fmt.Errorf("%w: %q", errNobody, p.Protocol)
	}
	return conn, c.port.Use(p.Serial)
}

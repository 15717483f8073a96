package commission

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/drivers/serial/osdp"
	"github.com/linshao/linshao/gateway/internal/config"
)

// Protocols that can be scanned, as they stand in profiles.
const (
	protocolModbus = "modbus"
	protocolDLT645 = "dlt645"
	protocolCJT188 = "cjt188"
	protocolOSDP   = "osdp"
)

// openLine opens the port or connection of a channel.
func openLine(ctx context.Context, ch device.Channel) (Line, error) {
	if ch.Driver == config.DriverModbusTCP {
		conn, err := modbus.TCP{}.Open(ctx, ch)
		if err != nil {
			return nil, err
		}
		return connection{conn}, nil
	}
	port, err := line.Open(ctx, ch)
	if err != nil {
		return nil, err
	}
	return onPort(port), nil
}

// onPort speaks every protocol on a port.
func onPort(port *line.Port) *wire {
	return &wire{port: port, conns: map[string]device.Conn{
		protocolModbus: modbus.RTU{}.On(port), protocolDLT645: serial.DLT645{}.On(port), protocolCJT188: serial.CJT188{}.On(port),
		protocolOSDP: osdp.Driver{}.On(port),
	}}
}

// connection is a Line to a Modbus TCP server.
type connection struct{ device.Conn }

// Raw implements Line.
func (connection) Raw(context.Context, device.Serial, []byte, func([]byte) bool) (device.Exchange, error) {
	return device.Exchange{}, fmt.Errorf("raw frames on a connection: %w", errors.ErrUnsupported)
}

// wire is a serial Line.
type wire struct {
	port  *line.Port
	conns map[string]device.Conn
}

// Close implements Line.
func (w *wire) Close() error { return w.port.Close() }

// Read implements Line.
func (w *wire) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	conn := w.conns[points[0].Protocol]
	if conn == nil {
		return nil, fmt.Errorf("read %s devices: %w", points[0].Protocol, errors.ErrUnsupported)
	}
	if err := w.port.Use(points[0].Serial); err != nil {
		return nil, err
	}
	return conn.Read(ctx, points)
}

// Raw implements Line.
func (w *wire) Raw(ctx context.Context, s device.Serial, frame []byte, answered func([]byte) bool) (device.Exchange, error) {
	if err := w.port.Use(&s); err != nil {
		return device.Exchange{}, err
	}
	var x device.Exchange
	ctx = device.WithTrace(ctx, &device.Trace{Exchanged: func(e device.Exchange) {
		x = e
		x.Out, x.In = append([]byte(nil), e.Out...), append([]byte(nil), e.In...)
	}})
	heard := &listener{frame: frame, answered: answered}
	_, err := w.port.Exchange(ctx, line.Request{Frame: frame, To: rawTo(frame), Expect: shortest}, heard)
	if !heard.at.IsZero() {
		x.Took -= time.Since(heard.at) // it was there long before the line was silent
	}
	var fault *line.Fault
	if errors.As(err, &fault) {
		err = nil
	}
	return x, err
}

// rawTo is whom a raw frame goes to, for the line's book of late answers: whoever its first bytes name, so that a dead address makes
// no other wait.
func rawTo(frame []byte) uint64 {
	const apart = 1 << 63 // from the addresses of the drivers
	sum := uint64(apart)
	for i, b := range frame {
		sum ^= uint64(b) << (8 * (i % 7))
	}
	return sum
}

// shortest is the length of the shortest answer that there is, a Modbus exception.
const shortest = 5

// A listener waits until the line is silent again: a second answer behind the first one shows that there are two devices.
type listener struct {
	frame    []byte
	answered func([]byte) bool
	at       time.Time // when the answer was there
}

// Scan implements line.Scanner.
func (l *listener) Scan(got []byte, over bool) ([]byte, error) {
	if l.at.IsZero() && len(got) >= shortest && l.answered(got) {
		l.at = time.Now()
	}
	if !over || len(got) == 0 {
		return nil, nil
	}
	if rest, _ := withoutEcho(l.frame, got); len(rest) == 0 {
		return nil, nil // the answer is still to come
	}
	if l.answered(got) {
		return got, nil
	}
	return nil, &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("%d bytes that are no answer", len(got))}
}

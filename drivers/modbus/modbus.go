// Package modbus reads and writes Modbus devices over TCP and over serial lines (RTU). The gateway's poll uses it as two
// device.Drivers. Requests are built and answers taken apart by goburrow/modbus; what carries them is ours, because
// goburrow's own transports take a late answer for the next one's.
//
// It promises: a value is always of the register that was asked for, or the reading is bad with a reason; one deadline
// for a whole answer; Close ends a Read; what a device or line does wrong costs one transaction, never the channel;
// points are read by the requests that take the least time on the wire, and the plan of these is made once
// and changed by what the device refuses (Memory).
package modbus

import (
	"context"
	"net"
	"time"

	"github.com/goburrow/modbus"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// TCP opens channels to Modbus TCP servers. Its zero value is ready.
type TCP struct {
	Now func() time.Time // stamps readings; nil means time.Now
	// Dial connects to a device; nil means the network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Memory keeps what devices teach from one connection to the next; nil forgets it with each.
	Memory *Memory
}

// RTU opens channels on serial lines that speak Modbus RTU. Its zero value is ready.
type RTU struct {
	Now func() time.Time // stamps readings; nil means time.Now
	// Memory keeps what devices teach from one connection to the next; nil forgets it with each.
	Memory *Memory
}

// Open connects to ch.Address, "host:port".
func (d TCP) Open(ctx context.Context, ch device.Channel) (device.Conn, error) {
	l, err := dialTCP(ctx, ch, d.Dial)
	if err != nil {
		return nil, err
	}
	return newConn(l, l, setup{ch.Address, func([]device.Point) tariff { return tcpTariff() }, d.Memory, d.Now}), nil
}

// Plan implements device.Planner, for a device that has all the points. Those that no Read could answer are in no transaction.
func (TCP) Plan(_ device.Channel, points []device.Point) ([]device.Transaction, error) {
	return newPlan(points, tcpTariff()).transactions(tcpOut, tcpIn), nil
}

// Open opens the serial port at ch.Address with ch.Serial's settings.
func (d RTU) Open(ctx context.Context, ch device.Channel) (device.Conn, error) {
	port, err := line.Open(ctx, ch)
	if err != nil {
		return nil, err
	}
	return d.On(port), nil
}

// On speaks Modbus RTU on a line that other protocols use too.
func (d RTU) On(port *line.Port) device.Conn {
	l, ch := newRTULink(port), port.Channel()
	return newConn(l, l, setup{ch.Address, func(points []device.Point) tariff { return rtuTariff(ch, points) }, d.Memory, d.Now})
}

// Plan implements device.Planner, for a device that has all the points. Those that no Read could answer are in no transaction.
func (RTU) Plan(ch device.Channel, points []device.Point) ([]device.Transaction, error) {
	if len(points) == 0 {
		return nil, nil
	}
	return newPlan(points, rtuTariff(ch, points)).transactions(rtuOut, rtuIn), nil
}

var (
	_ device.Planner = TCP{}
	_ device.Planner = RTU{}
)

// A link carries one request and its answer, both with their framing. A *line.Fault leaves it usable.
type link interface {
	send(ctx context.Context, frame []byte) ([]byte, error)
	// address chooses the unit of the requests to come.
	address(unit byte, rest time.Duration)
	// sureOfWrites says whether a write's answer could be told from an echo of the request.
	sureOfWrites() bool
	Close() error
}

// transport lets goburrow's client send over a link with the caller's context.
type transport func(frame []byte) ([]byte, error)

// Send implements modbus.Transporter.
func (t transport) Send(frame []byte) ([]byte, error) { return t(frame) }

var _ modbus.Transporter = transport(nil)

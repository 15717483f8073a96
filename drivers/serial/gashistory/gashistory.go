// Package gashistory reads the log that a household gas detector keeps of itself, over the port for reading its history that
// GB 15322.2-2019 gives every such detector: how many alarms, faults and power cuts it has noted, when each was, whether its sensor
// is past its life, and what its clock says. The gateway's poll uses it as a device.Driver, alone on a line or beside other protocols.
//
// The protocol has no addresses: one detector hangs on a port. It is only asked, never written to.
//
// It promises: a value is always the answer to the very question, of a right frame, or the reading is bad with a reason; a time that is
// no date is bad, and so is a record that is not there.
package gashistory

import (
	"context"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// Timeout is how long a detector may take to begin its answer. The standard names none; detectors pause up to 10 ms between two bytes.
const Timeout = time.Second

// Driver opens channels on serial lines with such a port at their end, by the standard 4800 bit/s with even parity. Its zero value is
// ready.
type Driver struct {
	Now func() time.Time // stamps readings, and is what a detector's clock is compared with; nil means time.Now
}

// Settings of the line by the standard.
func Settings() device.Serial {
	return device.Serial{Baud: 4800, Parity: device.ParityEven, StopBits: 1}
}

// Open opens the serial port at ch.Address with ch.Serial's settings.
func (d Driver) Open(ctx context.Context, ch device.Channel) (device.Conn, error) {
	if ch.Serial.Baud == 0 {
		ch.Serial.Baud = Settings().Baud
	}
	if ch.Serial.Parity == "" {
		ch.Serial.Parity = Settings().Parity
	}
	if ch.Timeout <= 0 {
		ch.Timeout = Timeout
	}
	port, err := line.Open(ctx, ch)
	if err != nil {
		return nil, err
	}
	return d.On(port), nil
}

// On asks a detector on a line that other protocols use too.
func (d Driver) On(port *line.Port) device.Conn { return d.on(port) }

func (d Driver) on(port wire) *conn {
	if d.Now == nil {
		d.Now = time.Now
	}
	return &conn{port: port, now: d.Now}
}

// Package serial holds the drivers of serial lines that speak something other than Modbus, so far DL/T 645-2007, which
// electricity meters in China speak; and Shared, a line on which devices of several protocols hang. The gateway's poll
// uses them as device.Drivers.
//
// It promises: a value is always of the meter and the data identifier that were asked for, or the reading is bad with a
// reason; one deadline for a whole answer; Close ends a Read. Of a meter only the relay is ever written, with its operator's password.
package serial

import (
	"context"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// DLT645 opens channels on serial lines that speak DL/T 645-2007, by default 2400 bit/s with even parity. Its zero value is ready.
type DLT645 struct {
	Now func() time.Time // stamps readings; nil means time.Now
}

// Open opens the serial port at ch.Address with ch.Serial's settings.
func (d DLT645) Open(ctx context.Context, ch device.Channel) (device.Conn, error) {
	if ch.Serial.Baud == 0 {
		ch.Serial.Baud = 2400
	}
	if ch.Serial.Parity == "" {
		ch.Serial.Parity = device.ParityEven
	}
	port, err := line.Open(ctx, ch)
	if err != nil {
		return nil, err
	}
	return d.On(port), nil
}

// On speaks DL/T 645 on a line that other protocols use too.
func (d DLT645) On(port *line.Port) device.Conn {
	now := d.Now
	if now == nil {
		now = time.Now
	}
	return &meterLine{port: port, now: now, targets: map[spot]target{}, start: map[string]int{}}
}

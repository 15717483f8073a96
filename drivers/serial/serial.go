// Package serial holds the drivers of serial lines that speak something other than Modbus, DL/T 645-2007 of electricity
// meters and CJ/T 188 of gas and water meters; and Shared, a line on which devices of several protocols hang, those of osdp and
// gashistory among them (ascii hears readers that speak unasked: they share no line). The gateway's poll uses them as device.Drivers.
//
// It promises: a value is always of the meter and the data identifier that were asked for, or the reading is bad with a
// reason; one deadline for a whole answer; Close ends a Read. Of a meter only
// the relay is ever written, with its operator's password, and of a gas meter the valve, to close it.
package serial

import (
	"context"
	"fmt"
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
	port, err := openMeters(ctx, ch)
	if err != nil {
		return nil, err
	}
	return d.On(port), nil
}

// On speaks DL/T 645 on a line that other protocols use too.
func (d DLT645) On(port *line.Port) device.Conn { return newMeterLine(dlt645{}, port, d.Now) }

// CJT188 opens channels on serial lines that speak CJ/T 188, as gas, water and heat meters do, by default 2400 bit/s with even
// parity. Its zero value is ready.
type CJT188 struct {
	Now func() time.Time // stamps readings; nil means time.Now
}

// Open opens the serial port at ch.Address with ch.Serial's settings.
func (d CJT188) Open(ctx context.Context, ch device.Channel) (device.Conn, error) {
	port, err := openMeters(ctx, ch)
	if err != nil {
		return nil, err
	}
	return d.On(port), nil
}

// On speaks CJ/T 188 on a line that other protocols use too.
func (d CJT188) On(port *line.Port) device.Conn { return newMeterLine(cjt188{}, port, d.Now) }

// openMeters opens a line with the settings that meters are delivered with.
func openMeters(ctx context.Context, ch device.Channel) (*line.Port, error) {
	if ch.Serial.Baud == 0 {
		ch.Serial.Baud = 2400
	}
	if ch.Serial.Parity == "" {
		ch.Serial.Parity = device.ParityEven
	}
	return line.Open(ctx, ch)
}

// CheckPoint says what keeps a point from ever being read by the DL/T 645 driver, in a sentence for the one who wrote
// the profile; nil when nothing does. The gateway calls it when it loads a site. Such a point reads as bad, unsupported.
func CheckPoint(p device.Point) error {
	if _, err := (dlt645{}).parse(p); err != nil {
		return fmt.Errorf("point %s: %w", p.Name, err)
	}
	if len(p.Writable) > 0 && !isRelay(p) {
		return fmt.Errorf("point %s: of a DL/T 645 meter only the relay can be written: at \"04 00 05 03\", type bit4", p.Name)
	}
	return nil
}

// CheckCJT188 is CheckPoint of the CJ/T 188 driver.
func CheckCJT188(p device.Point) error {
	if _, err := (cjt188{}).parse(p); err != nil {
		return fmt.Errorf("point %s: %w", p.Name, err)
	}
	if len(p.Writable) > 0 && !isValve(p) {
		return fmt.Errorf("point %s: of a CJ/T 188 meter only the valve can be written: its status bit in 90 1F, and only closed, write: [0]", p.Name)
	}
	return nil
}

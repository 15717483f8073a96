package modbus

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/goburrow/modbus"
	"github.com/linshao/linshao/drivers/device"
)

const coilOn = 0xFF // the high byte of a coil's state

// Write implements device.Conn. goburrow compares the device's answer with the request: nil means that it repeated both
// the address and the value.
func (c *conn) Write(ctx context.Context, p device.Point, v float64) error {
	err := c.write(ctx, p, v)
	if err != nil {
		return fmt.Errorf("write %s of %s: %w", p.Name, p.Device, err)
	}
	return nil
}

func (c *conn) write(ctx context.Context, p device.Point, v float64) error {
	if err := p.CheckWrite(v); err != nil {
		return err
	}
	t, err := parsePoint(p)
	if err != nil {
		return err
	}
	data, err := t.encode(p, v)
	if err != nil {
		return err
	}
	client := c.client(ctx)
	c.link.address(t.unit, t.rest)
	if !c.link.sureOfWrites() {
		if err := probe(client, t); err != nil {
			return err
		}
		if !c.link.sureOfWrites() {
			return errors.New("the line's echo could not be told from an answer")
		}
	}
	if t.space == readCoils {
		_, err = client.WriteSingleCoil(uint16(t.first), binary.BigEndian.Uint16(data))
		return err
	}
	return c.writeRegisters(client, t, data)
}

// encode makes what is sent for a value in the point's unit: registers, or the two bytes of a coil's state.
func (t target) encode(p device.Point, v float64) ([]byte, error) {
	if t.space != readCoils && t.space != readHolding {
		return nil, fmt.Errorf("a %s register cannot be written: %w", p.Register.Space, errors.ErrUnsupported)
	}
	scale := p.Scale
	if scale == 0 {
		scale = 1
	}
	raw := (v - p.Offset) / scale
	switch {
	case t.space == readHolding:
		return t.format.encode(raw)
	case raw == 0:
		return []byte{0, 0}, nil
	case raw == 1:
		return []byte{coilOn, 0}, nil
	}
	return nil, fmt.Errorf("a coil is 0 or 1, not %v", raw)
}

// probe reads the place that is to be written, so that the line shows whether it echoes. The device's answer is of no matter.
func probe(client modbus.Client, t target) error {
	var err error
	if t.space == readCoils {
		_, err = client.ReadCoils(uint16(t.first), 1)
	} else {
		_, err = client.ReadHoldingRegisters(uint16(t.first), uint16(t.words))
	}
	if _, refused := exception(err); refused {
		return nil // the device is there, and its refusal of the write will say more
	}
	return err
}

func (c *conn) writeRegisters(client modbus.Client, t target, data []byte) error {
	if t.words == 1 && !c.multiple[t.unit] {
		_, err := client.WriteSingleRegister(uint16(t.first), uint16(data[0])<<8|uint16(data[1]))
		if code, _ := exception(err); code != modbus.ExceptionCodeIllegalFunction {
			return err
		}
		c.multiple[t.unit] = true // a meter that knows function 16 alone
	}
	_, err := client.WriteMultipleRegisters(uint16(t.first), uint16(t.words), data)
	return err
}

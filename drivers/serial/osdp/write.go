package osdp

import (
	"context"
	"errors"
	"fmt"

	"github.com/linshao/linshao/drivers/device"
)

// Write implements device.Conn: an output, a lamp or a buzzer, where the profile allows it. It is confirmed by the peripheral's answer;
// whether a contact moved is seen by reading the point.
func (p *panel) Write(ctx context.Context, pt device.Point, v float64) error {
	if err := p.write(ctx, pt, v); err != nil {
		return fmt.Errorf("write %s of %s: %w", pt.Name, pt.Device, err)
	}
	return nil
}

func (p *panel) write(ctx context.Context, pt device.Point, v float64) error {
	if err := pt.CheckWrite(v); err != nil {
		return err
	}
	if err := checkPlace(pt); err != nil {
		return fmt.Errorf("%w: %w", err, errors.ErrUnsupported)
	}
	k, err := parseKind(pt.Register.Type)
	if err != nil {
		return err
	}
	code, data, err := command(pt, k, v)
	if err != nil {
		return err
	}
	d, err := p.peripheral(pt.Address)
	if err != nil {
		return err
	}
	if err := p.ready(ctx, d); err != nil {
		return err
	}
	r, err := p.ask(ctx, d, code, data...)
	if err != nil {
		return err
	}
	if code == cmdOut {
		d.status[states(cmdOutputs)] = status{} // asked for before it is told
		return nil
	}
	if r.code == replyAck {
		d.set[setting{pt.Register.Space, pt.Register.Addr}] = raw(pt, v)
	}
	return nil
}

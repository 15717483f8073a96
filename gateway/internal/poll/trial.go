package poll

import (
	"context"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// ReadTrial reads points of one address out of turn, on the poller's own connection, request by request as the driver plans them:
// between two of them the line serves others, and a write waits for no more than one. Who looks on by the context's trace sees all
// of it. It is for nobody who is in a hurry: while the line is lent the answer is ErrLent, and a device has its rest first.
func (p *Poller) ReadTrial(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	out := make([]device.Reading, len(points))
	for _, part := range partsOf(p.cfg.Driver, p.cfg.Channel, points) {
		rs, err := p.readPart(ctx, part.points)
		if err != nil {
			return nil, err
		}
		for k, i := range part.index {
			out[i] = rs[k]
		}
	}
	return out, nil
}

// readPart is one request, as soon as the device may be asked.
func (p *Poller) readPart(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	for {
		if p.lent.Load() {
			return nil, fmt.Errorf("read %s: %w", points[0].Device, ErrLent)
		}
		a := p.put(ctx, request{point: points[0], trial: points})
		if a.rest.IsZero() {
			return a.readings, a.err
		}
		wait := time.NewTimer(time.Until(a.rest))
		select {
		case <-ctx.Done():
			wait.Stop()
			return nil, fmt.Errorf("wait for %s: %w", points[0].Device, ctx.Err())
		case <-wait.C:
		}
	}
}

// restOf is until when the device of a trial is not to be asked: it needs a pause, or what is late must be swallowed first.
func (p *Poller) restOf(points []device.Point) (until time.Time) {
	if len(points) == 0 {
		return until
	}
	for _, u := range p.units {
		if u.points[0].Address == points[0].Address {
			until = later(*u.quiet, *u.pause)
		}
	}
	return until
}

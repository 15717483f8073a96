package modbus

import (
	"context"
	"fmt"
	"time"

	"github.com/goburrow/modbus"
	"github.com/linshao/linshao/drivers/device"
)

// conn implements device.Conn over any link.
type conn struct {
	link     link
	packager modbus.Packager
	tariff   func(points []device.Point) tariff
	now      func() time.Time
	plans    map[planKey]*plan
	multiple map[byte]bool // units that know no function 6
}

func newConn(l link, p modbus.Packager, t func([]device.Point) tariff, now func() time.Time) *conn {
	if now == nil {
		now = time.Now
	}
	return &conn{link: l, packager: p, tariff: t, now: now, plans: map[planKey]*plan{}, multiple: map[byte]bool{}}
}

// Close implements device.Conn.
func (c *conn) Close() error { return c.link.Close() }

// client is goburrow's client for the requests of one call.
func (c *conn) client(ctx context.Context) modbus.Client {
	return modbus.NewClient2(c.packager, transport(func(frame []byte) ([]byte, error) { return c.link.send(ctx, frame) }))
}

// Read implements device.Conn.
func (c *conn) Read(ctx context.Context, points []device.Point) ([]device.Reading, error) {
	if len(points) == 0 {
		return nil, nil
	}
	p := c.plan(points)
	r := reader{conn: c, client: c.client(ctx), plan: p, points: points, readings: make([]device.Reading, len(points))}
	if t := device.TraceOf(ctx); t != nil {
		r.found = t.Found
	}
	for _, i := range p.unsupported {
		r.readings[i] = device.BadReading(points[i], device.Unsupported, c.now())
	}
	if err := r.blocks(); err != nil {
		return nil, fmt.Errorf("read unit %s: %w", points[0].Address, err)
	}
	return r.readings, nil
}

func (c *conn) plan(points []device.Point) *plan {
	key := keyOf(points)
	p := c.plans[key]
	if p == nil || !p.fits(points) {
		p = newPlan(points, c.tariff(points))
		c.plans[key] = p
	}
	return p
}

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
	setup
	plans    map[planKey]*plan
	multiple map[byte]bool      // units that know no function 6
	seen     map[byte]time.Time // when a unit answered; absent where the last request met with no answer
}

// setup is what a driver gives its connections.
type setup struct {
	address string // of the channel
	tariff  func(points []device.Point) tariff
	memory  *Memory
	now     func() time.Time
}

func newConn(l link, p modbus.Packager, s setup) *conn {
	if s.now == nil {
		s.now = time.Now
	}
	return &conn{link: l, packager: p, setup: s, plans: map[planKey]*plan{}, multiple: map[byte]bool{}, seen: map[byte]time.Time{}}
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
	now := c.now()
	p := c.plan(points, now)
	r := reader{conn: c, client: c.client(ctx), plan: p, points: points, readings: make([]device.Reading, len(points)), began: now}
	if t := device.TraceOf(ctx); t != nil {
		r.watched, r.found = !t.Aside, t.Found
	}
	for _, i := range p.unsupported {
		r.readings[i] = device.BadReading(points[i], device.Unsupported, now)
	}
	if err := r.blocks(); err != nil {
		return nil, fmt.Errorf("read unit %s: %w", points[0].Address, err)
	}
	return r.readings, nil
}

// plan is how the points are read: as the last time, as an earlier connection was taught, or as it is cheapest.
func (c *conn) plan(points []device.Point, now time.Time) *plan {
	key := keyOf(points)
	p := c.plans[key]
	if p != nil && p.fits(points) && !p.stale(now) {
		return p
	}
	if p == nil {
		p = c.memory.recall(c.address, points)
	}
	if p == nil || !p.fits(points) || p.stale(now) {
		p = newPlan(points, c.tariff(points))
	}
	if len(c.plans) >= maxPlans {
		clear(c.plans)
	}
	c.plans[key] = p
	return p
}

package modbus

import (
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

const (
	// forgetAfter is how long a split serves. Then the whole block is asked for again, because the device may have been
	// exchanged for one that knows more: a few refused requests, four times a day.
	forgetAfter = 6 * time.Hour
	// What the device has refused twice in a row is left alone for restFirst, and twice as long each time, up to restMost, or
	// up to restFirst times its points: finding out that each of many is still refused costs the line dearly.
	restFirst = time.Minute
	restMost  = 10 * time.Minute
	// proofOfLife is how long an answer shows that a device lives, while all that it is asked for is at rest.
	proofOfLife = 10 * time.Second
	// maxPlans bounds what is kept: a scan may ask for anything.
	maxPlans = 2048
)

// A Memory keeps what devices have taught a driver about the requests that they refuse, where the next connection of the
// channel finds it. Its zero value is empty; a nil one keeps nothing. It is safe for concurrent use.
type Memory struct {
	mu    sync.Mutex
	plans map[place]*plan
}

// A place is a plan on a line.
type place struct {
	address string // of the channel
	key     planKey
}

// recall answers a copy of what was kept for the points; nil when there is nothing.
func (m *Memory) recall(address string, points []device.Point) *plan {
	if m == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.plans[place{address, keyOf(points)}]
	if p == nil || !p.fits(points) {
		return nil
	}
	return p.clone()
}

// keep takes a copy of a plan. That of a single point has nothing to tell.
func (m *Memory) keep(address string, p *plan) {
	if m == nil || len(p.points) < 2 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.plans == nil || len(m.plans) >= maxPlans {
		m.plans = map[place]*plan{}
	}
	m.plans[place{address, keyOf(p.points)}] = p.clone()
}

// clone shares what never changes: the points, and the slots of each block.
func (p *plan) clone() *plan {
	c := *p
	c.blocks = slices.Clone(p.blocks)
	return &c
}

// stale says whether it is time to see what the device knows by now.
func (p *plan) stale(now time.Time) bool {
	return p.outdated || !p.taught.IsZero() && now.Sub(p.taught) > forgetAfter
}

// refused notes that the device has none of the block's points. The first time it may be a slip, of a device that starts say:
// the next read asks again.
func (b *block) refused(now time.Time) {
	if !b.barren {
		b.barren, b.rest, b.again = true, 0, now
		return
	}
	b.rest = min(max(2*b.rest, restFirst), max(restMost, time.Duration(len(b.slots))*restFirst))
	b.again = now.Add(b.rest)
}

// resting says whether the block is left alone for now.
func (b *block) resting(now time.Time) bool { return b.barren && now.Before(b.again) }

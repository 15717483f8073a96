package modbus

import (
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// A group is the points of one unit and space, by address. Any of them may share a request, within the terms.
type group struct {
	slots []slot
	most  uint32 // registers or bits in one request
	holes []device.Extent
}

// groups parts sorted slots by unit and space.
func groups(slots []slot, points []device.Point) []group {
	var all []group
	for len(slots) > 0 {
		n := 1
		for n < len(slots) && slots[n].at.unit == slots[0].at.unit && slots[n].at.space == slots[0].at.space {
			n++
		}
		g := group{slots: slots[:n:n], most: maxBits}
		if !slots[0].at.space.bits() {
			g.most = maxRegisters
			for _, s := range g.slots {
				g.obey(&points[s.index].Register)
			}
		}
		all, slots = append(all, g), slots[n:]
	}
	return all
}

// obey takes a model's limits on: one device has one model, but two profiles may share the ports of a station.
func (g *group) obey(r *device.Register) {
	if r.MaxRegisters > 0 {
		g.most = min(g.most, uint32(r.MaxRegisters))
	}
	for _, h := range r.Holes {
		if !slices.Contains(g.holes, h) {
			g.holes = append(g.holes, h)
		}
	}
}

// cover parts the group into the requests that together take the least time. The cheapest way to read the first k points is
// the cheapest way to read some of them and one request for the rest: nothing is won by requests that overlap, because what
// lies in two of them can be left to the later one.
func (g *group) cover(t tariff) []block {
	space, n := g.slots[0].at.space, len(g.slots)
	cost, begin := make([]time.Duration, n+1), make([]int, n+1) // of the first k points, and where their last request begins
	for k := 1; k <= n; k++ {
		last := uint32(0)
		for i := k - 1; i >= 0; i-- {
			first := g.slots[i].at.from
			last = max(last, g.slots[i].at.to)
			alone := i == k-1 // was checked, with its own profile's terms
			if !alone && (last-first+1 > g.most || touches(first, last, g.holes)) {
				break // and so does every longer one
			}
			if c := cost[i] + t.of(space, last-first+1); alone || c <= cost[k] {
				cost[k], begin[k] = c, i
			}
		}
	}
	var blocks []block
	for k := n; k > 0; k = begin[k] {
		blocks = append(blocks, newBlock(g.slots[begin[k]:k]))
	}
	slices.Reverse(blocks)
	return blocks
}

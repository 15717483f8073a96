package modbus

import (
	"cmp"
	"slices"

	"github.com/linshao/linshao/drivers/device"
)

// Gaps that are read along rather than asked around, in registers and bits. On a serial line one more request costs
// 13 bytes, two silences and the device's turn-around, about 20 bytes; on TCP it costs a round trip, and bytes cost nothing.
const (
	rtuGap    = 10
	rtuBitGap = 160
	tcpGap    = 40
	tcpBitGap = 512
)

// limits of a transport.
type limits struct{ gap, bitGap uint32 }

// A slot is one point inside a block.
type slot struct {
	index int // of the point in the caller's list
	at    target
}

// A block is one request and the points that its answer holds.
type block struct {
	unit        byte
	space       space
	first, last uint32 // both included
	slots       []slot // by address
	// barren: the device has refused every single one of the points; it is asked for all of them at once until it
	// does not, because asking one by one costs the line dearly.
	barren bool
}

func (b *block) count() uint16 { return uint16(b.last - b.first + 1) }

// A plan is how a list of points is read. It changes only by what the device teaches.
type plan struct {
	points      []device.Point // the list that it was made for: address and register of each
	blocks      []block
	unsupported []int
	start       int // the block that is read first
}

// newPlan merges points into blocks.
func newPlan(points []device.Point, lim limits) *plan {
	p := &plan{points: slices.Clone(points)}
	slots := make([]slot, 0, len(points))
	for i := range points {
		t, err := parsePoint(points[i])
		if err != nil {
			p.unsupported = append(p.unsupported, i)
			continue
		}
		slots = append(slots, slot{i, t})
	}
	slices.SortStableFunc(slots, func(a, b slot) int {
		return cmp.Or(cmp.Compare(a.at.unit, b.at.unit), cmp.Compare(a.at.space, b.at.space), cmp.Compare(a.at.first, b.at.first))
	})
	for _, s := range slots {
		r := &p.points[s.index].Register
		if n := len(p.blocks); n > 0 && p.blocks[n-1].take(s, r, lim) {
			continue
		}
		first, last := span(s.at, r.Even)
		p.blocks = append(p.blocks, block{unit: s.at.unit, space: s.at.space, first: first, last: last, slots: []slot{s}})
	}
	return p
}

// take puts a point into the block where that is cheaper than a request of its own and the device allows it.
func (b *block) take(s slot, r *device.Register, lim limits) bool {
	if s.at.unit != b.unit || s.at.space != b.space {
		return false
	}
	gap, most := lim.gap, uint32(maxRegisters)
	if b.space.bits() {
		gap, most = lim.bitGap, maxBits
	} else if r.MaxRegisters > 0 {
		most = min(most, uint32(r.MaxRegisters))
	}
	first, last := span(s.at, r.Even)
	last = max(last, b.last)
	if first > b.last+1+gap || last-b.first+1 > most || !b.space.bits() && touches(b.first, last, r.Holes) {
		return false
	}
	b.last = last
	b.slots = append(b.slots, s)
	return true
}

// split halves a block that the device refuses: at its widest gap, because a register that no point asks for is the
// likeliest to be missing, or in the middle.
func (b *block) split(p *plan) (left, right block) {
	cut, widest := len(b.slots)/2, uint32(0)
	for i := 1; i < len(b.slots); i++ {
		_, end := span(b.slots[i-1].at, p.points[b.slots[i-1].index].Register.Even)
		begin, _ := span(b.slots[i].at, p.points[b.slots[i].index].Register.Even)
		if begin > end+1 && begin-end-1 > widest {
			cut, widest = i, begin-end-1
		}
	}
	return b.part(p, b.slots[:cut]), b.part(p, b.slots[cut:])
}

func (b *block) part(p *plan, slots []slot) block {
	part := block{unit: b.unit, space: b.space, slots: slots}
	for i, s := range slots {
		first, last := span(s.at, p.points[s.index].Register.Even)
		if i == 0 {
			part.first = first
		}
		part.last = max(part.last, last)
	}
	return part
}

// A planKey finds a plan; fits makes sure that it is the right one.
type planKey struct {
	address string
	space   string
	addr    uint32
	n       int
}

func keyOf(points []device.Point) planKey {
	first := &points[0]
	return planKey{first.Address, first.Register.Space, first.Register.Addr, len(points)}
}

// fits says whether the plan was made for these points.
func (p *plan) fits(points []device.Point) bool {
	for i := range points {
		a, b := &points[i], &p.points[i]
		ra, rb := &a.Register, &b.Register
		if ra.Addr != rb.Addr || ra.Space != rb.Space || ra.Type != rb.Type || ra.Swap != rb.Swap || ra.Even != rb.Even ||
			ra.MaxRegisters != rb.MaxRegisters || a.Address != b.Address || !slices.Equal(ra.Holes, rb.Holes) {
			return false
		}
	}
	return true
}

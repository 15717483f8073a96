package modbus

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// A slot is one point inside a block.
type slot struct {
	index int // of the point in the caller's list
	at    target
}

// A block is one request and the points that its answer holds.
type block struct {
	unit        byte
	space       space
	first, last uint32    // both included
	slots       []slot    // by address
	barren      bool      // the device has refused every single one of the points
	again       time.Time // when it may be asked for again
	rest        time.Duration
	pause       time.Duration // of the unit, between two requests
}

func newBlock(slots []slot) block {
	at := slots[0].at
	b := block{unit: at.unit, space: at.space, first: at.from, slots: slots}
	for _, s := range slots {
		b.last, b.pause = max(b.last, s.at.to), max(b.pause, s.at.rest)
	}
	return b
}

func (b *block) count() uint16 { return uint16(b.last - b.first + 1) }

// split halves a block that the device refuses: at its widest gap, because a register that no point asks for is the
// likeliest to be missing, or in the middle.
func (b *block) split() (left, right block) {
	cut, widest := len(b.slots)/2, uint32(0)
	for i := 1; i < len(b.slots); i++ {
		end, begin := b.slots[i-1].at.to, b.slots[i].at.from
		if begin > end+1 && begin-end-1 > widest {
			cut, widest = i, begin-end-1
		}
	}
	return newBlock(b.slots[:cut]), newBlock(b.slots[cut:])
}

// A plan is how a list of points is read. It changes only by what the device teaches.
type plan struct {
	points      []device.Point // the list that it was made for: address and register of each
	blocks      []block
	unsupported []int
	start       int       // the block that is read first
	taught      time.Time // when the first block was split; zero while all are as planned
	outdated    bool      // the device has what it once refused: it was exchanged, or has finished starting
}

// newPlan finds the requests that take the least time on the wire.
func newPlan(points []device.Point, t tariff) *plan {
	p := &plan{points: slices.Clone(points)}
	slots := make([]slot, 0, len(points))
	for i := range points {
		at, err := parsePoint(points[i])
		if err != nil {
			p.unsupported = append(p.unsupported, i)
			continue
		}
		slots = append(slots, slot{i, at})
	}
	slices.SortStableFunc(slots, func(a, b slot) int {
		return cmp.Or(cmp.Compare(a.at.unit, b.at.unit), cmp.Compare(a.at.space, b.at.space),
			cmp.Compare(a.at.from, b.at.from), cmp.Compare(a.at.to, b.at.to))
	})
	for _, g := range groups(slots, points) {
		p.blocks = append(p.blocks, g.cover(t)...)
	}
	return p
}

// transactions tells the plan to others. out and in are the bytes of a request and of an answer without its data.
func (p *plan) transactions(out, in int) []device.Transaction {
	ts := make([]device.Transaction, len(p.blocks))
	for i, b := range p.blocks {
		what := fmt.Sprintf("%s 0x%04X", b.space, b.first)
		if b.last > b.first {
			what += fmt.Sprintf("–0x%04X", b.last)
		}
		ts[i] = device.Transaction{What: what, Out: out, In: in + b.space.bytes(uint32(b.count()))}
		for _, s := range b.slots {
			ts[i].Points = append(ts[i].Points, s.index)
		}
	}
	return ts
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
			ra.MaxRegisters != rb.MaxRegisters || ra.Rest != rb.Rest || a.Address != b.Address || !slices.Equal(ra.Holes, rb.Holes) {
			return false
		}
	}
	return true
}

package look

import (
	"sync"

	"github.com/linshao/linshao/cloud/wire"
)

// A look is one that is under way.
type look struct {
	Wish
	id, site string
	about    string
	session  uint64
	boot     uint32
	until    uint64 // on the gateway's clock

	mu      sync.Mutex
	units   [][]byte // whole, not passed on
	ends    []uint32 // number of the last piece of each
	part    []byte   // of the unit that comes
	number  uint32   // of the newest piece
	seen    uint32   // passed on
	told    uint32   // of them the gateway knows
	lost    bool     // nothing counts before the next beginning
	again   uint32
	ask     bool   // the gateway is to be told so
	held    int    // bytes of units and part
	over    string // why it is
	closed  bool
	changed chan struct{}
}

// word is what the gateway is told.
func (l *look) word() *wire.Look {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = l.done()
	return &wire.Look{Id: l.id, Session: l.session, Boot: l.boot, UntilMs: l.until, Device: l.Device, Who: l.Who, Reason: l.Reason,
		Seen: l.told, Again: l.again, Over: l.closed, Ask: l.Ask}
}

// take takes a piece: units are passed on whole or not at all, so that a player can follow.
func (l *look) take(g *wire.Glimpse) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() {
		close(l.changed)
		l.changed = make(chan struct{})
	}()
	if l.over != "" || g.GetNumber() <= l.number {
		return
	}
	gap := g.GetNumber() != l.number+1
	l.number = g.GetNumber()
	switch {
	case g.GetOver():
		l.over = reason(g.GetWhy())
		return
	case l.held+len(g.GetData()) > unitMost: // the gateway does not keep to the window
		l.over = "failed"
		return
	}
	if (gap || l.lost && !g.GetBegins()) && !g.GetBegins() {
		l.drop()
		return
	}
	if gap || l.lost {
		l.held -= len(l.part)
		l.part, l.lost = nil, false
	}
	l.part = append(l.part, g.GetData()...)
	l.held += len(g.GetData())
	if g.GetLast() {
		l.units, l.ends = append(l.units, l.part), append(l.ends, l.number)
		l.part = nil
	}
}

// drop forgets a unit of which a piece was lost, and wants another beginning, once.
func (l *look) drop() {
	l.held -= len(l.part)
	l.part = nil
	if len(l.units) > 0 {
		l.ends[len(l.ends)-1] = l.number
	}
	if !l.lost {
		l.lost, l.ask = true, true
		l.again++
	}
}

// reason keeps to the words that are known: they become labels of metrics.
func reason(why string) string {
	switch why {
	case "time", "stopped", "unknown_camera", "unknown", "busy":
		return why
	}
	return "failed"
}

// next is the oldest unit; the gateway may send as much again. over is told when all before it was passed on.
func (l *look) next() (data []byte, over string, changed <-chan struct{}, ask bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.units) > 0 {
		data, l.seen = l.units[0], l.ends[0]
		l.units, l.ends = l.units[1:], l.ends[1:]
		l.held -= len(data)
	} else {
		over = l.over
	}
	ask = l.ask || l.done() >= l.told+tellPieces
	l.ask = false
	return data, over, l.changed, ask
}

// done is how many pieces need no more room on the way: they were passed on, or stand in a unit that is not whole yet. It needs mu.
func (l *look) done() uint32 {
	if len(l.units) == 0 {
		return l.number
	}
	return l.seen
}

func (l *look) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
}

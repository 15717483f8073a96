// Package bus is the fan-out of readings inside the gateway: what one poll read goes to the rules, to the log and to the local
// page. A subscriber that must not lose anything blocks the source, so it has to be fast; one that may lose says so, and every
// reading that it lost is counted. The app connects it; slices are shared by all subscribers, who must not change them.
package bus

import (
	"sync/atomic"

	"github.com/linshao/linshao/drivers/device"
)

// A Bus has one source and a fixed set of subscribers.
type Bus struct{ subscribers []*Subscription }

// New makes a bus without subscribers.
func New() *Bus { return &Bus{} }

// A Subscription receives what the bus carries.
type Subscription struct {
	C       <-chan []device.Reading // closed when the source has ended and everything was delivered
	c       chan []device.Reading
	mayLose bool
	lost    atomic.Uint64
}

// Lost is the number of readings that did not fit.
func (s *Subscription) Lost() uint64 { return s.lost.Load() }

// Subscribe adds a subscriber with room for so many slices. Without mayLose it blocks the source when the room is used up.
// All subscribe before Run; those that subscribe first are served first.
func (b *Bus) Subscribe(room int, mayLose bool) *Subscription {
	c := make(chan []device.Reading, room)
	s := &Subscription{C: c, c: c, mayLose: mayLose}
	b.subscribers = append(b.subscribers, s)
	return s
}

// Run carries readings from the source to all subscribers until the source closes; then it closes theirs.
func (b *Bus) Run(source <-chan []device.Reading) {
	for rs := range source {
		for _, s := range b.subscribers {
			s.send(rs)
		}
	}
	for _, s := range b.subscribers {
		close(s.c)
	}
}

func (s *Subscription) send(rs []device.Reading) {
	if !s.mayLose {
		s.c <- rs
		return
	}
	select {
	case s.c <- rs:
	default:
		s.lost.Add(uint64(len(rs)))
	}
}

package rtsp

import (
	"context"
	"sync"
	"time"
)

// How hard one host may be asked: a recorder has many cameras behind it and little patience.
const (
	atOnce = 4 // dials under way
	apart  = 100 * time.Millisecond
)

// gate lets dials of one host through a few at a time, and one after the other.
type gate struct {
	tokens chan struct{}

	mu   sync.Mutex
	next time.Time
}

// gate of a host; the conn's lock is held.
func (c *conn) gate(host string) *gate {
	g := c.gates[host]
	if g == nil {
		g = &gate{tokens: make(chan struct{}, atOnce)}
		c.gates[host] = g
	}
	return g
}

// enter waits for a turn; it is false when ctx has ended before.
func (g *gate) enter(ctx context.Context) (leave func(), ok bool) {
	select {
	case g.tokens <- struct{}{}:
	case <-ctx.Done():
		return nil, false
	}
	g.mu.Lock()
	now := time.Now()
	turn := g.next
	if turn.Before(now) {
		turn = now
	}
	g.next = turn.Add(apart)
	g.mu.Unlock()
	timer := time.NewTimer(turn.Sub(now))
	defer timer.Stop()
	select {
	case <-timer.C:
		return func() { <-g.tokens }, true
	case <-ctx.Done():
		<-g.tokens
		return nil, false
	}
}

package linetest

import (
	"net"
	"os"
	"sync"
	"time"
)

// Dial connects to a Rough line as to a converter or a device on the network. What was on its way to an earlier
// connection is lost there; what a device says only now reaches this one.
func (r *Rough) Dial() net.Conn {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.news == nil || r.gone {
		r.queue = nil
	}
	r.plugged()
	return &conn{Rough: r, life: r.life, changed: make(chan struct{})}
}

// conn is one connection.
type conn struct {
	*Rough
	life int

	guard    sync.Mutex
	closed   bool
	deadline time.Time
	changed  chan struct{} // closed when the deadline is another
}

func (c *conn) Read(b []byte) (int, error) {
	for {
		c.guard.Lock()
		deadline, changed, closed := c.deadline, c.changed, c.closed
		c.guard.Unlock()
		if closed {
			return 0, net.ErrClosed
		}
		n, until, err := c.take(b, deadline, c.life)
		if n > 0 || err != nil {
			return n, err
		}
		if !deadline.IsZero() && !time.Now().Before(deadline) {
			return 0, os.ErrDeadlineExceeded
		}
		c.wait(until, changed)
	}
}

func (c *conn) Write(b []byte) (int, error) {
	c.guard.Lock()
	closed := c.closed
	c.guard.Unlock()
	if closed {
		return 0, net.ErrClosed
	}
	if err := c.Rough.Write(b); err != nil {
		return 0, err
	}
	return len(b), nil
}

func (c *conn) Close() error {
	c.guard.Lock()
	defer c.guard.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.closed = true
	close(c.changed)
	return nil
}

func (c *conn) SetReadDeadline(t time.Time) error {
	c.guard.Lock()
	defer c.guard.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.deadline = t
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

func (c *conn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (*conn) SetWriteDeadline(t time.Time) error { return nil }
func (*conn) LocalAddr() net.Addr                { return &net.TCPAddr{} }
func (*conn) RemoteAddr() net.Addr               { return &net.TCPAddr{} }

package broker

import (
	"net"
	"sync"
	"time"
)

// connectWithin is how long a connection may take to say CONNECT; from then on the broker sets the limits.
const connectWithin = 10 * time.Second

// listener does for the broker library what it does not: it limits the time until CONNECT, and when the broker closes it
// ends also connections that have not said it yet, for which the library would wait for ever.
type listener struct {
	net.Listener
	mu     sync.Mutex
	open   map[net.Conn]bool
	closed bool
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		c.Close() //nolint:errcheck // nothing was said on it
		return nil, net.ErrClosed
	}
	_ = c.SetDeadline(time.Now().Add(connectWithin)) // fails only when the connection is broken, which its reader learns
	own := &conn{Conn: c, l: l}
	l.open[own] = true
	return own, nil
}

// hangUp ends all connections, and those that come later.
func (l *listener) hangUp() {
	l.mu.Lock()
	l.closed = true
	var all []net.Conn
	for c := range l.open {
		all = append(all, c)
	}
	l.mu.Unlock()
	for _, c := range all {
		c.Close() //nolint:errcheck // it ends either way
	}
}

type conn struct {
	net.Conn
	l *listener
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.l.mu.Lock()
	delete(c.l.open, c)
	c.l.mu.Unlock()
	return c.Conn.Close()
}

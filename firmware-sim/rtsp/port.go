package rtsp

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
)

// port is the camera's listener. It can die as a host does whose power fails: its connections stay as they are, and nothing
// more is said on them, not even that they have ended.
type port struct {
	net.Listener

	mu   sync.Mutex
	gone bool
	open map[*wire]struct{}
}

func newPort(ln net.Listener) *port { return &port{Listener: ln, open: map[*wire]struct{}{}} }

// Accept implements net.Listener.
func (p *port) Accept() (net.Conn, error) {
	conn, err := p.Listener.Accept()
	if err != nil {
		return nil, err
	}
	w := &wire{Conn: conn, port: p}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open[w] = struct{}{}
	return w, nil
}

// Close leaves the listener open when the port has died, and ends waiting for connections.
func (p *port) Close() error {
	if p.dead() {
		return past(p.Listener)
	}
	return p.Listener.Close()
}

func (p *port) dead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

// die gives the connections, which nobody closes from now on.
func (p *port) die() []net.Conn {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
	var conns []net.Conn
	for w := range p.open {
		conns = append(conns, w.Conn)
	}
	return conns
}

// past ends an Accept under way.
func past(ln net.Listener) error {
	return ln.(*net.TCPListener).SetDeadline(time.Unix(1, 0))
}

// wire is a connection of a port.
type wire struct {
	net.Conn
	port *port
}

// Write implements net.Conn.
func (w *wire) Write(b []byte) (int, error) {
	if w.port.dead() {
		return len(b), nil
	}
	return w.Conn.Write(b)
}

// Close implements net.Conn.
func (w *wire) Close() error {
	w.port.mu.Lock()
	defer w.port.mu.Unlock()
	if w.port.gone {
		return w.Conn.SetReadDeadline(time.Unix(1, 0))
	}
	delete(w.port.open, w)
	return w.Conn.Close()
}

// vanish accepts who connects and says nothing, and is well again after a while. What was connected is never heard of again.
func (c *Camera) vanish(ctx context.Context) error {
	if c.ln == nil {
		ln, err := net.Listen("tcp", c.addr)
		if err != nil {
			return fmt.Errorf("listen for camera %s: %w", c.cfg.Path, err)
		}
		c.ln = ln
	}
	ln := c.ln.(*net.TCPListener)
	away := cmp.Or(c.cfg.Faults.Setting(fault.Vanish).Delay, 2*time.Second)
	_ = ln.SetDeadline(time.Now().Add(away))
	stop := context.AfterFunc(ctx, func() { _ = past(ln) })
	defer stop()
	for {
		conn, err := ln.Accept()
		if err != nil {
			break
		}
		c.dead = append(c.dead, conn)
	}
	_ = ln.SetDeadline(time.Time{})
	c.cfg.Faults.Clear(fault.Vanish)
	return nil
}

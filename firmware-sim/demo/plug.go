package demo

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
)

// A Plug stands between the gateways and the broker, so that a person can pull it: connections are cut and new ones refused.
type Plug struct {
	listener net.Listener
	target   string
	lines    sync.WaitGroup

	mu     sync.Mutex
	pulled bool
	open   map[net.Conn]struct{}
}

func newPlug(target string) (*Plug, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for the gateways: %w", err)
	}
	p := &Plug{listener: l, target: target, open: map[net.Conn]struct{}{}}
	p.lines.Go(p.serve)
	return p, nil
}

// Addr is what the gateways connect to.
func (p *Plug) Addr() string { return p.listener.Addr().String() }

// Pull cuts the uplink, or puts it back.
func (p *Plug) Pull(pulled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.pulled = pulled
	if pulled {
		for c := range p.open {
			c.Close()
		}
	}
}

// Pulled says whether the uplink is cut.
func (p *Plug) Pulled() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pulled
}

func (p *Plug) close() error {
	p.Pull(true)
	err := p.listener.Close()
	p.lines.Wait()
	return err
}

func (p *Plug) serve() {
	for {
		c, err := p.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		p.lines.Go(func() { p.join(c) })
	}
}

// join copies both ways until either end closes.
func (p *Plug) join(gateway net.Conn) {
	defer gateway.Close()
	if p.Pulled() {
		return
	}
	broker, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer broker.Close()
	if !p.keep(gateway, broker) {
		return
	}
	var up sync.WaitGroup
	up.Go(func() {
		io.Copy(broker, gateway)
		broker.Close()
	})
	io.Copy(gateway, broker)
	gateway.Close()
	up.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.open, gateway)
	delete(p.open, broker)
}

func (p *Plug) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.pulled {
		return false
	}
	for _, c := range conns {
		p.open[c] = struct{}{}
	}
	return true
}

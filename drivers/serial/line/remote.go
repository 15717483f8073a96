package line

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// connectTime bounds the connection to a converter that takes no answer to its SYN.
const connectTime = 5 * time.Second

// remote is a line behind a converter on the network, which passes bytes on as they come ("RTU over TCP"). The converter
// has the line's settings; those of the channel only tell how long bytes take.
//
// A network may hold an answer back for longer than any time-out, and a serial answer does not say to which request it
// belongs. So after a fault the connection is given up for a new one: what is still on its way never arrives.
type remote struct {
	connect func(ctx context.Context) (net.Conn, error)
	mu      sync.Mutex
	conn    net.Conn      // nil while there is to be a new one
	life    uint64        // counts connections
	news    chan struct{} // closed when there is a new one, or will never be
	done    bool
	stop    context.CancelFunc // ends a connection that is being made
}

func dial(ctx context.Context, ch device.Channel) (*Port, error) {
	if _, err := settings("", ch.Serial); err != nil {
		return nil, err
	}
	d := net.Dialer{Timeout: connectTime, KeepAlive: 15 * time.Second}
	return OpenOver(ctx, ch, func(ctx context.Context) (net.Conn, error) { return d.DialContext(ctx, "tcp", ch.Address) })
}

// OpenOver opens a line at the end of a connection. connect makes it, now and anew after every fault.
func OpenOver(ctx context.Context, ch device.Channel, connect func(context.Context) (net.Conn, error)) (*Port, error) {
	w, err := newRemote(ctx, connect)
	if err != nil {
		return nil, err
	}
	return newPort(w, ch), nil
}

func newRemote(ctx context.Context, connect func(ctx context.Context) (net.Conn, error)) (*remote, error) {
	conn, err := connect(ctx)
	return &remote{connect: connect, conn: conn}, err
}

func (r *remote) current() (conn net.Conn, life uint64, news <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.conn, r.life, r.news
}

func (r *remote) read(buf []byte) (int, uint64, error) {
	conn, life, news := r.current()
	if conn == nil {
		<-news
		return 0, life, nil
	}
	err := conn.SetReadDeadline(time.Now().Add(readTimeout))
	n := 0
	if err == nil {
		n, err = conn.Read(buf)
	}
	if now, _, _ := r.current(); now != conn || errors.Is(err, os.ErrDeadlineExceeded) {
		err = nil // it was given up meanwhile, or nothing came
	}
	return n, life, err
}

func (r *remote) write(b []byte, deadline time.Time) error {
	conn, _, _ := r.current()
	if conn == nil {
		return net.ErrClosed
	}
	err := conn.SetWriteDeadline(deadline)
	if err == nil {
		_, err = conn.Write(b)
	}
	return err
}

func (r *remote) set(device.Serial) error {
	return fmt.Errorf("the converter keeps its settings: %w", errors.ErrUnsupported)
}

// forget gives up the connection for a new one. Many a converter serves one connection at a time, so the old one ends first.
func (r *remote) forget(ctx context.Context) (uint64, error) {
	r.mu.Lock()
	if r.done {
		r.mu.Unlock()
		return 0, ErrClosed
	}
	old := r.conn
	r.conn, r.news = nil, make(chan struct{})
	ctx, r.stop = context.WithCancel(ctx)
	r.mu.Unlock()
	defer r.stop()
	if old != nil {
		_ = old.Close() // whatever it says, it is of no use any more
	}
	conn, err := r.connect(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	close(r.news)
	r.conn = old // closed, so that reading and writing say so
	switch {
	case err != nil:
		return 0, fmt.Errorf("connect anew: %w", err)
	case r.done:
		_ = conn.Close() // nobody wants it any more
		return 0, ErrClosed
	}
	r.life++
	r.conn = conn
	return r.life, nil
}

func (r *remote) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = true
	if r.conn == nil {
		r.stop() // forget sees to the rest
		return nil
	}
	return r.conn.Close()
}

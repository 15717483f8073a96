package uplink

import (
	"context"
	"net"
	"time"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

// What the tests of the package uplink_test reach: another kind of connection, and the pause between connections.

// Gap is a gap.
type Gap = outbox.Gap

// Receipt is what a test's connection answers to a publish.
type Receipt = receipt

// Wire is a connection that a test makes.
type Wire struct {
	Publish func(topic string, retained bool, payload []byte) Receipt
	Lost    chan error
	Close   func()
	inbox   chan message
}

// NewWire makes one with an empty inbox.
func NewWire() *Wire {
	return &Wire{Lost: make(chan error, 1), inbox: make(chan message, inboxLength)}
}

// Deliver puts a message into the inbox; a full one drops it.
func (w *Wire) Deliver(topic string, payload []byte) {
	select {
	case w.inbox <- message{topic, payload}:
	default:
	}
}

type wireLink struct{ w *Wire }

func (l wireLink) publish(topic string, _ byte, retained bool, payload []byte) receipt {
	return l.w.Publish(topic, retained, payload)
}
func (l wireLink) busy(bool)                {}
func (l wireLink) messages() <-chan message { return l.w.inbox }
func (l wireLink) lost() <-chan error       { return l.w.Lost }
func (l wireLink) close()                   { l.w.Close() }

type wireDialer func(ctx context.Context, will []byte) (*Wire, error)

func (d wireDialer) dial(ctx context.Context, a address) (link, error) {
	w, err := d(ctx, a.will)
	if err != nil {
		return nil, err
	}
	return wireLink{w}, nil
}

// NewOn makes an uplink that dials with a test's function.
func NewOn(cfg Config, dial func(ctx context.Context, will []byte) (*Wire, error)) (*Uplink, error) {
	cfg.URL = "mqtt://127.0.0.1"
	u, err := New(cfg)
	if err != nil {
		return nil, err
	}
	u.dialer = wireDialer(dial)
	return u, nil
}

// Pause is the wait before the connection after a number of failed ones, the last by err.
func (u *Uplink) Pause(failed int, err error, urgent bool) time.Duration {
	return u.pause(failed, err, urgent, time.Now())
}

// DialWith makes the uplink open its sockets with a test's function.
func (u *Uplink) DialWith(socket func(ctx context.Context, network, address string) (net.Conn, error)) {
	d := u.dialer.(pahoDialer)
	d.socket = socket
	u.dialer = d
}

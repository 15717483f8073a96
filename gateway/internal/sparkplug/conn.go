package sparkplug

import (
	"context"
	"errors"
	"fmt"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

const (
	patience  = 10 * time.Second // for each thing that the broker has to answer
	keepAlive = 30 * time.Second
)

// conn is one connection; a new one has a new client, so that nothing of the old one is sent on it.
type conn struct {
	client  mqtt.Client
	lost    chan error
	rebirth chan struct{}
}

var errSlow = errors.New("the broker does not answer")

func (n *Node) dial(ctx context.Context) (*conn, error) {
	n.deaths++
	c := &conn{lost: make(chan error, 1), rebirth: make(chan struct{}, 1)}
	scheme := "tcp://"
	if n.cfg.URL.Scheme == "mqtts" {
		scheme = "ssl://"
	}
	o := mqtt.NewClientOptions().AddBroker(scheme + n.cfg.URL.Host).SetClientID(n.cfg.Group + "-" + n.cfg.Node)
	o.SetProtocolVersion(4).SetCleanSession(true).SetStore(mqtt.NewMemoryStore()).SetAutoReconnect(false).SetConnectRetry(false).SetOrderMatters(false)
	o.SetConnectTimeout(patience).SetWriteTimeout(patience).SetKeepAlive(keepAlive).SetPingTimeout(patience)
	o.SetBinaryWill(n.topic("NDEATH", ""), n.death(), 1, false)
	o.SetUsername(n.cfg.User).SetPassword(n.cfg.Password).SetTLSConfig(n.cfg.TLS)
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) { c.lost <- err })
	c.client = mqtt.NewClient(o)
	if err := c.await(ctx, c.client.Connect()); err != nil {
		c.client.Disconnect(0)
		return nil, fmt.Errorf("connect: %w", err)
	}
	heard := func(_ mqtt.Client, m mqtt.Message) {
		if wantsRebirth(m.Payload()) {
			select {
			case c.rebirth <- struct{}{}:
			default: // one is asked for already
			}
		}
	}
	if err := c.await(ctx, c.client.Subscribe(n.topic("NCMD", ""), 1, heard)); err != nil {
		c.client.Disconnect(0)
		return nil, fmt.Errorf("subscribe to commands: %w", err)
	}
	return c, nil
}

func (n *Node) death() []byte {
	now := n.cfg.Now().UnixMilli()
	return payload(now, -1, whole("bdSeq", now, uint64(n.deaths)))
}

func (c *conn) await(ctx context.Context, token mqtt.Token) error {
	timer := time.NewTimer(2 * patience) // paho counts its own limit twice
	defer timer.Stop()
	select {
	case <-token.Done():
		return token.Error()
	case <-timer.C:
		return errSlow
	case <-ctx.Done():
		return ctx.Err()
	}
}

// publish hands a message to the socket. Sparkplug sends everything but a will with QoS 0.
func (c *conn) publish(ctx context.Context, topic string, b []byte) error {
	return c.await(ctx, c.client.Publish(topic, 0, false, b))
}

// bye ends a connection. A node that goes on purpose says so itself: the broker forgets the will of who takes his leave.
func (c *conn) bye(n *Node, orderly bool) {
	if orderly {
		c.client.Publish(n.topic("NDEATH", ""), 1, false, n.death()).WaitTimeout(time.Second) // it goes anyway
	}
	c.client.Disconnect(250)
}

package uplink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

const (
	dialTime    = 20 * time.Second // for TCP, TLS, CONNECT and SUBSCRIBE together
	writeTime   = 5 * time.Second
	keepAlive   = 30 * time.Second
	inboxLength = 256 // messages from the cloud waiting; acknowledgements are cumulative, so that more may be dropped
)

// link is one MQTT connection. It is used once: after an end, a new one is dialled.
type link interface {
	// publish hands over a QoS 1 message. The receipt says when the broker has it, which proves nothing about the cloud.
	publish(topic string, retained bool, payload []byte) receipt
	messages() <-chan message
	lost() <-chan error
	close()
}

type receipt interface {
	Done() <-chan struct{}
	Error() error
}

type message struct {
	topic   string
	payload []byte
}

// address is what to dial, and as whom.
type address struct {
	gateway   string
	will      []byte
	status    string   // topic of the will
	subscribe []string // topics
}

// pahoDialer dials with paho, contained: a clean session and a memory store, so that nothing of an earlier connection is
// ever sent or confirmed again; no reconnect of its own, because a token of the old connection would then report success
// that no broker gave; a new client per connection; our own deadline around everything.
type pahoDialer struct {
	url *url.URL
	tls *tls.Config // nil: plain
}

func (d pahoDialer) dial(ctx context.Context, a address) (link, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := d.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", d.url.Host, err)
	}
	l := &pahoLink{conn: conn, inbox: make(chan message, inboxLength), down: make(chan error, 1)}
	l.client = mqtt.NewClient(d.options(l, a))
	if err := await(ctx, l.client.Connect(), conn); err != nil {
		l.close()
		return nil, fmt.Errorf("connect to MQTT broker %s: %w", d.url.Host, err)
	}
	filters := map[string]byte{}
	for _, topic := range a.subscribe {
		filters[topic] = 1
	}
	token := l.client.SubscribeMultiple(filters, l.receive)
	if err := await(ctx, token, conn); err != nil {
		l.close()
		return nil, fmt.Errorf("subscribe at %s: %w", d.url.Host, err)
	}
	for topic, code := range token.(*mqtt.SubscribeToken).Result() {
		if code > 2 {
			l.close()
			return nil, fmt.Errorf("subscribe at %s: the broker refuses %s", d.url.Host, topic)
		}
	}
	return l, nil
}

func (d pahoDialer) open(ctx context.Context) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", d.url.Host)
	if err != nil || d.tls == nil {
		return conn, err
	}
	cfg := d.tls.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = d.url.Hostname()
	}
	secure := tls.Client(conn, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return secure, nil
}

func (d pahoDialer) options(l *pahoLink, a address) *mqtt.ClientOptions {
	o := mqtt.NewClientOptions().AddBroker("tcp://" + d.url.Host).SetClientID(a.gateway)
	o.SetProtocolVersion(4).SetCleanSession(true).SetStore(mqtt.NewMemoryStore())
	o.SetAutoReconnect(false).SetConnectRetry(false).SetOrderMatters(false)
	o.SetConnectTimeout(dialTime).SetWriteTimeout(writeTime).SetKeepAlive(keepAlive).SetPingTimeout(writeTime)
	o.SetBinaryWill(a.status, a.will, 1, true)
	o.SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return l.conn, nil })
	o.SetConnectionLostHandler(func(_ mqtt.Client, err error) { l.down <- err })
	o.SetDefaultPublishHandler(l.receive)
	if user := d.url.User; user != nil {
		password, _ := user.Password()
		o.SetUsername(user.Username()).SetPassword(password)
	}
	return o
}

// await waits for a token, but not longer than ctx: then the connection is cut, which ends what the token waits for.
func await(ctx context.Context, token mqtt.Token, conn net.Conn) error {
	select {
	case <-token.Done():
		return token.Error()
	case <-ctx.Done():
		_ = conn.Close() // the deadline is the error to tell
		return ctx.Err()
	}
}

type pahoLink struct {
	client mqtt.Client
	conn   net.Conn
	inbox  chan message
	down   chan error
	once   sync.Once
}

// receive runs in a goroutine of paho's and must not wait.
func (l *pahoLink) receive(_ mqtt.Client, m mqtt.Message) {
	select {
	case l.inbox <- message{m.Topic(), m.Payload()}:
	default:
	}
}

func (l *pahoLink) publish(topic string, retained bool, payload []byte) receipt {
	return l.client.Publish(topic, 1, retained, payload)
}

func (l *pahoLink) messages() <-chan message { return l.inbox }
func (l *pahoLink) lost() <-chan error       { return l.down }

func (l *pahoLink) close() {
	l.once.Do(func() {
		l.client.Disconnect(uint(time.Second / time.Millisecond))
		_ = l.conn.Close() // paho has closed it already if it could say goodbye
	})
}

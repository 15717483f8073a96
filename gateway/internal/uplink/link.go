package uplink

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
)

const (
	keepAlive   = 30 * time.Second
	inboxLength = 256       // messages from the cloud waiting; acknowledgements are cumulative, so that more may be dropped
	never       = time.Hour // in place of paho's limit for a ping: patientConn has a better one
)

// errDenied: the broker refuses a subscription.
var errDenied = errors.New("the broker refuses a topic")

// link is one MQTT connection. It is used once: after an end, a new one is dialled.
type link interface {
	// publish hands over a message. The receipt says when the broker has it, which proves nothing about the cloud; with QoS 0,
	// when it was handed to the socket.
	publish(topic string, qos byte, retained bool, payload []byte) receipt
	// busy says whether a message is on its way that has its own time limit; without one, the keep-alive is the limit.
	busy(bool)
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
	optional  []string // topics that the broker may refuse
}

// pahoDialer dials with paho, contained: a clean session and a memory store, so that nothing of an earlier connection is
// ever sent or confirmed again; no reconnect of its own, because a token of the old connection would then report success
// that no broker gave; a new client per connection; our own deadline around everything.
type pahoDialer struct {
	url       *url.URL
	tls       *tls.Config   // nil: plain
	keepAlive time.Duration // two thirds of it are for TCP, TLS, CONNECT and SUBSCRIBE together
	socket    func(ctx context.Context, network, address string) (net.Conn, error)
}

func (d pahoDialer) dial(ctx context.Context, a address) (link, error) {
	ctx, cancel := context.WithTimeout(ctx, d.keepAlive*2/3)
	defer cancel()
	conn, patient, err := d.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", d.url.Host, err)
	}
	l := &pahoLink{conn: conn, patient: patient, inbox: make(chan message, inboxLength), down: make(chan error, 1)}
	l.client = mqtt.NewClient(d.options(l, a))
	if err := await(ctx, l.client.Connect(), conn); err != nil {
		l.close()
		return nil, fmt.Errorf("connect to MQTT broker %s: %w", d.url.Host, err)
	}
	filters := map[string]byte{}
	for _, topic := range append(a.subscribe, a.optional...) {
		filters[topic] = 1
	}
	token := l.client.SubscribeMultiple(filters, l.receive)
	if err := await(ctx, token, conn); err != nil {
		l.close()
		return nil, fmt.Errorf("subscribe at %s: %w", d.url.Host, err)
	}
	for topic, code := range token.(*mqtt.SubscribeToken).Result() {
		if code > 2 && !slices.Contains(a.optional, topic) {
			l.close()
			return nil, fmt.Errorf("subscribe at %s to %s: %w", d.url.Host, topic, errDenied)
		}
	}
	return l, nil
}

func (d pahoDialer) open(ctx context.Context) (net.Conn, *patientConn, error) {
	raw, err := d.socket(ctx, "tcp", d.url.Host)
	if err != nil {
		return nil, nil, err
	}
	patient := newPatientConn(raw, d.keepAlive*3/2)
	if d.tls == nil {
		return patient, patient, nil
	}
	cfg := d.tls.Clone()
	if cfg.ServerName == "" {
		cfg.ServerName = d.url.Hostname()
	}
	secure := tls.Client(patient, cfg)
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, nil, errors.Join(err, raw.Close())
	}
	return secure, patient, nil
}

func (d pahoDialer) options(l *pahoLink, a address) *mqtt.ClientOptions {
	o := mqtt.NewClientOptions().AddBroker("tcp://" + d.url.Host).SetClientID(a.gateway)
	o.SetProtocolVersion(4).SetCleanSession(true).SetStore(mqtt.NewMemoryStore())
	o.SetAutoReconnect(false).SetConnectRetry(false).SetOrderMatters(false)
	o.SetConnectTimeout(d.keepAlive).SetWriteTimeout(d.keepAlive / 3).SetKeepAlive(d.keepAlive).SetPingTimeout(never)
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
	client  mqtt.Client
	conn    net.Conn
	patient *patientConn // below conn
	inbox   chan message
	down    chan error
	once    sync.Once
}

// receive runs in a goroutine of paho's and must not wait.
func (l *pahoLink) receive(_ mqtt.Client, m mqtt.Message) {
	select {
	case l.inbox <- message{m.Topic(), m.Payload()}:
	default:
	}
}

func (l *pahoLink) publish(topic string, qos byte, retained bool, payload []byte) receipt {
	return l.client.Publish(topic, qos, retained, payload)
}

func (l *pahoLink) busy(b bool) { l.patient.setBusy(b) }

func (l *pahoLink) messages() <-chan message { return l.inbox }
func (l *pahoLink) lost() <-chan error       { return l.down }

func (l *pahoLink) close() {
	l.once.Do(func() {
		l.client.Disconnect(uint(time.Second / time.Millisecond))
		_ = l.patient.Close() // paho has closed it already if it could say goodbye
	})
}

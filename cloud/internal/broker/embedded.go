package broker

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/linshao/linshao/cloud/internal/ingest"
	"github.com/linshao/linshao/cloud/wire"
)

// EmbeddedConfig is what the embedded broker needs.
type EmbeddedConfig struct {
	Listen  string
	TLS     *tls.Config // nil: plain, on loopback only
	Admit   Admission   // with TLS; nil: the name in the certificate is enough
	Handler Handler
	Log     *slog.Logger
}

// Embedded is a broker for gateways alone: each may publish and subscribe only its own topics, and what it publishes
// goes to ingest, before the PUBACK, and to nobody else.
type Embedded struct {
	cfg      EmbeddedConfig
	server   *mqtt.Server
	listener *listener
	addr     string
	once     sync.Once
	hook     atomic.Pointer[hook] // while it runs
}

// NewEmbedded opens the listener, so that its address is known and a used port is told at once. It serves nobody yet.
func NewEmbedded(cfg EmbeddedConfig) (*Embedded, error) {
	if cfg.TLS == nil && !Loopback(cfg.Listen) {
		return nil, fmt.Errorf("mqtt listen %s: beyond loopback gateways must show certificates; set ca, cert and key", cfg.Listen)
	}
	tcp, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("mqtt listen %s: %w", cfg.Listen, err)
	}
	guarded := &listener{Listener: tcp, open: map[net.Conn]bool{}}
	var l net.Listener = guarded
	if cfg.TLS != nil {
		l = tls.NewListener(guarded, cfg.TLS)
	}
	caps := mqtt.NewDefaultServerCapabilities()
	caps.MaximumPacketSize = wire.MaxMessage + 1024
	caps.MaximumQos, caps.SharedSubAvailable, caps.WildcardSubAvailable = 1, 0, 0
	caps.MaximumSessionExpiryInterval, caps.MaximumClientWritesPending = 0, 256
	server := mqtt.New(&mqtt.Options{Capabilities: caps, InlineClient: true, Logger: slog.New(quiet{cfg.Log.Handler()})})
	if err := server.AddListener(listeners.NewNet("gateways", l)); err != nil {
		return nil, errors.Join(fmt.Errorf("mqtt listen %s: %w", cfg.Listen, err), l.Close())
	}
	return &Embedded{cfg: cfg, server: server, listener: guarded, addr: l.Addr().String()}, nil
}

// Addr is where the broker listens.
func (e *Embedded) Addr() string { return e.addr }

// Run serves until ctx ends; then it closes all connections and waits for what they still store.
func (e *Embedded) Run(ctx context.Context) error {
	// Storing must end well even when ctx has ended: the hooks get a context of their own.
	work, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	h := &hook{e: e, ctx: work}
	e.hook.Store(h)
	if err := e.server.AddHook(h, nil); err != nil {
		return fmt.Errorf("hook into broker: %w", err)
	}
	if err := e.server.Serve(); err != nil {
		return fmt.Errorf("serve broker: %w", err)
	}
	<-ctx.Done()
	h.closing.Store(true)
	err := e.Close()
	h.work.Wait()
	return err
}

// Close closes the listener and all connections. It may be called again.
func (e *Embedded) Close() error {
	var err error
	e.once.Do(func() {
		e.listener.hangUp()
		if err = e.server.Close(); err != nil {
			err = fmt.Errorf("close broker: %w", err)
		}
	})
	return err
}

// Cut ends the connections made with certificates that have ended, by the SHA-256 of each in hex, and those of barred gateways.
func (e *Embedded) Cut(ended, barred map[string]bool) {
	h := e.hook.Load()
	if h == nil || e.cfg.TLS == nil {
		return
	}
	h.clients.Range(func(_, value any) bool {
		cl, ok := value.(*mqtt.Client)
		if chain := chainOf(cl); ok && (barred[cl.ID] || len(chain) > 0 && ended[fingerprint(chain[0])]) {
			h.cut(cl, errEnded)
		}
		return true
	})
}

// Publish sends what no message asked for.
func (e *Embedded) Publish(replies []ingest.Reply) { e.publish(replies) }

func (e *Embedded) publish(replies []ingest.Reply) {
	for _, r := range replies {
		if err := e.server.Publish(r.Topic, r.Payload, false, 0); err != nil {
			e.cfg.Log.Warn("acknowledgement not published", "topic", r.Topic, "err", err)
		}
	}
}

// hook is called by the broker in the goroutine of each connection.
type hook struct {
	mqtt.HookBase
	e       *Embedded
	ctx     context.Context // of one Run: hooks are given none
	closing atomic.Bool
	work    sync.WaitGroup
	clients sync.Map // gateway → its newest *mqtt.Client
}

// ID implements the broker's Hook.
func (h *hook) ID() string { return "ingest" }

// Provides implements the broker's Hook.
func (h *hook) Provides(b byte) bool {
	return bytes.Contains([]byte{mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnSessionEstablish, mqtt.OnPacketRead, mqtt.OnPublish,
		mqtt.OnDisconnect}, []byte{b})
}

// OnConnectAuthenticate lets in clients whose id is a gateway's and, with TLS, is the name of their certificate.
func (h *hook) OnConnectAuthenticate(cl *mqtt.Client, pk packets.Packet) bool {
	if pk.Connect.ClientIdentifier != cl.ID { // it gave none, and the broker made one up
		return false
	}
	if err := wire.CheckGateway(cl.ID); err != nil {
		h.e.cfg.Log.Warn("client refused", "remote", cl.Net.Remote, "why", err)
		return false
	}
	if pk.Connect.WillFlag && pk.Connect.WillTopic != wire.Topic(cl.ID, wire.StatusLeaf) { // the broker would publish it unasked
		h.e.cfg.Log.Warn("client refused: its last will is not on a topic of its own", "remote", cl.Net.Remote, "id", cl.ID)
		return false
	}
	if h.e.cfg.TLS == nil {
		return true
	}
	if err := h.admit(cl); err != nil {
		h.e.cfg.Log.Warn("client refused", "remote", cl.Net.Remote, "id", cl.ID, "why", err)
		return false
	}
	return true
}

// OnACLCheck keeps every gateway to its own topics.
func (h *hook) OnACLCheck(cl *mqtt.Client, topic string, write bool) bool {
	gateway, leaf, err := wire.ParseTopic(topic)
	if err != nil || gateway != cl.ID {
		return false
	}
	switch leaf {
	case wire.UpHello, wire.UpEvents, wire.UpTelemetry, wire.UpEvidence, wire.UpLive, wire.UpLook:
		return write
	case wire.StatusLeaf: // a gateway reads there whether another one has its name
		return true
	case wire.DownAck, wire.DownCommand:
		return !write
	}
	return false
}

// OnSessionEstablish notes the newest connection of a gateway, before the broker ends the older one. A certificate that ended
// after it was looked at and before Cut could find the connection is noticed here.
func (h *hook) OnSessionEstablish(cl *mqtt.Client, _ packets.Packet) {
	h.clients.Store(cl.ID, cl)
	if h.e.cfg.TLS == nil {
		return
	}
	if err := h.admit(cl); err != nil {
		h.cut(cl, err)
	}
}

// OnPacketRead takes pings as signs of life.
func (h *hook) OnPacketRead(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if pk.FixedHeader.Type == packets.Pingreq {
		h.e.cfg.Handler.Heard(cl.ID, time.Duration(cl.State.Keepalive)*time.Second)
	}
	return pk, nil
}

// OnPublish stores before the broker confirms. Only ErrRejectPacket keeps it from confirming what could not be stored.
func (h *hook) OnPublish(cl *mqtt.Client, pk packets.Packet) (packets.Packet, error) {
	if cl.Net.Inline {
		return pk, nil
	}
	h.work.Add(1)
	defer h.work.Done()
	if h.closing.Load() {
		return pk, packets.ErrRejectPacket
	}
	if pk.FixedHeader.Retain && pk.TopicName != wire.Topic(cl.ID, wire.StatusLeaf) { // the broker would keep it
		h.cut(cl, packets.ErrRetainNotSupported)
		return pk, packets.ErrRejectPacket
	}
	replies, err := h.e.cfg.Handler.Handle(h.ctx, pk.TopicName, pk.Payload)
	if err != nil {
		h.e.cfg.Log.Error("message not stored; the gateway will send it again", "gateway", cl.ID, "err", err)
		return pk, packets.ErrRejectPacket
	}
	h.e.publish(replies)
	return pk, packets.CodeSuccessIgnore
}

// OnDisconnect tells ingest, unless a newer connection of the same gateway has taken over.
func (h *hook) OnDisconnect(cl *mqtt.Client, _ error, _ bool) {
	h.work.Add(1)
	defer h.work.Done()
	if !h.clients.CompareAndDelete(cl.ID, cl) || h.closing.Load() {
		return
	}
	if err := h.e.cfg.Handler.Disconnected(h.ctx, cl.ID); err != nil {
		h.e.cfg.Log.Error("lost connection not noted", "gateway", cl.ID, "err", err)
	}
}

// quiet passes on the broker's own log from warnings up: at info it tells every start and stop of its parts.
type quiet struct{ slog.Handler }

// Enabled implements slog.Handler.
func (q quiet) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelError && q.Handler.Enabled(ctx, l)
}

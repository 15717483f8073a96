// Package ingest takes what gateways send and answers with acknowledgements that can be trusted. Handle is the one way
// in, whichever broker carries the messages: when it answers an Ack, everything up to Ack.cum is committed to the disk
// (telemetry in the inbox, events applied), and a message that comes twice changes nothing. What is refused is counted
// with its reason; what may be lost is written into the journal.
package ingest

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/rules"
)

// An Observer hears of changes after they are committed. Its methods must not block.
type Observer interface {
	Gateway(gateway string)                       // state, devices or names of its site changed
	Incident(id string)                           // an incident appeared or changed
	Readings(gateway string, rs []device.Reading) // arrived
}

// Config is what a Service needs.
type Config struct {
	DB        *db.DB
	Incidents *incident.Service
	Names     map[string]string // site id → the name that wins over the gateway's
	Observer  Observer
	Stored    func() // called after telemetry was put into the inbox
	Now       func() time.Time
	Log       *slog.Logger
	Registry  prometheus.Registerer
}

// A Service is the cloud's end of the uplink. It may be used by many goroutines.
type Service struct {
	cfg     Config
	decoder *wire.Decoder
	metrics metrics

	mu     sync.Mutex
	heard  map[string]time.Time // gateway → any packet at all
	fenced map[fence]bool       // told in the journal
	met    map[string]time.Time // gateway → its newest hello
}

type metrics struct {
	messages *prometheus.CounterVec
	refused  *prometheus.CounterVec
	records  *prometheus.CounterVec
	rejected *prometheus.CounterVec
	seconds  prometheus.Histogram
}

// New makes a service.
func New(cfg Config) (*Service, error) {
	dec, err := wire.NewDecoder()
	if err != nil {
		return nil, fmt.Errorf("make decoder: %w", err)
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_ingest_" + name, Help: help}, []string{label})
		cfg.Registry.MustRegister(c)
		return c
	}
	s := &Service{cfg: cfg, decoder: dec, heard: map[string]time.Time{}, fenced: map[fence]bool{}, met: map[string]time.Time{}, metrics: metrics{
		messages: vec("messages_total", "Messages taken, by leaf.", "leaf"),
		refused:  vec("refused_total", "Messages not taken, by reason.", "reason"),
		records:  vec("records_total", "Records made durable, by stream.", "stream"),
		rejected: vec("rejected_total", "Records refused for good, by code.", "code"),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "linshao_ingest_seconds", Help: "Time from a message to its durable acknowledgement.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3}}),
	}}
	cfg.Registry.MustRegister(s.metrics.seconds)
	return s, nil
}

// A Reply is a message to publish, QoS 0, not retained.
type Reply struct {
	Topic   string
	Payload []byte
}

// Handle takes one message. An error means that the database failed: the message must not be confirmed and will come
// again. Anything wrong with the message itself is counted and answered by nothing. So is a panic: it runs in a goroutine
// of the broker, and one message must not end the process of all gateways. Its transaction is rolled back.
func (s *Service) Handle(ctx context.Context, topic string, payload []byte) (replies []Reply, err error) {
	begin := time.Now()
	gateway, leaf, err := wire.ParseTopic(topic)
	defer func() {
		if p := recover(); p != nil {
			s.cfg.Log.Error("panic while taking a message", "gateway", gateway, "leaf", leaf, "panic", p, "stack", string(debug.Stack()))
			replies, err = s.refuse(gateway, "panic", fmt.Errorf("%v", p))
		}
	}()
	if err != nil {
		return s.refuse("", "topic", err)
	}
	if len(payload) > wire.MaxMessage {
		return s.refuse(gateway, "too_large", fmt.Errorf("%d bytes", len(payload)))
	}
	switch leaf {
	case wire.UpHello:
		replies, err = s.hello(ctx, gateway, payload)
	case wire.UpEvents:
		replies, err = s.batch(ctx, gateway, wire.StreamEvents, payload)
	case wire.UpTelemetry:
		replies, err = s.batch(ctx, gateway, wire.StreamTelemetry, payload)
	case wire.StatusLeaf:
		err = s.status(ctx, gateway, payload)
	default:
		return s.refuse(gateway, "leaf", fmt.Errorf("nobody takes %q", leaf))
	}
	if err != nil {
		return nil, fmt.Errorf("take %s of %s: %w", leaf, gateway, err)
	}
	s.metrics.messages.WithLabelValues(leaf).Inc()
	s.metrics.seconds.Observe(time.Since(begin).Seconds())
	return replies, nil
}

func (s *Service) refuse(gateway, reason string, why error) ([]Reply, error) {
	s.metrics.refused.WithLabelValues(reason).Inc()
	s.cfg.Log.Debug("message refused", "gateway", gateway, "reason", reason, "why", why)
	return nil, nil
}

func (s *Service) hello(ctx context.Context, gateway string, payload []byte) ([]Reply, error) {
	var h wire.Hello
	if err := proto.Unmarshal(payload, &h); err != nil {
		return s.refuse(gateway, "malformed", err)
	}
	if h.GetGateway() != gateway {
		return s.refuse(gateway, "identity", fmt.Errorf("hello of %q on the topic of %q", h.GetGateway(), gateway))
	}
	if len(h.GetStreams()) > 8 || h.GetSession() == 0 {
		return s.refuse(gateway, "malformed", fmt.Errorf("%d streams, session %d", len(h.GetStreams()), h.GetSession()))
	}
	now := s.cfg.Now()
	var acks []*wire.Ack
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		acks = acks[:0]
		if err := org.Connect(ctx, tx, &h, now); err != nil {
			return err
		}
		if _, err := org.Seen(ctx, tx, gateway, now); err != nil {
			return err
		}
		for _, st := range h.GetStreams() {
			cum, err := s.resume(ctx, tx, gateway, st)
			if err != nil {
				return err
			}
			acks = append(acks, &wire.Ack{Session: h.GetSession(), Stream: st.GetStream(), Epoch: st.GetEpoch(), Cum: cum})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.hear(gateway, now)
	s.mu.Lock()
	s.met[gateway] = now
	s.mu.Unlock()
	s.cfg.Log.Info("gateway connected", "gateway", gateway, "version", h.GetVersion(), "boot", h.GetBoot())
	s.cfg.Observer.Gateway(gateway)
	return s.replies(ctx, gateway, acks...)
}

// resume answers where a stream goes on, and notes what is missing between there and what the gateway still holds.
func (s *Service) resume(ctx context.Context, tx *sql.Tx, gateway string, st *wire.StreamState) (uint64, error) {
	c, replaced, err := inbox.Begin(ctx, tx, inbox.Cursor{Gateway: gateway, Stream: st.GetStream(), Epoch: st.GetEpoch()})
	if err != nil {
		return 0, err
	}
	name := wire.StreamName(c.Stream)
	if replaced {
		if err := s.loss(ctx, tx, gateway, rules.Text{
			ZH: fmt.Sprintf("网关的%s日志换了新的一份,旧日志中未上传的记录可能已丢失", streamZH(c.Stream)),
			EN: fmt.Sprintf("the gateway has a new %s log: records of the old one that had not arrived may be lost", name)}); err != nil {
			return 0, err
		}
	}
	if st.GetNext() > 0 && c.Cum >= st.GetNext() {
		err := s.loss(ctx, tx, gateway, rules.Text{
			ZH: fmt.Sprintf("网关的%s日志倒退了(云端已有到 %d,网关下一条是 %d),可能恢复过旧磁盘", streamZH(c.Stream), c.Cum, st.GetNext()),
			EN: fmt.Sprintf("the gateway's %s log went back (%d is here, its next is %d): was an old disk restored?", name, c.Cum, st.GetNext())})
		return c.Cum, err
	}
	if c, err = inbox.SkipGaps(ctx, tx, c); err != nil {
		return 0, err
	}
	held := st.GetOldest()
	if held == 0 {
		held = st.GetNext()
	}
	if held > c.Cum+1 {
		if err := s.jump(ctx, tx, &c, held-1); err != nil {
			return 0, err
		}
	}
	return c.Cum, inbox.Save(ctx, tx, c)
}

// jump moves the cursor over records that the gateway does not have and never explained.
func (s *Service) jump(ctx context.Context, tx *sql.Tx, c *inbox.Cursor, to uint64) error {
	if err := inbox.AddGap(ctx, tx, *c, inbox.Gap{First: c.Cum + 1, Last: to, Reason: "missing"}); err != nil {
		return err
	}
	if err := s.loss(ctx, tx, c.Gateway, rules.Text{
		ZH: fmt.Sprintf("%s记录 %d–%d 在网关和云端都不存在", streamZH(c.Stream), c.Cum+1, to),
		EN: fmt.Sprintf("%s records %d–%d exist neither at the gateway nor here", wire.StreamName(c.Stream), c.Cum+1, to)}); err != nil {
		return err
	}
	moved, err := inbox.SkipGaps(ctx, tx, *c)
	*c = moved
	return err
}

func (s *Service) loss(ctx context.Context, tx *sql.Tx, gateway string, t rules.Text) error {
	s.cfg.Log.Warn("possible data loss", "gateway", gateway, "what", t.EN)
	return org.Note(ctx, tx, org.Entry{At: s.cfg.Now(), Gateway: gateway, Kind: org.PossibleLoss, Text: t})
}

func streamZH(stream uint32) string {
	switch stream {
	case wire.StreamEvents:
		return "事件"
	case wire.StreamTelemetry:
		return "遥测"
	}
	return "证据"
}

// Credits: batches that a gateway may have in flight, by how far the series store is behind.
const (
	fullCredit  = 8
	someCredit  = 2
	someBacklog = 50_000  // records
	fullBacklog = 500_000 // records: about 16 GiB at the worst
	rest        = 10 * time.Second
)

// replies fills in what all acknowledgements share and encodes them.
func (s *Service) replies(ctx context.Context, gateway string, acks ...*wire.Ack) ([]Reply, error) {
	backlog, err := inbox.Backlog(ctx, s.cfg.DB.Reader())
	if err != nil {
		return nil, err
	}
	var out []Reply
	for _, a := range acks {
		a.TimeMs, a.Credit = s.cfg.Now().UnixMilli(), fullCredit
		if a.GetStream() == wire.StreamTelemetry && backlog > fullBacklog {
			a.Credit, a.RetryAfterMs = 0, uint32(rest.Milliseconds())
		} else if a.GetStream() == wire.StreamTelemetry && backlog > someBacklog {
			a.Credit = someCredit
		}
		b, err := proto.Marshal(a)
		if err != nil {
			return nil, fmt.Errorf("encode ack: %w", err)
		}
		out = append(out, Reply{wire.Topic(gateway, wire.DownAck), b})
	}
	return out, nil
}

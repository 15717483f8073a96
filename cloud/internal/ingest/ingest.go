// Package ingest takes what gateways send and answers with acknowledgements that can be trusted. Handle is the one way
// in, whichever broker carries the messages: when it answers an Ack, everything up to Ack.cum is committed to the disk
// (telemetry in the inbox, events applied), and a message that comes twice changes nothing. Messages that wait at the same
// time share a transaction (group.go). What is refused is counted with its reason; a record that cannot be applied is set
// aside after three tries (poison.go), also when it ends the program (begin.go); what may be lost is written into the journal.
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
	"github.com/linshao/linshao/cloud/internal/health"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

// An Observer hears of changes after they are committed. Its methods must not block.
type Observer interface {
	Gateway(gateway string)                       // state, devices or names of its site changed
	Incident(id string)                           // an incident appeared or changed
	Wants(gateway string) bool                    // somebody looks at the gateway's readings; the others are not told of
	Readings(gateway string, rs []device.Reading) // arrived: of each point of a record the newest
}

// A Lease proves inside a transaction that this worker has a gateway. Its error means that another one has it, unless it is
// one of the database.
type Lease interface {
	Check(ctx context.Context, tx *sql.Tx, gateway string) error
}

// Health hears after it was stored which devices readings came from, and which gateways' devices or states changed: not of
// each alert. Its methods must not block.
type Health interface {
	Gateway(gateway string)
	Sighted(gateway string, seen []health.Sighting)
}

// Commands takes what a gateway tells of a command, inside the transaction of the event. It answers the incident that it changed.
type Commands interface {
	Result(ctx context.Context, tx *sql.Tx, gateway string, r *wire.ActionResult) (incident string, err error)
	// Applied takes its answer to the mode that the cloud wants.
	Applied(ctx context.Context, tx *sql.Tx, gateway string, a *wire.Applied) error
}

// Evidence takes pieces of evidence bundles.
type Evidence interface {
	// Keep puts a chunk on disk before the transaction that takes its record; a code says why it is refused for good.
	Keep(ctx context.Context, gateway string, c *wire.Chunk) (code string, err error)
	// Chunk notes in that transaction that it is there, Taken what a gateway announces, Key the key of its hello. They answer the incident that changed.
	Chunk(ctx context.Context, tx *sql.Tx, gateway string, c *wire.Chunk) (incident string, err error)
	Taken(ctx context.Context, tx *sql.Tx, gateway string, t *wire.Taken) (incident string, err error)
	Key(ctx context.Context, tx *sql.Tx, gateway string, key []byte) error
	// Stored is called after chunks were taken for good.
	Stored()
}

// Pushes takes what a gateway says to the configuration that the cloud wants it to have.
type Pushes interface {
	ConfigState(ctx context.Context, tx *sql.Tx, gateway string, a *wire.ConfigState) error
}

// Rollout takes what a gateway says to the program that the cloud wants it to run.
type Rollout interface {
	UpdateState(ctx context.Context, tx *sql.Tx, gateway string, a *wire.UpdateState) error
}

// Config is what a Service needs.
type Config struct {
	DB        *db.DB
	Incidents *incident.Service
	Names     map[string]string // site id → the name that wins over the gateway's
	Observer  Observer
	Health    Health                                // may be nil
	Stored    func()                                // called after telemetry was put into the inbox
	Publish   func([]Reply)                         // publishes what no message asked for; must not block for long; nil: that is not said
	Lease     Lease                                 // nil: every gateway is ours, always
	Commands  Commands                              // takes what gateways tell of commands; nil: that is told like any other action
	Evidence  Evidence                              // nil: chunks are refused
	Look      func(gateway string, g *wire.Glimpse) // takes what cameras show now; must not block; nil: it is dropped
	Pushes    Pushes                                // nil: it is not minded
	Rollout   Rollout                               // may be nil
	Now       func() time.Time
	Log       *slog.Logger
	Registry  prometheus.Registerer
}

// A Service is the cloud's end of the uplink. It may be used by many goroutines.
type Service struct {
	cfg      Config
	decoder  *wire.Decoder
	metrics  metrics
	commits  *group
	pressure *pressure
	door     door
	looked   chan struct{} // look is not empty
	origin   time.Time     // of monos

	encoding sync.Mutex
	encoder  *wire.Encoder // of readings that got other times

	alone sync.RWMutex // for writing: of a message that may have ended the program

	mu      sync.Mutex
	proven  map[streamOf]bool        // the newest message of the stream went well
	begun   map[streamOf]begun       // noted in SQL in this life
	heard   map[string]time.Time     // gateway → any packet at all
	pings   map[string]time.Duration // the broker passes on its pings: how often they must come
	silent  map[string]time.Time     // gateways that Sweep called so → when they were last heard
	taking  map[uint64]time.Time     // messages in hand → since when
	hands   uint64
	swept   time.Time            // the newest Sweep
	listens time.Time            // since when without a break
	fenced  map[fenced]time.Time // when a fenced session was last told
	met     map[string]time.Time // gateway → its newest hello
	taught  map[string]uint32    // gateway → the newest start that a record has told of
	shown   map[string]time.Time // gateway → its newest live values
	watched map[string]watch
	monos   map[string]*mono // gateway → its monotonic clock in the present session
	look    map[string]bool  // watched anew, and not noted in SQL yet
	said    map[streamOf]said
}

type metrics struct {
	messages *prometheus.CounterVec
	refused  *prometheus.CounterVec
	records  *prometheus.CounterVec
	rejected *prometheus.CounterVec
	failed   *prometheus.CounterVec
	parked   *prometheus.CounterVec
	seconds  prometheus.Histogram
}

// New makes a service.
func New(cfg Config) (*Service, error) {
	dec, err := wire.NewDecoder()
	if err != nil {
		return nil, fmt.Errorf("make decoder: %w", err)
	}
	enc, err := wire.NewEncoder()
	if err != nil {
		return nil, fmt.Errorf("make encoder: %w", err)
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_ingest_" + name, Help: help}, []string{label})
		cfg.Registry.MustRegister(c)
		return c
	}
	s := &Service{cfg: cfg, decoder: dec, encoder: enc, commits: &group{db: cfg.DB}, pressure: &pressure{db: cfg.DB, now: cfg.Now},
		looked: make(chan struct{}, 1), origin: cfg.Now(), heard: map[string]time.Time{}, pings: map[string]time.Duration{}, silent: map[string]time.Time{}, taking: map[uint64]time.Time{}, fenced: map[fenced]time.Time{},
		met: map[string]time.Time{}, taught: map[string]uint32{}, shown: map[string]time.Time{}, watched: map[string]watch{}, monos: map[string]*mono{}, look: map[string]bool{},
		said: map[streamOf]said{}, proven: map[streamOf]bool{}, begun: map[streamOf]begun{}, metrics: metrics{
			messages: vec("messages_total", "Messages taken, by leaf.", "leaf"),
			refused:  vec("refused_total", "Messages not taken, by reason.", "reason"),
			records:  vec("records_total", "Records made durable, by stream.", "stream"),
			rejected: vec("rejected_total", "Records refused for good, by code.", "code"),
			failed:   vec("failed_total", "Tries to apply a record that failed, by stream.", "stream"),
			parked:   vec("parked_total", "Records that could not be applied and were set aside, by stream.", "stream"),
			seconds: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "linshao_ingest_seconds", Help: "Time from a message to its durable acknowledgement.",
				Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3}}),
		}}
	cfg.Registry.MustRegister(s.metrics.seconds)
	return s, nil
}

// update runs fn, which takes so many records, in a transaction that it may share with other messages', after it has proved
// that the gateway is ours.
func (s *Service) update(ctx context.Context, gateway string, records int, fn change) error {
	return s.commits.do(ctx, records, func(ctx context.Context, tx *sql.Tx) error {
		if s.cfg.Lease != nil {
			if err := s.cfg.Lease.Check(ctx, tx, gateway); db.Transient(err) || db.Conflict(err) {
				return err
			} else if err != nil {
				return &leaseError{err}
			}
		}
		return fn(ctx, tx)
	})
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
	defer s.inHand()()
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
	case wire.UpEvidence:
		replies, err = s.batch(ctx, gateway, wire.StreamEvidence, payload)
	case wire.UpLook:
		var g wire.Glimpse
		if err := proto.Unmarshal(payload, &g); err != nil {
			return s.refuse(gateway, "malformed", err)
		}
		if s.cfg.Look != nil {
			s.cfg.Look(gateway, &g)
		}
	case wire.UpLive:
		replies, err = s.live(ctx, gateway, payload)
	case wire.StatusLeaf:
		err = s.status(ctx, gateway, payload)
	default:
		return s.refuse(gateway, "leaf", fmt.Errorf("nobody takes %q", leaf))
	}
	switch {
	case err == nil:
	case elsewhere(err):
		return s.refuse(gateway, "lease", err)
	case !db.Transient(err) && !db.Conflict(err): // to send it again would change nothing
		s.cfg.Log.Error("message cannot be taken", "gateway", gateway, "leaf", leaf, "err", err)
		return s.refuse(gateway, "failed", err)
	default:
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

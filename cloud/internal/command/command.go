// Package command brings what people want moved at a site down to its gateway, and keeps what became of it, step by step. It
// promises: toward safe goes at once; away from safe, or where nobody knows which way that is, goes when a second, different
// person has approved within five minutes; a gas valve is never opened. A command is for one session of its gateway and a moment:
// after that, or after a reconnect, it is over and says why. It may be sent several times within that, and the gateway carries
// it out once. The gateway's own word, an event, comes when it comes, and counts more than what was concluded without it.
//
// It also says to each gateway which mode (平/急) its site is to be in, and keeps what the gateway answers (Desired).
//
// Commands are rows; any worker makes them, the one that has the gateway sends them (Run).
package command

import (
	"context"
	"crypto/ed25519"
	"database/sql"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/rules"
)

// States of a command. The first four go on by themselves.
const (
	Waiting   = "waiting"   // for a second person
	Ready     = "ready"     // to be sent
	Sent      = "sent"      // and not heard of since
	Acting    = "acting"    // the gateway has begun
	Confirmed = "confirmed" // the output reads as it shall
	Failed    = "failed"    // it does not, after all attempts
	Refused   = "refused"   // by the gateway: an interlock, the ladder, its time
	Expired   = "expired"   // nothing came of it in time
	Unknown   = "unknown"   // the gateway had begun, and told no end
	Withdrawn = "withdrawn" // by a person, before it was approved
)

// Times of a command.
const (
	approveTime = 5 * time.Minute
	lifeTime    = 15 * time.Second // from ready on, at the gateway
	answerTime  = 30 * time.Second // after that, until an answer is not expected any more
	actingTime  = 5 * time.Minute  // the same, once it has begun
	mostLive    = 16               // commands of one gateway that are not over
)

// A Refusal says in people's words why a command is not made or approved.
type Refusal struct {
	Code string
	Text rules.Text
}

func (r *Refusal) Error() string { return r.Text.EN }

// A Lease proves inside a transaction that this worker has a gateway.
type Lease interface {
	Check(ctx context.Context, tx *sql.Tx, gateway string) error
	Mine(gateway string) bool
}

// A Down is a payload for a gateway's down/command.
type Down struct {
	Gateway string
	Payload []byte
}

// Config is what a Service needs.
type Config struct {
	DB  *db.DB
	Key ed25519.PrivateKey
	// Clock answers the gateway's monotonic clock in a session, in ms since its start, never more than it is; ok is false when it is not known yet.
	Clock    func(gateway string, session uint64) (mono uint64, boot uint32, ok bool)
	Watch    func(gateway string)  // lets a gateway send soon what it has, and with it how its clock stands
	Publish  func([]Down)          // hands messages to the broker; they may get lost
	Changed  func(incident string) // told after a step was written into an incident's timeline
	Lease    Lease                 // nil: every gateway is ours
	Now      func() time.Time
	Log      *slog.Logger
	Registry prometheus.Registerer
}

// A Service makes commands and sends them.
type Service struct {
	cfg   Config
	wake  chan struct{}
	again map[string]time.Time // command → when to send it again; only Run uses it
	ended *prometheus.CounterVec

	desired time.Time         // when modes were last looked at; only Run uses this and the next
	pushed  map[string]pushed // gateway → what was said
}

// New makes a service; it sends nothing before Run.
func New(cfg Config) *Service {
	s := &Service{cfg: cfg, wake: make(chan struct{}, 1), again: map[string]time.Time{}, pushed: map[string]pushed{},
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "linshao_commands_ended_total", Help: "Commands that are over, by how they ended."}, []string{"state"})}
	cfg.Registry.MustRegister(s.ended)
	return s
}

func (s *Service) signal() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Service) changed(incident string) {
	if incident != "" && s.cfg.Changed != nil {
		s.cfg.Changed(incident)
	}
}

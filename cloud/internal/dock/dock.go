// Package dock hands the states of devices on to other platforms: as JSON over HTTPS by GB/T 45839-2025, annex D, and to fire
// monitoring centres over TCP by GB/T 26875.3-2011; and it lets a platform move an incident by a signed callback. A state is
// queued in the transaction that changes the incident and is sent, target by target in order, until the target takes it or
// has refused it for good: an alarm never overtakes the state before it, and nothing is lost while a target is away.
package dock

import (
	"context"
	"database/sql"
	"log/slog"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/dock/gb26875"
	"github.com/linshao/linshao/cloud/internal/incident"
)

// Kinds of targets.
const (
	Platform = "gb45839" // JSON over HTTPS
	Centre   = "gb26875" // TCP
	Inbound  = "inbound" // nothing is sent; it calls back
)

// Kinds are all kinds of targets.
func Kinds() []string { return []string{Platform, Centre, Inbound} }

// A Target is another platform. Which fields count depends on its kind.
type Target struct {
	ID      string
	Name    string
	Kind    string
	Sites   []string // whose devices it hears of; empty: all
	Devices []string // kinds of devices it hears of; empty: all
	Secret  []byte   // of its callbacks; empty: it may not call back

	StatusURL, InstallURL string            // Platform: where states, and what a device is, are posted
	Company               string            // Platform: ours, as it knows us
	Area                  string            // Platform: code of the administrative area
	Headers               map[string]string // Platform: such as a token
	AllowPrivate          bool              // it may have a private address

	Address  string // Centre: host:port
	From, To gb26875.Address
}

// wants says whether a target hears of a device of a site.
func (t Target) wants(site, kind string) bool {
	return t.Kind != Inbound && (len(t.Sites) == 0 || slices.Contains(t.Sites, site)) && (len(t.Devices) == 0 || slices.Contains(t.Devices, kind))
}

// Status of a device as the standards have it.
type Status int

// The states of GB/T 45839-2025, annex D. A device that is shielded is not told: our cloud shields none.
const (
	Normal Status = 1
	Alarm  Status = 2
	Fault  Status = 3
)

// Config is what a Service needs.
type Config struct {
	DB       *db.DB
	Targets  []Target
	Dialer   func(allowPrivate bool) *net.Dialer // refuses addresses that no target should have
	Now      func() time.Time
	Zone     *time.Location
	Log      *slog.Logger
	Registry prometheus.Registerer
	Mine     func() bool                                                // asked before each message, when several processes share the queue; nil: it is ours
	Asked    func(ctx context.Context, tx *sql.Tx, target string) error // called when a centre asks whether somebody is on duty, in the question's transaction; may be nil
}

// A Service queues and sends. It is one of the incidents' Notifiers.
type Service struct {
	cfg     Config
	senders []*sender
	sent    *prometheus.CounterVec
}

// New makes a service; Run starts it.
func New(cfg Config) *Service {
	s := &Service{cfg: cfg, sent: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "linshao_dock_attempts_total", Help: "Attempts to tell another platform, by result."}, []string{"target", "result"})}
	cfg.Registry.MustRegister(s.sent)
	for _, t := range cfg.Targets {
		if t.Kind != Inbound {
			s.senders = append(s.senders, newSender(s, t))
		}
	}
	return s
}

// Enqueue implements the incidents' Notifier: a target hears at once of the device by which an incident begins or ends. Those
// that join it, or leave it while it goes on, are found by the senders (catchUp).
func (s *Service) Enqueue(ctx context.Context, tx *sql.Tx, in incident.Incident, kind string) error {
	if kind != incident.KindOpened && kind != incident.KindRecovered {
		return nil
	}
	for _, sender := range s.senders {
		if err := sender.catchUp(ctx, tx, in.Gateway, in.Device); err != nil {
			return err
		}
	}
	return nil
}

// Wake tells that something new may be queued. It never blocks.
func (s *Service) Wake() {
	for _, sender := range s.senders {
		select {
		case sender.wake <- struct{}{}:
		default:
		}
	}
}

// Run sends until ctx ends, each target by itself.
func (s *Service) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, sender := range s.senders {
		wg.Go(func() { sender.run(ctx) })
	}
	wg.Wait()
	return nil
}

// Package notify tells people and other systems about incidents: group robots of WeCom, DingTalk and Feishu, mail, and
// signed webhooks, through which gateways of text messages and calls are reached too. Each receiver's limit is kept: what
// does not fit becomes a digest, for which severity A never waits. A message is
// queued in the transaction that changes the incident, sent until the receiver takes it or refuses it for good, and never
// again after that; every attempt is kept with what the receiver answered. Here alone it is decided what is temporary.
package notify

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
)

// Config is what a Service needs.
type Config struct {
	DB        *db.DB
	Receivers []Receiver
	Policy    Policy // who is told; nil: DefaultPolicy
	Links     *Links
	Now       func() time.Time
	Zone      *time.Location
	Log       *slog.Logger
	Registry  prometheus.Registerer
	Mine      func() bool                                                        // asked before each message, when several processes share the queue; nil: it is ours
	Emergency func(ctx context.Context, q db.Querier, site string) (bool, error) // whether a site is in 急 mode; nil: never
	Told      func(incident string)                                              // called after an incident's timeline got a new entry; may be nil
}

// A Service queues and sends. It is the incidents' Notifier.
type Service struct {
	cfg     Config
	senders []*sender
	sent    *prometheus.CounterVec
	told    *prometheus.HistogramVec
}

// New makes a service; Run starts it.
func New(cfg Config) *Service {
	if cfg.Policy == nil {
		cfg.Policy = DefaultPolicy()
	}
	s := &Service{cfg: cfg, sent: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "linshao_notify_attempts_total", Help: "Attempts to tell a receiver, by result."}, []string{"receiver", "result"}),
		told: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "linshao_notify_told_seconds", Help: "From the incident's change to the receiver's answer that it took the message, by class.",
			Buckets: []float64{0.25, 0.5, 1, 2, 5, 15, 60, 300, 3600}}, []string{"severity"})}
	cfg.Registry.MustRegister(s.sent, s.told)
	paces := map[string]*pace{} // two receivers may be one robot
	for _, r := range cfg.Receivers {
		robot := r.Kind + " " + r.URL
		if paces[robot] == nil || r.Kind == Mail || r.Kind == Webhook {
			paces[robot] = &pace{windows: r.windows()}
		}
		s.senders = append(s.senders, newSender(s, r, paces[robot]))
	}
	return s
}

// lateRest is how long a message of something that happened while a gateway was cut off waits for its end, which comes
// with the same history.
const lateRest = 5 * time.Second

// unsaid says whether a receiver was not told yet that an incident was opened.
func unsaid(ctx context.Context, tx *sql.Tx, receiver, id string) (bool, error) {
	var n int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM notices WHERE receiver = ? AND incident = ? AND kind = ? AND state = 'waiting' AND attempts = 0`,
		receiver, id, incident.KindOpened).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("look for notices of %s for %s: %w", id, receiver, err)
	}
	return n > 0, nil
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

// Run sends until ctx ends; each receiver on its own, so that a dead one delays nobody else.
func (s *Service) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, sender := range s.senders {
		wg.Go(func() { sender.run(ctx) })
	}
	wg.Wait()
	for _, sender := range s.senders {
		sender.client.CloseIdleConnections()
	}
	return nil
}

// answer is what a receiver made of a message.
type answer struct {
	ok    bool
	never bool          // refused for good
	wait  time.Duration // the receiver asks for this rest; 0: as the back-off says
	rest  bool          // it asks for it because of too many messages: every other one waits too
	text  string        // for people
}

const sendTimeout = 10 * time.Second

// httpClient dials only allowed addresses and follows no redirect: a receiver's answer must not choose where we go.
func httpClient(allowPrivate bool) *http.Client {
	return &http.Client{
		Timeout:       sendTimeout,
		Transport:     &http.Transport{DialContext: GuardedDialer(allowPrivate).DialContext, Proxy: nil, MaxIdleConns: 2, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

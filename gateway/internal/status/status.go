// Package status is the gateway's own page: what it reads, what it holds back, what is alarming, without the cloud. Beside it
// /healthz for a supervisor and /metrics for Prometheus. It asks the app through the functions of its Config and changes
// nothing, except that a person at the site may reset a latched alert and move an output here, and who has
// logged in with the claim code may commission devices. Beyond loopback everything is behind a log-in.
package status

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/login"
	"github.com/linshao/linshao/rules"
)

// Config of the page.
type Config struct {
	Listen         string      // host:port
	Patient        bool        // a port that is taken is tried again by Run; otherwise it is an error of New
	User, Password string      // both empty: whoever is on this machine, and the claim code for others
	Door           *login.Door // for the claim code; nil: nobody logs in with one
	Site           string      // its name
	Gateway        string      // its id
	Version        string
	Location       *time.Location // of the times on the page
	Devices        []device.Device
	Now            func() time.Time // the clock that stamps readings: ages are counted from it

	// Sensor is how far a device can be trusted, 0 to 100, and why not further; not ok when nothing is known. Nil: nothing is shown.
	Sensor func(id string) (score int, reasons []rules.Text, ok bool)

	Healthy    func() error // nil when the safety loop lives; otherwise why not
	State      func() State
	Rules      func() Rules                                          // nil: nothing is shown of them
	Alerts     func(context.Context) ([]rules.AlertEvent, error)     // pending and firing
	Reset      func(ctx context.Context, alert string) (bool, error) // false: its condition still holds
	Explain    func(ctx context.Context, rule, subject string) (rules.Explanation, error)
	Outputs    func() []action.View
	Move       func(context.Context, action.Request) (action.Result, error) // waits until the output has moved, or some ten seconds
	Release    func(key device.Key, who string) bool                        // false: there was nothing to release
	Commission http.Handler                                                 // of the paths below /commission; nil: there are none
	Gatherer   prometheus.Gatherer
	Log        *slog.Logger
}

// State is what the page shows of the gateway itself.
type State struct {
	Started  time.Time
	Channels []Channel
	Events   Backlog
	Readings Backlog
	Uplink   string    // "connected", "offline", "alone"
	Degraded time.Time // since when the disk takes nothing; zero: all is well
	Cause    string    // the last error
	Lost     uint64    // readings that neither disk nor memory could take, since the start
	Looking  string    // who looks at which camera from afar now, and why; empty: nobody
	LeftOut  []string  // mistakes of fragments of the configuration that are left out: file:line:col and the mistake
}

// Rules says which rules are in force, and why newer ones are not.
type Rules struct {
	Hash      string // of the set
	Emergency bool   // 急 mode
	At        time.Time
	Problems  []string // why what is in the files is not in force: file:line:col and the mistake
}

// A Channel as the page shows it.
type Channel struct {
	ID, Driver    string
	Up            bool
	Busy          float64 // share of the last minute for which it was in use, 0 to 1
	Requests, Bad uint64  // since the start
	Planned       bool    // its driver can say beforehand how busy it will be: Plan
	Plan          float64 // share of the time that its devices' intervals want; above 1 they cannot be kept
	Eaters        []Eater // who used it most in the last minute, the greatest first
	Over          bool    // it has not kept its intervals for minutes
	Stretch       float64 // while Over: how many times as long the intervals are
}

// An Eater is a device, or a station, and the share of the last minute for which the channel was in use for it.
type Eater struct {
	Name  string
	Share float64
}

// Percent is Busy as the page shows it.
func (c Channel) Percent() float64 { return 100 * c.Busy }

// PlanPercent is Plan as the page shows it.
func (c Channel) PlanPercent() float64 { return 100 * c.Plan }

// Full says that the plan leaves no room.
func (c Channel) Full() bool { return c.Planned && c.Plan > 1 }

// Percent is Share as the page shows it.
func (e Eater) Percent() float64 { return 100 * e.Share }

// A Backlog is what a stream still has to send.
type Backlog struct {
	Records uint64
	Bytes   int64
}

// A Page serves the status page.
type Page struct {
	cfg      Config
	latest   *Latest
	listener net.Listener
	handler  http.Handler
	open     bool // only this machine can reach the pages, and there is no password
}

// New opens the port. Nothing is served before Run.
func New(cfg Config, latest *Latest) (*Page, error) {
	p := &Page{cfg: cfg, latest: latest, open: cfg.Password == "" && local(cfg.Listen)}
	p.handler = p.guard(p.routes())
	var err error
	switch p.listener, err = net.Listen("tcp", cfg.Listen); {
	case err != nil && cfg.Patient:
		p.listener = nil // not an interface around one
		cfg.Log.Error("THE LOCAL PAGE CANNOT BE OPENED yet", "error", err)
	case err != nil:
		return nil, fmt.Errorf("open status page: %w", err)
	}
	return p, nil
}

// Addr is where the page listens, or will.
func (p *Page) Addr() string {
	if p.listener == nil {
		return p.cfg.Listen
	}
	return p.listener.Addr().String()
}

// again is how often a port that is taken is tried.
const again = time.Second

// later waits until the port is free; nil when ctx ends first.
func (p *Page) later(ctx context.Context) net.Listener {
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if l, err := net.Listen("tcp", p.cfg.Listen); err == nil {
			p.cfg.Log.Info("the local page is open", "addr", p.cfg.Listen)
			return l
		}
	}
}

// Run serves until ctx ends.
func (p *Page) Run(ctx context.Context) error {
	listener := p.listener
	if listener == nil {
		if listener = p.later(ctx); listener == nil {
			return nil
		}
	}
	server := &http.Server{Handler: p.handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second,
		IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: slog.NewLogLogger(p.cfg.Log.Handler(), slog.LevelDebug)}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	var err error
	select {
	case err = <-done:
	case <-ctx.Done():
		shut, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if server.Shutdown(shut) != nil {
			err = server.Close()
		}
		err = errors.Join(err, <-done)
	}
	if err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve status page: %w", err)
	}
	return nil
}

// Close gives the port back; after Run it does nothing.
func (p *Page) Close() error {
	if p.listener == nil {
		return nil // Run has closed what it opened
	}
	if err := p.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close status page: %w", err)
	}
	return nil
}

func (p *Page) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", p.page)
	mux.HandleFunc("GET /plain", p.page)
	mux.HandleFunc("GET /style.css", style)
	mux.HandleFunc("GET /healthz", p.healthz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.cfg.Gatherer, promhttp.HandlerOpts{MaxRequestsInFlight: 2, Timeout: 10 * time.Second}))
	mux.HandleFunc("POST /reset", p.reset)
	mux.HandleFunc("GET /api/rules/why", p.why)
	mux.HandleFunc("GET /outputs", p.outputs)
	mux.HandleFunc("POST /outputs/move", p.move)
	mux.HandleFunc("POST /outputs/release", p.release)
	if p.cfg.Commission != nil {
		mux.Handle(commissioning, p.cfg.Commission)
		mux.Handle(commissioning+"/", p.cfg.Commission)
	}
	if p.cfg.Door != nil {
		mux.HandleFunc("GET /login", p.askCode)
		mux.HandleFunc("POST /login", p.enter)
		mux.HandleFunc("POST /logout", p.leave)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		posted := &http.Request{Method: http.MethodPost, Host: r.Host, URL: r.URL}
		if _, asked := mux.Handler(r); asked == "" {
			if _, known := mux.Handler(posted); known == "" { // else 405
				p.lost(w, r)
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

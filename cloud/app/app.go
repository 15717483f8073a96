// Package app builds the cloud from its configuration (app.go) and connects its parts (pipeline.go). It holds no logic.
package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/linshao/linshao/cloud/internal/api"
	"github.com/linshao/linshao/cloud/internal/auth"
	"github.com/linshao/linshao/cloud/internal/broker"
	"github.com/linshao/linshao/cloud/internal/command"
	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/dock"
	"github.com/linshao/linshao/cloud/internal/enroll"
	"github.com/linshao/linshao/cloud/internal/evidence"
	"github.com/linshao/linshao/cloud/internal/health"
	"github.com/linshao/linshao/cloud/internal/inbox"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/ingest"
	"github.com/linshao/linshao/cloud/internal/ledger"
	"github.com/linshao/linshao/cloud/internal/live"
	"github.com/linshao/linshao/cloud/internal/look"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/cloud/internal/org/dutycheck"
	"github.com/linshao/linshao/cloud/internal/org/meter"
	"github.com/linshao/linshao/cloud/internal/org/mode"
	"github.com/linshao/linshao/cloud/internal/org/patrol"
	"github.com/linshao/linshao/cloud/internal/org/tree"
	"github.com/linshao/linshao/cloud/internal/org/window"
	"github.com/linshao/linshao/cloud/internal/push"
	"github.com/linshao/linshao/cloud/internal/rollout"
	"github.com/linshao/linshao/cloud/internal/rulebook"
	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/cloud/internal/shard"
	"github.com/linshao/linshao/cloud/internal/timer"
	"github.com/linshao/linshao/cloud/internal/web"
)

// Options are what the command line adds to the configuration.
type Options struct {
	Demo    bool   // no login; refused unless every listener is on loopback
	Gateway string // id=address of the demo's gateway's own page, if there is one
	Version string
	Log     *slog.Logger
	Now     func() time.Time
}

// runner is a part with a life: it blocks until ctx ends.
type runner interface {
	Run(ctx context.Context) error
}

// carrier brings messages from and to gateways.
type carrier interface {
	runner
	Publish(replies []ingest.Reply)
}

// An App is a cloud that is built and listens, but does not run yet.
type App struct {
	opt      Options
	cfg      Config
	registry *prometheus.Registry
	db       *db.DB
	worker   *shard.Worker // nil: all gateways are ours
	store    series.Store
	hub      *live.Hub
	feed     *api.Feed
	links    *notify.Links
	notify   *notify.Service
	dock     *dock.Service
	events   *incident.Service
	overdue  *incident.Watcher
	drain    *inbox.Drain
	ingest   *ingest.Service
	commands *command.Service
	pushes   *push.Service
	rollout  *rollout.Service
	ledger   *ledger.Ledger
	modes    *mode.Service
	windows  *window.Service
	timers   *timer.Service
	evidence *evidence.Service
	looks    *look.Service
	patrols  *patrol.Service
	checks   *dutycheck.Service
	enroll   *enroll.Service
	cutter   enroll.Cutter
	health   *health.Service
	broker   carrier
	mqtt     string // address of the embedded broker
	listener net.Listener
	server   *http.Server
	quit     chan struct{} // closed: live streams end
	opened   []func() error
}

// New opens the databases and the listeners. Close it, also after Run.
func New(ctx context.Context, cfg Config, opt Options) (*App, error) {
	if opt.Demo && (!broker.Loopback(cfg.HTTP.Listen) || (cfg.MQTT.Listen != "" && !broker.Loopback(cfg.MQTT.Listen)) || cfg.HTTP.BehindProxy) {
		return nil, errors.New("start demo: without a login every listener must be on loopback, and no proxy in front")
	}
	a := &App{opt: opt, cfg: cfg, registry: prometheus.NewRegistry(), quit: make(chan struct{})}
	a.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for _, build := range []func(context.Context) error{a.openStores, a.buildEnroll, a.buildWork, a.buildDuty, a.buildCommands, a.buildRollout, a.buildHealth, a.buildEvidence, a.buildIngest, a.openBroker, a.openHTTP} {
		if err := build(ctx); err != nil {
			return nil, errors.Join(err, a.Close())
		}
	}
	return a, nil
}

func (a *App) openStores(ctx context.Context) error {
	d, err := openDB(ctx, a.cfg, a.opt.Log, 0)
	if err != nil {
		return err
	}
	a.db, a.opened = d, append(a.opened, d.Close)
	if err := a.openWorker(); err != nil {
		return err
	}
	if a.store, err = a.openSeries(ctx); err != nil {
		return fmt.Errorf("open series store: %w", err)
	}
	a.opened = append(a.opened, a.store.Close)
	return nil
}

func (a *App) openSeries(ctx context.Context) (series.Store, error) {
	s := a.cfg.Series
	switch s.Kind {
	case kindVictoria:
		return series.OpenVictoria(series.Server{URL: s.URL, Token: s.token})
	case kindInflux:
		return series.OpenInflux(series.Server{URL: s.URL, Token: s.token, Org: s.Org, Bucket: s.Bucket})
	}
	return series.OpenSQLite(ctx, filepath.Join(a.cfg.Data, "series.db"))
}

// buildWork builds incidents, notices and live events.
func (a *App) buildWork(ctx context.Context) error {
	key, err := auth.Secret(ctx, a.db, "links")
	if err != nil {
		return err
	}
	a.hub = live.NewHub(a.opt.Now(), a.registry)
	a.feed = api.NewFeed(a.db, a.hub, a.opt.Now, a.opt.Log)
	a.links = notify.NewLinks(a.cfg.PublicURL, key, a.opt.Now)
	a.notify = notify.New(notify.Config{DB: a.db, Receivers: a.cfg.receivers(), Policy: a.cfg.policy, Links: a.links, Now: a.opt.Now, Zone: a.cfg.zone, Log: a.opt.Log,
		Registry: a.registry, Told: a.feed.Incident, Mine: a.notifies, Emergency: a.emergency})
	a.openDock()
	a.events = incident.New(a.incidents())
	w := incident.WatchConfig{DB: a.db, Notifier: a.notify, Emergency: a.emergency, Rules: a.cfg.rules, Changed: observer{a.feed, a.wake}.Incident, Now: a.opt.Now, Log: a.opt.Log}
	if a.worker != nil {
		w.Lease = a.worker
	}
	a.overdue = incident.NewWatcher(w)
	return a.noteGaps(ctx)
}

// emergency says whether a site is in 急 mode now.
func (a *App) emergency(ctx context.Context, q db.Querier, site string) (bool, error) {
	return tree.EmergencyAt(ctx, q, site, a.opt.Now())
}

func (a *App) buildIngest(context.Context) error {
	a.ledger = ledger.New(ledger.Config{DB: a.db, Readings: a.store, Now: a.opt.Now, Log: a.opt.Log, Registry: a.registry})
	var err error
	drain := inbox.DrainConfig{DB: a.db, Sink: a.store, Now: a.opt.Now, Log: a.opt.Log, Registry: a.registry}
	var lease ingest.Lease
	if a.worker != nil {
		drain.Leases, lease = a.worker, a.worker
	}
	if a.drain, err = inbox.NewDrain(drain); err != nil {
		return err
	}
	a.ingest, err = ingest.New(ingest.Config{Lease: lease, Commands: a.commands, Pushes: a.pushes, Rollout: a.rollout, Evidence: a.evidence, Look: a.looks.Take, DB: a.db, Incidents: a.events, Names: a.cfg.Sites, Observer: observer{a.feed, a.wake}, Health: a.health, Stored: a.drain.Wake,
		Publish: func(rs []ingest.Reply) { a.broker.Publish(rs) },
		Now:     a.opt.Now, Log: a.opt.Log, Registry: a.registry})
	return err
}

// observer wakes what tells others of incidents besides telling the live pages.
type observer struct {
	*api.Feed
	wake func()
}

// Incident implements ingest's Observer.
func (o observer) Incident(id string) {
	o.Feed.Incident(id)
	o.wake()
}

func (a *App) openBroker(context.Context) error {
	m := a.cfg.MQTT
	if m.URL != "" {
		conf, err := broker.ClientTLS(m.CA, m.Cert, m.Key)
		if err != nil {
			return err
		}
		x := broker.ExternalConfig{URL: m.URL, TLS: conf, ClientID: "linshao-cloud", Handler: a.barring(), Looks: a.looks, Log: a.opt.Log}
		if a.worker != nil {
			x.ClientID, x.Shards = "linshao-"+a.worker.ID(), a.worker
		}
		external, err := broker.NewExternal(x)
		if err != nil {
			return err
		}
		a.broker, a.cutter = external, external
		return nil
	}
	var conf *tls.Config
	if m.Cert != "" {
		var err error
		if conf, err = broker.ServerTLS(m.CA, m.Cert, m.Key); err != nil {
			return err
		}
	}
	e, err := broker.NewEmbedded(broker.EmbeddedConfig{Listen: m.Listen, TLS: conf, Admit: a.enroll, Handler: a.barring(), Log: a.opt.Log})
	if err != nil {
		return err
	}
	a.cutter = e
	a.broker, a.mqtt, a.opened = e, e.Addr(), append(a.opened, e.Close)
	return nil
}

func (a *App) openHTTP(context.Context) error {
	page, err := web.Handler(web.Files())
	if err != nil {
		return err
	}
	users, err := auth.New(a.db, a.opt.Now)
	if err != nil {
		return err
	}
	book, err := rulebook.Open()
	if err != nil {
		return err
	}
	h := a.cfg.HTTP
	handler := api.New(api.Config{DB: a.db, Incidents: a.events, Readings: a.store, Auth: users, OIDC: a.signOn(users), OIDCName: a.cfg.OIDC.Name, Enroll: a.enroll, Evidence: a.evidence, Links: a.links, Notifier: a.notify, Dock: a.dock, Memos: a.notify, Patrols: a.patrols, Checks: a.checks, Modes: a.modes, Rules: &rulebook.Replayer{Book: book, DB: a.db, Store: a.store, Now: time.Now}, Hub: a.hub, Feed: a.feed, Ledger: a.ledger, Ingest: a.ingest, Commands: a.commands, Looks: a.looks, Pushes: a.pushes,
		Changed: a.wake, Web: page, Artifacts: a.rollout, Updates: a.rollout, Gatherer: a.registry, Now: a.opt.Now, Log: a.opt.Log, Version: a.opt.Version, Zone: a.cfg.zone,
		Windows: a.windows, Meters: &meter.Service{DB: a.db, Now: a.opt.Now}, Demo: a.opt.Demo, Local: a.opt.Gateway, Secure: h.Cert != "" || h.BehindProxy, Proxy: h.BehindProxy, Quit: a.quit})
	a.server = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10, ErrorLog: slog.NewLogLogger(a.opt.Log.Handler(), slog.LevelDebug)}
	if h.Cert != "" {
		pair, err := broker.OpenPair(h.Cert, h.Key)
		if err != nil {
			return err
		}
		a.server.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: pair.Get}
	}
	if a.listener, err = net.Listen("tcp", h.Listen); err != nil {
		return fmt.Errorf("http listen %s: %w", h.Listen, err)
	}
	a.opened = append(a.opened, func() error {
		if err := a.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return nil
}

// HTTP is the address of the page; MQTT that of the embedded broker, empty with another one.
func (a *App) HTTP() string { return a.listener.Addr().String() }

// MQTT is the address of the embedded broker; empty with another one.
func (a *App) MQTT() string { return a.mqtt }

// Close releases what New has opened, last opened first.
func (a *App) Close() error {
	var errs []error
	for i := len(a.opened) - 1; i >= 0; i-- {
		errs = append(errs, a.opened[i]())
	}
	a.opened = nil
	return errors.Join(errs...)
}

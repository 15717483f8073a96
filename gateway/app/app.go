// Package app builds a gateway from a checked site and runs it. app.go builds, pipeline.go connects: read that first. The other
// files are the small pieces between the packages: journal (events to disk), recorder (readings to disk, with parts,
// linger and deadband), judge (the owner of the rules), recall (their
// memory at the start), reload (other rules while it runs), health (the gateway as a device), sensors (how far devices can be trusted), audit (what gas detectors noted and no rule told). main and the end-to-end tests use it.
package app

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/configs"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/command"
	"github.com/linshao/linshao/gateway/internal/commission/pages"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/control"
	"github.com/linshao/linshao/gateway/internal/evidence"
	"github.com/linshao/linshao/gateway/internal/health"
	"github.com/linshao/linshao/gateway/internal/identity"
	"github.com/linshao/linshao/gateway/internal/login"
	"github.com/linshao/linshao/gateway/internal/look"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/plausible"
	"github.com/linshao/linshao/gateway/internal/poll"
	"github.com/linshao/linshao/gateway/internal/pushed"
	"github.com/linshao/linshao/gateway/internal/sparkplug"
	"github.com/linshao/linshao/gateway/internal/state"
	"github.com/linshao/linshao/gateway/internal/status"
	"github.com/linshao/linshao/gateway/internal/update"
	"github.com/linshao/linshao/rules"
)

// Config of a gateway.
type Config struct {
	Site    *config.Site
	Version string
	Log     *slog.Logger
	Now     func() time.Time          // stamps readings and events; intervals run on the real clock. Nil: time.Now
	Wall    func(time.Time) time.Time // the system's time at a moment of Now. Nil: they are the same
	Clock   func() uint32             // how good Now is, one of wire's clock qualities. Nil: what the kernel says
	Door    *login.Door               // of the gateway's own pages; used again while the claim code in the data folder is still the same
	Found   *pages.Memory             // what scans have found; nil: nothing yet
	Drivers map[string]device.Driver  // nil: the shipped ones

	// Reload asks for rules, overrides and mode to be taken up anew, as Load reads them then. Nil: nobody asks.
	Reload <-chan os.Signal
	Load   func() (*config.Site, configs.Problems)

	// Anew reads the whole site for a restart. Nil: there is none. Previous is the site that ran before this one in the same process,
	// nil after a start; Refused is why this site runs again and not the one that was to follow it.
	Anew     func() (*config.Site, configs.Problems)
	Previous *config.Site
	Refused  error

	// Check reads the site as it would be with what the cloud wants pushed. Nil: nothing is taken.
	Check func(set *pushed.Set, lang config.Language) (*config.Site, configs.Problems)

	// Update is this program where updates are taken; nil: it is never replaced. GiveUp ends the process when its trial failed: the
	// program before it is to be started.
	Update *update.Running
	Slots  func() (*update.Slots, error) // into which the cloud's updates go; nil: none are taken
	GiveUp func(error)
}

// An App is a gateway, built and not yet running.
type App struct {
	cfg         Config
	started     time.Time
	pace        pace // of the telemetry log; of health alone
	devices     []device.Device
	boot        *state.Boot
	events      *outbox.Log
	telemetry   *outbox.Log
	parts       *outbox.Log         // what is to become the next telemetry record
	evidence    *outbox.Log         // chunks of bundles; nil: there are no cameras
	collector   *evidence.Collector // nil: there are no cameras
	evidenceKey []byte              // public, of its bundles
	linger      *linger
	journal     *journal
	storage     *storage
	pollers     []*poll.Poller
	byKey       map[string]*poll.Poller // device id → its channel's poller
	executor    *action.Executor
	identities  *identity.Watch
	judge       *judge
	book        ruleBook
	ruleNews    func() // tells what has changed in the rules since the last start
	recorder    *recorder
	latest      *status.Latest
	uplink      *cloudLink
	sparkplug   *sparkplug.Node // nil: there is no such broker
	commands    *command.Desk   // nil: there is no cloud
	looks       *look.Desk      // at cameras; nil: there is no cloud
	asks        *look.Desk      // questions from afar; nil: as looks
	wanted      *wanted         // mode
	pushes      pushes          // configuration
	offers      offers          // program
	wishes      *wishes         // figures of all that
	page        *status.Page
	installer   *installer // the commissioning pages
	metrics     *prometheus.Registry
	toClose     []func() error // last opened first

	loads   *loads  // how busy the channels are
	lines   []*line // the channels as devices
	sensors *health.Watch

	control   *control.Server // nil: it could not be opened
	again     chan struct{}   // closed when next is set
	next      atomic.Pointer[config.Site]
	reloading sync.Mutex
	reloaded  atomic.Pointer[config.Site] // cfg.Site with the rules of the last reload; nil: there was none
}

// New builds a gateway: it opens the logs and the port of the local page, and restores the rules' state. It touches no device
// and starts nothing. After an error everything is closed again.
func New(cfg Config) (*App, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Clock == nil {
		cfg.Clock = clockQuality
	}
	a := &App{cfg: cfg, started: time.Now(), devices: cfg.Site.Devices(), byKey: map[string]*poll.Poller{},
		again: make(chan struct{}), latest: status.NewLatest(), metrics: prometheus.NewRegistry()}
	a.metrics.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	a.wishes = newWishes(a.metrics)
	for _, build := range []func() error{a.openData, a.buildPollers, a.buildEvidence, a.buildRules, a.buildRecorder, a.buildUplink, a.buildSparkplug, a.buildPage, a.buildControl} {
		if err := build(); err != nil {
			err = errors.Join(err, a.closeAll())
			if a.boot != nil {
				err = errors.Join(err, a.boot.GiveUp())
			}
			return nil, err
		}
	}
	return a, nil
}

// partsQuota is the room of the parts log, in bytes: ten times what it can hold of readings that are in no record yet.
const partsQuota = 1 << 20

func (a *App) openData() error {
	site := a.cfg.Site
	if err := os.MkdirAll(site.Data, 0o700); err != nil {
		return fmt.Errorf("make data folder: %w", err)
	}
	var err error
	logOf := a.openLog
	if a.boot = state.NextBoot(site.Data, time.Now().Unix()); a.boot.Unsaved != nil {
		a.cfg.Log.Error("the start is not counted", "error", a.boot.Unsaved)
	}
	if a.telemetry, err = logOf(outbox.Config{Stream: wire.StreamTelemetry, Quota: site.Outbox.TelemetryQuota, Sync: site.Outbox.Sync}); err != nil {
		return err
	}
	if a.events, err = logOf(outbox.Config{Stream: wire.StreamEvents, Quota: site.Outbox.EventsQuota, Reserve: outbox.DefaultReserve,
		MakeRoom: a.telemetry.EvictOldest}); err != nil {
		return err
	}
	if a.parts, err = logOf(outbox.Config{Stream: wire.StreamParts, Quota: partsQuota, Sync: site.Outbox.Sync, MakeRoom: a.telemetry.EvictOldest}); err != nil {
		return err
	}
	a.linger = newLinger(site.Outbox.Linger)
	a.journal = newJournal(a.cfg.Now, a.cfg.Clock, a.cfg.Log)
	a.storage = &storage{events: a.events, telemetry: a.telemetry, parts: a.parts, put: a.journal.put, now: a.cfg.Now, log: a.cfg.Log}
	a.storage.metrics(a.metrics)
	return nil
}

// openLog opens the log of a stream, to be closed with the others.
func (a *App) openLog(c outbox.Config) (*outbox.Log, error) {
	c.Dir, c.Boot, c.Started, c.Log = filepath.Join(a.cfg.Site.Data, wire.StreamName(c.Stream)), a.boot.Number, a.started, a.cfg.Log
	log, err := outbox.Open(c)
	if err == nil {
		a.toClose = append(a.toClose, log.Close)
	}
	return log, err
}

func (a *App) buildPollers() error {
	metrics := poll.NewMetrics(a.metrics)
	a.identities = a.watchIdentities()
	a.loads = newLoads(a.cfg.Site, a.metrics)
	for _, ch := range a.cfg.Site.Channels {
		driver, err := a.driver(ch.Channel)
		if err != nil {
			return err
		}
		p, err := poll.New(poll.Config{Channel: ch.Channel, Driver: driver, Devices: ch.Devices, Now: a.cfg.Now,
			Changed: a.deviceChanged, Overloaded: func(o poll.Overload) { a.overloaded(ch.ID, o) }, Log: a.cfg.Log, Metrics: metrics, Doubt: plausible.Of, Private: privateOn(ch.Channel)})
		if err != nil {
			return err
		}
		a.pollers = append(a.pollers, p)
		for _, d := range ch.Devices {
			a.byKey[d.ID] = p
		}
	}
	a.lines = linesOf(a.cfg.Site, a.pollers)
	a.sensors = health.New(a.devices, a.cfg.Site.Location)
	a.recallSensors()
	return nil
}

func (a *App) deviceChanged(c poll.Change) {
	for _, l := range a.lines {
		l.changed(c)
	}
	a.identities.Changed(c.Device, c.Online)
	a.journal.put(&wire.Event{Kind: &wire.Event_Device{Device: &wire.DeviceState{
		Device: c.Device, Online: c.Online, Reason: uint32(c.Reason), AtMs: c.At.UnixMilli()}}})
}

func (a *App) buildRules() error {
	site := a.cfg.Site
	a.recallDesired()
	a.recallPushed()
	a.recallOffer()
	engine, err := rules.NewEngine(site.Rules, site.Subjects(), site.Overrides)
	if err != nil {
		return fmt.Errorf("build rules: %w", err)
	}
	file := filepath.Join(site.Data, "rules.state")
	missing := recall{engine: engine, events: a.events, file: file, log: a.cfg.Log}.run(a.journal)
	a.executor = action.New(action.Config{Devices: a.devices, Outputs: site.Outputs, Write: a.write, Read: a.read, Now: a.cfg.Now, Log: a.cfg.Log,
		Metrics: action.NewMetrics(a.metrics), Latest: a.latest.Of, Human: func(r *wire.ActionResult) { a.judge.acted(r) },
		Remember: func(data []byte) error {
			return state.SaveSealed(filepath.Join(site.Data, holdsFile), a.cfg.Now(), data)
		},
		Record: func(r *wire.ActionResult) { a.journal.put(&wire.Event{Kind: &wire.Event_Action{Action: r}}) }})
	a.ruleNews = a.startRules(engine, append(missing, a.recallHolds(filepath.Join(site.Data, holdsFile))...))
	a.judge = &judge{engine: engine, executor: a.executor, journal: a.journal, alerted: a.linger.hurry, witness: a.witness, now: a.cfg.Now, log: a.cfg.Log, file: file, emergency: a.wanted.mode(),
		asks: make(chan func()), fails: make(chan *wire.ActionResult, failsMost), done: make(chan struct{}), start: time.Now(), saves: make(chan memory, 1),
		anew: func() (*rules.Engine, error) { return rules.NewEngine(site.Rules, site.Subjects(), site.Overrides) }}
	return nil
}

func (a *App) buildRecorder() error {
	encoder, err := wire.NewEncoder()
	if err != nil {
		return err
	}
	a.recorder = &recorder{log: a.telemetry, parts: a.parts, encoder: encoder, sieve: newSieve(a.cfg.Site.Reporting), linger: a.linger, now: a.cfg.Now,
		clock: a.cfg.Clock, slog: a.cfg.Log, gaps: a.recordGaps, stop: make(chan struct{}), batch: make([]device.Reading, 0, wire.MaxReadings)}
	return nil
}

// recordGaps puts into the events log what either log lost.
func (a *App) recordGaps() {
	for _, log := range []*outbox.Log{a.events, a.telemetry, a.evidence} {
		if log == nil {
			continue
		}
		for _, g := range log.Gaps() {
			a.gap(g)
		}
	}
}

func (a *App) gap(g outbox.Gap) {
	if g.Stream == wire.StreamEvidence && a.collector != nil {
		a.collector.Lost(g.Epoch, g.First, g.Last, g.Reason == "rejected")
	}
	a.cfg.Log.Warn("gap", "stream", wire.StreamName(g.Stream), "first", g.First, "last", g.Last, "reason", g.Reason)
	a.journal.put(&wire.Event{Kind: &wire.Event_Gap{Gap: &wire.Gap{Stream: g.Stream, Epoch: g.Epoch, First: g.First, Last: g.Last, Reason: g.Reason}}})
}

// close ends what Run used, last opened first, and notes that this run ended as it should.
func (a *App) close() {
	if err := errors.Join(a.closeAll(), a.boot.End()); err != nil {
		a.cfg.Log.Error("close gateway", "error", err)
	}
}

func (a *App) closeAll() error {
	var errs []error
	for i := len(a.toClose) - 1; i >= 0; i-- {
		errs = append(errs, a.toClose[i]())
	}
	a.toClose = nil
	return errors.Join(errs...)
}

// StatusAddr is where the local page listens.
func (a *App) StatusAddr() string { return a.page.Addr() }

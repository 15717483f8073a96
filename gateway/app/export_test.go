package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/gateway/internal/action"
	"github.com/linshao/linshao/gateway/internal/bus"
	"github.com/linshao/linshao/gateway/internal/bustime"
	"github.com/linshao/linshao/gateway/internal/config"
	"github.com/linshao/linshao/gateway/internal/health"
	"github.com/linshao/linshao/gateway/internal/outbox"
	"github.com/linshao/linshao/gateway/internal/poll"
	"github.com/linshao/linshao/gateway/internal/pushed"
	"github.com/linshao/linshao/gateway/internal/status"
	"github.com/linshao/linshao/rules"
)

// What the tests of the package app_test reach: the small pieces, with a disk that takes nothing.

// EndJournal puts n events into a journal over a log, asks it to end, and returns when it has.
func EndJournal(log *outbox.Log, n uint32) {
	var events []*wire.Event
	for i := range n {
		events = append(events, &wire.Event{Kind: &wire.Event_Boot{Boot: &wire.Boot{Boot: i}}})
	}
	Journal(log, events...)
}

// Journal puts events into a journal over a log, asks it to end, and returns when it has. urgent is whether it then says that
// the cloud lacks an alert.
func Journal(log *outbox.Log, events ...*wire.Event) (urgent bool) {
	j := newJournal(time.Now, clockQuality, slog.New(slog.DiscardHandler))
	for _, e := range events {
		j.put(e)
	}
	j.close()
	j.run(log)
	return j.urgent(log)
}

// RunJournal gives a journal with a clock, until end is called and it has ended.
func RunJournal(log *outbox.Log, now func() time.Time, clock func() uint32) (put func(*wire.Event), end func()) {
	j := newJournal(now, clock, slog.New(slog.DiscardHandler))
	done := make(chan struct{})
	go func() { defer close(done); j.run(log) }()
	return j.put, func() { j.close(); <-done }
}

// WatchSensors takes up what an earlier run knew of devices' health, tells of it until ctx ends, and returns when all is in the log.
func WatchSensors(ctx context.Context, watch *health.Watch, dir string, events *outbox.Log, out chan<- []device.Reading) {
	log := slog.New(slog.DiscardHandler)
	a := &App{cfg: Config{Site: &config.Site{Data: dir}, Now: time.Now, Log: log}, sensors: watch, journal: newJournal(time.Now, clockQuality, log)}
	a.recallSensors()
	a.watchSensors(ctx, out)
	a.journal.close()
	a.journal.run(events)
}

// WatchStorage watches logs until ctx ends and writes what it has to tell to the events log. state is what the local page shows.
func WatchStorage(ctx context.Context, events, telemetry, parts *outbox.Log, metrics prometheus.Registerer) (state func() (since time.Time, cause string), done <-chan struct{}) {
	log := slog.New(slog.DiscardHandler)
	j := newJournal(time.Now, clockQuality, log)
	s := &storage{events: events, telemetry: telemetry, parts: parts, put: j.put, now: time.Now, log: log}
	s.metrics(metrics)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.watch(ctx)
		j.close()
	}()
	written := make(chan struct{})
	go func() {
		defer close(written)
		j.run(events)
		<-ended
	}()
	return s.state, written
}

// TelemetryLog and PartsLog are what a recorder writes to.
type (
	TelemetryLog = telemetryLog
	PartsLog     = partsLog
)

// A Recorder is one whose readings come from a test.
type Recorder struct {
	*recorder
	In chan []device.Reading
}

// NewRecorder makes a recorder that lingers a minute. Closing In ends it, and so does Stop.
func NewRecorder(log TelemetryLog, parts PartsLog) (Recorder, error) {
	encoder, err := wire.NewEncoder()
	if err != nil {
		return Recorder{}, err
	}
	return Recorder{&recorder{log: log, parts: parts, encoder: encoder, linger: newLinger(time.Minute), now: time.Now, clock: clockQuality,
		slog: slog.New(slog.DiscardHandler), gaps: func() {}, stop: make(chan struct{})}, make(chan []device.Reading)}, nil
}

// SetClock replaces wall clock and its quality.
func (r Recorder) SetClock(now func() time.Time, quality func() uint32) {
	r.now, r.clock = now, quality
}

// Thin sets the points whose record is thinned out.
func (r Recorder) Thin(reports map[device.Key]config.Reporting) { r.sieve = newSieve(reports) }

// Linger is what the cloud wishes.
func (r Recorder) Linger(d time.Duration) { r.linger.ask(d) }

// Alert is an alert event.
func (r Recorder) Alert() { r.linger.hurry() }

// Stop says that the gateway stops.
func (r Recorder) Stop() { close(r.stop) }

// Run records until In is closed.
func (r Recorder) Run() {
	b := bus.New()
	all := b.Subscribe(16, false)
	go b.Run(r.In)
	r.run(all)
}

// EndRecorder gives a recorder slices of readings at its end, and returns when it has ended.
func EndRecorder(log, parts *outbox.Log, slices ...[]device.Reading) error {
	r, err := NewRecorder(log, parts)
	if err != nil {
		return err
	}
	b := bus.New()
	all := b.Subscribe(len(slices), false)
	in := make(chan []device.Reading, len(slices))
	for _, rs := range slices {
		in <- rs
	}
	close(in)
	b.Run(in)
	r.Stop()
	r.run(all)
	return nil
}

// A Sieve holds back what says nothing new.
type Sieve struct{ *sieve }

// NewSieve makes one.
func NewSieve(reports map[device.Key]config.Reporting) Sieve { return Sieve{newSieve(reports)} }

// Pass answers what is recorded.
func (s Sieve) Pass(rs []device.Reading) []device.Reading { return s.pass(rs) }

// A Judge is one without a field.
type Judge struct {
	*judge
	in     chan []device.Reading
	events *outbox.Log
}

// NewJudge makes a judge that saves to a file, acts through an executor and writes events to a log.
func NewJudge(engine *rules.Engine, executor *action.Executor, file string, events *outbox.Log) Judge {
	log := slog.New(slog.DiscardHandler)
	return Judge{&judge{engine: engine, executor: executor, journal: newJournal(time.Now, clockQuality, log), now: time.Now, log: log, file: file,
		asks: make(chan func()), fails: make(chan *wire.ActionResult, failsMost), done: make(chan struct{}), start: time.Now(), saves: make(chan memory, 1)},
		make(chan []device.Reading), events}
}

// Run takes up what file and log have, and judges what Read gives it, until ctx ends. It answers what it found missing.
func (j Judge) Run(ctx context.Context) []rules.Text {
	said := recall{engine: j.engine, events: j.events, file: j.file, log: j.log}.run(j.journal)
	context.AfterFunc(ctx, func() { close(j.in) })
	done := make(chan struct{})
	go func() { defer close(done); j.journal.run(j.events) }()
	j.run(j.in)
	j.journal.close()
	<-done
	return said
}

// SaveLast is how a gateway that stops in order ends.
func (j Judge) SaveLast() { j.saveLast() }

// Read gives it readings.
func (j Judge) Read(rs []device.Reading) { j.in <- rs }

// Newest is the payload of the live lane.
func (a *App) Newest() []byte { return a.newest() }

// A Line is a channel with two devices, as a device.
type Line struct{ line *line }

// NewLine makes a channel "bus" with the devices a and b, open or not.
func NewLine(up func() bool) Line {
	site := &config.Site{Channels: []config.Channel{{Channel: device.Channel{ID: "bus"}, Devices: []device.Device{{ID: "a"}, {ID: "b"}}}}}
	return Line{&line{device: site.ChannelDevices()[0], up: up, online: map[string]answer{"a": untried, "b": untried}}}
}

// Changed tells it of a device.
func (l Line) Changed(id string, online bool) {
	l.line.changed(poll.Change{Device: id, Online: online})
}

// Readings are what it reports.
func (l Line) Readings(now time.Time, again bool) []device.Reading {
	return l.line.readings(now, again)
}

// Urgent takes up what file and log have, and answers the journal's word on whether the cloud lacks an alert.
func Urgent(engine *rules.Engine, log *outbox.Log, file string) func() bool {
	j := newJournal(time.Now, clockQuality, slog.New(slog.DiscardHandler))
	recall{engine: engine, events: log, file: file, log: j.log}.run(j)
	return func() bool { return j.urgent(log) }
}

// PanicRules lets the rule engine's goroutine panic in the midst of its work.
func (a *App) PanicRules(ctx context.Context) error {
	return a.judge.ask(ctx, func() { panic("planted by a test") })
}

// BlockRules holds the rules up until release is closed; it returns when they are.
func (a *App) BlockRules(ctx context.Context, release <-chan struct{}) error {
	held := make(chan struct{})
	go func() {
		_ = a.judge.ask(ctx, func() { close(held); <-release }) // the test sees what follows
	}()
	select {
	case <-held:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Guard runs a guard over a check until ctx ends; put takes what it tells.
func Guard(ctx context.Context, check func() error, executor *action.Executor, put func(*wire.Event)) {
	g := &guard{check: check, executor: executor, put: put, now: time.Now, log: slog.New(slog.DiscardHandler)}
	g.run(ctx)
}

// ErrLate is the word on a safety loop that does not tick.
var ErrLate = errLate

// GuardStale is how old the safety loop's last tick may be.
const GuardStale = guardStale

// RuleChanges are those in the events log.
func (a *App) RuleChanges() (all []*wire.RulesChange) {
	_, _, next := a.events.State()
	for from := uint64(1); from < next; {
		records, err := a.events.Read(from, 1<<20)
		if err != nil || len(records) == 0 {
			break
		}
		for _, r := range records {
			var e wire.Event
			if proto.Unmarshal(r.Payload, &e) == nil && e.GetRules() != nil {
				all = append(all, e.GetRules())
			}
			from = r.Seq + 1
		}
	}
	return all
}

// SnapshotPace is how far apart snapshots of so many bytes are when the gateway has been up for a while.
func SnapshotPace(bytes int64, up time.Duration) time.Duration {
	j := &judge{start: time.Now().Add(-up)}
	j.size.Store(bytes)
	return j.pace()
}

// Loads are how busy the channels of a site are.
type Loads struct{ loads *loads }

// NewLoads plans the site's channels.
func NewLoads(site *config.Site, metrics prometheus.Registerer) Loads {
	return Loads{newLoads(site, metrics)}
}

// Note takes the figures of the first channel.
func (l Loads) Note(now time.Time, st poll.Stats) { l.loads.note(0, now, st) }

// Busy is the first channel's share of the last minute, and who used it.
func (l Loads) Busy(st poll.Stats) (float64, []status.Eater) {
	c := &l.loads.channels[0]
	return c.busy(), c.eaters(st.Units)
}

// Overloaded is what the gateway tells, and shows, of a channel that is overloaded.
func (a *App) Overloaded(channel string, o poll.Overload) []status.Channel {
	a.overloaded(channel, o)
	return a.channels()
}

// OverloadText is the notice of a line that is planned so full.
func OverloadText(plan bustime.Plan, o poll.Overload) rules.Text {
	return overloadText(plan.Channel, plan, o)
}

// JudgeTrial looks at the trial of the running program at times of the test's choice.
func (a *App) JudgeTrial(ctx context.Context, ticks <-chan time.Time) error {
	trial, err := a.cfg.Update.Trial()
	if err == nil && trial != nil {
		a.judgeTrial(ctx, trial, ticks)
	}
	return err
}

// Configure takes what the cloud wants of the configuration.
func (a *App) Configure(ctx context.Context, c *wire.Config) { a.configure(ctx, c) }

// LookConfig takes a look at the trial.
func (a *App) LookConfig(ctx context.Context, now time.Time) { a.lookConfig(ctx, now) }

// PushedState is the last verdict, and which revision is in force.
func (a *App) PushedState() (v pushed.Verdict, inForce uint64) {
	a.pushes.mu.Lock()
	defer a.pushes.mu.Unlock()
	if a.pushes.kept.Last != nil {
		v = *a.pushes.kept.Last
	}
	return v, a.present().Pushed
}

// Silent is how many devices were asked and do not answer; one that was not asked yet is not among them.
func (a *App) Silent() int { return len(a.sight().Silent) }

// Answering is how many devices answer, by their newest readings; -1 while the rules have not begun.
func (a *App) Answering() int {
	if a.judge.beat.Load() == 0 {
		return -1
	}
	n := 0
	for _, d := range a.devices {
		if _, ok := a.latest.Of(d.Points[0].Key()); ok {
			n++
		}
	}
	return n - len(a.sight().Silent)
}

// TakeOffer takes what the cloud wants of the program.
func (a *App) TakeOffer(ctx context.Context, u *wire.Update) { a.takeOffer(ctx, u) }

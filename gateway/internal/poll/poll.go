// Package poll reads the devices of one channel. One goroutine owns the channel's connection and everything else is a queue
// to it, so a line is never used by two at once. It decides what a driver does not: when to read, when to try again, when to
// give a dead device a rest, and who goes first. The app runs one Poller per channel.
//
// The walk: Run chooses a move (schedule.go), which asks for one part of a unit's turn (turn.go, unit.go, part.go), probes a
// dead one (breaker.go, silence.go) or only tells that there is no value; between two moves it serves requests (request.go) and
// whoever borrows the line (lend.go).
//
// It promises:
//   - A reading for every point of every device at every interval, bad with a reason when there is no value. One lost answer is
//     asked for again before it is told.
//   - A write waits for the one request under way, and at most 2 s for somebody to whom the line was lent: never for the
//     schedule, and never for whoever takes the readings. The line itself may let a device rest after a fault, or as its model needs.
//   - A device whose model needs a pause is not asked before it is over. The others are asked meanwhile.
//   - A device that people are warned or let out by (class life) is late by the request under way, by the others of its class,
//     and by one more request for each lifeRow of these. Who among them falls silent costs the others four time-outs.
//   - When the line cannot keep all intervals, life keeps its own, the others are stretched alike, and it is told.
//   - Silence takes a twentieth of the line's time in the long run, however many devices are dead, and more only while nobody
//     else wants the line. So on a line without rest it may take some twenty time-outs until a death is told.
//   - A device counts as dead after three silent turns, of which one was waited for as long as the channel allows; it is back
//     after several good probes in a row, and after more of them each time that it dies again soon.
package poll

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// ErrClosed is the answer to a request when the poller has ended.
var ErrClosed = errors.New("poll has ended")

// ErrChannelDown is the answer to a request while the channel cannot be opened.
var ErrChannelDown = errors.New("channel is down")

// ErrNoPoint is the answer to a request for a point that the channel does not have.
var ErrNoPoint = errors.New("no such point")

// ErrStuck is what Fresh answers of a poller that does not come back.
var ErrStuck = errors.New("stuck")

// Config of a poller.
type Config struct {
	Channel device.Channel
	Driver  device.Driver
	Devices []device.Device
	Now     func() time.Time // stamps readings and changes; intervals run on the real clock. Nil: time.Now
	Changed func(Change)     // a device stopped or began to answer. Called by the poller's goroutine: must not block. May be nil
	// Overloaded is told when the line cannot keep its intervals for minutes, and when it can again. As Changed.
	Overloaded func(Overload)
	Log        *slog.Logger
	Metrics    *Metrics // may be nil

	// Private says of a device's point that its frames hold what must not be kept, such as card numbers. Nil: none does.
	Private func(p device.Point) bool

	// Doubt makes the judge of the reads of one address by what came before: it may lower the quality of readings, in place. It
	// answers nil where there is nothing to judge. May be nil.
	Doubt func(points []device.Point) func([]device.Reading)
}

// A Change says that a device stopped or began to answer.
type Change struct {
	Device string
	Online bool
	Reason device.Reason // why it is offline
	At     time.Time
}

// A Poller reads one channel.
type Poller struct {
	cfg     Config
	units   []*unit
	points  map[device.Key]*device.Point
	tape    *tape
	plans   bool // the driver says beforehand what it will ask for
	account account
	row     int // requests of the class life since the last of another
	load    load
	rest    time.Duration // the longest that a device needs between two requests to it
	writes  chan request
	reads   chan request
	leases  chan *lease
	lent    atomic.Bool // somebody has the line, or waits for it
	lease   *lease      // nil: the line is the poller's own
	done    chan struct{}
	conn    device.Conn
	camera  atomic.Pointer[device.Camera] // conn, if it is one
	retry   backoff
	down    device.Reason // why there is no connection, for the readings
	meter   meter
	made    time.Time
	since   atomic.Int64 // when what it is at began, ns of the real clock since made; 0: it waits
}

// New checks a configuration. It opens nothing.
func New(cfg Config) (*Poller, error) {
	if cfg.Driver == nil {
		return nil, fmt.Errorf("poll channel %s: no driver", cfg.Channel.ID)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	p := &Poller{cfg: cfg, points: map[device.Key]*device.Point{}, down: device.ChannelDown,
		writes: make(chan request), reads: make(chan request), leases: make(chan *lease), done: make(chan struct{}), made: time.Now()}
	p.meter = cfg.Metrics.meter(cfg.Channel.ID)
	p.units = unitsOf(cfg.Devices)
	p.tape = newTape(p.units, cfg.Private, cfg.Now)
	_, p.plans = cfg.Driver.(device.Planner)
	for _, d := range cfg.Devices {
		if d.Identity != nil { // asked for by Read alone
			p.points[d.Identity.Key()] = d.Identity
		}
	}
	for _, u := range p.units {
		if cfg.Doubt != nil {
			u.doubt = cfg.Doubt(u.points)
		}
		u.parts = partsOf(cfg.Driver, cfg.Channel, u.points)
		for i := range u.points {
			p.rest = max(p.rest, u.points[i].Register.Rest)
			p.points[u.points[i].Key()] = &u.points[i]
		}
	}
	return p, nil
}

// Channel is the id of the poller's channel.
func (p *Poller) Channel() string { return p.cfg.Channel.ID }

// Run polls until ctx ends. Readings go to out, one slice per turn of a unit or probe of a dead one; the slice is the
// receiver's, and receivers that share it must not change it. Run does not close out: several pollers share it. It waits for
// out, but serves writes meanwhile.
func (p *Poller) Run(ctx context.Context, out chan<- []device.Reading) error {
	defer close(p.done)
	defer p.close()
	defer p.recall(ErrClosed)
	ctx = p.tape.watch(ctx)
	p.spread(time.Now())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		p.between(ctx)
		now := time.Now()
		p.watch(now)
		m := p.choose(now)
		if m.unit != nil && !m.at.After(now) {
			p.at()
			p.count(m)
			m.do(p, ctx, m.unit, out)
			p.since.Store(0)
			continue
		}
		timer.Reset(m.wait(now))
		select {
		case <-ctx.Done():
		case q := <-p.writes:
			p.serve(ctx, q)
		case q := <-p.reads:
			p.serve(ctx, q)
		case l := <-p.leases:
			p.lend(l)
		case <-timer.C:
		}
	}
	return nil
}

// at marks the beginning of something that must end in time.
func (p *Poller) at() { p.since.Store(int64(max(1, time.Since(p.made)))) }

// Fresh says whether the poller has come back from what it is at, or why it is taken for stuck: a driver that does not return
// within all limits, or readings that nobody takes.
func (p *Poller) Fresh() error {
	since := time.Duration(p.since.Load())
	if since == 0 {
		return nil
	}
	points := 0
	for _, u := range p.units {
		points = max(points, len(u.points))
	}
	if took := time.Since(p.made) - since; took > 2*p.readLimit(points)+openTimeout(p.cfg.Channel) {
		return fmt.Errorf("channel %s: %w for %v", p.cfg.Channel.ID, ErrStuck, took.Round(time.Second))
	}
	return nil
}

// read is one use of the connection, measured. Times are turned from the driver's clock to ours.
func (p *Poller) read(ctx context.Context, points []device.Point, limit time.Duration) ([]device.Reading, error) {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p.tape.turn(&points[0])
	began := time.Now()
	rs, err := p.conn.Read(limited, points)
	took := time.Since(began)
	p.tape.turn(nil)
	p.rests(points[0])
	p.meter.read(took, err)
	if err == nil && len(rs) != len(points) {
		err = fmt.Errorf("driver answered %d readings for %d points", len(rs), len(points))
	}
	if err != nil {
		return nil, err
	}
	now := p.cfg.Now()
	for i := range rs {
		r := &rs[i]
		if age := time.Since(r.Time); r.Time.IsZero() || age < 0 {
			r.Time = now
		} else {
			r.Time = now.Add(-age)
		}
		if r.Quality != device.Good {
			p.meter.failed(r.Reason)
		}
	}
	return rs, nil
}

// rests notes when the device of a point may be asked again.
func (p *Poller) rests(point device.Point) {
	if point.Register.Rest <= 0 {
		return
	}
	for _, u := range p.units {
		if u.points[0].Address == point.Address {
			*u.pause = time.Now().Add(point.Register.Rest)
		}
	}
}

// readLimit bounds a read whose driver does not come back. Drivers keep the channel's time-out for each answer; this is far above.
func (p *Poller) readLimit(points int) time.Duration {
	return 10*time.Second + time.Duration(points)*(p.cfg.Channel.Timeout+p.cfg.Channel.Pause+p.rest)
}

// emit hands readings on. While nobody takes them, requests are served: a write never waits for a disk.
func (p *Poller) emit(ctx context.Context, out chan<- []device.Reading, rs []device.Reading) {
	for {
		select {
		case out <- rs:
			return
		case q := <-p.writes:
			p.serve(ctx, q)
		case q := <-p.reads:
			p.serve(ctx, q)
		}
	}
}

package rules

import (
	"cmp"
	"fmt"
	"iter"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// A ReplayConfig says with which rules recorded readings are judged again, and what a report is wanted of.
type ReplayConfig struct {
	Set       *Set
	Devices   []device.Device
	Overrides map[string]Override
	// Silence are the points of which a reading that says nothing new was not recorded, and for how long at most. Until then
	// a point of which nothing is recorded counts as read and unchanged.
	Silence map[device.Key]time.Duration
	// From is when the report begins. What comes before is judged too, so that sessions and windows are known, but not reported.
	From time.Time
	// To is when the report ends, if not at the last reading: the seconds between the two are judged, up to a minute of them.
	To time.Time
	// Emergency plays everything as in 急 mode.
	Emergency bool
	// Told, when not nil, is given every alert event as it comes, those before From too.
	Told func(AlertEvent)
}

// A ReplayStep is the next thing that happened; one of its fields is set.
type ReplayStep struct {
	Readings []device.Reading // one device, read once; valid during the step
	Hole     *Hole
	Reset    *ReplayReset
}

// A Hole is a time of which there are no records. It becomes what a restart of the gateway is to the engine: no value is known
// before it is read again, alerts and sessions go on where they were. Nothing is judged within it.
type Hole struct {
	From   time.Time `json:"from"`
	To     time.Time `json:"to"`
	Reason string    `json:"reason"` // one of the Hole constants
}

// Why there are no records.
const (
	HoleBefore  = "not_recorded" // before the first record, or behind the last
	HoleRestart = "restart"      // the gateway was not running
	HoleLost    = "lost"         // records are missing: evicted, damaged, never written
	HoleDamaged = "damaged"      // a record cannot be read
	HoleVersion = "version"      // a record is of a later version of the program
	HoleSilent  = "silent"       // nothing was read, not even by the gateway of itself
)

// A ReplayReset is a person's reset of an alert at the site.
type ReplayReset struct {
	Rule, Subject string
	At            time.Time
}

const (
	replayTick = int64(1000)             // ms between ticks, as the gateway makes them
	replayBack = int64(60_000)           // ms: a reading that is older is of a clock that was set back, a younger one only came late
	replayLeap = int64(24 * 3600 * 1000) // ms without any reading that are not ticked through: a hole
)

// Replay plays steps, in the order of their times, through the engine that judges live, with a tick a second between them.
// Actions are not carried out. The error is that of NewEngine.
func Replay(cfg ReplayConfig, steps iter.Seq[ReplayStep]) (ReplayReport, error) {
	p, err := NewPlayer(cfg)
	if err != nil {
		return ReplayReport{}, err
	}
	for step := range steps {
		if err := p.Play(step); err != nil {
			return ReplayReport{}, err
		}
	}
	return p.Report()
}

// NewPlayer is a replay that is given its steps one by one, for who plays several sets of rules beside each other. The error is
// that of NewEngine.
func NewPlayer(cfg ReplayConfig) (*Player, error) {
	p := &Player{cfg: cfg, fill: newFiller(cfg), open: map[string]*ReplayAlert{}, from: cfg.From.UnixMilli()}
	var err error
	p.engine, err = NewEngine(cfg.Set, cfg.Devices, cfg.Overrides)
	return p, err
}

// Play judges the next step.
func (p *Player) Play(step ReplayStep) error {
	switch {
	case step.Hole != nil:
		return p.hole(*step.Hole)
	case step.Reset != nil:
		return p.reset(*step.Reset)
	}
	return p.read(step.Readings)
}

// Looks says whether the rules look at a point: of others no readings are needed.
func (p *Player) Looks(at device.Key) bool {
	_, looks := p.engine.index[at]
	return looks
}

// Report ends the replay.
func (p *Player) Report() (ReplayReport, error) {
	if to := p.cfg.To.UnixMilli(); p.tick != 0 && to > p.last && to-p.last <= replayBack {
		if err := p.until(to); err != nil {
			return ReplayReport{}, err
		}
	}
	return p.report(), nil
}

// A Player is one replay under way. Times are Unix ms.
type Player struct {
	cfg    ReplayConfig
	engine *Engine
	fill   *filler
	from   int64
	tick   int64 // the next one; 0 before the first
	last   int64 // the newest reading
	first  int64 // the oldest that is reported

	samples uint64 // from the begin of the report on
	holes   []Hole
	open    map[string]*ReplayAlert // by id
	alerts  []*ReplayAlert
}

// read judges one read of a device, and before it the seconds up to it.
func (p *Player) read(rs []device.Reading) error {
	if len(rs) == 0 {
		return nil
	}
	t := rs[0].Time.UnixMilli()
	for i := 1; i < len(rs); i++ {
		t = max(t, rs[i].Time.UnixMilli())
	}
	if err := p.until(t); err != nil {
		return err
	}
	if t >= p.from {
		p.samples += uint64(len(rs))
		if p.first == 0 {
			p.first = t
		}
	}
	p.last = max(p.last, t)
	if rs = p.fill.complete(rs, t); len(rs) > 0 {
		p.tell(p.engine.Apply(rs))
	}
	return nil
}

// until ticks up to a moment.
func (p *Player) until(t int64) error {
	switch {
	case p.tick == 0:
		p.tick = second(t)
		if p.cfg.Emergency {
			p.tell(p.engine.SetEmergency(true, time.UnixMilli(t)))
		}
	case t < p.tick-replayBack:
		p.tick = second(t)
	case t-p.tick > replayLeap:
		return p.hole(Hole{From: time.UnixMilli(p.last).UTC(), To: time.UnixMilli(t).UTC(), Reason: HoleSilent})
	}
	for ; p.tick <= t; p.tick += replayTick {
		p.fill.due(p.tick, func(rs []device.Reading) { p.tell(p.engine.Apply(rs)) })
		p.tell(p.engine.Tick(time.UnixMilli(p.tick)))
	}
	return nil
}

// second is the next whole one.
func second(t int64) int64 { return (t + replayTick - 1) / replayTick * replayTick }

// hole restarts the engine.
func (p *Player) hole(h Hole) error {
	to := h.To.UnixMilli()
	if h.Reason != HoleBefore && p.tick != 0 {
		if from := h.From.UnixMilli(); from-p.tick < replayLeap {
			if err := p.until(from); err != nil {
				return err
			}
		}
		data, err := p.engine.Snapshot()
		if err != nil {
			return err
		}
		if p.engine, err = NewEngine(p.cfg.Set, p.cfg.Devices, p.cfg.Overrides); err != nil {
			return err
		}
		if err = p.engine.Restore(data); err != nil {
			return fmt.Errorf("replay a restart: %w", err)
		}
		p.fill.forget()
		p.tick = second(to)
	}
	if to >= p.from {
		if h.From.UnixMilli() < p.from {
			h.From = p.cfg.From.UTC()
		}
		p.holes = append(p.holes, h)
	}
	return nil
}

// reset does what a person did. An alert that does not fire here, or whose condition still holds, is left alone.
func (p *Player) reset(r ReplayReset) error {
	if at := r.At.UnixMilli(); at > p.tick {
		if err := p.until(at); err != nil {
			return err
		}
	}
	for _, a := range p.open {
		if a.Rule == r.Rule && a.Subject == r.Subject && a.fired {
			p.tell(p.engine.Reset(a.Alert, r.At))
			return nil
		}
	}
	return nil
}

// tell takes events into the report.
func (p *Player) tell(events []AlertEvent) {
	for i := range events {
		ev := &events[i]
		if p.cfg.Told != nil {
			p.cfg.Told(*ev)
		}
		a := p.open[ev.Alert]
		if a == nil {
			a = &ReplayAlert{Alert: ev.Alert, Rule: ev.Rule, Subject: ev.Subject, Severity: ev.Severity, Since: ev.Since, Shadow: ev.Shadow}
			p.open[ev.Alert] = a
			p.alerts = append(p.alerts, a)
		}
		switch ev.State {
		case Firing:
			if !a.fired {
				a.fired, a.Since, a.Fired = true, ev.Since, ev.At
			}
			if ev.Level > a.Level {
				a.Level, a.Severity = ev.Level, ev.Severity
			}
			a.Shelved = a.Shelved || ev.Shelved
			a.Message = Spoken(ev.Message)
		case Resolved, Cancelled:
			a.End = ev.At
			delete(p.open, ev.Alert)
		}
	}
}

func (p *Player) report() ReplayReport {
	r := ReplayReport{Samples: p.samples, Filled: p.fill.count, Holes: append([]Hole{}, p.holes...), Alerts: []ReplayAlert{}, Rules: []ReplayRule{}}
	if p.first != 0 {
		r.First, r.Last = time.UnixMilli(p.first).UTC(), time.UnixMilli(p.last).UTC()
	}
	for _, a := range p.alerts {
		switch began := cmp.Or(a.Fired, a.Since); {
		case began.UnixMilli() < p.from:
		case a.fired:
			r.Alerts = append(r.Alerts, *a)
		case !a.End.IsZero():
			r.never = append(r.never, judgement{a.Rule, a.Subject})
		}
	}
	for _, info := range p.cfg.Set.Rules() {
		r.Rules = append(r.Rules, r.rule(info))
	}
	return r
}

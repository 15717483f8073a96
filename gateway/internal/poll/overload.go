package poll

import (
	"cmp"
	"slices"
	"time"
)

// A line that cannot keep its intervals says so, and says when it can again. The limits differ and each must hold for
// minutes, so that a busy moment is no message.
const (
	stretchOver  = 1.25
	stretchUnder = 1.1
	overFor      = 2 * time.Minute
	underFor     = 5 * time.Minute
	watchEvery   = 5 * time.Second
	eatersMost   = 3
)

// An Overload is a line that cannot keep its intervals, or can again.
type Overload struct {
	Over    bool
	Stretch float64 // interval of the most delayed device over the configured one
	Eaters  []Eater // who takes most of the line's time, the largest first
	At      time.Time
}

// An Eater is who takes much of a line's time.
type Eater struct {
	Devices []string // read together
	Share   float64  // of the time since the line was last found in order, 0 to 1
}

// load watches how far the line's intervals are stretched.
type load struct {
	next   time.Time
	over   bool
	since  time.Time       // from when it is otherwise than told
	before []time.Duration // the units' busy time then
	worst  float64
}

// watch tells an overload, and its end.
func (p *Poller) watch(now time.Time) {
	l := &p.load
	if now.Before(l.next) {
		return
	}
	l.next = now.Add(watchEvery)
	l.worst = p.worst()
	p.meter.stretched(l.worst)
	other := l.worst > stretchOver
	if l.over {
		other = l.worst < stretchUnder
	}
	if !other || l.before == nil {
		l.since, l.before = now, p.spent()
		return
	}
	if held := now.Sub(l.since); !l.over && held < overFor || l.over && held < underFor {
		return
	}
	l.over = !l.over
	o := Overload{Over: l.over, Stretch: l.worst, Eaters: p.eaters(now), At: p.cfg.Now()}
	l.since, l.before = now, p.spent()
	p.cfg.Log.Warn("line load", "channel", p.cfg.Channel.ID, "over", o.Over, "stretch", o.Stretch, "eaters", o.Eaters)
	if p.cfg.Overloaded != nil {
		p.cfg.Overloaded(o)
	}
}

// worst is the largest stretch of those who answer; 1 when nothing is known.
func (p *Poller) worst() float64 {
	worst := 1.0
	for _, u := range p.units {
		if !u.open && u.strikes == 0 {
			worst = max(worst, u.stretch.get())
		}
	}
	return worst
}

func (p *Poller) spent() []time.Duration {
	all := make([]time.Duration, len(p.units))
	for i, u := range p.units {
		all[i] = time.Duration(u.busy.Load())
	}
	return all
}

func (p *Poller) eaters(now time.Time) []Eater {
	var all []Eater
	span := now.Sub(p.load.since)
	for i, u := range p.units {
		all = append(all, Eater{Devices: u.devices, Share: float64(time.Duration(u.busy.Load())-p.load.before[i]) / float64(max(span, 1))})
	}
	slices.SortStableFunc(all, func(a, b Eater) int { return cmp.Compare(b.Share, a.Share) })
	return slices.Clip(all[:min(eatersMost, len(all))])
}

package charging

import (
	"math"
	"slices"
	"time"

	"github.com/linshao/linshao/firmware-sim/physics"
)

// An observer makes no mistake of measuring: it sees power without noise, at every moment of a course (so it knows what is
// true) or at those moments at which the gateway got a sample (so it knows what anybody could know from them). It judges by
// the words of the domain's catalogue, written a second time here: it shares no code with the rules.
//
// slack moves every limit: +1 to where the statement is true beyond doubt, so that silence is a miss; -1 to where it may
// just be true, so that speaking is no lie. Between the two both are right: noise and the chip's gain decide there.
type observer struct {
	slack   float64
	pace    time.Duration // between two looks
	lithium bool          // the socket's label says so
	nominal float64       // kWh that a battery with this charger may hold by the table, at most; NaN unknown
	counter bool          // the meter's counter can be read
	plugs   bool          // relay and plug can be read

	last    look
	spell   spell
	charges []float64 // kWh, before this one
	learned float64   // kWh: the most that is usual, once five are known
	tail    band
	flat    lows
	recent  []look // of the last minutes, for steps
	knee    held
	kneed   bool
	swing   swings
	over    held
	warm    held
	hot     held
	stuck   held
	idle    held
	started held // the relay has closed, and nothing flows yet
	rise    []look
}

// A look is what was there at a moment.
type look struct {
	at time.Duration
	physics.Moment
}

// said is which statements are true.
type said [keys]bool

// see takes the next look and says what is true now.
func (o *observer) see(l look) said {
	hole := o.last.at != 0 && l.at-o.last.at > max(5*time.Minute, 3*o.pace)
	o.follow(l, hole)
	var s said
	o.times(&s, l)
	o.tails(&s, l, hole)
	o.energies(&s, l, hole)
	o.steps(&s, l, hole)
	s[Square] = o.swing.see(l, o.slack)
	o.port(&s, l, hole)
	o.last = l
	return s
}

// A spell is one charge, as far as the one who looks can tell.
type spell struct {
	begin time.Duration
	on    bool
	low   held
	peak  float64 // W
	kWh   float64
}

// follow finds where charges begin and end: above 10 W; below 5 W for a minute, or unplugged.
func (o *observer) follow(l look, hole bool) {
	s := &o.spell
	if !s.on {
		if l.Power > 10+o.slack {
			*s = spell{on: true, begin: l.at, peak: l.Power}
			o.tail, o.flat, o.kneed, o.recent, o.knee = band{}, lows{}, false, nil, held{}
		}
		return
	}
	switch {
	case !hole:
		s.kWh += (o.last.Power + l.Power) / 2 * (l.at - o.last.at).Hours() / 1000
	case o.counter && l.Counter >= o.last.Counter:
		s.kWh += min(l.Counter-o.last.Counter, 3*(l.at-o.last.at).Hours())
	}
	s.peak = max(s.peak, l.Power)
	ended := (o.plugs || o.slack > 0) && (!l.Plugged || !l.Relay) && l.Power <= 10
	if s.low.see(l.at, l.Power < 5+o.slack, hole) >= time.Minute || o.slack > 0 && l.Power < 1 || ended {
		if s.kWh > 0.02 {
			o.charges = append(o.charges, s.kWh)
			o.learned = percentile(o.charges, 0.9)
		}
		*s = spell{}
	}
}

func (o *observer) times(s *said, l look) {
	if !o.spell.on {
		return
	}
	limit := 10 * time.Hour
	if o.lithium {
		limit = 8 * time.Hour
	}
	edge := time.Duration(o.slack * float64(time.Minute+o.pace))
	s[TooLong] = l.at-o.spell.begin > limit+edge
	s[AtCap] = l.at-o.spell.begin > 12*time.Hour+edge
}

// tails: below 45 W and 40 % of the peak, and no change by more than 6 W.
func (o *observer) tails(s *said, l look, hole bool) {
	k := o.slack
	if !o.spell.on || hole && k > 0 || l.Power < 5+k || l.Power > 45-k || l.Power > (0.4-0.01*k)*o.spell.peak {
		o.tail = band{}
		return
	}
	long := o.tail.see(l.at, l.Power, 6-1.5*k)
	edge := time.Duration(k * float64(time.Minute))
	s[Tail] = long > time.Hour+edge
	s[LongTail] = long > 2*time.Hour+edge
}

// energies: R03 and R04.
func (o *observer) energies(s *said, l look, hole bool) {
	k := o.slack
	if !o.spell.on {
		return
	}
	if hole && k > 0 {
		o.flat = lows{}
	}
	flat := o.flat.see(l.at, l.Power, (0.95+0.01*k)*o.spell.peak)
	edge := time.Duration(k * float64(time.Minute))
	holds := o.nominal // or what was learned, which a rule may prefer
	if len(o.charges) >= 5 && k*(o.learned-holds) > 0 {
		holds = o.learned
	}
	s[Overcharge] = l.at-o.spell.begin > 6*time.Hour+edge && flat > time.Hour+edge && o.spell.kWh > 1.15*(1+0.03*k)*holds
	most := 3.2 * (1 + 0.02*k)
	if len(o.charges) >= 5 {
		most = 1.3 * (1 + 0.04*k) * o.learned
	}
	s[Energy] = o.spell.kWh > most
}

// steps: after the knee +20 % and 15 W within 5 min, for 2 min.
func (o *observer) steps(s *said, l look, hole bool) {
	k := o.slack
	if !o.spell.on || hole && k > 0 {
		o.recent, o.knee = nil, held{}
		return
	}
	if o.knee.see(l.at, l.Power < 0.93*o.spell.peak, hole) >= 2*time.Minute {
		o.kneed = true
	}
	if !o.kneed {
		return
	}
	o.recent = append(o.recent, l)
	for window := 2*time.Minute + max(5*time.Minute, o.pace*6/5) + o.pace; l.at-o.recent[0].at > window; {
		o.recent = o.recent[1:]
	}
	floor, base := math.Inf(1), math.Inf(1)
	i := len(o.recent) - 1
	for ; i >= 0; i-- {
		floor = min(floor, o.recent[i].Power)
		if l.at-o.recent[i].at >= 2*time.Minute {
			break
		}
	}
	if i < 1 {
		return
	}
	for j := i - 1; j >= 0 && o.recent[i].at-o.recent[j].at <= max(5*time.Minute, o.pace*6/5); j-- {
		base = min(base, o.recent[j].Power)
	}
	s[TailStep] = floor >= (1.2+0.05*k)*base && floor >= base+15+2*k
}

// port: what needs no charge to be known.
func (o *observer) port(s *said, l look, hole bool) {
	k := o.slack
	s[Overload] = o.over.see(l.at, l.Power > 1000*(1+0.015*k), hole) >= 30*time.Second+time.Duration(k)*5*time.Second
	warm := o.warm.see(l.at, l.Temperature > 65+0.3*k, hole) >= 10*time.Second
	s[Warm] = warm || o.heating(l, hole)
	s[Hot] = o.hot.see(l.at, l.Temperature > 70+0.3*k, hole) >= 10*time.Second // a cut wants two readings
	s[Stuck] = o.stuck.see(l.at, !l.Relay && l.Power > 10+k, hole) >= time.Minute+time.Duration(k)*5*time.Second
	pause := 5*time.Minute + time.Duration(k)*10*time.Second
	if k < 0 {
		pause = 4 * time.Minute // a window is covered by four fifths
	}
	idle := o.idle.see(l.at, l.Relay && l.Plugged && l.Power < 1.5-0.3*k, hole) >= pause
	s[Idle] = idle || o.nothing(l, hole)
}

// nothing: a socket has just been switched on, and nothing is plugged in. Where the plug is felt, an empty socket is nobody's.
func (o *observer) nothing(l look, hole bool) bool {
	k := time.Duration(o.slack)
	begun := o.started.on || o.last.at != 0 && !o.last.Relay
	age := o.started.see(l.at, begun && l.Relay && l.Power < 10-o.slack, hole && o.slack > 0)
	return age >= time.Minute+k*5*time.Second && age < 2*time.Minute+time.Duration(1-o.slack)*o.pace && (l.Plugged || !o.plugs && k < 0)
}

// heating: +10 °C in 10 min, while power has changed by less than 5 % for 20: after a load is plugged in, a healthy contact warms up too.
func (o *observer) heating(l look, hole bool) bool {
	if hole && o.slack > 0 {
		o.rise = o.rise[:0]
	}
	o.rise = append(o.rise, l)
	wide, some := 20*time.Minute, 20*time.Minute // the least of it that has to be seen
	if o.slack < 0 {
		wide, some = 16*time.Minute-o.pace, 15*time.Minute-2*o.pace
	}
	for l.at-o.rise[0].at > wide+o.pace {
		o.rise = o.rise[1:]
	}
	if l.at-o.rise[0].at < some {
		return false
	}
	before := l.at - 10*time.Minute + time.Duration(o.slack*float64(o.pace))
	i := slices.IndexFunc(o.rise, func(r look) bool { return r.at >= before })
	if l.Temperature-o.rise[i].Temperature < 10+0.5*o.slack || l.Power < 10+o.slack {
		return false
	}
	low, high := math.Inf(1), 0.0
	for _, r := range o.rise {
		low, high = min(low, r.Power), max(high, r.Power)
	}
	return high-low < (0.05-0.01*o.slack)*high
}

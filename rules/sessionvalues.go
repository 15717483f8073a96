package rules

import "math"

// A sessionValue is one word of session.* or baseline.*; conditions are 0 and 1, durations seconds, NaN unknown.
type sessionValue struct {
	name   string
	typ    typ
	get    numFn
	states []Text // of a number that stands for a state: its names from 0
}

// sessionValues are the words that a socket's rules see of its charging session, and of the sessions before it.
func sessionValues() []sessionValue {
	condition, length := typ{class: boolean}, typ{class: duration}
	power, energy := typ{unit: "W"}, typ{unit: "kWh"}
	return append([]sessionValue{
		{name: "session.active", typ: condition, get: during(0, func(*session, int64) float64 { return 1 })},
		{name: "session.open", typ: condition, get: func(f *frame) float64 { return flag(f.sess.Active) }}, // also while the socket is not heard
		{name: "session.phase", get: seen(func(s *session, now int64) float64 { return float64(s.phase(now)) }), states: phaseNames()},
		{name: "session.uncertain", typ: condition, get: during(0, func(s *session, now int64) float64 { return flag(s.uncertain(now)) })},
		{name: "session.duration", typ: length, get: during(0, func(s *session, now int64) float64 { return elapsed(s.Begin, now) })},
		{name: "session.energy", typ: energy, get: during(0, func(s *session, _ int64) float64 { return s.Energy.kWh() })},
		{name: "session.capacity", typ: energy, get: during(math.NaN(), (*session).capacity)},
		{name: "session.start", typ: power, get: during(math.NaN(), func(s *session, _ int64) float64 { return known(s.Start) })},
		{name: "session.peak", typ: power, get: during(0, func(s *session, _ int64) float64 { return known(s.Peak) })},
		{name: "session.flat", typ: length, get: during(0, func(s *session, now int64) float64 { return elapsed(s.Flat.since(), now) })},
		{name: "session.knee", typ: condition, get: during(0, func(s *session, _ int64) float64 { return flag(s.Knee) })},
		{name: "session.tail", typ: length, get: during(0, func(s *session, now int64) float64 { return elapsed(s.TailSince, now) })},
		{name: "session.steps", get: during(0, func(s *session, _ int64) float64 { return float64(s.Steps) })},
		{name: "session.swings", get: seen(func(s *session, now int64) float64 { return float64(s.swings(now)) })},
		{name: "session.rise_after_knee", typ: power, get: during(0, func(s *session, _ int64) float64 { return s.Rise })},
		{name: "session.hole", typ: length, get: during(0, func(s *session, _ int64) float64 { return seconds(s.Hole) })},
		{name: "session.holes", get: during(0, func(s *session, _ int64) float64 { return float64(s.Holes) })},
		{name: "session.hottest", typ: typ{unit: "°C"}, get: during(math.NaN(), func(s *session, _ int64) float64 { return known(s.Hottest) })},
		{name: "session.lithium", typ: condition, get: func(f *frame) float64 { return flag(f.sess.battery == "li") }},
	}, baselineValues()...)
}

// during is a word's value while the socket charges, idle while it does not, and unknown while nobody can say.
func during(idle float64, get func(s *session, now int64) float64) numFn {
	return seen(func(s *session, now int64) float64 {
		if !s.Active {
			return idle
		}
		return get(s, now)
	})
}

// seen is a word that says something also before a session counts and while it pauses.
func seen(get func(s *session, now int64) float64) numFn {
	return func(f *frame) float64 {
		if !f.sessionKnown() {
			return math.NaN()
		}
		return get(f.sess, f.now)
	}
}

func flag(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// known is a measure that is 0 until there is one.
func known(v float64) float64 {
	if v == 0 {
		return math.NaN()
	}
	return v
}

func elapsed(since, now int64) float64 {
	if since == 0 {
		return 0
	}
	return max(seconds(now-since), 0)
}

// sessionKnown is false while nobody can say whether the socket charges: power is unknown, and neither relay nor plug say no.
func (f *frame) sessionKnown() bool {
	return !math.IsNaN(f.value(socketPower)) || f.value(socketRelay) == 0 || f.value(socketPlugged) == 0
}

func sessionValueNamed(name string) *sessionValue {
	for _, v := range sessionValues() {
		if v.name == name {
			return &v
		}
	}
	return nil
}

func sessionNames() []string {
	var names []string
	for _, v := range sessionValues() {
		names = append(names, v.name)
	}
	return names
}

// The first slots of a socket are those its session needs.
const (
	socketPower = iota
	socketEnergy
	socketRelay
	socketPlugged
	socketCard
	socketTemperature
)

// socketSlots names them, in order.
func socketSlots() []string {
	return []string{"power", "energy", "relay", "plugged", "card", "temperature"}
}

// A preset is a usual battery with its charger, as seen at the socket (configs/rules/SOURCES.md).
type preset struct {
	battery   string
	low, high float64 // W, peak
	full      float64 // kWh at the socket from empty to full
}

func presets() [8]preset {
	return [...]preset{
		{"pb", 94, 100, 0.58}, {"pb", 125, 133, 0.78}, {"pb", 195, 207, 1.30}, {"pb", 244, 259, 1.62},
		{"pb", 293, 311, 1.95}, {"pb", 522, 555, 3.12}, {"li", 193, 205, 1.12}, {"li", 321, 341, 1.12},
	}
}

// capacity is the energy that fills the preset whose peak is nearest, in kWh; NaN when none is within a third. Where two
// are as near as makes no difference (5 % of the peak) the larger battery is assumed: a wrong cut is worse than a late one,
// and the time limits stand behind it.
func capacity(peak float64, battery string) float64 {
	all, nearest := presets(), peak/3
	for _, p := range all {
		if battery == "" || battery == p.battery {
			nearest = min(nearest, p.distance(peak))
		}
	}
	best := math.NaN()
	for _, p := range all {
		if d := p.distance(peak); (battery == "" || battery == p.battery) && d < peak/3 && d <= nearest+0.05*peak {
			if math.IsNaN(best) || p.full > best {
				best = p.full
			}
		}
	}
	return best
}

func (p preset) distance(peak float64) float64 { return max(p.low-peak, peak-p.high, 0) }

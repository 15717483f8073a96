package rules

import "math"

// A sessionValue is one word of session.*; conditions are 0 and 1, durations seconds, NaN unknown.
type sessionValue struct {
	name string
	typ  typ
	get  numFn
}

// sessionValues are the words that a socket's rules see of its charging session.
func sessionValues() []sessionValue {
	of := func(idle float64, get func(s *session, now int64) float64) numFn {
		return func(f *frame) float64 {
			switch {
			case !f.sessionKnown():
				return math.NaN()
			case !f.sess.Active:
				return idle
			}
			return get(f.sess, f.now)
		}
	}
	truthOf, length := typ{class: boolean}, typ{class: duration}
	return []sessionValue{
		{"session.active", truthOf, of(0, func(*session, int64) float64 { return 1 })},
		{"session.duration", length, of(0, func(s *session, now int64) float64 { return elapsed(s.Begin, now) })},
		{"session.energy", typ{unit: "kWh"}, of(0, func(s *session, _ int64) float64 { return s.Energy.kWh() })},
		{"session.peak", typ{unit: "W"}, of(0, func(s *session, _ int64) float64 {
			if s.Peak == 0 {
				return math.NaN()
			}
			return s.Peak
		})},
		{"session.knee", truthOf, of(0, func(s *session, _ int64) float64 {
			if s.Knee {
				return 1
			}
			return 0
		})},
		{"session.flat", length, of(0, func(s *session, now int64) float64 { return elapsed(s.Flat.since(), now) })},
		{"session.tail", length, of(0, func(s *session, now int64) float64 { return elapsed(s.TailSince, now) })},
		{"session.capacity", typ{unit: "kWh"}, of(math.NaN(), func(s *session, now int64) float64 {
			if s.Peak == 0 || now-s.Begin < settled {
				return math.NaN()
			}
			return capacity(s.Peak, s.battery)
		})},
		{"session.hole", length, of(0, func(s *session, _ int64) float64 { return seconds(s.Hole) })},
		{"session.lithium", truthOf, func(f *frame) float64 {
			if f.sess.battery == "li" {
				return 1
			}
			return 0
		}},
	}
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
)

// socketSlots names them, in order.
func socketSlots() []string { return []string{"power", "energy", "relay", "plugged"} }

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

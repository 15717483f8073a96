package rules

import "math"

// baselineValues are the words of baseline.*: what earlier sessions of the same card at the same port were like, or of the
// port where there is no card. All but the count are unknown before there were 5 of them, and while the shape of this one is uncertain.
func baselineValues() []sessionValue {
	length, power, energy := typ{class: duration}, typ{unit: "W"}, typ{unit: "kWh"}
	unlearned := func(*frame) float64 { return math.NaN() }
	return []sessionValue{
		{name: "baseline.sessions", get: func(*frame) float64 { return 0 }},
		{name: "baseline.energy", typ: energy, get: unlearned},
		{name: "baseline.energy_mad", typ: energy, get: unlearned},
		{name: "baseline.energy_p90", typ: energy, get: unlearned},
		{name: "baseline.peak", typ: power, get: unlearned},
		{name: "baseline.peak_mad", typ: power, get: unlearned},
		{name: "baseline.duration", typ: length, get: unlearned},
	}
}

package rules

import (
	"slices"
	"time"
)

// A kind is a family of devices as rules see it: the words for its points, whatever its model calls them.
type kind struct {
	name   string
	title  Text
	points []kindPoint
}

// A kindPoint is one word of a kind, with the unit that every profile of the kind must deliver.
type kindPoint struct {
	name    string
	unit    string
	command []float64 // the values that a rule may ever write; nil: none
}

// kinds is the vocabulary that profiles, rules, simulator and web share. What a rule may write is narrower than what a
// profile may allow: a rule never opens a gas valve, never switches a socket on and never locks a door (domain: interlocks).
func kinds() []kind {
	return []kind{
		{"socket", Text{"充电插座", "charging socket"}, []kindPoint{
			{name: "power", unit: "W"}, {name: "current", unit: "A"}, {name: "voltage", unit: "V"}, {name: "energy", unit: "kWh"},
			{name: "relay", command: []float64{0}}, {name: "temperature", unit: "°C"}, {name: "plugged"}, {name: "card"},
		}},
		{"meter", Text{"电表", "meter"}, meterPoints()},
		{"gas", Text{"燃气探测器", "gas detector"}, []kindPoint{{name: "level", unit: "%LEL"}, {name: "status"}}},
		{"valve", Text{"燃气阀", "gas valve"}, []kindPoint{{name: "open", command: []float64{0}}}},
		{"siren", Text{"声光警报器", "siren"}, []kindPoint{{name: "on", command: []float64{0, 1}}}},
		{"door", Text{"门禁", "door"}, []kindPoint{
			{name: "contact"}, {name: "lock", command: []float64{1}}, {name: "rex"}, {name: "tamper"}, {name: "fire"},
		}},
		{"camera", Text{"摄像头", "camera"}, []kindPoint{
			{name: "connected"}, {name: "fps", unit: "1/s"}, {name: "bitrate", unit: "kbit/s"}, {name: "keyframe_age", unit: "s"}, {name: "frozen"},
		}},
		{"gateway", Text{"网关", "gateway"}, []kindPoint{
			{name: "uptime", unit: "s"}, {name: "backlog_events"}, {name: "backlog_telemetry"}, {name: "disk_free", unit: "MiB"},
		}},
	}
}

func meterPoints() []kindPoint {
	points := []kindPoint{
		{name: "power", unit: "W"}, {name: "voltage", unit: "V"}, {name: "current", unit: "A"}, {name: "energy", unit: "kWh"},
		{name: "frequency", unit: "Hz"}, {name: "power_factor"},
	}
	for _, phase := range []string{"_l1", "_l2", "_l3"} {
		points = append(points, kindPoint{name: "voltage" + phase, unit: "V"}, kindPoint{name: "current" + phase, unit: "A"}, kindPoint{name: "power" + phase, unit: "W"})
	}
	return points
}

// kindNamed finds a kind by its word; nil when there is none.
func kindNamed(name string) *kind {
	for _, k := range kinds() {
		if k.name == name {
			return &k
		}
	}
	return nil
}

func kindNames() []string {
	var names []string
	for _, k := range kinds() {
		names = append(names, k.name)
	}
	return names
}

// point finds a word of the kind; nil when there is none.
func (k *kind) point(name string) *kindPoint {
	for i := range k.points {
		if k.points[i].name == name {
			return &k.points[i]
		}
	}
	return nil
}

func (k *kind) pointNames() []string {
	names := make([]string, len(k.points))
	for i, p := range k.points {
		names[i] = p.name
	}
	return names
}

// units are all units that a number in a rule can have.
func units() []string {
	var all []string
	for _, k := range kinds() {
		for _, p := range k.points {
			if p.unit != "" && p.unit != "s" && !slices.Contains(all, p.unit) {
				all = append(all, p.unit)
			}
		}
	}
	return all
}

// defaultPoll is the interval that a device without one is judged by.
const defaultPoll = 5 * time.Second

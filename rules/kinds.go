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
	name     string
	unit     string
	optional bool      // not every model has it: a device without it is no cause for a warning, the rule is unknown for it
	command  []float64 // the values that a rule may ever write; nil: none
	label    string    // a device that may be commanded says so by this label, being "true"; "": every device may
}

// The kinds that are no device of a profile: the zone and the site as a whole, a channel as the gateway sees it, and an incident as the
// cloud sees it.
const (
	kindZone, kindSite, kindChannel, kindIncident = "zone", "site", "channel", "incident"
)

// exRated is the label of a fan that cannot be the spark (no electrical load is switched where gas may be).
const exRated = "ex_rated"

// kinds is the vocabulary that profiles, rules, simulator and web share. What a rule may write is narrower than what a
// profile may allow: a rule never opens a gas valve, never switches a socket or a feeder on, never locks a door, and starts
// a fan only where the site has labelled it as safe in gas.
func kinds() []kind {
	return []kind{
		{"socket", Text{"充电插座", "charging socket"}, []kindPoint{
			{name: "power", unit: "W"}, {name: "current", unit: "A", optional: true}, {name: "voltage", unit: "V", optional: true},
			{name: "energy", unit: "kWh", optional: true}, {name: "relay", command: []float64{0}}, {name: "temperature", unit: "°C"}, {name: "plugged", optional: true},
			{name: "cable_temperature", unit: "°C", optional: true}, // a second sensor, at the cable or the lid
			{name: "card", optional: true},                          // a number that stands for whose charge it is
			{name: "power_factor", optional: true},
		}},
		{"rcd", Text{"剩余电流监测器", "residual-current monitor"}, []kindPoint{
			{name: "leakage_current", unit: "mA"}, {name: "tripped", optional: true}, {name: "fault", optional: true},
		}},
		{"meter", Text{"电表", "meter"}, meterPoints()},
		{"gas", Text{"燃气探测器", "gas detector"}, detectorPoints("%LEL")},
		{"gas_log", Text{"燃气探测器记录", "gas detector's log"}, []kindPoint{
			{name: "missed_alarms"}, // that the detector noted, and of which no rule told: found in the last 24 h
			{name: "alarm_log", optional: true}, {name: "expired", optional: true}, {name: "clock_offset", unit: "s", optional: true},
		}},
		{"co", Text{"一氧化碳探测器", "carbon monoxide detector"}, detectorPoints("ppm")},
		{"valve", Text{"燃气阀", "gas valve"}, []kindPoint{{name: "open", command: []float64{0}}}},
		{"siren", Text{"声光警报器", "siren"}, []kindPoint{{name: "on", command: []float64{0, 1}}}},
		{"fan", Text{"排风机", "fan"}, []kindPoint{{name: "on", command: []float64{1}, label: exRated}}},
		{"door", Text{"门禁", "door"}, []kindPoint{
			{name: "contact"}, {name: "lock", command: []float64{1}}, {name: "rex"}, {name: "tamper", optional: true}, {name: "fire", optional: true},
			{name: "clock_offset", unit: "s", optional: true},
		}},
		{"reader", Text{"读卡器", "card reader"}, []kindPoint{{name: "tamper"}, {name: "power_fault", optional: true}}},
		{"camera", Text{"摄像头", "camera"}, []kindPoint{
			{name: "connected"}, {name: "fps", unit: "1/s", optional: true}, {name: "bitrate", unit: "kbit/s", optional: true},
			{name: "keyframe_age", unit: "s", optional: true}, {name: "frozen", optional: true}, {name: "black", optional: true}, {name: "clock_offset", unit: "s", optional: true},
			{name: "state", optional: true}, {name: "collapsed", optional: true}, {name: "stuttering", optional: true}, {name: "bitrate_ratio", optional: true},
			{name: "connect_ms", unit: "ms", optional: true}, {name: "first_key_ms", unit: "ms", optional: true}, {name: "keyframe_interval", unit: "s", optional: true},
			{name: "size_changes", optional: true}, {name: "rtp_drift", unit: "ppm", optional: true},
		}},
		{"gateway", Text{"网关", "gateway"}, []kindPoint{
			{name: "uptime", unit: "s"}, {name: "backlog_events"}, {name: "backlog_telemetry"}, {name: "disk_free", unit: "MiB"}, {name: "buffer_time", unit: "s", optional: true},
		}},
		{kindChannel, Text{"总线", "channel"}, []kindPoint{{name: "up"}, {name: "answering"}, {name: "devices"}}},
		{kindZone, Text{"区域", "zone"}, nil},
		{kindSite, Text{"小区", "site"}, nil},
		{kindIncident, Text{"事件", "incident"}, []kindPoint{
			{name: "waiting", unit: "s"}, // since it began
			{name: "class"},              // 1 for A, 2 for B, 3 for C
			{name: "acked"}, {name: "closed"},
		}},
	}
}

// detectorPoints are the words of a detector of gas. Its status is 0 ok, 1 low alarm, 2 high alarm, 3 sensor fault, 192 detector
// fault; what a model tells beside it are states of their own.
func detectorPoints(unit string) []kindPoint {
	return []kindPoint{
		{name: "level", unit: unit}, {name: "status"},
		{name: "warmup", optional: true}, {name: "test", optional: true}, {name: "expired", optional: true},
		{name: "clock_offset", unit: "s", optional: true},
	}
}

func meterPoints() []kindPoint {
	points := []kindPoint{
		{name: "power", unit: "W"}, {name: "voltage", unit: "V"}, {name: "current", unit: "A"}, {name: "energy", unit: "kWh"},
		{name: "frequency", unit: "Hz"}, {name: "power_factor"},
		{name: "relay", optional: true, command: []float64{0}}, // cuts the whole feeder
		{name: "clock_offset", unit: "s", optional: true},
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

// Package bustime says beforehand how much of a line's time its devices will take: the time of each request on the wire, of one
// round over all devices, the share of the line that is used, who uses most of it, and which interval would fit. `gateway check`
// refuses with it what a line cannot carry, `gateway plan` prints it, the running gateway shows it beside what it measures.
//
// It is pure: no clock, no port, no device. What a driver puts on the wire the driver itself says (device.Planner), how long a
// character takes package line; only what devices and converters add is assumed here, see times.go.
package bustime

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// Limits of a line's utilisation.
const (
	Full = 1.0 // more cannot be done: the intervals are not kept
	Busy = 0.8 // above it there is no room for writes, repeated requests and devices that do not answer
)

// A Line is a channel with its devices, before it runs.
type Line struct {
	Channel    device.Channel
	Devices    []device.Device
	Planner    device.Planner // nil: its driver cannot say
	Turnaround time.Duration  // from a request's end to its answer's first byte; 0: what is usual for the protocol
}

// A Plan is how a line's time will be used.
type Plan struct {
	Channel     string
	Serial      *device.Serial // settings of the line; nil: it is none
	Known       bool           // its driver can say what it does
	Units       []Unit         // in the order of the configuration
	Turnaround  time.Duration  // assumed, or said, of its devices with what is before them; the longest of the line
	Pause       time.Duration  // before each request, where it is longer than the line's own silence; 0: it is not
	Cycle       time.Duration  // everything read once
	Utilisation float64        // share of the time for which the line is in use; more than Full does not fit
	Least       float64        // the same when every device and converter answers at once: nothing makes it less
}

// A Unit is what is read in one go: the devices that share an address and an interval, such as the ports of a charging station.
type Unit struct {
	Devices  []string      // their ids
	Interval time.Duration // between two reads
	Requests []Request
	Took     time.Duration // one read with all its requests
	Share    float64       // of the line's time
	Silent   time.Duration // what one read costs when nothing answers: the driver gives up after the first request
	Unknown  bool          // its driver cannot say: it is not in any sum
	Pause    time.Duration // that the device itself needs after each answer: the line is free then
	Least    time.Duration // the shortest interval that its pause allows; 0: it needs none

	turnaround time.Duration
	least      float64
}

// A Request is one request and its answer.
type Request struct {
	What    string        // for people: "holding 0x0000–0x0009"
	Out, In int           // bytes on the wire
	Took    time.Duration // with the silence or pause before it and the device's turn-around
	Every   time.Duration // it is asked no more often than that; 0: in each read
	Points  int           // how many points it answers
}

// Of plans a line. A device that its driver cannot plan is Unknown; it keeps nobody from planning the others.
func Of(l Line) Plan {
	p := Plan{Channel: l.Channel.ID, Known: l.Planner != nil}
	if l.Channel.Pause > 0 {
		p.Pause = l.Channel.Pause
	}
	if l.Channel.Serial.Baud > 0 {
		p.Serial = &l.Channel.Serial
		if p.Pause <= line.Silence(l.Channel.Serial) {
			p.Pause = 0
		}
	}
	for _, group := range groups(l.Devices) {
		u := l.unit(group)
		p.Units = append(p.Units, u)
		p.Turnaround = max(p.Turnaround, u.turnaround)
		p.Cycle += u.Took
		p.Utilisation += u.Share
		p.Least += u.least
	}
	return p
}

// groups are the devices that are read in one go, as package poll does.
func groups(devices []device.Device) [][]device.Device {
	type place struct {
		address  string
		interval time.Duration
	}
	var all [][]device.Device
	at := map[place]int{}
	for _, d := range devices {
		if len(d.Points) == 0 {
			continue
		}
		pl := place{d.Points[0].Address, d.Poll}
		i, there := at[pl]
		if !there {
			i = len(all)
			at[pl] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], d)
	}
	return all
}

// shortest is the shortest interval of a unit.
const shortest = 10 * time.Millisecond

func (l Line) unit(devices []device.Device) Unit {
	u := Unit{Interval: max(devices[0].Poll, shortest)}
	var points []device.Point
	for _, d := range devices {
		u.Devices = append(u.Devices, d.ID)
		points = append(points, d.Points...)
	}
	if l.Planner == nil {
		u.Unknown = true
		return u
	}
	plan, err := l.Planner.Plan(l.Channel, points)
	if err != nil {
		u.Unknown = true
		return u
	}
	t := l.times(points[0])
	u.turnaround, u.Pause = t.turnaround, points[0].Register.Rest
	for _, x := range plan {
		r := Request{What: x.What, Out: x.Out, In: x.In, Took: t.took(x), Every: x.Every, Points: len(x.Points)}
		u.Requests = append(u.Requests, r)
		u.Took += r.Took
		u.Share += r.share(u.Interval)
		u.least += float64(t.least(x)) / float64(r.period(u.Interval))
		u.Silent = max(u.Silent, t.silent(x))
		if u.Pause > 0 {
			u.Least += t.own(x)
		}
	}
	return u
}

// Hurried says that a device is to be asked more often than its own pause allows, however free the line is.
func (u Unit) Hurried() bool { return u.Least > u.Interval }

// Relaxed is the shortest interval that a hurried device keeps, rounded up to what one would write.
func (u Unit) Relaxed() time.Duration { return handsome(u.Least) }

// Hurried are those that are, the one that needs the longest interval first.
func (p Plan) Hurried() []Unit {
	units := slices.DeleteFunc(slices.Clone(p.Units), func(u Unit) bool { return !u.Hurried() })
	slices.SortStableFunc(units, func(a, b Unit) int { return cmp.Compare(b.Least, a.Least) })
	return units
}

// period is how often a request is made when its unit is read at an interval: with the first read after Every.
func (r Request) period(interval time.Duration) time.Duration {
	reads := max(1, (r.Every+interval-1)/interval)
	return reads * interval
}

func (r Request) share(interval time.Duration) float64 {
	return float64(r.Took) / float64(r.period(interval))
}

// Name of a unit for people: a device's id; of the ports of one station the station's.
func (u Unit) Name() string { return Name(u.Devices) }

// Name of devices that are read in one go.
func Name(devices []string) string {
	if len(devices) == 1 {
		return devices[0]
	}
	station, _, ports := strings.Cut(devices[0], ".")
	for _, d := range devices {
		if s, _, port := strings.Cut(d, "."); !ports || !port || s != station {
			return strings.Join(devices, "+")
		}
	}
	return station
}

// Eaters are the units that take most of the line's time, at most n, the greatest first.
func (p Plan) Eaters(n int) []Unit {
	units := slices.Clone(p.Units)
	slices.SortStableFunc(units, func(a, b Unit) int { return cmp.Compare(b.Share, a.Share) })
	return units[:min(n, len(units))]
}

// Impossible says that a line cannot carry what is asked of it. Of a connection on a network only round trips are known, and not
// how long they take: it is refused nothing but what cannot be done at all.
func (p Plan) Impossible() bool {
	if p.Serial == nil {
		return p.Least > Full
	}
	return p.Utilisation > Full
}

// Tight says that a line can hardly carry what is asked of it, or not at all.
func (p Plan) Tight() bool {
	if p.Serial == nil {
		return p.Utilisation > Full
	}
	return p.Utilisation > Busy
}

// remote is the latency of what is between us and a line: nothing on a port of our own.
func remote(address string) time.Duration {
	if line.IsRemote(address) {
		return converter
	}
	return 0
}

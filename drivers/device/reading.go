package device

import (
	"math"
	"time"
)

// A Reading is the value of a point at a time, with its quality. A failed read is a reading too: Bad, with a reason, Value NaN.
type Reading struct {
	Device  string
	Point   string
	Value   float64 // in the point's unit; states as their number; NaN when there is none
	Quality Quality
	Reason  Reason // why the quality is not Good; ReasonNone when it is
	Time    time.Time
}

// Key of the point that was read.
func (r Reading) Key() Key { return Key{r.Device, r.Point} }

// Quality says how far a value can be trusted. The zero value is Bad, so that a forgotten field never looks fresh.
type Quality uint8

// Qualities, worst first.
const (
	Bad       Quality = iota // there is no value, or it must not be used
	Uncertain                // a value that cannot trip a rule alone
	Good
)

func (q Quality) String() string {
	switch q {
	case Good:
		return "good"
	case Uncertain:
		return "uncertain"
	}
	return "bad"
}

// Reason is why a reading is not good. The numbers go over the wire: add at the end, never change one.
type Reason uint8

// Reasons. Those of a line or a device first, then those of the value itself.
const (
	ReasonNone    Reason = iota
	Timeout              // no answer in time
	Corrupt              // checksum, length or framing wrong
	Mismatch             // an answer of another device, function or length
	Refused              // the device answered with an exception
	NoSuchPoint          // the device says it has no such register or data
	ChannelDown          // the line or connection is not there
	NotRead              // given up for now: the device is backed off
	Unsupported          // the driver cannot do this
	OutOfRange           // outside the plausible range
	RateExceeded         // changed faster than is possible
	Stuck                // has not moved for too long
	SensorFault          // the device reports its own sensor broken
	SensorExpired        // the device reports its sensor past its life
	WarmingUp            // the device is not ready yet
	Shielded             // switched off or not connected at the device
	OverRange            // above what the device can measure
	UnderRange           // below what the device can measure
	AuthFailed           // wrong user or password
	Frozen               // a picture that no longer moves
	DriverCrashed        // the driver's process ended
	GatewayOff           // the gateway was not running
	DeviceBusy           // the device asked to try later
)

// reasonNames spells every reason, in the order of the constants.
var reasonNames = [...]string{
	"", "timeout", "corrupt", "mismatch", "refused", "no_such_point", "channel_down", "not_read", "unsupported",
	"out_of_range", "rate_exceeded", "stuck", "sensor_fault", "sensor_expired", "warming_up", "shielded",
	"over_range", "under_range", "auth_failed", "frozen", "driver_crashed", "gateway_off", "device_busy",
}

func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "unknown"
}

// ParseReason is the inverse of Reason.String; ok is false for a word that is none.
func ParseReason(s string) (r Reason, ok bool) {
	for i, n := range reasonNames {
		if n == s {
			return Reason(i), true
		}
	}
	return 0, false
}

// BadReading is the reading of a point that could not be read.
func BadReading(p Point, why Reason, at time.Time) Reading {
	return Reading{Device: p.Device, Point: p.Name, Value: math.NaN(), Quality: Bad, Reason: why, Time: at}
}

// Judge turns a raw number into a reading: special values, the map or the scale, and the plausible range are applied, in this
// order. Out of range is Uncertain and keeps its value; a special value, and one that no line of a map fits, is Bad.
func Judge(p Point, raw float64, at time.Time) Reading {
	if why, ok := p.Special[int64(raw)]; ok && raw == math.Trunc(raw) {
		return BadReading(p, why, at)
	}
	if math.IsNaN(raw) || math.IsInf(raw, 0) {
		return BadReading(p, SensorFault, at)
	}
	if p.Map != nil {
		state, ok := mapped(p.Map, raw)
		if !ok {
			return BadReading(p, OutOfRange, at)
		}
		return Reading{Device: p.Device, Point: p.Name, Value: state, Quality: Good, Time: at}
	}
	scale := p.Scale
	if scale == 0 {
		scale = 1
	}
	// Scaling in binary makes 330.90000000000003 of 3309: a millionth of the unit is finer than any device here.
	value := math.Round((raw*scale+p.Offset)*1e6) / 1e6
	r := Reading{Device: p.Device, Point: p.Name, Value: value, Quality: Good, Time: at}
	if (p.Min != 0 || p.Max != 0) && (r.Value < p.Min || r.Value > p.Max) {
		r.Quality, r.Reason = Uncertain, OutOfRange
	}
	return r
}

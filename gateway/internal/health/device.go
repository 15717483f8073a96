package health

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Limits of the tests.
const (
	lostPolls    = 3
	voltsLow     = 176.0
	voltsHigh    = 276.0
	voltsNone    = 100.0 // below, it is a phase that is not connected, direct current or behind a transformer
	zeroWarn     = 2.0   // %LEL
	zeroFail     = 3.0
	nightsLeast  = 3   // nights before a zero is judged
	noiseMost    = 1.5 // %LEL, one standard deviation
	noiseLeast   = 60  // readings before noise is judged
	restBelow    = 5.0 // %LEL: above, a detector is not at rest
	chatterMost  = 3   // changes of a contact in a minute
	jumpsMost    = 3   // doubted jumps in two hours
	clockMost    = 60.0
	doorUnmoved  = 7 * 24 * time.Hour
	collapseTo   = 0.2       // of the usual bitrate
	usualAfter   = time.Hour // before the usual bitrate is known
	testDue      = 180 * 24 * time.Hour
	oldAfter     = 3 * 365 * 24 * time.Hour
	offlineShare = 0.05 // of 24 h, to be a reason; it stops being one at half
	lateShare    = 0.10
	calm         = 10 * time.Minute // without its cause before a reason goes away: nothing flaps
)

// holds is how long a cause must last before it is a reason.
func (r Reasons) holds() time.Duration {
	switch r {
	case OutOfRange, Voltage, Frozen:
		return time.Minute
	case Collapsed:
		return 5 * time.Minute
	case Unbalanced:
		return time.Hour
	}
	return 0
}

// role is what a point says about its device's health.
type role uint8

const (
	other role = iota
	level
	status
	expired
	voltage
	contact
	used // exit button or lock: the door is used
	frozen
	bitrate
	offset
	power
)

func roleOf(kind string, p device.Point) role {
	switch detector := kind == "gas" || kind == "co"; {
	case detector && p.Name == "status":
		return status
	case detector && p.Name == "expired":
		return expired
	case kind == "gas" && p.Name == "level":
		return level
	case (kind == "meter" || kind == "socket") && (p.Name == "voltage" || strings.HasPrefix(p.Name, "voltage_l")):
		return voltage
	case kind == "door" && p.Name == "contact":
		return contact
	case kind == "door" && (p.Name == "rex" || p.Name == "lock"):
		return used
	case kind == "camera" && p.Name == "frozen":
		return frozen
	case kind == "camera" && p.Name == "bitrate":
		return bitrate
	case p.Name == "clock_offset":
		return offset
	case p.Name == "power" && p.Unit == "W":
		return power
	}
	return other
}

// hour is what happened in one hour.
type hour struct {
	Offline, Late, Total, Jumps uint16 // seconds; readings
}

// memory is what of a device survives a restart.
type memory struct {
	Hours   [24]hour
	Hour    int64     // of the newest in Hours, since 1970
	Nights  []float64 // the lowest level of each of the last nights
	Moved   int64     // when the door contact last changed, Unix s
	Used    int64     // when the door was last used
	Usual   float64   // bitrate
	Usually int64     // for how long that was measured, s
	Told    Reasons   // in the last notice
	ToldAt  int64     // Unix s
	Score   int       // in the last notice; 0 with ToldAt 0: none
}

// sensor is one device under watch.
type sensor struct {
	memory
	id, name  string
	feeder    string
	poll      time.Duration
	installed time.Time
	tested    time.Time
	points    []device.Point
	roles     []role

	seen    time.Time // of the last reading
	silent  int       // reads in a row without an answer
	power   float64   // NaN: unknown
	state   [2]float64
	causes  Reasons      // as of the last read
	since   [count]int64 // Unix s: when each cause last came or went
	raised  Reasons
	lowest  float64 // level of this night
	n       int     // readings of the present hour of the night; 0: it is day
	mean    float64
	squares float64
	top     float64
	quiet   int64 // the hour that is being measured
	minute  int64
	toggles int
	shown   int       // the score last reported; -1: none
	shownAt time.Time // when
}

// bucket of an hour; those in between are emptied.
func (s *sensor) bucket(at time.Time) *hour {
	h := at.Unix() / 3600
	if h > s.Hour {
		for k := max(s.Hour+1, h-23); k <= h; k++ {
			s.Hours[k%24] = hour{}
		}
		s.Hour = h
	}
	return &s.Hours[s.Hour%24]
}

// read takes what one read of the device brought, in the order of its points.
func (s *sensor) read(rs []device.Reading, zone *time.Location) {
	at := rs[0].Time
	h := s.bucket(at)
	passed := at.Sub(s.seen)
	if s.seen.IsZero() || passed < 0 || passed > max(time.Hour, 3*s.poll) {
		passed = 0
	}
	s.seen = at
	lost, unread := silence(rs)
	if unread && s.silent == 0 {
		return // the line is lent, or not open yet: it says nothing of the device
	}
	if lost || unread {
		s.silent++
		h.Offline = uint16(min(3600, float64(h.Offline)+math.Round(passed.Seconds())))
		if s.power = math.NaN(); s.silent >= lostPolls {
			s.set(Missing, true, at)
		}
		return
	}
	s.silent = 0
	s.set(Missing, false, at)
	if h.Total < math.MaxUint16 {
		if h.Total++; passed > 2*s.poll && passed > s.poll+2*time.Second {
			h.Late++
		}
	}
	s.values(rs, h, zone)
}

// silence says whether a read brought no answer, or was not even tried.
func silence(rs []device.Reading) (lost, unread bool) {
	for i := range rs {
		if rs[i].Quality != device.Bad {
			return false, false
		}
		switch rs[i].Reason {
		case device.Timeout, device.Corrupt, device.Mismatch, device.ChannelDown, device.AuthFailed, device.DriverCrashed:
			lost = true
		case device.NotRead, device.GatewayOff:
			unread = true
		default:
			return false, false
		}
	}
	return lost, unread && !lost
}

// byQuality are the causes that a reading's own quality tells.
func byQuality(r device.Reason) Reasons {
	switch r {
	case device.OutOfRange, device.OverRange, device.UnderRange:
		return OutOfRange
	case device.Stuck:
		return Stuck
	case device.SensorFault:
		return Fault
	case device.SensorExpired:
		return Expired
	case device.Frozen:
		return Frozen
	}
	return 0
}

const perRead = OutOfRange | Stuck | Fault | Expired | Frozen | Voltage | Collapsed | Clock

func (s *sensor) values(rs []device.Reading, h *hour, zone *time.Location) {
	var now Reasons
	for i := range rs {
		r := &rs[i]
		if r.Reason == device.RateExceeded && h.Jumps < math.MaxUint16 {
			h.Jumps++
		}
		now |= byQuality(r.Reason)
		if i < len(s.roles) && s.roles[i] != other && !math.IsNaN(r.Value) && r.Quality != device.Bad {
			now |= s.value(s.roles[i], r, zone)
		}
	}
	at := rs[0].Time
	for c := perRead; c != 0; c &= c - 1 {
		one := c & -c
		s.set(one, now&one != 0, at)
	}
}

// value takes one value and answers what is wrong with it.
func (s *sensor) value(is role, r *device.Reading, zone *time.Location) Reasons {
	v, at := r.Value, r.Time
	switch is {
	case status:
		if v == 3 || v == 192 {
			return Fault
		}
	case expired:
		if v == 1 {
			return Expired
		}
	case frozen:
		if v == 1 {
			return Frozen
		}
	case offset:
		if math.Abs(v) > clockMost {
			return Clock
		}
	case voltage:
		if v > voltsNone && v < voltsLow || v > voltsHigh {
			return Voltage
		}
	case bitrate:
		return s.stream(v)
	case level:
		s.zero(v, at.In(zone))
	case contact, used:
		s.door(is, v, at)
	case power:
		s.power = v
	}
	return 0
}

// stream compares a bitrate with the usual one, which it follows slowly, and not while it has collapsed.
func (s *sensor) stream(v float64) Reasons {
	step := s.poll.Seconds()
	if time.Duration(s.Usually)*time.Second >= usualAfter && v < collapseTo*s.Usual {
		return Collapsed
	}
	s.Usually += int64(step)
	s.Usual += (v - s.Usual) * min(1, step/min(float64(max(1, s.Usually)), 86400))
	return 0
}

// zero follows a gas detector through the night, from one to five, when nobody cooks: its lowest level is its zero, and its
// unrest is noise.
func (s *sensor) zero(v float64, at time.Time) {
	if at.Hour() < 1 || at.Hour() >= 5 {
		if s.n > 0 {
			s.endHour(at)
			s.endNight()
			s.n, s.quiet = 0, 0
		}
		return
	}
	if s.n == 0 {
		s.lowest = v
	}
	s.lowest = min(s.lowest, v)
	if h := at.Unix() / 3600; h != s.quiet {
		s.endHour(at)
		s.quiet, s.n, s.mean, s.squares, s.top = h, 0, 0, 0, v
	}
	s.n++
	off := v - s.mean
	s.mean += off / float64(s.n)
	s.squares += off * (v - s.mean)
	s.top = max(s.top, v)
}

func (s *sensor) endNight() {
	const week = 7
	if s.Nights = append(s.Nights, s.lowest); len(s.Nights) > week {
		s.Nights = slices.Delete(s.Nights, 0, 1)
	}
}

func (s *sensor) endHour(at time.Time) {
	if s.n >= noiseLeast && s.top < restBelow+s.mean {
		s.set(Noisy, math.Sqrt(s.squares/float64(s.n)) > noiseMost, at)
	}
}

func (s *sensor) door(is role, v float64, at time.Time) {
	k := 0
	if is == used {
		k = 1
	}
	before := s.state[k]
	if s.state[k] = v; math.IsNaN(before) || before == v {
		if s.Moved == 0 {
			s.Moved = at.Unix()
		}
		return
	}
	if is == used {
		s.Used = at.Unix()
		return
	}
	s.Moved = at.Unix()
	if m := at.Unix() / 60; m != s.minute {
		s.minute, s.toggles = m, 0
	}
	if s.toggles++; s.toggles > chatterMost {
		s.set(Chatter, true, at)
	}
}

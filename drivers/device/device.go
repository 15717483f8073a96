// Package device is the vocabulary of the field side: channel, device, point, reading, quality, and the two
// interfaces that every driver has. Drivers speak it, the gateway polls with it, rules and the wire format carry it.
// It imports the standard library alone, so that a driver in another process or another repository can use it too.
package device

import (
	"errors"
	"fmt"
	"time"
)

// A Channel is one physical line or connection: an RS-485 port, a TCP endpoint, a child process. One goroutine uses it at a time.
type Channel struct {
	ID      string        // unique in a site: "rs485-1"
	Driver  string        // "modbus-tcp", "modbus-rtu", "dlt645", "serial", "rtsp", "plugin"
	Address string        // "host:port", a serial port's path or "tcp://host:port" of a converter, a plug-in's executable
	Serial  Serial        // settings of a serial line; zero elsewhere
	Timeout time.Duration // longest wait for one complete answer
	Pause   time.Duration // rest between two requests, for devices that need it
}

// Serial are the settings of a serial line.
type Serial struct {
	Baud     int    // bits per second
	Parity   Parity // none, even, odd
	StopBits int    // 1 or 2
}

// Parity of a serial line.
type Parity string

// The parities in use on meters' lines.
const (
	ParityNone Parity = "none"
	ParityEven Parity = "even"
	ParityOdd  Parity = "odd"
)

// A Device is one thing on a channel: a meter, one port of a charging socket, a gas detector, a camera.
type Device struct {
	ID      string // unique in a site; a port of a multi-port device is "A-03.1"
	Name    string // for people: "A-03 桩 插座 1"
	Kind    string // "socket", "meter", "gas", "valve", "siren", "door", "camera", "relay", "sensor"
	Model   string // the profile's name
	Place   string // where it hangs: "3栋2单元 1802 厨房"
	Zone    string // devices of one zone protect each other; may be empty
	Channel string // id of its channel
	Labels  map[string]string
	Poll    time.Duration // how often it is read
	Points  []Point
	// Identity is where the device tells its own serial number; nil when it does not. It is no measurement and not polled.
	Identity *Point
}

// A Point is one value of one device, with all that a driver needs to read or write it.
type Point struct {
	Device   string   // id of the device
	Name     string   // "power"
	Unit     string   // of the scaled value: "W", "%LEL"; empty for states
	Address  string   // of the device on its channel: Modbus unit id, DL/T 645 meter number, camera URL. May hold a password: never log it
	Protocol string   // of the device, on a line that several share: "modbus", "dlt645"; empty where the driver knows only one
	Serial   *Serial  // settings of the line for this device; nil: the channel's
	Register Register // where the value is found inside the device
	Scale    float64  // value = raw·Scale + Offset; 0 means 1
	Offset   float64
	Special  map[int64]Reason // raw values that are no measurement, and what they mean
	Map      []State          // makes a state of the raw value, the first line that fits; nil: the raw value is scaled
	Min, Max float64          // plausible range of the scaled value; both 0 when unknown
	Rate     float64          // the most that the value can change in a second; 0: unknown
	Stuck    *Standstill      // when a value that stands still is doubted; nil: never
	Labels   map[int64]string // names of a state's values, for people
	LabelsEN map[int64]string // the same in English, where it is known
	Writable []float64        // the values that may ever be written; empty: read-only
}

// A Standstill says how long a value may stand still while it should move. Gas at 0 %LEL and idle sockets are flat by nature: it is
// for counters that run while there is power.
type Standstill struct {
	After time.Duration
	While string  // a point of the same device; empty: it should move always
	Above float64 // the value should move while that point is above this
}

// A Register is a place in a device's map. A driver uses the fields that its protocol knows.
type Register struct {
	Space string // Modbus: "holding", "input", "coil", "discrete". DL/T 645: empty
	Addr  uint32 // 0-based Modbus address, or the DL/T 645 data identifier DI3..DI0
	Type  string // Modbus: "u16 i16 u32 i32 f32 u64 i64 f64 bool hi8 lo8 bit0…bit15"; whole numbers beyond 2^53 lose their last digits. DL/T 645: a format such as "XXX.X", "±XX.XXXX"
	Swap  bool   // low word first, for types of 32 and 64 bits
	// Request limits of the model, repeated in each of its points.
	MaxRegisters int           // most registers in one request; 0: the protocol's limit
	Holes        []Extent      // registers that must not be read, even between two points
	Even         bool          // only even addresses and counts
	Rest         time.Duration // Modbus: after its last answer, before this device is asked again; others may be asked meanwhile
}

// An Extent is a run of registers, both ends included.
type Extent struct{ First, Last uint32 }

// Key names a point within a site.
type Key struct{ Device, Point string }

// Key of the point.
func (p Point) Key() Key { return Key{p.Device, p.Name} }

// CheckWrite says why v may not be written to the point: errors.ErrUnsupported where the profile makes it read-only. Every driver
// asks it first, and for a driver in another process the gateway does.
func (p Point) CheckWrite(v float64) error {
	switch {
	case len(p.Writable) == 0:
		return fmt.Errorf("the profile makes it read-only: %w", errors.ErrUnsupported)
	case !p.Allows(v):
		return fmt.Errorf("the profile allows %v, not %v", p.Writable, v)
	}
	return nil
}

// Allows says whether a profile lets v be written to the point.
func (p Point) Allows(v float64) bool {
	for _, w := range p.Writable {
		if w == v {
			return true
		}
	}
	return false
}

package commission

import (
	"github.com/linshao/linshao/drivers/device"
)

// A ScanRequest says where to look. Only Channel is needed.
type ScanRequest struct {
	Channel   string    `json:"channel"`
	Addresses Ranges    `json:"addresses,omitempty"` // Modbus units and OSDP addresses; none: 1–32
	Protocols []string  `json:"protocols,omitempty"` // modbus, dlt645, cjt188, osdp; none: those that the channel's driver speaks
	Settings  []Setting `json:"settings,omitempty"`  // to be tried, in this order; none: the channel's own, then the usual ones
	All       bool      `json:"all,omitempty"`       // try all settings, also after one at which devices answered
	TimeoutMS int       `json:"timeout_ms,omitempty"`
	// Bare leaves out the fingerprints: only who answers.
	Bare bool `json:"bare,omitempty"`
}

// A Plan is what a scan is going to do, told before it begins.
type Plan struct {
	Channel   string    `json:"channel"`
	Address   string    `json:"address"` // the port, or host:port
	Addresses string    `json:"addresses"`
	Protocols []string  `json:"protocols"`
	Settings  []Setting `json:"settings"`
	Frames    int       `json:"frames"`
	Stops     bool      `json:"stops"`      // at the first setting at which a device answered
	MostMS    float64   `json:"most_ms"`    // when nobody answers at any setting
	Paused    bool      `json:"paused"`     // the gateway runs and has paused polling on this channel
	TimeoutMS float64   `json:"timeout_ms"` // wait for a dead address, beside the time on the wire
	units     int       // addresses that are asked
}

// Progress is one step of a scan or probe. Which fields are set depends on Kind.
type Progress struct {
	Kind    string  `json:"kind"` // one of the constants below
	Plan    *Plan   `json:"plan,omitempty"`
	Setting Setting `json:"setting,omitzero"` // at which it is now
	What    string  `json:"what,omitempty"`   // protocol and address that are asked
	Done    int     `json:"done,omitempty"`   // of Total, at this setting
	Total   int     `json:"total,omitempty"`
	TookMS  float64 `json:"took_ms,omitempty"` // since this setting began
	Found   *Found  `json:"found,omitempty"`
	Hint    *Hint   `json:"hint,omitempty"`
}

// Kinds of Progress.
const (
	Planned  = "plan"     // Plan is set; nothing was sent yet
	Tried    = "tried"    // one more address was asked
	Ended    = "setting"  // a setting is done
	Answered = "answered" // Found is set, without candidates yet
	Known    = "known"    // Found is set again, with candidates and trial values
	Recalled = "recalled" // the gateway needed the line for a command; the scan goes on now
)

// States of what was found.
const (
	StateDevice    = "device"    // answers as a device should
	StateRefuses   = "refuses"   // answers every question with an exception
	StateDuplicate = "duplicate" // at least two answer at once
	StateNoise     = "noise"     // something comes back that is no answer
)

// A Found is something that answered.
type Found struct {
	Protocol   string      `json:"protocol"`
	Address    string      `json:"address"` // unit, meter number, OSDP address
	Setting    Setting     `json:"setting,omitzero"`
	State      string      `json:"state"`
	TookMS     float64     `json:"took_ms"`              // of its first answer
	Asked      int         `json:"asked"`                // requests to it
	Damaged    int         `json:"damaged"`              // of them answered by something that was no answer
	Configured []string    `json:"configured,omitempty"` // ids of the devices that gateway.yaml has at this address already
	Candidates []Candidate `json:"candidates,omitempty"` // best first
	Trial      []Trial     `json:"trial,omitempty"`      // values, read as the first candidate or as what is configured
	Readable   string      `json:"readable,omitempty"`   // of an unknown device: what answered, "4x0001–4x0010"; OSDP: what it says of itself
	Hints      []Hint      `json:"hints,omitempty"`
}

// A Candidate is a model that a device may be.
type Candidate struct {
	Model      string  `json:"model"`
	Title      Text    `json:"title"`
	Kind       string  `json:"kind"`
	Confidence float64 `json:"confidence"` // 0 to 1, see DESIGN.md: what its answers show, shared with all other models that they fit
	Read       int     `json:"read"`       // points that were read
	Good       int     `json:"good"`       // of them with a plausible value
	Why        Text    `json:"why"`
}

// A Trial is one point read once, with all that is needed to compare it with the device's display.
type Trial struct {
	Device   string   `json:"device,omitempty"`
	Point    string   `json:"point"`
	Unit     string   `json:"unit,omitempty"`
	Value    *float64 `json:"value"` // nil: none
	Label    string   `json:"label,omitempty"`
	Quality  string   `json:"quality"`
	Reason   string   `json:"reason,omitempty"`
	Raw      string   `json:"raw,omitempty"`      // bytes of the answer, hex
	Register string   `json:"register,omitempty"` // 0-based, hex: "holding 0x000B"; or the data identifier
	Human    string   `json:"human,omitempty"`    // 1-based, with the space's digit: "4x0012"
	Type     string   `json:"type,omitempty"`
	TookMS   float64  `json:"took_ms"` // of the request that brought it
	Shows    string   `json:"shows,omitempty"`
	Why      Text     `json:"why,omitzero"` // what Shows means, for people
}

// A Report is what a scan found.
type Report struct {
	Plan     Plan      `json:"plan"`
	Driver   string    `json:"driver"`
	Line     Setting   `json:"line,omitzero"` // the channel's own settings
	Settings []Outcome `json:"settings"`
	Found    []Found   `json:"found"`
	Hints    []Hint    `json:"hints,omitempty"`
	TookMS   float64   `json:"took_ms"`
	Stopped  bool      `json:"stopped,omitempty"` // the caller wanted no more
}

// An Outcome is what came of one setting.
type Outcome struct {
	Setting Setting `json:"setting,omitzero"`
	Frames  int     `json:"frames"`
	Answers int     `json:"answers"`
	Damaged int     `json:"damaged"` // answers with a wrong checksum or length
	Echoes  int     `json:"echoes"`  // requests that came back
	Strange int     `json:"strange"` // bytes that were no part of any frame
	TookMS  float64 `json:"took_ms"`
}

// A ReadRequest names what a trial read reads: a configured device, or an address and a model.
type ReadRequest struct {
	Device   string             `json:"device,omitempty"` // its id; then nothing else is needed
	Channel  string             `json:"channel,omitempty"`
	Protocol string             `json:"protocol,omitempty"`
	Address  string             `json:"address,omitempty"`
	Setting  Setting            `json:"setting,omitzero"`
	Model    string             `json:"model,omitempty"`
	Shows    map[string]float64 `json:"shows,omitempty"` // what the device's display shows, by point
}

// A ReadReport is what a trial read brought.
type ReadReport struct {
	Device  string  `json:"device,omitempty"`
	Name    string  `json:"name,omitempty"`
	Model   string  `json:"model"`
	Channel string  `json:"channel"`
	Address string  `json:"address"`
	Setting Setting `json:"setting,omitzero"`
	Trials  []Trial `json:"trials"`
	Frames  []Frame `json:"frames,omitempty"`
	Hints   []Hint  `json:"hints,omitempty"`
}

// A Frame is one request and what came back, in hex.
type Frame struct {
	Out    string  `json:"out"`
	In     string  `json:"in"`
	TookMS float64 `json:"took_ms"`
	Error  string  `json:"error,omitempty"`
}

// A ProbeRequest says which registers of a device to try.
type ProbeRequest struct {
	Channel   string   `json:"channel"`
	Address   string   `json:"address"`             // Modbus unit
	Setting   Setting  `json:"setting,omitzero"`    // zero: the channel's own
	Spaces    []string `json:"spaces,omitempty"`    // holding, input, coil, discrete; none: all four
	Registers Ranges   `json:"registers,omitempty"` // 0-based; none: 0–127
	TimeoutMS int      `json:"timeout_ms,omitempty"`
}

// A ProbeReport is the map of a device as it shows itself.
type ProbeReport struct {
	Channel   string     `json:"channel"`
	Address   string     `json:"address"`
	Setting   Setting    `json:"setting,omitzero"`
	Registers []Register `json:"registers"`
	Hints     []Hint     `json:"hints,omitempty"`
	Frames    int        `json:"frames"`
	TookMS    float64    `json:"took_ms"`
	Stopped   bool       `json:"stopped,omitempty"`
}

// A Register is what one register of a device answered.
type Register struct {
	Space  string    `json:"space"`
	Addr   uint16    `json:"addr"`
	State  string    `json:"state"` // "value", "illegal", "exception", "damaged", "silent"
	Code   byte      `json:"code,omitempty"`
	Raw    uint16    `json:"raw"`
	Guess  []Reading `json:"guess,omitempty"` // what it would be by itself and with the next register
	TookMS float64   `json:"took_ms,omitempty"`
}

// A Reading is one way to understand registers.
type Reading struct {
	Type  string  `json:"type"` // "u16", "i16", "u32", "i32", "f32", and those with the low word first: "u32 swap"
	Value float64 `json:"value"`
	Looks string  `json:"looks,omitempty"` // "50 Hz", "230 V": what it may be; empty when nothing stands out
}

// setting of a line as it goes over the socket.
func settingOf(s device.Serial) Setting {
	return Setting{Baud: s.Baud, Parity: s.Parity, StopBits: s.StopBits}
}

// Serial is the setting as drivers have it.
func (s Setting) Serial() device.Serial {
	return device.Serial{Baud: s.Baud, Parity: s.Parity, StopBits: s.StopBits}
}

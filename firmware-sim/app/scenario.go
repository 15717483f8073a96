package app

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A Scenario is a site and what happens at it.
type Scenario struct {
	Site     string    `yaml:"site"`  // for people
	Seed     uint64    `yaml:"seed"`  // of all noise
	Begin    Span      `yaml:"begin"` // negative: the play begins so long before T0; 0: at T0, without a warp
	Warp     float64   `yaml:"warp"`  // speed until simulated time meets the present
	Channels []Channel `yaml:"channels"`
	Devices  []Device  `yaml:"devices"`
	Timeline []Event   `yaml:"timeline"`
}

// A Channel is a port or line on which devices answer.
type Channel struct {
	ID   string `yaml:"id"`
	Kind string `yaml:"kind"` // modbus-tcp, modbus-rtu, dlt645, rs485: a line with everything that goes wrong on one
	Port int    `yaml:"port"` // of modbus-tcp on 127.0.0.1; 0: a free one
	Baud int    `yaml:"baud"` // serial lines: bits per second to be kept to; 0: as fast as it goes; rs485: of devices that say nothing else

	Parity string  `yaml:"parity"` // rs485: of devices that say nothing else: none, even, odd
	Echo   bool    `yaml:"echo"`   // rs485: the adapter hears itself
	Noise  float64 `yaml:"noise"`  // rs485: probability that an answer is damaged
}

// A Device is one simulated device. Which keys count depends on its kind.
type Device struct {
	ID      string    `yaml:"id"`
	Name    string    `yaml:"name"`
	Kind    string    `yaml:"kind"` // station, valve, siren, door, feeder, gas, meter, camera
	Channel string    `yaml:"channel"`
	Unit    int       `yaml:"unit"`   // Modbus: 1..247
	Number  string    `yaml:"number"` // meter: 12 digits
	Energy  []float64 `yaml:"energy"` // counters at the beginning, kWh: one per port, or one
	Behind  []string  `yaml:"behind"` // feeder: the stations it feeds
	Base    float64   `yaml:"base"`   // feeder, meter: load beside the sockets, W
	Open    bool      `yaml:"open"`   // valve: its position at the beginning
	Valve   string    `yaml:"valve"`  // gas: the valve before the leak
	Low     float64   `yaml:"low"`    // gas: low alarm, %LEL; 0: 10
	High    float64   `yaml:"high"`   // gas: high alarm, %LEL; 0: 25
	Port    int       `yaml:"port"`   // camera: on 127.0.0.1; 0: a free one
	Width   int       `yaml:"width"`  // camera, pixels
	Height  int       `yaml:"height"` // camera, pixels
	FPS     int       `yaml:"fps"`    // camera, frames per second
	User    string    `yaml:"user"`   // camera: empty: no authentication
	Secret  string    `yaml:"secret"` // camera: the user's password

	// On a line of kind rs485. Two devices may have one unit there, and destroy each other's answers.
	Baud   int      `yaml:"baud"`   // its own; 0: the channel's
	Parity string   `yaml:"parity"` // its own; empty: the channel's
	Dead   bool     `yaml:"dead"`   // it answers nothing
	Far    bool     `yaml:"far"`    // at the end of a line without termination: long answers arrive damaged
	Delay  Span     `yaml:"delay"`  // before its answers
	Words  []Window `yaml:"words"`  // of a device of kind registers: the map that nobody knows
}

// A Window is a run of registers and what they hold.
type Window struct {
	Table string   `yaml:"table"` // coil, discrete, input, holding
	At    uint16   `yaml:"at"`
	Hold  []uint16 `yaml:"hold"`
}

// An Event is something that happens to a device.
type Event struct {
	At          string  `yaml:"at" json:"at,omitempty"` // "begin+2h", "present", "present+3s"
	Device      string  `yaml:"device" json:"device"`
	Do          string  `yaml:"do" json:"do"`                   // a key of deeds
	Pack        string  `yaml:"pack" json:"pack,omitempty"`     // plug: which battery
	Curve       string  `yaml:"curve" json:"curve,omitempty"`   // plug: how it charges
	Peak        float64 `yaml:"peak" json:"peak,omitempty"`     // plug: W, instead of the pack's
	Charge      float64 `yaml:"charge" json:"charge,omitempty"` // plug: how full it is, 0 to 1
	Rate        float64 `yaml:"rate" json:"rate,omitempty"`     // leak: %LEL per second
	Fault       string  `yaml:"fault" json:"fault,omitempty"`   // fault, mend: a kind of fault
	Probability float64 `yaml:"probability" json:"probability,omitempty"`
	Delay       Span    `yaml:"delay" json:"delay,omitempty"` // fault late: "1500ms"
}

// maxScenario bounds a scenario file, bytes.
const maxScenario = 1 << 20

// LoadScenario reads and checks a scenario. Every mistake is told with its place: file:line:col.
func LoadScenario(path string) (*Scenario, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read scenario: %w", err)
	}
	return ParseScenario(path, data)
}

// ParseScenario checks a scenario that was read; name stands for it in mistakes.
func ParseScenario(name string, data []byte) (*Scenario, error) {
	f := file{name: name}
	if len(data) > maxScenario {
		return nil, fmt.Errorf("%s: file has %d bytes, the limit is %d", name, len(data), maxScenario)
	}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf("%s: file is empty; see configs/demo/scenario.yaml", name)
	}
	tree, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, f.told(err)
	}
	f.tree = tree
	var s Scenario
	if err := yaml.UnmarshalWithOptions(data, &s, yaml.Strict()); err != nil {
		return nil, f.told(err)
	}
	if err := check(&s, f); err != nil {
		return nil, err
	}
	return &s, nil
}

// A file remembers where things stand in a scenario.
type file struct {
	name string
	tree *ast.File
}

// told puts a YAML mistake on one line, with its place.
func (f file) told(err error) error {
	var ye yaml.Error
	if !errors.As(err, &ye) || ye.GetToken() == nil {
		return fmt.Errorf("%s: %w", f.name, err)
	}
	message := strings.ReplaceAll(ye.GetMessage(), "unknown field", "unknown key")
	return f.place(ye.GetToken(), message)
}

func (f file) place(tok *token.Token, message string) error {
	return fmt.Errorf("%s:%d:%d: %s", f.name, tok.Position.Line, tok.Position.Column, message)
}

// at makes a mistake at a path such as "$.devices[2].unit"; one that the file lacks falls back to what holds it.
func (f file) at(path, format string, args ...any) error {
	message := fmt.Sprintf(format, args...)
	for path != "" {
		if p, err := yaml.PathString(path); err == nil {
			if node, err := p.FilterFile(f.tree); err == nil && node != nil {
				return f.place(firstToken(node), message)
			}
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
	return fmt.Errorf("%s: %s", f.name, message)
}

// firstToken is where a reader starts reading a node: a mapping's own token is a colon.
func firstToken(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return firstToken(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return firstToken(n.Key)
	}
	return n.GetToken()
}

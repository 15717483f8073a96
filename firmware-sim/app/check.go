package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/physics"
)

// check finds what is wrong with a scenario beyond its spelling. All mistakes are told at once.
func check(s *Scenario, f file) error {
	c := checker{s: s, f: f, channels: map[string]Channel{}, devices: map[string]Device{}, units: map[string]string{}}
	if s.Begin > 0 {
		c.wrong("$.begin", "begin is %v: write a negative time, or 0", time.Duration(s.Begin))
	}
	if s.Begin < 0 && s.Warp <= 1 {
		c.wrong("$.warp", "warp is %g: simulated time never meets the present unless it is above 1", s.Warp)
	}
	for i, ch := range s.Channels {
		c.channel(fmt.Sprintf("$.channels[%d]", i), ch)
	}
	for i, d := range s.Devices {
		c.device(fmt.Sprintf("$.devices[%d]", i), d)
	}
	for i, d := range s.Devices {
		c.links(fmt.Sprintf("$.devices[%d]", i), d)
	}
	for i, e := range s.Timeline {
		c.event(fmt.Sprintf("$.timeline[%d]", i), e)
	}
	return errors.Join(c.found...)
}

type checker struct {
	s        *Scenario
	f        file
	channels map[string]Channel
	devices  map[string]Device
	units    map[string]string // "channel/unit" → who has it
	found    []error
}

func (c *checker) wrong(path, format string, args ...any) {
	c.found = append(c.found, c.f.at(path, format, args...))
}

func (c *checker) channel(at string, ch Channel) {
	if ch.ID == "" {
		c.wrong(at, "a channel needs an id")
	}
	if _, twice := c.channels[ch.ID]; twice {
		c.wrong(at+".id", "there are two channels %q", ch.ID)
	}
	if !slices.Contains([]string{"modbus-tcp", "modbus-rtu", "dlt645", anyBus}, ch.Kind) {
		c.wrong(at+".kind", "channel %s: kind is %q, not modbus-tcp, modbus-rtu, dlt645 or rs485", ch.ID, ch.Kind)
	}
	if ch.Kind != anyBus && (ch.Parity != "" || ch.Echo || ch.Noise != 0) {
		c.wrong(at, "channel %s: parity, echo and noise are for kind rs485", ch.ID)
	}
	c.parity(at, ch.Parity)
	if ch.Port < 0 || ch.Port > 65535 || ch.Baud < 0 {
		c.wrong(at, "channel %s: port or baud out of range", ch.ID)
	}
	c.channels[ch.ID] = ch
}

// buses says on which kind of channel each kind of device lives.
func buses(kind string) (string, bool) {
	bus, ok := map[string]string{
		"station": "modbus", "valve": "modbus", "siren": "modbus", "door": "modbus", "feeder": "modbus", "gas": "modbus",
		"registers": "modbus", "meter": "dlt645", "camera": "",
	}[kind]
	return bus, ok
}

func (c *checker) device(at string, d Device) {
	if d.ID == "" {
		c.wrong(at, "a device needs an id")
	}
	if _, twice := c.devices[d.ID]; twice {
		c.wrong(at+".id", "there are two devices %q", d.ID)
	}
	c.devices[d.ID] = d
	bus, known := buses(d.Kind)
	ch, wired := c.channels[d.Channel]
	switch {
	case !known:
		c.wrong(at+".kind", "device %s: unknown kind %q", d.ID, d.Kind)
	case bus == "":
		if d.Channel != "" {
			c.wrong(at+".channel", "device %s: a %s has a port of its own, no channel", d.ID, d.Kind)
		}
	case !wired:
		c.wrong(at+".channel", "device %s: there is no channel %q", d.ID, d.Channel)
	case ch.Kind != anyBus && !strings.HasPrefix(ch.Kind, bus):
		c.wrong(at+".channel", "device %s: a %s does not speak %s", d.ID, d.Kind, ch.Kind)
	case bus == "modbus":
		c.unit(at, d)
	}
	c.onBus(at, d, ch)
	if d.Kind == "camera" && (d.Width < 16 || d.Height < 16 || d.FPS < 1 || d.Width > 1920 || d.Height > 1088 || d.FPS > 60) {
		c.wrong(at, "camera %s: needs width 16..1920, height 16..1088 and fps 1..60", d.ID)
	}
}

// anyBus is a line on which devices of all protocols hang, each with its own settings, and everything that goes wrong on real ones.
const anyBus = "rs485"

// onBus checks what only devices on a line of kind rs485 have.
func (c *checker) onBus(at string, d Device, ch Channel) {
	if ch.Kind != anyBus && (d.Baud != 0 || d.Parity != "" || d.Dead || d.Far || d.Delay != 0) {
		c.wrong(at, "device %s: baud, parity, dead, far and delay are for channels of kind rs485", d.ID)
	}
	if d.Baud < 0 || d.Delay < 0 {
		c.wrong(at, "device %s: baud or delay out of range", d.ID)
	}
	c.parity(at, d.Parity)
	if (d.Kind == "registers") != (len(d.Words) > 0) {
		c.wrong(at, "device %s: words are for devices of kind registers, which need some", d.ID)
	}
	for i, w := range d.Words {
		if _, known := tables()[w.Table]; !known || len(w.Hold) == 0 || int(w.At)+len(w.Hold) > 1<<16 {
			c.wrong(fmt.Sprintf("%s.words[%d]", at, i), "device %s: a run of words needs a table (coil, discrete, input, holding), at and hold", d.ID)
		}
	}
}

func (c *checker) parity(at, word string) {
	if !slices.Contains([]string{"", "none", "even", "odd"}, word) {
		c.wrong(at+".parity", "parity is %q, not none, even or odd", word)
	}
}

// unit checks the unit id. Valve, siren and door share a unit: they are three views of one input and output module.
func (c *checker) unit(at string, d Device) {
	if d.Unit < 1 || d.Unit > 247 {
		c.wrong(at+".unit", "device %s: unit is %d, not 1..247", d.ID, d.Unit)
	}
	model := d.ID
	if d.Kind == "valve" || d.Kind == "siren" || d.Kind == "door" {
		model = "io"
		own := fmt.Sprintf("%s/%d/%s", d.Channel, d.Unit, d.Kind)
		if other := c.units[own]; other != "" {
			c.wrong(at+".unit", "device %s: unit %d has a %s already: %s", d.ID, d.Unit, d.Kind, other)
		}
		c.units[own] = d.ID
	}
	key := fmt.Sprintf("%s/%d", d.Channel, d.Unit)
	if other := c.units[key]; other != "" && other != model && c.channels[d.Channel].Kind != anyBus {
		c.wrong(at+".unit", "device %s: unit %d on %s is taken", d.ID, d.Unit, d.Channel)
	}
	c.units[key] = model
}

// links checks what a device says about others.
func (c *checker) links(at string, d Device) {
	for i, id := range d.Behind {
		if c.devices[id].Kind != "station" {
			c.wrong(fmt.Sprintf("%s.behind[%d]", at, i), "device %s: there is no station %q", d.ID, id)
		}
	}
	if d.Valve != "" && c.devices[d.Valve].Kind != "valve" {
		c.wrong(at+".valve", "device %s: there is no valve %q", d.ID, d.Valve)
	}
	if d.Kind == "gas" && d.Low > d.High && d.High > 0 {
		c.wrong(at+".low", "device %s: low alarm %g is above high alarm %g", d.ID, d.Low, d.High)
	}
}

func (c *checker) event(at string, e Event) {
	if _, err := NewClock(time.Time{}, 0, 1).moment(e.At); err != nil {
		c.wrong(at+".at", "%v", err)
	}
	if err := checkDeed(e); err != nil {
		c.wrong(at+".do", "%v", err)
	}
	id, _, port := strings.Cut(e.Device, ".")
	_, isDevice := c.devices[e.Device]
	_, isChannel := c.channels[e.Device]
	if !isDevice && !isChannel && !(port && c.devices[id].Kind == "station") {
		c.wrong(at+".device", "there is no device or channel %q", e.Device)
	}
}

// checkDeed checks an event apart from its time and its device.
func checkDeed(e Event) error {
	switch _, known := deeds()[e.Do]; {
	case !known:
		return fmt.Errorf("unknown deed %q", e.Do)
	case e.Do == "plug":
		if _, known := physics.PackNamed(e.Pack); !known {
			return fmt.Errorf("plug: unknown pack %q", e.Pack)
		}
		if e.Curve != "" && !slices.Contains(physics.Shapes(), physics.Shape(e.Curve)) {
			return fmt.Errorf("plug: unknown curve %q, known: %v", e.Curve, physics.Shapes())
		}
		if e.Charge < 0 || e.Charge > 1 || e.Peak < 0 {
			return fmt.Errorf("plug: charge is 0..1, peak is W")
		}
	case e.Do == "leak" && e.Rate <= 0:
		return fmt.Errorf("leak: needs a rate above 0 %%LEL/s")
	case e.Do == "fault" || e.Do == "mend":
		if !slices.Contains(fault.Kinds(), fault.Kind(e.Fault)) {
			return fmt.Errorf("%s: unknown fault %q, known: %v", e.Do, e.Fault, fault.Kinds())
		}
	}
	return nil
}

// moment is the simulated time that an "at" means.
func (c Clock) moment(at string) (time.Time, error) {
	base, rest := c.Present(), ""
	var ok bool
	if rest, ok = strings.CutPrefix(at, "present"); !ok {
		base = c.Begin()
		if rest, ok = strings.CutPrefix(at, "begin"); !ok {
			return base, fmt.Errorf("at is %q: write begin+2h, present or present+3s", at)
		}
	}
	if rest == "" {
		return base, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil {
		return base, fmt.Errorf("at is %q: write begin+2h, present or present+3s", at)
	}
	return base.Add(d), nil
}

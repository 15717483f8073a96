package modbus

import (
	"fmt"
	"strconv"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// The protocol's own limits.
const (
	maxRegisters = 125
	maxBits      = 2000
	lastAddress  = 0xFFFF
)

// A space is one of the four address spaces of a device, by the function code that reads it.
type space byte

func parseSpace(word string) (space, error) {
	switch word {
	case "coil":
		return readCoils, nil
	case "discrete":
		return readDiscrete, nil
	case "holding":
		return readHolding, nil
	case "input":
		return readInput, nil
	}
	return 0, fmt.Errorf("space %q is none of holding, input, coil, discrete", word)
}

func (s space) String() string {
	return [...]string{readCoils: "coil", readDiscrete: "discrete", readHolding: "holding", readInput: "input"}[s]
}

func (s space) bits() bool { return s <= readDiscrete }

func parseUnit(address string) (byte, error) {
	n, err := strconv.ParseUint(address, 10, 16)
	if err != nil || n < 1 || n > 247 {
		return 0, fmt.Errorf("modbus unit %q is not in 1…247", address)
	}
	return byte(n), nil
}

// CheckPoint says what keeps a point from ever being read by this driver, or one of its allowed values from ever being
// written, in a sentence for the one who wrote the profile; nil when nothing does. The gateway calls it when it loads a
// site. A point that cannot be read reads as bad, unsupported.
func CheckPoint(p device.Point) error {
	t, err := parsePoint(p)
	if err != nil {
		return fmt.Errorf("point %s: %w", p.Name, err)
	}
	for _, v := range p.Writable {
		if _, err := t.encode(p, v); err != nil {
			return fmt.Errorf("point %s allows writing %v: %w", p.Name, v, err)
		}
	}
	return nil
}

// A target is a point's place, parsed.
type target struct {
	unit   byte
	space  space
	format format
	first  uint32
	words  uint32 // registers, or 1 bit
	from   uint32 // what must be asked for to get it, both ends included
	to     uint32
	rest   time.Duration // of the unit, between two requests
}

func parsePoint(p device.Point) (target, error) {
	var t target
	var err error
	r := p.Register
	if t.unit, err = parseUnit(p.Address); err != nil {
		return t, err
	}
	if t.space, err = parseSpace(r.Space); err != nil {
		return t, err
	}
	if t.format, err = parseFormat(r); err != nil {
		return t, err
	}
	if t.space.bits() && t.format.kind != kindBool {
		return t, fmt.Errorf("a %s is a bool, not %s", r.Space, r.Type)
	}
	t.rest = r.Rest
	t.first, t.words = r.Addr, t.format.words()
	if uint64(t.first)+uint64(t.words)-1 > lastAddress {
		return t, fmt.Errorf("register %#x is above 0xffff", r.Addr)
	}
	t.from, t.to = t.first, t.first+t.words-1
	if r.Even && !t.space.bits() {
		t.from, t.to = t.from&^1, t.to|1
	}
	if r.MaxRegisters < 0 || r.MaxRegisters > 0 && !t.space.bits() && t.to-t.from+1 > uint32(r.MaxRegisters) {
		return t, fmt.Errorf("%d registers are more than max_registers %d", t.to-t.from+1, r.MaxRegisters)
	}
	if !t.space.bits() && touches(t.from, t.to, r.Holes) {
		return t, fmt.Errorf("register %#x lies in a hole that must not be read", r.Addr)
	}
	return t, nil
}

func touches(first, last uint32, holes []device.Extent) bool {
	for _, h := range holes {
		if first <= h.Last && h.First <= last {
			return true
		}
	}
	return false
}

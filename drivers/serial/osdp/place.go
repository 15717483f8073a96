package osdp

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// Spaces of a peripheral: what a point's `at` begins with. Numbers count from 0, as on the wire.
const (
	spaceOnline  = "online"  // 1 while the device answers
	spaceSecure  = "secure"  // 0 in the clear, 1 by its own key, 2 by the key that everybody knows
	spaceTamper  = "tamper"  // the device's own case
	spacePower   = "power"   // 1: its supply fails
	spaceReader  = "reader"  // N: 0 normal, 1 not connected, 2 tampered
	spaceInput   = "input"   // N
	spaceOutput  = "output"  // N, type switch or pulse5
	spaceCardAt  = "card_at" // N: when, in seconds since 1970; 0: none yet
	spaceKeys    = "keys"    // N: how many keys were pressed at reader N; which ones is nobody's business
	spaceLED     = "led"     // N M: colour ordered for lamp M of reader N, 0 when none was in this session; type steady or blink5
	spaceBuzzer  = "buzzer"  // N: what was ordered in this session; type beep3
	spaceVendor  = "vendor"
	spaceModel   = "model"
	spaceVersion = "version"
	spaceSerial  = "serial"
)

// SpaceCard is the last card at reader N, as a number that says nothing; 0: none yet.
const SpaceCard = "card"

// numbers is how many numbers stand behind a space; -1: there is no such space.
func numbers(space string) int {
	switch space {
	case spaceOnline, spaceSecure, spaceTamper, spacePower, spaceVendor, spaceModel, spaceVersion, spaceSerial:
		return 0
	case spaceReader, spaceInput, spaceOutput, SpaceCard, spaceCardAt, spaceKeys, spaceBuzzer:
		return 1
	case spaceLED:
		return 2
	}
	return -1
}

// ParsePlace reads where a point stands in a peripheral, such as "input 0" or "led 0 1", for profiles.
func ParsePlace(at string) (space string, addr uint32, err error) {
	words := strings.Fields(at)
	if len(words) == 0 || numbers(words[0]) != len(words)-1 {
		return "", 0, fmt.Errorf("parse place %q: such as tamper, input 0, card 0 or led 0 0", at)
	}
	for _, word := range words[1:] {
		n, err := strconv.ParseUint(word, 10, 8)
		if err != nil {
			return "", 0, fmt.Errorf("parse place %q: %s is not 0 to 255", at, word)
		}
		addr = addr<<8 | uint32(n)
	}
	return words[0], addr, nil
}

// Types of a point that can be written; the number is seconds, or how often.
const (
	typeSwitch = "switch"
	typePulse  = "pulse"
	typeSteady = "steady"
	typeBlink  = "blink"
	typeBeep   = "beep"

	maxSeconds = 30
	maxColour  = 7
)

// A kind is how a point is commanded.
type kind struct {
	word  string
	count int // seconds of a pulse or of a blinking lamp, beeps of a buzzer: 1 to 30
}

// parseKind reads a point's type; the empty one belongs to points that are only read.
func parseKind(text string) (k kind, err error) {
	k.word = strings.TrimRight(text, "0123456789")
	switch digits := text[len(k.word):]; k.word {
	case "", typeSwitch, typeSteady:
		if digits != "" {
			return k, fmt.Errorf("parse type %q: no number belongs to it", text)
		}
		return k, nil
	case typePulse, typeBlink, typeBeep:
		if k.count, err = strconv.Atoi(digits); err != nil || k.count < 1 || k.count > maxSeconds {
			return k, fmt.Errorf("parse type %q: %s1 to %s%d", text, k.word, k.word, maxSeconds)
		}
		return k, nil
	}
	return k, fmt.Errorf("parse type %q: switch, pulse5, steady, blink5 or beep3, or none", text)
}

// Types are the types that a space can be written by; the number behind pulse, blink and beep is an example.
func Types(space string) []string {
	switch space {
	case spaceOutput:
		return []string{typeSwitch, typePulse + "5"}
	case spaceLED:
		return []string{typeSteady, typeBlink + "5"}
	case spaceBuzzer:
		return []string{typeBeep + "3"}
	}
	return nil
}

// CheckPoint says what keeps a point from ever being read or written by the OSDP driver, in a sentence for the one who wrote the
// profile; nil when nothing does.
func CheckPoint(p device.Point) error {
	if err := checkPlace(p); err != nil {
		return fmt.Errorf("point %s: %w", p.Name, err)
	}
	return nil
}

func checkPlace(p device.Point) error {
	if numbers(p.Register.Space) < 0 {
		return fmt.Errorf("there is no %q in an OSDP device", p.Register.Space)
	}
	k, err := parseKind(p.Register.Type)
	if err != nil {
		return err
	}
	able := Types(p.Register.Space)
	if k.word != "" && !slices.ContainsFunc(able, func(t string) bool { return strings.TrimRight(t, "0123456789") == k.word }) {
		return fmt.Errorf("type %q is not one of %s", p.Register.Type, p.Register.Space)
	}
	if len(p.Writable) == 0 {
		return nil
	}
	if k.word == "" {
		if able == nil {
			return fmt.Errorf("%s cannot be written: only outputs, lamps and buzzers", p.Register.Space)
		}
		return fmt.Errorf("what is written needs a type: %s", strings.Join(able, " or "))
	}
	for _, v := range p.Writable {
		if _, _, err := command(p, k, v); err != nil {
			return err
		}
	}
	return nil
}

// errState says that a value is none of the states of an output, lamp or buzzer.
var errState = errors.New("not a state of it")

// command is what a write sends.
func command(p device.Point, k kind, v float64) (code byte, data []byte, err error) {
	n := raw(p, v)
	most := 1.0
	if p.Register.Space == spaceLED {
		most = maxColour
	}
	if n != float64(byte(n)) || n > most {
		return 0, nil, fmt.Errorf("%v: %w", v, errState)
	}
	state, high, low := byte(n), byte(p.Register.Addr>>8), byte(p.Register.Addr)
	switch {
	case k.word == typeSwitch || k.word == typePulse && state == 0:
		const off = 1 // for good, and no timer any more; one more is on
		return cmdOut, []byte{low, off + state, 0, 0}, nil
	case k.word == typePulse:
		const onForAWhile = 5
		tenths := 10 * k.count
		return cmdOut, []byte{low, onForAWhile, byte(tenths), byte(tenths >> 8)}, nil
	case k.word == typeSteady:
		return cmdLED, []byte{high, low, 1, 0, 0, 0, 0, 0, 0, 1, 10, 0, state, state}, nil // cancels what blinks
	case k.word == typeBlink:
		tenths := 10 * k.count
		return cmdLED, []byte{high, low, 2, 3, 3, state, 0, byte(tenths), byte(tenths >> 8), 0, 0, 0, 0, 0}, nil
	case k.word == typeBeep && state == 0:
		return cmdBuzzer, []byte{low, 1, 0, 0, 0}, nil
	case k.word == typeBeep:
		return cmdBuzzer, []byte{low, 2, 2, 2, byte(k.count)}, nil
	}
	return 0, nil, fmt.Errorf("write %s: %w", p.Register.Space, errors.ErrUnsupported)
}

// raw is what the device has for a value in the point's unit.
func raw(p device.Point, v float64) float64 {
	if p.Scale == 0 {
		return v - p.Offset
	}
	return (v - p.Offset) / p.Scale
}

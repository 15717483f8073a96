package osdp

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
)

// An Address says where a peripheral is, and holds what must be known to speak to it. As a text it travels in device.Point.Address,
// and is never told: only Number may be.
type Address struct {
	Number  byte   // 0 to 126
	Key     *Key   // nil: spoken to in the clear
	Install bool   // the key that everybody knows is accepted, and the device's own key given to it
	CardKey []byte // of the site: turns card numbers into numbers that say nothing; nil: cards are not told
}

const (
	secretMark = "#"
	fields     = 4
	installed  = "install"
	// LastNumber is the highest address of a peripheral.
	LastNumber = 126
)

// String is the address without its secrets.
func (a Address) String() string { return strconv.Itoa(int(a.Number)) }

// Text is the address with its secrets, for device.Point.Address.
func (a Address) Text() string {
	number := a.String()
	if a.Key == nil && !a.Install && a.CardKey == nil {
		return number
	}
	key, install := "", ""
	if a.Key != nil {
		key = hex.EncodeToString(a.Key[:])
	}
	if a.Install {
		install = installed
	}
	return strings.Join([]string{number, key, install, hex.EncodeToString(a.CardKey)}, secretMark)
}

// ParseAddress is the inverse of Address.Text. Its errors hold no secret.
func ParseAddress(text string) (a Address, err error) {
	parts := strings.Split(text, secretMark)
	n, err := strconv.ParseUint(parts[0], 10, 7)
	if err != nil || n > LastNumber {
		return a, fmt.Errorf("parse OSDP address: its number is not 0 to %d", LastNumber)
	}
	a.Number = byte(n)
	if len(parts) == 1 {
		return a, nil
	}
	if len(parts) != fields || parts[2] != "" && parts[2] != installed {
		return a, fmt.Errorf("parse OSDP address %d: what belongs to it is incomplete", n)
	}
	a.Install = parts[2] != ""
	if parts[1] != "" {
		key, err := ParseKey(parts[1])
		if err != nil {
			return a, fmt.Errorf("parse OSDP address %d: %w", n, err)
		}
		a.Key = &key
	}
	if parts[3] != "" {
		if a.CardKey, err = hex.DecodeString(parts[3]); err != nil {
			return a, fmt.Errorf("parse OSDP address %d: the key of cards is no hexadecimal number", n)
		}
	}
	return a, nil
}

// ParseKey reads a peripheral's key, 32 hexadecimal digits.
func ParseKey(text string) (k Key, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(k) {
		return k, fmt.Errorf("parse OSDP key: not %d hexadecimal digits", 2*len(k))
	}
	return Key(b), nil
}

// IsDefault says whether a key is the one that peripherals are delivered with.
func (k Key) IsDefault() bool { return k == defaultKey() }

// String hides the key.
func (Key) String() string { return "(key)" }

// GoString hides the key.
func (Key) GoString() string { return "(key)" }

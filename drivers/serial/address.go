package serial

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// A meterAddress is a meter's number, the last two digits first, as on the wire.
type meterAddress [6]byte

// matches says whether the meter a may answer what was sent to want.
func (want meterAddress) matches(a meterAddress) bool {
	for i := range want {
		if want[i] != wildcard && want[i] != a[i] {
			return false
		}
	}
	return true
}

func (want meterAddress) String() string {
	return fmt.Sprintf("%02X%02X%02X%02X%02X%02X", want[5], want[4], want[3], want[2], want[1], want[0])
}

// id is the address as a number, for the line's book of late answers.
func (want meterAddress) id() uint64 {
	var b [8]byte
	copy(b[:], want[:])
	return binary.LittleEndian.Uint64(b[:])
}

// parseAddress knows a meter's number of 12 digits. "AA" stands for any two digits, for a line with a single meter.
func parseAddress(s string) (a meterAddress, err error) {
	s, _ = cutKey(s)
	bad := fmt.Errorf("meter number %q is not 12 digits", s)
	if len(s) != 2*len(a) {
		return a, bad
	}
	for i := range a {
		high, low := s[2*i], s[2*i+1]
		switch {
		case high == 'A' && low == 'A':
			a[len(a)-1-i] = wildcard
		case high >= '0' && high <= '9' && low >= '0' && low <= '9':
			a[len(a)-1-i] = (high-'0')<<4 | (low - '0')
		default:
			return a, bad
		}
	}
	if a == (meterAddress{0x99, 0x99, 0x99, 0x99, 0x99, 0x99}) {
		return a, errors.New("meter number 999999999999 is the broadcast: no meter answers it")
	}
	return a, nil
}

// keyMark stands between a meter's number and what is needed to command it.
const keyMark = "#"

// cutKey separates the two. The key is a secret: only the number may be told.
func cutKey(address string) (number, key string) {
	number, key, _ = strings.Cut(address, keyMark)
	return number, key
}

// WithKey adds to a meter's number what the meter wants to hear before it obeys: operator, 8 digits, and password, two digits
// for its level and six of its own.
func WithKey(number, operator, password string) (string, error) {
	if len(operator) != 8 || strings.Trim(operator, "0123456789") != "" || len(password) != 8 || strings.Trim(password, "0123456789") != "" {
		return "", errors.New("a meter's operator has 8 digits, its password 8: two for the level, six of its own")
	}
	return number + keyMark + password + operator, nil
}

// commandKey are the bytes that stand before a command: level, password and operator, each with its low byte first.
func commandKey(address string) (k [8]byte, err error) {
	_, key := cutKey(address)
	b, err := hex.DecodeString(key)
	if err != nil || len(b) != len(k) {
		return k, errors.New("the meter's operator and password are not known: password_file")
	}
	return [8]byte{b[0], b[3], b[2], b[1], b[7], b[6], b[5], b[4]}, nil
}

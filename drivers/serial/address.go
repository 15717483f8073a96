package serial

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// A meterAddress is a meter's number, the last two digits first, as on the wire: six bytes of DL/T 645, seven of CJ/T 188
// with the meter's type behind them.
type meterAddress [8]byte

// matches says whether the meter a may answer what was sent to want.
func (want meterAddress) matches(a meterAddress) bool {
	for i := range want {
		if want[i] != wildcard && want[i] != a[i] {
			return false
		}
	}
	return true
}

// id is the address as a number, for the line's book of late answers.
func (want meterAddress) id() uint64 { return binary.LittleEndian.Uint64(want[:]) }

// digits fills n bytes from a number of 2n digits. "AA" stands for any two digits, for a line with a single meter.
func (want *meterAddress) digits(number string, n int) error {
	if len(number) != 2*n {
		return fmt.Errorf("meter number %q is not %d digits", number, 2*n)
	}
	for i := range n {
		high, low := number[2*i], number[2*i+1]
		switch {
		case high == 'A' && low == 'A':
			want[n-1-i] = wildcard
		case high >= '0' && high <= '9' && low >= '0' && low <= '9':
			want[n-1-i] = (high-'0')<<4 | (low - '0')
		default:
			return fmt.Errorf("meter number %q is not %d digits", number, 2*n)
		}
	}
	return nil
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

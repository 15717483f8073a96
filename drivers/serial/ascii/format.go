package ascii

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// A Format is what a reader's lines look like, and what a card's number in them means.
type Format struct {
	Frame   string `json:"frame"`             // regular expression with the groups card and, for a checksum, check
	End     string `json:"end"`               // the bytes that end a line; the expression does not see them
	Value   string `json:"value"`             // hex, decimal or bits: how the number is written
	Check   string `json:"check,omitempty"`   // xor or sum of the number's bytes; xor-text or sum-text of its characters; empty: none
	Bits    int    `json:"bits,omitempty"`    // so many bits of the number, the lowest, are the card's; 0: all of hex and bits, 32 of decimal
	Parity  bool   `json:"parity,omitempty"`  // the bits begin and end with a parity bit, as 26 and 34 bits of Wiegand do
	Reverse bool   `json:"reverse,omitempty"` // the card's bytes are written last one first
}

// Words of a format.
const (
	valueHex     = "hex"
	valueDecimal = "decimal"
	valueBits    = "bits"

	checkXor     = "xor"
	checkSum     = "sum"
	checkXorText = "xor-text"
	checkSumText = "sum-text"

	groupCard  = "card"
	groupCheck = "check"

	mostBits   = 64
	mostEnd    = 8
	maxFrame   = 256  // bytes of a line
	maxPattern = 1024 // characters of an expression
)

// Values and Checks are the words that a format knows.
func Values() []string { return []string{valueHex, valueDecimal, valueBits} }

// Checks are the kinds of checksum.
func Checks() []string { return []string{checkXor, checkSum, checkXorText, checkSumText} }

// A format is one that was checked.
type format struct {
	Format
	pattern     *regexp.Regexp
	card, check int // groups
}

// Text is a format as it travels in device.Register.Type. An error says what is wrong with the format.
func (f Format) Text() (string, error) {
	if _, err := f.compile(); err != nil {
		return "", err
	}
	text, err := json.Marshal(f)
	if err != nil {
		return "", fmt.Errorf("write format: %w", err)
	}
	return string(text), nil
}

func parseText(text string) (*format, error) {
	var f Format
	if err := json.Unmarshal([]byte(text), &f); err != nil {
		return nil, errors.New("its format is none")
	}
	return f.compile()
}

func (f Format) compile() (*format, error) {
	if len(f.Frame) > maxPattern {
		return nil, fmt.Errorf("frame: longer than %d characters", maxPattern)
	}
	p, err := regexp.Compile(f.Frame)
	if err != nil {
		return nil, fmt.Errorf("frame: %w", err)
	}
	c := &format{f, p, p.SubexpIndex(groupCard), p.SubexpIndex(groupCheck)}
	switch {
	case c.card < 0:
		return nil, errors.New("frame: the expression has no group (?P<card>…)")
	case len(f.End) == 0 || len(f.End) > mostEnd:
		return nil, fmt.Errorf("end: 1 to %d bytes that end a line", mostEnd)
	case f.Value != valueHex && f.Value != valueDecimal && f.Value != valueBits:
		return nil, errors.New("value: hex, decimal or bits")
	case f.Bits < 0 || f.Bits > mostBits:
		return nil, fmt.Errorf("bits: 1 to %d, or none", mostBits)
	case f.Parity && f.Bits != 26 && f.Bits != 34:
		return nil, errors.New("parity: only with bits: 26 or 34")
	case f.Reverse && f.length()%8 != 0:
		return nil, errors.New("reverse: only with whole bytes: bits is a multiple of 8, or 26 or 34 with parity")
	case f.Check != "" && c.check < 0:
		return nil, errors.New("check: the expression has no group (?P<check>…)")
	}
	switch f.Check {
	case "", checkXorText, checkSumText:
	case checkXor, checkSum:
		if f.Value != valueHex {
			return nil, fmt.Errorf("check: %s needs value: hex; %s-text is of the characters", f.Check, f.Check)
		}
	default:
		return nil, errors.New("check: xor, sum, xor-text or sum-text")
	}
	return c, nil
}

// length is how many bits of a card are left when parity is gone; 0: as many as are written.
func (f Format) length() int {
	if f.Parity {
		return f.Bits - 2
	}
	return f.Bits
}

// errLine says that a line is no card. It says no more: what is wrong with a number would tell of the number.
var errLine = errors.New("a line that is no card")

// decode reads a line without its end: a card's bits, without parity.
func (f *format) decode(frame []byte) (card uint64, bits int, err error) {
	m := f.pattern.FindSubmatch(frame)
	if m == nil {
		return 0, 0, errLine
	}
	text := m[f.card]
	n, bits, ok := f.number(text)
	if !ok || f.Check != "" && !f.right(text, m[f.check]) {
		return 0, 0, errLine
	}
	if f.Bits > 0 {
		bits = f.Bits
		if f.Parity && n>>bits != 0 {
			return 0, 0, errLine
		}
		n &= 1<<bits - 1 // a shift by 64 leaves all bits
	}
	if f.Parity {
		if n, ok = unwrap(n, bits); !ok {
			return 0, 0, errLine
		}
		bits -= 2
	}
	if f.Reverse {
		if bits%8 != 0 {
			return 0, 0, errLine
		}
		n = reversed(n, bits)
	}
	return n, bits, nil
}

// number reads a number as it is written.
func (f *format) number(text []byte) (n uint64, bits int, ok bool) {
	base, bits := 10, 32
	switch f.Value {
	case valueHex:
		base, bits = 16, 4*len(text)
	case valueBits:
		base, bits = 2, len(text)
	}
	n, err := strconv.ParseUint(string(text), base, mostBits)
	if f.Value == valueDecimal && f.Bits == 0 && n>>bits != 0 {
		return 0, 0, false
	}
	return n, bits, err == nil && bits <= mostBits
}

// right says whether a checksum is: two hexadecimal digits, or one byte.
func (f *format) right(card, check []byte) bool {
	sum, b := byte(0), card
	if f.Check == checkXor || f.Check == checkSum {
		b = make([]byte, len(card)/2)
		if _, err := hex.Decode(b, card); err != nil {
			return false
		}
	}
	for _, x := range b {
		if f.Check == checkSum || f.Check == checkSumText {
			sum += x
		} else {
			sum ^= x
		}
	}
	if len(check) == 1 {
		return check[0] == sum
	}
	return bytes.EqualFold(check, fmt.Appendf(nil, "%02X", sum))
}

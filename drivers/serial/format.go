package serial

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// A format is how the bytes of a data identifier become a number: "XXX.X" is two bytes of BCD with one decimal, "±" in
// front means that the highest bit is a sign, "bit4" is one bit of a status word. "@2" behind it says that the value
// stands at byte 2 of a longer answer, as in the blocks that hold all three phases.
type format struct {
	bytes  int
	scale  float64 // 10 for one decimal, 100 for two
	signed bool
	bit    int // of a status word; -1: the bytes are BCD
	at     int // first byte of the value
	block  bool
}

const (
	maxDigits = 12  // keeps a value exact in a float64
	wordBytes = 2   // of a status word
	maxBlock  = 190 // bytes before a value: no longer answer fits one frame
)

func parseFormat(word string) (format, error) {
	value, place, block := strings.Cut(word, "@")
	f := format{scale: 1, bit: -1, block: block}
	if block {
		at, err := strconv.Atoi(place)
		if err != nil || at < 0 || at > maxBlock {
			return format{}, fmt.Errorf("type %q: behind @ stands the value's first byte, 0 to %d", word, maxBlock)
		}
		f.at = at
	}
	if n, ok := strings.CutPrefix(value, "bit"); ok {
		bit, err := strconv.Atoi(n)
		if err != nil || bit < 0 || bit >= 8*wordBytes {
			return format{}, fmt.Errorf("type %q: a status word has bit0 to bit15", word)
		}
		f.bit, f.bytes = bit, wordBytes
		return f, nil
	}
	digits, signed := strings.CutPrefix(value, "±")
	whole, decimals, _ := strings.Cut(digits, ".")
	n := len(whole) + len(decimals)
	if n == 0 || n%2 != 0 || n > maxDigits || strings.Trim(whole+decimals, "X") != "" || strings.HasSuffix(digits, ".") {
		return format{}, fmt.Errorf("type %q is no format such as XXX.X, ±XX.XXXX, XXXXXX.XX, bit4 or XXX.X@2", word)
	}
	f.bytes, f.signed = n/2, signed
	for range decimals {
		f.scale *= 10
	}
	return f, nil
}

// need is the length of the shortest answer that holds the value.
func (f format) need() int { return f.at + f.bytes }

// part is what of an answer the value is made of; all of it when it is too short.
func (f format) part(answer []byte) []byte {
	if len(answer) < f.need() {
		return answer
	}
	return answer[f.at:f.need()]
}

// decode makes a number of the answer's bytes.
func (f format) decode(answer []byte) (float64, error) {
	if len(answer) < f.need() || !f.block && len(answer) != f.bytes {
		return 0, &line.Fault{Reason: device.Mismatch, Detail: fmt.Sprintf("%d bytes, want %d", len(answer), f.need())}
	}
	b := answer[f.at:f.need()]
	if f.bit >= 0 {
		return float64(b[f.bit/8] >> (f.bit % 8) & 1), nil
	}
	return f.bcd(b)
}

// bcd reads digits, the lowest byte first.
func (f format) bcd(b []byte) (float64, error) {
	var n int64
	negative := false
	for i := len(b) - 1; i >= 0; i-- {
		x := b[i]
		if f.signed && i == len(b)-1 {
			negative, x = x&0x80 != 0, x&0x7F
		}
		if x>>4 > 9 || x&0xF > 9 {
			return 0, &line.Fault{Reason: device.Corrupt, Detail: fmt.Sprintf("% x is no BCD", b)}
		}
		n = n*100 + int64(x>>4)*10 + int64(x&0xF)
	}
	if negative {
		n = -n
	}
	return float64(n) / f.scale, nil
}

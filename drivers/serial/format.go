package serial

import (
	"fmt"
	"strings"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// A format is how the bytes of a data identifier become a number: "XXX.X" is two bytes of BCD with one decimal, "±" in
// front means that the highest bit is a sign.
type format struct {
	bytes  int
	scale  float64 // 10 for one decimal, 100 for two
	signed bool
}

// maxDigits keeps a value exact in a float64.
const maxDigits = 12

func parseFormat(word string) (format, error) {
	digits, signed := strings.CutPrefix(word, "±")
	whole, decimals, _ := strings.Cut(digits, ".")
	n := len(whole) + len(decimals)
	if n == 0 || n%2 != 0 || n > maxDigits || strings.Trim(whole+decimals, "X") != "" || strings.HasSuffix(digits, ".") {
		return format{}, fmt.Errorf("type %q is no format such as XXX.X, ±XX.XXXX or XXXXXX.XX", word)
	}
	f := format{bytes: n / 2, scale: 1, signed: signed}
	for range decimals {
		f.scale *= 10
	}
	return f, nil
}

// decode makes a number of BCD bytes, the lowest first.
func (f format) decode(b []byte) (float64, error) {
	if len(b) != f.bytes {
		return 0, &line.Fault{Reason: device.Mismatch, Detail: fmt.Sprintf("%d bytes, want %d", len(b), f.bytes)}
	}
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

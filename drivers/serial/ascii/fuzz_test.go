package ascii_test

import (
	"testing"

	"github.com/linshao/linshao/drivers/serial/ascii"
)

// FuzzLines lets a reader say anything, in two parts.
func FuzzLines(f *testing.F) {
	f.Add([]byte("\x02010063E9AE25\x03"), 3)
	f.Add([]byte("\x0201000734E0D2\x03\x02"), 14)
	f.Fuzz(func(t *testing.T, said []byte, cut int) {
		c := &conversation{}
		h := c.reader(t, em())
		if cut < 0 || cut > len(said) {
			cut = len(said)
		}
		c.say(string(said[:cut]))
		h.read(t)
		c.say(string(said[cut:]))
		if v := h.read(t); v["reads"] > float64(len(said)/14) || v["card"] != 0 && v["reads"] == 0 {
			t.Errorf("%q: %v", said, v)
		}
	})
}

// FuzzFormat reads any line by any format.
func FuzzFormat(f *testing.F) {
	f.Add(`(?P<card>.*)(?P<check>..)`, "hex", "sum", 26, true, false, []byte("2F764DD12"))
	f.Add(`(?P<card>\d+)`, "decimal", "", 0, false, true, []byte("6547886"))
	f.Fuzz(func(t *testing.T, frame, value, check string, bits int, parity, reverse bool, line []byte) {
		format := ascii.Format{Frame: frame, End: "\n", Value: value, Check: check, Bits: bits, Parity: parity, Reverse: reverse}
		card, n, err := format.Decode(line)
		if err == nil && (n < 0 || n > 64 || n < 64 && card>>n != 0) {
			t.Errorf("%X of %d bits", card, n)
		}
		if _, bad := format.Text(); bad == nil && err == nil && n > 0 {
			_ = ascii.Alias([]byte(siteKey), card, n)
		}
	})
}

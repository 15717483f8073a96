package serial_test

import (
	"encoding/binary"
	"math"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial"
)

// Whatever a profile asks for and whatever stands in a reply: a number of the format's digits, or a reason.
func FuzzFormat(f *testing.F) {
	for _, word := range []string{"XXX.X", "±XX.XXXX", "XXXXXXXXXXXX", "bit4", "bit15@3", "XXXXXX.XX@8", "±X.X@190", "@", "X@-1"} {
		f.Add(word, []byte{0x12, 0x34, 0x56, 0x78, 0x90, 0x99})
	}
	f.Fuzz(func(t *testing.T, word string, value []byte) {
		p := point(0x02010100, word)
		if serial.CheckPoint(p) != nil || len(value) > 190 {
			return
		}
		v, done, err := serial.Decode(p, reply("123456789012", 0x91, append(binary.LittleEndian.AppendUint32(nil, 0x02010100), value...)...), true)
		if done && err == nil && (math.IsNaN(v) || math.Abs(v) >= 1e12) {
			t.Errorf("%q of % x is %v", word, value, v)
		}
	})
}

// A command is confirmed by nothing but the meter's own word of it.
func FuzzConfirmation(f *testing.F) {
	const me = "123456789012"
	f.Add(reply(me, 0x9C))
	f.Add(reply(me, 0xDC, 4))
	f.Add(append(reply("123456789013", 0x9C), reply(me, 0x1C, 1, 2, 3, 4)...))
	f.Fuzz(func(t *testing.T, got []byte) {
		obeyed := serial.Obeyed(me, got)
		said := false
		for at := range got {
			for n := 12; at+n <= len(got); n++ {
				b := got[at : at+n]
				said = said || b[0] == 0x68 && string(b[1:7]) == "\x12\x90\x78\x56\x34\x12" && b[7] == 0x68 && b[8] == 0x9C && int(b[9]) == n-12
			}
		}
		if obeyed && !said {
			t.Errorf("% x confirms a command", got)
		}
	})
}

// Orders can be made of any password and time without a panic.
func FuzzOrder(f *testing.F) {
	f.Add("00000000", "02123456", int64(1_795_000_000), 0.0)
	f.Fuzz(func(t *testing.T, operator, password string, at int64, v float64) {
		address, err := serial.WithKey("123456789012", operator, password)
		if err != nil {
			return
		}
		p := device.Point{Address: address, Register: device.Register{Addr: 0x04000503, Type: "bit4"}, Writable: []float64{0, 1}}
		if b, err := serial.Command(p, v, time.Unix(at%(1<<33), 0)); err == nil && len(b) != 4+12+16 {
			t.Errorf("a command of %d bytes", len(b))
		}
	})
}

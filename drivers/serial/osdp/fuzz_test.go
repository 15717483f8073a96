package osdp_test

import (
	"testing"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/osdp"
)

// FuzzAnswer gives the driver any bytes: it neither fails nor takes a frame of another device for an answer.
func FuzzAnswer(f *testing.F) {
	for _, s := range []string{"53E508000540E3A5", "FF53E5090005 41010E8F", "FF53E51B000D031401 78A0A1A2A3A4A5A6A7A8A9AAABACADAEAFCABA", "53E5"} {
		f.Add(bin(f, s), byte(1), byte(0x60), true)
	}
	f.Fuzz(func(t *testing.T, got []byte, sequence, command byte, over bool) {
		code, data, err := osdp.Judge(0x65, sequence&3, command, got, over)
		if code != 0 && (err != nil || len(got) < 7 || len(data) > len(got)) {
			t.Errorf("%02X % X, %v of % X", code, data, err, got)
		}
	})
}

// FuzzTold gives the panel any data in good frames.
func FuzzTold(f *testing.F) {
	f.Add(byte(0x50), []byte{0, 1, 26, 0, 1, 2, 3, 4})
	f.Add(byte(0x53), []byte{0, 2, '1', '2'})
	f.Add(byte(0x49), []byte{0, 1})
	f.Add(byte(0x50), []byte{0, 0, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, code byte, data []byte) {
		if len(data) > 200 {
			return
		}
		a, p := inTheClear()
		p.tell(code, data...)
		c := osdp.Driver{}.OnWire(&straight{p})
		points := []device.Point{at(t, a, "card 0", ""), at(t, a, "keys 0", ""), at(t, a, "input 1", "")}
		for _, r := range read(t, c, points...) {
			if r.Quality == device.Bad && r.Value == r.Value {
				t.Errorf("%+v", r)
			}
		}
		if rs := read(t, c, points...); code != 0x49 && (rs[2].Value != 1 || rs[2].Quality != device.Good) {
			t.Errorf("afterwards: %+v", rs)
		}
	})
}

// FuzzPlaces reads any address and place.
func FuzzPlaces(f *testing.F) {
	f.Add("5#73697874##", "led 0 1", "blink5")
	f.Fuzz(func(t *testing.T, address, place, typ string) {
		if a, err := osdp.ParseAddress(address); err == nil {
			if b, err := osdp.ParseAddress(a.Text()); err != nil || b.Text() != a.Text() {
				t.Errorf("%q: %v", address, err)
			}
		}
		if space, addr, err := osdp.ParsePlace(place); err == nil {
			_ = osdp.CheckPoint(device.Point{Register: device.Register{Space: space, Addr: addr, Type: typ}, Writable: []float64{0, 1}})
		}
	})
}

package modbus_test

import (
	"slices"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
)

// Values of four registers, read and written in both orders.
func TestLongTypes(t *testing.T) {
	cases := []struct {
		typ  string
		raw  []uint16 // high word first
		want float64
		lost bool // the last digits are, so that it cannot be written
	}{
		{typ: "u64", raw: []uint16{0, 0, 1, 0xE240}, want: 123456},
		{typ: "u64", raw: []uint16{0x0020, 0, 0, 0}, want: 1 << 53},
		{typ: "u64", raw: []uint16{0x0102, 0x0304, 0x0506, 0x0708}, want: 72623859790382856, lost: true},
		{typ: "u64", raw: []uint16{0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF}, want: 1 << 64, lost: true},
		{typ: "i64", raw: []uint16{0xFFFF, 0xFFFF, 0xFFFF, 0xFEAA}, want: -342},
		{typ: "i64", raw: []uint16{0x8000, 0, 0, 0}, want: -(1 << 63), lost: true},
		{typ: "f64", raw: []uint16{0x4093, 0x4A45, 0x6D5C, 0xFAAD}, want: 1234.5678},
		{typ: "f64", raw: []uint16{0xC0C3, 0x8800, 0, 0}, want: -10000},
	}
	u := fullUnit()
	s := &slave{units: map[byte]*unit{1: u}}
	conn := open(t, modbus.TCP{}, tcpChannel(s.serveTCP(t), 10*time.Second))
	for _, c := range cases {
		for _, swap := range []bool{false, true} {
			raw := slices.Clone(c.raw)
			if swap {
				slices.Reverse(raw)
			}
			p := point("holding", 0x20, c.typ)
			p.Register.Swap, p.Writable = swap, []float64{c.want}
			u.set("holding", 0x20, raw)
			if r := readOne(t, conn, p); r.Value != c.want || r.Quality != device.Good {
				t.Errorf("%s % x swap %v: %+v, want %v", c.typ, raw, swap, r, c.want)
			}
			u.set("holding", 0x20, make([]uint16, 4))
			if err := conn.Write(t.Context(), p, c.want); (err != nil) != c.lost {
				t.Errorf("write %s %v: %v", c.typ, c.want, err)
			}
			if r := readOne(t, conn, p); !c.lost && r.Value != c.want {
				t.Errorf("%s swap %v: wrote %v, read %+v", c.typ, swap, c.want, r)
			}
		}
	}
	u.set("holding", 0x20, []uint16{0x7FF8, 0, 0, 0})
	if r := readOne(t, conn, point("holding", 0x20, "f64")); r.Reason != device.SensorFault {
		t.Errorf("no number reads as %+v", r)
	}
}

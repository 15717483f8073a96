package commission

import (
	"fmt"
	"math"

	"github.com/linshao/linshao/drivers/device"
)

// trials are the points as they were read, in the model's order.
func (v *view) trials(points []device.Point) []Trial {
	list := make([]Trial, 0, len(points))
	for _, p := range points {
		got := v.known[placeOf(p)]
		t := Trial{Device: p.Device, Point: p.Name, Unit: p.Unit, Quality: got.reading.Quality.String(), Raw: hexRaw(got.raw), TookMS: got.took, Type: typeOf(p)}
		t.Register, t.Human = placeNames(p, v.found.Protocol)
		if got.raw == nil {
			t.Reason = got.why.String()
		} else if t.Reason = got.reading.Reason.String(); !math.IsNaN(got.reading.Value) {
			value := got.reading.Value
			t.Value, t.Label = &value, p.Labels[int64(value)]
		}
		list = append(list, t)
	}
	return list
}

func hexRaw(raw []byte) string {
	if raw == nil {
		return ""
	}
	return fmt.Sprintf("0x%X", raw)
}

// placeNames writes a point's place as drivers count, from 0, and as people do, from 1 with the space's digit.
func placeNames(p device.Point, protocol string) (register, human string) {
	r := p.Register
	switch protocol {
	case protocolModbus:
		digit := map[string]string{"coil": "0", "discrete": "1", "input": "3", "holding": "4"}[r.Space]
		return fmt.Sprintf("%s 0x%04X", r.Space, r.Addr), fmt.Sprintf("%sx%04d", digit, r.Addr+1)
	case protocolDLT645:
		return fmt.Sprintf("%02X %02X %02X %02X", byte(r.Addr>>24), byte(r.Addr>>16), byte(r.Addr>>8), byte(r.Addr)), ""
	}
	return fmt.Sprintf("%s %02X %02X", r.Space, byte(r.Addr>>8), byte(r.Addr)), ""
}

// typeOf is how a value is made of its bytes: "u32 swap ×0.01".
func typeOf(p device.Point) string {
	text := p.Register.Type
	if p.Register.Swap {
		text += " swap"
	}
	if p.Scale != 0 && p.Scale != 1 {
		text += fmt.Sprintf(" ×%v", p.Scale)
	}
	if p.Offset != 0 {
		text += fmt.Sprintf(" %+v", p.Offset)
	}
	return text
}

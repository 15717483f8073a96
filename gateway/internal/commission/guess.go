package commission

import (
	"fmt"
	"math"
	"strconv"
)

// guess adds to each value how it might be meant: by itself, and together with the next register.
func guess(registers []Register) {
	for i := range registers {
		r := &registers[i]
		if r.State != RegisterValue || r.Space == "coil" || r.Space == "discrete" {
			continue
		}
		r.Guess = append(r.Guess, meant("u16", float64(r.Raw)), meant("i16", float64(int16(r.Raw))))
		if i+1 == len(registers) {
			continue
		}
		next := registers[i+1]
		if next.State != RegisterValue || next.Space != r.Space || next.Addr != r.Addr+1 {
			continue
		}
		for _, order := range []struct {
			word string
			long uint32
		}{{"", uint32(r.Raw)<<16 | uint32(next.Raw)}, {" swap", uint32(next.Raw)<<16 | uint32(r.Raw)}} {
			r.Guess = append(r.Guess, meant("u32"+order.word, float64(order.long)), meant("i32"+order.word, float64(int32(order.long))))
			if f := float64(math.Float32frombits(order.long)); f == 0 || math.Abs(f) > 1e-6 && math.Abs(f) < 1e9 {
				g := meant("f32"+order.word, f) // JSON knows no NaN, and people no 1e-38
				if order.word != "" && r.Raw == 0 {
					g.Looks = "" // the tail of one float in front of the head of another
				}
				r.Guess = append(r.Guess, g)
			}
		}
	}
}

func meant(kind string, value float64) Reading {
	if kind[0] == 'f' {
		value, _ = strconv.ParseFloat(strconv.FormatFloat(value, 'g', 7, 64), 64)
	}
	return Reading{Type: kind, Value: value, Looks: looks(kind, value)}
}

// looks names what a number may be: the mains have values that little else has.
func looks(kind string, value float64) string {
	scales := []float64{1, 0.1, 0.01}
	switch {
	case kind[0] == 'f':
		scales = scales[:1]
	case kind != "u16":
		return "" // a whole number of 32 bits that happens to be small says nothing
	case value < 100:
		return ""
	}
	for _, scale := range scales {
		v := math.Round(value*scale*1000) / 1000
		by := ""
		if scale != 1 {
			by = fmt.Sprintf(" (×%v)", scale)
		}
		switch {
		case v > 49.5 && v < 50.5 && (scale < 1 || kind[0] == 'f'):
			return fmt.Sprintf("%v Hz%s", v, by)
		case v > 207 && v < 253:
			return fmt.Sprintf("%v V%s", v, by)
		case v > 360 && v < 430:
			return fmt.Sprintf("%v V%s", v, by)
		}
	}
	return ""
}

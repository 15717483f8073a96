package wire

import (
	"math"
	"math/bits"
)

// Ways from a value to a whole number. What a sensor says is a scaled whole number, or was a 32-bit float at the device.
const (
	viaDouble  = 0 // the value itself
	viaSingle  = 1 // a float32 that became the value
	viaRounded = 2 // a float32 that became the value when rounded to a millionth, as drivers/device.Judge does

	maxExp = 12 // decimals
	rawExp = 15 // no decimals: the bits
	// plainExp is the most decimals with which a 32-bit float is not even looked for.
	plainExp = 4
)

// pow10 are the powers of ten of all exponents; each is exact in a float64.
var pow10 = [maxExp + 1]float64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12}

// A form is how the values of a series become whole numbers: via<<4 | exponent.
type form uint8

func (f form) via() uint8 { return uint8(f >> 4) }
func (f form) exp() uint8 { return uint8(f & 15) }

// valid says whether values can have the form.
func (f form) valid() bool { return f.via() <= viaRounded && (f.exp() <= maxExp || f.exp() == rawExp) }

// decimal is the whole number m for which m/p is v to the bit.
func decimal(v, p float64) (m int64, ok bool) {
	t := v * p
	if !(t < 1<<51 && t > -1<<51) {
		return 0, false
	}
	if t >= 0 {
		m = int64(t + 0.5)
	} else {
		m = int64(t - 0.5)
	}
	return m, math.Float64bits(float64(m)/p) == math.Float64bits(v)
}

// single is the float32 that became v.
func single(v float64, via uint8) (s float32, ok bool) {
	s = float32(v)
	return s, v == v && math.Float64bits(widen(s, via)) == math.Float64bits(v)
}

func widen(s float32, via uint8) float64 {
	if via == viaRounded {
		return math.Round(float64(s)*1e6) / 1e6
	}
	return float64(s)
}

// number is the whole number of a value; ok is false when the form cannot carry it.
func (f form) number(v float64) (m int64, ok bool) {
	switch exp := f.exp(); {
	case f.via() == viaDouble && exp == rawExp:
		return ordered64(math.Float64bits(v)), true
	case f.via() == viaDouble:
		return decimal(v, pow10[exp])
	default:
		s, ok := single(v, f.via())
		if !ok {
			return 0, false
		}
		if exp == rawExp {
			return int64(ordered32(math.Float32bits(s))), true
		}
		t := float64(s) * pow10[exp]
		if !(t < 1<<31 && t > -1<<31) {
			return 0, false
		}
		m := int64(math.Round(t))
		return m, math.Float32bits(float32(float64(m)/pow10[exp])) == math.Float32bits(s)
	}
}

// value is the inverse of number, to the bit.
func (f form) value(m int64) float64 {
	exp := f.exp()
	switch {
	case f.via() == viaDouble && exp == rawExp:
		return math.Float64frombits(unordered64(m))
	case f.via() == viaDouble:
		return float64(m) / pow10[exp]
	case exp == rawExp:
		return widen(math.Float32frombits(unordered32(int32(m))), f.via())
	}
	return widen(float32(float64(m)/pow10[exp]), f.via())
}

// values sets to to the values of numbers.
func (f form) values(ms []int64, to []float64) {
	if f.via() == viaDouble && f.exp() != rawExp {
		p := pow10[f.exp()]
		for i, m := range ms {
			to[i] = float64(m) / p
		}
		return
	}
	for i, m := range ms {
		to[i] = f.value(m)
	}
}

// ordered64 makes neighbouring floats neighbouring numbers, also around zero.
func ordered64(b uint64) int64 { return int64(b ^ uint64(int64(b)>>63)>>1) }

func unordered64(m int64) uint64 { return uint64(m) ^ uint64(m>>63)>>1 }

func ordered32(b uint32) int32 { return int32(b ^ uint32(int32(b)>>31)>>1) }

func unordered32(m int32) uint32 { return uint32(m) ^ uint32(m>>31)>>1 }

// numbers finds the shortest form of all values of a series and fills to with their numbers. The form before is preferred:
// saying it again costs one bit.
func numbers(values []float64, to []int64, before form) form {
	if single := before.via() != viaDouble; single || before.exp() <= plainExp {
		if before.fill(values, to) && (single || before == 0 || alike(to) || !tens(to)) {
			return before
		}
	}
	f := form(0)
	for f.exp() <= maxExp && !f.fill(values, to) {
		f++
	}
	if f.exp() <= plainExp {
		return f
	}
	if f.exp() > maxExp {
		f = rawExp
		f.fill(values, to)
	}
	best, cost := f, spread(to)
	for _, via := range []uint8{viaRounded, viaSingle} {
		for exp := uint8(0); exp <= rawExp; exp++ {
			try := form(via<<4 | exp)
			if exp > plainExp+2 && exp < rawExp || !try.fill(values, to) {
				continue
			}
			if c := spread(to); c < cost {
				best, cost = try, c
			}
			break // more decimals, or the bits, are longer
		}
	}
	best.fill(values, to)
	return best
}

// fill sets to to the numbers of values; false when one cannot be had.
func (f form) fill(values []float64, to []int64) bool {
	if f.via() == viaDouble && f.exp() != rawExp {
		p := pow10[f.exp()]
		for i, v := range values {
			m, ok := decimal(v, p)
			if !ok {
				return false
			}
			to[i] = m
		}
		return true
	}
	for i, v := range values {
		m, ok := f.number(v)
		if !ok {
			return false
		}
		to[i] = m
	}
	return true
}

// alike says whether all numbers are the same.
func alike(ms []int64) bool {
	for _, m := range ms {
		if m != ms[0] {
			return false
		}
	}
	return true
}

// tens says whether all numbers end in a zero, so that a shorter form would do.
func tens(ms []int64) bool {
	for _, m := range ms {
		if m%10 != 0 {
			return false
		}
	}
	return true
}

// spread is about how many bits it takes to write the numbers.
func spread(ms []int64) int {
	sum := bits.Len64(zigzag(ms[0]))
	for i, m := range ms[1:] {
		sum += bits.Len64(zigzag(m - ms[i]))
	}
	return sum
}

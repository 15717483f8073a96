package device

import "math"

// A State is one line of a point's map: for devices that tell their alarms by bits, or by numbers of their own, where the kind
// of device has one word for them. It fits a raw value of which the bits in Mask, taken where they stand, are From…To.
type State struct {
	Mask     int64 // 0: the whole value
	From, To int64 // both ends included
	Value    float64
}

// Bits is the line for a value that has any of the bits of a mask.
func Bits(mask int64, value float64) State { return State{mask, 1, math.MaxInt64, value} }

// Between is the line for a value in a range, both ends included.
func Between(from, to int64, value float64) State { return State{0, from, to, value} }

// Otherwise is the line that fits every value.
func Otherwise(value float64) State { return State{0, math.MinInt64, math.MaxInt64, value} }

// Fits says whether a raw value is meant by the line.
func (s State) Fits(raw int64) bool {
	if s.Mask != 0 {
		raw &= s.Mask
	}
	return s.From <= raw && raw <= s.To
}

// mapped is the state of a raw value; false when no line fits, or when it is no whole number.
func mapped(lines []State, raw float64) (float64, bool) {
	const whole = 1 << 53 // above, a float64 skips numbers
	if raw != math.Trunc(raw) || math.Abs(raw) > whole {
		return 0, false
	}
	for i := range lines {
		if lines[i].Fits(int64(raw)) {
			return lines[i].Value, true
		}
	}
	return 0, false
}

package modbus

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// A kind is how a point's registers become a number.
type kind uint8

const (
	kindBool kind = iota
	kindU16
	kindI16
	kindU32
	kindI32
	kindF32
	kindU64
	kindI64
	kindF64
	kindHi8
	kindLo8
	kindBit
)

// A format is a parsed Register.Type.
type format struct {
	kind kind
	bit  uint8 // of kindBit
	swap bool  // low word first
}

// most is the greatest whole number up to which a float64 has them all. A longer one loses its last digits when it is read,
// a millionth of a millionth of it, and cannot be written.
const most = 1 << 53

// parseFormat knows the words "u16 i16 u32 i32 f32 u64 i64 f64 bool hi8 lo8 bit0…bit15".
func parseFormat(r device.Register) (format, error) {
	f := format{swap: r.Swap}
	switch r.Type {
	case "bool":
		f.kind = kindBool
	case "u16":
		f.kind = kindU16
	case "i16":
		f.kind = kindI16
	case "u32":
		f.kind = kindU32
	case "i32":
		f.kind = kindI32
	case "f32":
		f.kind = kindF32
	case "u64":
		f.kind = kindU64
	case "i64":
		f.kind = kindI64
	case "f64":
		f.kind = kindF64
	case "hi8":
		f.kind = kindHi8
	case "lo8":
		f.kind = kindLo8
	default:
		n, err := strconv.ParseUint(strings.TrimPrefix(r.Type, "bit"), 10, 8)
		if err != nil || n > 15 || r.Type != "bit"+strconv.FormatUint(n, 10) {
			return format{}, fmt.Errorf("type %q is none of u16 i16 u32 i32 f32 u64 i64 f64 bool hi8 lo8 bit0…bit15", r.Type)
		}
		f.kind, f.bit = kindBit, uint8(n)
	}
	return f, nil
}

// words is how many registers the value takes.
func (f format) words() uint32 {
	switch f.kind {
	case kindU32, kindI32, kindF32:
		return 2
	case kindU64, kindI64, kindF64:
		return 4
	}
	return 1
}

// decode makes a number of registers, high byte first.
func (f format) decode(b []byte) float64 {
	word := binary.BigEndian.Uint16(b)
	switch f.kind {
	case kindU16:
		return float64(word)
	case kindI16:
		return float64(int16(word))
	case kindHi8:
		return float64(word >> 8)
	case kindLo8:
		return float64(word & 0xFF)
	case kindBit:
		return float64(word >> f.bit & 1)
	case kindBool:
		if word != 0 {
			return 1
		}
		return 0
	}
	long := f.join(b)
	switch f.kind {
	case kindI32:
		return float64(int32(long))
	case kindF32:
		return float64(math.Float32frombits(uint32(long)))
	case kindI64:
		return float64(int64(long))
	case kindF64:
		return math.Float64frombits(long)
	}
	return float64(long)
}

// join puts the words of a long value together.
func (f format) join(b []byte) (long uint64) {
	n := int(f.words())
	for i := range n {
		if f.swap {
			i = n - 1 - i
		}
		long = long<<16 | uint64(binary.BigEndian.Uint16(b[2*i:]))
	}
	return long
}

// part is the inverse of join.
func (f format) part(long uint64) []byte {
	n := int(f.words())
	b := make([]byte, 2*n)
	for i := range n {
		at := n - 1 - i
		if f.swap {
			at = i
		}
		binary.BigEndian.PutUint16(b[2*at:], uint16(long))
		long >>= 16
	}
	return b
}

// encode makes registers of a raw number, which must fit without rounding away a part.
func (f format) encode(raw float64) ([]byte, error) {
	low, high, ok := f.limits()
	if !ok {
		return nil, fmt.Errorf("a part of a register cannot be written")
	}
	if !(raw >= low && raw <= high) {
		return nil, fmt.Errorf("%v is not in %v…%v", raw, low, high)
	}
	switch f.kind {
	case kindF32:
		return f.part(uint64(math.Float32bits(float32(raw)))), nil
	case kindF64:
		return f.part(math.Float64bits(raw)), nil
	}
	whole := math.Round(raw)
	if math.Abs(whole-raw) > 1e-6 {
		return nil, fmt.Errorf("%v is no whole number", raw)
	}
	return f.part(uint64(int64(whole))), nil
}

// limits of what can be written; ok is false for parts of a register.
func (f format) limits() (low, high float64, ok bool) {
	switch f.kind {
	case kindU16:
		return 0, math.MaxUint16, true
	case kindI16:
		return math.MinInt16, math.MaxInt16, true
	case kindU32:
		return 0, math.MaxUint32, true
	case kindI32:
		return math.MinInt32, math.MaxInt32, true
	case kindF32:
		return -math.MaxFloat32, math.MaxFloat32, true
	case kindU64:
		return 0, most, true
	case kindI64:
		return -most, most, true
	case kindF64:
		return -math.MaxFloat64, math.MaxFloat64, true
	}
	return 0, 0, false
}

// coil is the state of one coil in a packed answer, the lowest bit first.
func coil(b []byte, offset int) float64 { return float64(b[offset/8] >> (offset % 8) & 1) }

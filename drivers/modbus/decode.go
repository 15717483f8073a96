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

// parseFormat knows the words "u16 i16 u32 i32 f32 bool hi8 lo8 bit0…bit15".
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
	case "hi8":
		f.kind = kindHi8
	case "lo8":
		f.kind = kindLo8
	default:
		n, err := strconv.ParseUint(strings.TrimPrefix(r.Type, "bit"), 10, 8)
		if err != nil || n > 15 || r.Type != "bit"+strconv.FormatUint(n, 10) {
			return format{}, fmt.Errorf("type %q is none of u16 i16 u32 i32 f32 bool hi8 lo8 bit0…bit15", r.Type)
		}
		f.kind, f.bit = kindBit, uint8(n)
	}
	return f, nil
}

// words is how many registers the value takes.
func (f format) words() uint32 {
	if f.kind == kindU32 || f.kind == kindI32 || f.kind == kindF32 {
		return 2
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
	long := uint32(word)<<16 | uint32(binary.BigEndian.Uint16(b[2:]))
	if f.swap {
		long = long<<16 | long>>16
	}
	switch f.kind {
	case kindI32:
		return float64(int32(long))
	case kindF32:
		return float64(math.Float32frombits(long))
	}
	return float64(long)
}

// encode makes registers of a raw number, which must fit without rounding away a part.
func (f format) encode(raw float64) ([]byte, error) {
	whole := math.Round(raw)
	if f.kind != kindF32 && math.Abs(whole-raw) > 1e-6 {
		return nil, fmt.Errorf("%v is no whole number", raw)
	}
	var low, high float64
	switch f.kind {
	case kindU16:
		high = math.MaxUint16
	case kindI16:
		low, high = math.MinInt16, math.MaxInt16
	case kindU32:
		high = math.MaxUint32
	case kindI32:
		low, high = math.MinInt32, math.MaxInt32
	case kindF32:
		low, high = -math.MaxFloat32, math.MaxFloat32
	default:
		return nil, fmt.Errorf("a part of a register cannot be written")
	}
	if !(raw >= low && raw <= high) {
		return nil, fmt.Errorf("%v is not in %v…%v", raw, low, high)
	}
	if f.words() == 1 {
		return binary.BigEndian.AppendUint16(nil, uint16(int32(whole))), nil
	}
	long := uint32(int64(whole))
	if f.kind == kindF32 {
		long = math.Float32bits(float32(raw))
	}
	if f.swap {
		long = long<<16 | long>>16
	}
	return binary.BigEndian.AppendUint32(nil, long), nil
}

// coil is the state of one coil in a packed answer, the lowest bit first.
func coil(b []byte, offset int) float64 { return float64(b[offset/8] >> (offset % 8) & 1) }

package commission

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/linshao/linshao/drivers/device"
)

// An explanation is why a display shows another number than the gateway.
type explanation struct {
	rank int // the lower the likelier
	code string
	text Text
}

const noExplanation = 9

// near says whether two numbers are the same on a display: within half a percent, as a load moves while one looks.
func near(a, b float64) bool { return math.Abs(a-b) <= 0.005*math.Max(math.Abs(a), math.Abs(b)) }

// explain compares a value with what the display shows.
func explain(p device.Point, got register, shown float64) explanation {
	value := got.reading.Value
	if near(value, shown) {
		return explanation{0, "match", Text{"一致", "the same"}}
	}
	scale := p.Scale
	if scale == 0 {
		scale = 1
	}
	if math.IsNaN(value) {
		value = 0
	}
	for _, other := range otherWays(p, got.raw) {
		if near(other.value*scale+p.Offset, shown) {
			return explanation{1, other.code, Text{
				fmt.Sprintf("读到 %v，显示 %v：%s 才一致", value, shown, other.word), fmt.Sprintf("read %v, shown %v: the same with %s", value, shown, other.word)}}
		}
	}
	if value != 0 && shown != 0 {
		ratio := shown / value
		if near(ratio, -1) {
			return explanation{2, "sign", Text{fmt.Sprintf("读到 %v，显示 %v：方向相反（电流互感器装反，或按反向计）", value, shown), fmt.Sprintf("read %v, shown %v: the other direction (a transformer the wrong way round)", value, shown)}}
		}
		if ten := math.Round(math.Log10(math.Abs(ratio))); ratio > 0 && ten != 0 && near(ratio, math.Pow(10, ten)) {
			ratio = math.Pow(10, ten)
			return explanation{2, "scale", Text{
				fmt.Sprintf("读到 %v，显示 %v：比例应为 %v", value, shown, rounded(scale*ratio)), fmt.Sprintf("read %v, shown %v: the scale should be %v", value, shown, rounded(scale*ratio))}}
		}
		for _, primary := range []float64{10, 15, 20, 25, 30, 40, 50, 60, 75, 80, 100, 120, 160, 200, 250, 300, 400, 500, 600, 800, 1000} {
			for _, ct := range []float64{primary, primary / 5} {
				if ct > 1 && (near(ratio, ct) || near(1/ratio, ct)) {
					return explanation{3, "ct", Text{
						fmt.Sprintf("读到 %v，显示 %v：差 %v 倍，像电流互感器变比（%v/5）", value, shown, rounded(ct), rounded(ct*5)),
						fmt.Sprintf("read %v, shown %v: a factor of %v, like a current transformer's (%v/5)", value, shown, rounded(ct), rounded(ct*5))}}
				}
			}
		}
	}
	return explanation{noExplanation, "mismatch", Text{fmt.Sprintf("读到 %v，显示 %v：不一致", value, shown), fmt.Sprintf("read %v, shown %v: not the same", value, shown)}}
}

func rounded(v float64) float64 { return math.Round(v*1e6) / 1e6 }

// A way is another understanding of the same bytes.
type way struct {
	code, word string
	value      float64
}

func otherWays(p device.Point, raw []byte) []way {
	var list []way
	switch len(raw) {
	case 2:
		word := binary.BigEndian.Uint16(raw)
		list = append(list, way{"type", "type i16", float64(int16(word))}, way{"type", "type u16", float64(word)},
			way{"bytes", "bytes swapped", float64(word<<8 | word>>8)})
	case 4:
		long := binary.BigEndian.Uint32(raw)
		if p.Register.Swap {
			long = long<<16 | long>>16
		}
		swapped := long<<16 | long>>16
		of := func(kind string, long uint32) float64 {
			switch kind {
			case "f32":
				return float64(math.Float32frombits(long))
			case "i32":
				return float64(int32(long))
			}
			return float64(long)
		}
		word := fmt.Sprintf("swap: %v", !p.Register.Swap)
		list = append(list, way{"swap", word, of(p.Register.Type, swapped)})
		for _, kind := range []string{"u32", "i32", "f32"} {
			list = append(list, way{"type", "type " + kind, of(kind, long)}, way{"type", "type " + kind + ", " + word, of(kind, swapped)})
		}
	}
	return list
}

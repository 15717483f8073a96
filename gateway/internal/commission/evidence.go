package commission

import (
	"fmt"
	"math"
	"strings"

	"github.com/linshao/linshao/drivers/device"
)

// Bits that are taken away: each halves, four times over, the odds that the device is the model.
const (
	missBits    = 6 // for a point that the device does not have
	outsideBits = 4 // for a value outside its range
)

// evidence is how many bits a point's value speaks for its model: how seldom a register that means something else would hold a
// value in the point's range. Zero and small whole numbers stand in every map and say little; a value outside speaks against.
func evidence(p device.Point, got register) float64 {
	r := got.reading
	switch {
	case r.Quality == device.Bad:
		return 0 // a special value: the model knows it, and so may others
	case r.Reason == device.OutOfRange:
		return -outsideBits
	}
	if strings.Trim(string(got.raw), "\x00") == "" {
		return 0
	}
	bits := 0.2
	if p.Min != 0 || p.Max != 0 {
		bits = rangeBits(p, r.Value)
		if bits < 0 {
			return bits
		}
	}
	return bits + mains(p.Unit, math.Abs(r.Value))
}

// rangeBits weighs a value that lies in its point's range.
func rangeBits(p device.Point, value float64) float64 {
	scale := math.Abs(p.Scale)
	if scale == 0 {
		scale = 1
	}
	most := math.Max(math.Abs(p.Min), math.Abs(p.Max))
	switch p.Register.Type {
	case "f32":
		if math.Abs(value) < math.Min(most*1e-5, 1e-3) {
			return -outsideBits / 2 // two whole numbers taken for a float
		}
		const octaves = 17 // from a hundred-thousandth of the range to its end, of 512 of both signs
		return math.Log2(512 / octaves)
	case "u16", "i16":
		raw := math.Abs(value-p.Offset) / scale
		return math.Min(math.Log2(math.Max(1, 65536*scale/(p.Max-p.Min+scale))), small(raw))
	case "u32", "i32":
		raw := math.Abs(value-p.Offset) / scale
		return math.Min(math.Max(0, math.Log2(4294967296*scale/(p.Max-p.Min+scale))), math.Min(6, small(raw)))
	case "hi8", "lo8":
		return 0.5
	}
	if strings.Contains(p.Register.Type, "X") {
		return 4 // a meter that knows the identifier of its standard
	}
	return 0.2
}

// small is what a whole number can say at most.
func small(raw float64) float64 { return math.Log2(1 + raw/4) }

// mains is what the values of the mains say beside their range: nothing else in a map happens to be 50.02 or 231.4.
func mains(unit string, value float64) float64 {
	switch {
	case unit == "Hz" && (value > 49 && value < 51 || value > 59 && value < 61):
		return 4
	case unit == "V" && (value > 195 && value < 255 || value > 100 && value < 130 || value > 360 && value < 430):
		return 3
	}
	return 0
}

// consistency checks power against voltage and current, where a model has all three under their plain names.
func consistency(v *view, points []device.Point) float64 {
	value := func(name string) float64 {
		for _, p := range points {
			if got := v.known[placeOf(p)]; p.Name == name && got.why == device.ReasonNone && got.reading.Quality == device.Good {
				return math.Abs(got.reading.Value)
			}
		}
		return math.NaN()
	}
	power, apparent := value("power"), value("voltage")*value("current")
	switch {
	case math.IsNaN(power) || math.IsNaN(apparent) || power < 10 && apparent < 10:
		return 0
	case power > 1.1*apparent+5:
		return -2 * outsideBits
	}
	return 4
}

func why(w weighed) Text {
	return Text{fmt.Sprintf("%d 个点位读了 %d 个，%d 个值合理", len(w.model.Points), w.read, w.good),
		fmt.Sprintf("%d of %d points read, %d plausible", w.read, len(w.model.Points), w.good)}
}

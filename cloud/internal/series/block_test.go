package series_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/linshao/linshao/cloud/internal/series"
	"github.com/linshao/linshao/drivers/device"
)

func same(t interface{ Fatalf(string, ...any) }, a, b series.Column) {
	if len(a.Times) != len(b.Times) || len(b.Values) != len(b.Times) {
		t.Fatalf("%d readings became %d", len(a.Times), len(b.Times))
	}
	for i := range a.Times {
		x, y := a.Reading(i), b.Reading(i)
		if a.Times[i] != b.Times[i] || x.Quality != y.Quality || x.Reason != y.Reason || (x.Quality != device.Bad && math.Float64bits(x.Value) != math.Float64bits(y.Value)) {
			t.Fatalf("reading %d: %v became %v", i, x, y)
		}
	}
}

// A gateway may tell any time. Two that lie further apart than a number can say must not spoil the block that they share
// with others.
func TestBlocksKeepTimesFarApart(t *testing.T) {
	var c series.Column
	for _, at := range []int64{math.MinInt64, 1, 2, math.MaxInt64 - 1, math.MaxInt64} {
		c.Add(at, 1, byte(device.Good)<<6)
	}
	got, err := series.Unpack(series.Pack(c))
	if err != nil {
		t.Fatal(err)
	}
	same(t, c, got)
}

func TestBlocksKeepEveryBit(t *testing.T) {
	values := rapid.OneOf(rapid.Float64(), rapid.Map(rapid.IntRange(-100_000, 100_000), func(n int) float64 { return float64(n) / 10 }),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1e300, 0.1, 1e-9, 1 << 53, math.MaxFloat64, math.SmallestNonzeroFloat64}))
	rapid.Check(t, func(t *rapid.T) {
		var c series.Column
		at := rapid.Int64Range(-1<<40, 1<<41).Draw(t, "first")
		for range rapid.IntRange(1, 200).Draw(t, "n") {
			status := byte(device.Good) << 6
			if rapid.IntRange(0, 9).Draw(t, "odd") == 0 {
				status = byte(rapid.IntRange(0, 191).Draw(t, "status"))
			}
			c.Add(at, values.Draw(t, "value"), status)
			at += rapid.SampledFrom([]int64{1000, 1000, 1000, 1, 5000, 1 << 33}).Draw(t, "step")
		}
		got, err := series.Unpack(series.Pack(c))
		if err != nil {
			t.Fatalf("%v", err)
		}
		same(t, c, got)
	})
}

func FuzzBlock(f *testing.F) {
	var c series.Column
	for i := range 20 {
		c.Add(int64(i)*1000, float64(i)/10, byte(device.Good)<<6)
	}
	c.Add(50_000, 0.1234567890123, byte(device.Uncertain)<<6|3)
	c.Add(51_000, 0, 4)
	f.Add(series.Pack(c))
	f.Add([]byte{255, 255, 255, 255, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := series.Unbundle(b); err != nil {
			_ = err // refused
		}
		c, err := series.Unpack(b)
		if err != nil {
			return
		}
		again, err := series.Unpack(series.Pack(c))
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		same(t, c, again)
	})
}

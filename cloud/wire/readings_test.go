package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/drivers/device"
)

func codec(t testing.TB) (*wire.Encoder, *wire.Decoder) {
	t.Helper()
	e, err := wire.NewEncoder()
	if err != nil {
		t.Fatal(err)
	}
	d, err := wire.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	return e, d
}

// bySeries is what must survive of readings: per series their order, times to the millisecond, values to the bit.
func bySeries(rs []device.Reading) map[device.Key][]string {
	out := map[device.Key][]string{}
	for _, r := range rs {
		value := fmt.Sprintf("%016x", math.Float64bits(r.Value))
		if r.Quality == device.Bad {
			value = "none"
		}
		out[r.Key()] = append(out[r.Key()], fmt.Sprint(r.Time.UnixMilli(), value, r.Quality, r.Reason))
	}
	return out
}

// survive sends readings through the wire.
func survive(t interface{ Fatalf(string, ...any) }, e *wire.Encoder, d *wire.Decoder, want []device.Reading) {
	payload, err := e.Encode(want)
	if err != nil {
		t.Fatalf("%v", err)
	}
	got, err := d.Readings(payload)
	if err != nil {
		t.Fatalf("%v", err)
	}
	if g, w := bySeries(got), bySeries(want); !reflect.DeepEqual(g, w) {
		t.Fatalf("got  %v\nwant %v", g, w)
	}
	for _, r := range got {
		if r.Quality == device.Bad && !math.IsNaN(r.Value) {
			t.Fatalf("a bad reading has the value %v", r.Value)
		}
	}
}

func TestReadingsSurviveTheWire(t *testing.T) {
	e, d := codec(t)
	at := time.UnixMilli(1_795_000_000_123)
	for range 2 { // the second round uses the encoder's memory
		survive(t, e, d, []device.Reading{
			{Device: "A-03.1", Point: "power", Value: 231.4, Quality: device.Good, Time: at},
			{Device: "A-03.1", Point: "energy", Value: 1e-3, Quality: device.Uncertain, Reason: device.OutOfRange, Time: at.Add(-time.Second)},
			{Device: "gas-1802", Point: "level", Value: math.NaN(), Quality: device.Bad, Reason: device.Timeout, Time: at.Add(time.Hour)},
			{Device: "gas-1802", Point: "level", Value: 62, Quality: device.Good, Time: at.Add(2 * time.Hour)},
		})
	}
}

// The encoder guesses the next series from the last payload: any order must come out right all the same.
func TestOrderAndRepeats(t *testing.T) {
	e, d := codec(t)
	at := time.UnixMilli(5)
	mk := func(dev, p string, v float64) device.Reading {
		return device.Reading{Device: dev, Point: p, Value: v, Quality: device.Good, Time: at}
	}
	survive(t, e, d, []device.Reading{mk("a", "x", 1), mk("a", "y", 2), mk("b", "x", 3)})
	survive(t, e, d, []device.Reading{mk("b", "x", 3), mk("a", "y", 2), mk("a", "x", 1), mk("a", "x", 4)})
	survive(t, e, d, []device.Reading{mk("c", "z", 9), mk("a", "x", 1), mk("a", "y", 2), mk("b", "x", 3), mk("c", "z", math.Pi)})
}

// values of every sort that the codec treats apart.
func values() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.Float64(),
		rapid.Map(rapid.Uint64(), math.Float64frombits),
		rapid.Map(rapid.Float32(), func(f float32) float64 { return float64(f) }),
		rapid.Map(rapid.Float32(), func(f float32) float64 { return math.Round(float64(f)*1e6) / 1e6 }),
		rapid.Map(rapid.IntRange(-70_000, 70_000), func(n int) float64 { return math.Round(float64(n)*0.1*1e6) / 1e6 }),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, -(1 << 51), 1e22, 0.1 + 0.2}),
	)
}

func readings() *rapid.Generator[[]device.Reading] {
	return rapid.Custom(func(t *rapid.T) []device.Reading {
		names := rapid.SliceOfN(rapid.OneOf(rapid.SampledFrom([]string{"", "power", "voltage", "A-03.1", "A-03.2"}), rapid.StringN(0, 20, 250)), 1, 6).Draw(t, "names")
		sort := values()
		at := rapid.Int64Range(-1<<50, 1<<50).Draw(t, "at")
		n := rapid.IntRange(1, 200).Draw(t, "readings")
		step := rapid.Int64Range(0, 60_000).Draw(t, "step")
		var rs []device.Reading
		for len(rs) < n {
			at += step + rapid.Int64Range(-3, 3).Draw(t, "jitter")
			dev := rapid.SampledFrom(names).Draw(t, "device")
			for _, point := range names {
				r := device.Reading{Device: dev, Point: point, Value: sort.Draw(t, "value"), Quality: device.Good, Time: time.UnixMilli(at)}
				if rapid.IntRange(0, 9).Draw(t, "ill") == 0 {
					r.Quality = device.Quality(rapid.IntRange(0, 2).Draw(t, "quality"))
					r.Reason = device.Reason(rapid.IntRange(0, 63).Draw(t, "reason"))
				}
				rs = append(rs, r)
			}
		}
		return rs
	})
}

func TestAnythingSurvivesTheWire(t *testing.T) {
	e, d := codec(t)
	rapid.Check(t, func(t *rapid.T) { survive(t, e, d, readings().Draw(t, "readings")) })
}

// plain are readings of so many series as a site has them: per device a poll, values with noise.
func plain(devices, points, rounds int) []device.Reading {
	var rs []device.Reading
	names := func(format string, n int) []string {
		all := make([]string, n)
		for i := range all {
			all[i] = fmt.Sprintf(format, i)
		}
		return all
	}
	deviceNames, pointNames := names("meter-%04d", devices), names("point_%d", points) // one string for all readings, as in a gateway
	for round := range rounds {
		for d := range devices {
			at := time.UnixMilli(1_795_000_000_000 + int64(round)*5000 + int64(d*7%5000) + int64((round*31+d*17)%5))
			for p := range points {
				noise := float64((round*7919+d*104729+p*1299709)%23) - 11
				value := math.Round((float64(p*100)+float64(d%50)+noise/10)*1e6) / 1e6
				rs = append(rs, device.Reading{Device: deviceNames[d], Point: pointNames[p], Value: value, Quality: device.Good, Time: at})
			}
		}
	}
	return rs
}

func TestWhatDoesNotFitIsSplit(t *testing.T) {
	e, d := codec(t)
	rs := make([]device.Reading, 2*wire.MaxReadings)
	for i := range rs { // values of which no bit can be saved
		x := uint64(i+1) * 0x9E3779B97F4A7C15
		rs[i] = device.Reading{Device: "device-with-a-long-name-" + string(rune('a'+i%26)), Point: "p" + string(rune('0'+i%64)),
			Value: math.Float64frombits(x ^ x>>29), Quality: device.Good, Time: time.UnixMilli(int64(i * 997))}
	}
	if _, err := e.Encode(rs[:wire.MaxReadings]); !errors.Is(err, wire.ErrTooLarge) {
		t.Fatal(err)
	}
	var got []device.Reading
	for rest := rs; len(rest) > 0; {
		payload, n, err := e.EncodeFirst(&wire.Readings{PartsEpoch: 1 << 63, PartsTo: 1 << 63}, rest)
		if err != nil || n == 0 || len(payload) > wire.MaxPayload || n < min(len(rest), 3000) {
			t.Fatalf("%d readings in %d bytes: %v", n, len(payload), err)
		}
		part, err := d.Readings(payload)
		if err != nil {
			t.Fatal(err)
		}
		got, rest = append(got, part...), rest[n:]
	}
	if !reflect.DeepEqual(bySeries(got), bySeries(rs)) {
		t.Fatal("the parts are not the whole")
	}
	for i := range rs {
		rs[i].Device = fmt.Sprintf("%0200d", i)
	}
	if payload, n, err := e.EncodeFirst(&wire.Readings{}, rs); err != nil || n < 200 {
		t.Fatalf("%d readings of long names: %v", n, err)
	} else if back, err := d.Readings(payload); err != nil || len(back) != n {
		t.Fatalf("%d of %d: %v", len(back), n, err)
	}
}

func TestReadingsThatCannotBeTold(t *testing.T) {
	e, _ := codec(t)
	for _, r := range []device.Reading{
		{Device: string(make([]byte, 256)), Point: "p"}, {Point: string(make([]byte, 256))},
		{Quality: 3}, {Reason: 64},
	} {
		if _, err := e.Encode([]device.Reading{r}); err == nil {
			t.Errorf("%.20q %d %d was taken", r.Device, r.Quality, r.Reason)
		}
	}
	if _, err := e.Encode(nil); err == nil {
		t.Error("no readings were taken")
	}
}

func TestTheOtherFieldsAndTheColumns(t *testing.T) {
	e, d := codec(t)
	head := &wire.Readings{PartsEpoch: 7, PartsTo: 9, Origin: &wire.Origin{Boot: 3, Clock: 1, WallMs: 1000, MonoMs: 500}}
	rs := plain(3, 4, 5)
	payload, _, err := e.EncodeFirst(head, rs)
	if err != nil {
		t.Fatal(err)
	}
	var got []device.Reading
	columns := 0
	back, err := d.Columns(payload, func(c wire.Column, all int) {
		columns++
		if all != len(rs) {
			t.Errorf("%d readings of %d", all, len(rs))
		}
		for i := range c.Times {
			got = append(got, c.Reading(i))
		}
	})
	if err != nil || columns != 12 || !reflect.DeepEqual(bySeries(got), bySeries(rs)) {
		t.Fatalf("%d columns: %v", columns, err)
	}
	head.Columns = nil
	if !proto.Equal(back, head) {
		t.Errorf("got %v want %v", back, head)
	}
}

// TestOldBytes: payloads of every released version decode for ever. LINSHAO_WRITE=1 writes the file of a new version.
func TestOldBytes(t *testing.T) {
	e, d := codec(t)
	want := []device.Reading{
		{Device: "A-03.1", Point: "voltage", Value: 230.1, Quality: device.Good, Time: time.UnixMilli(1_795_000_000_000)},
		{Device: "A-03.1", Point: "power", Value: 331, Quality: device.Good, Time: time.UnixMilli(1_795_000_000_000)},
		{Device: "A-03.2", Point: "voltage", Value: 229.8, Quality: device.Good, Time: time.UnixMilli(1_795_000_000_003)},
		{Device: "A-03.2", Point: "power", Value: 0, Quality: device.Uncertain, Reason: device.OutOfRange, Time: time.UnixMilli(1_795_000_000_003)},
		{Device: "自带名", Point: "x", Value: math.Copysign(0, -1), Quality: device.Good, Time: time.UnixMilli(5)},
		{Device: "A-03.1", Point: "voltage", Value: 230.4, Quality: device.Good, Time: time.UnixMilli(1_795_000_005_001)},
		{Device: "A-03.1", Point: "power", Value: math.NaN(), Quality: device.Bad, Reason: device.Timeout, Time: time.UnixMilli(1_795_000_005_001)},
		{Device: "A-03.1", Point: "voltage", Value: 230.2, Quality: device.Good, Time: time.UnixMilli(1_795_000_010_000)},
		{Device: "feeder", Point: "voltage", Value: math.Round(float64(float32(231.123))*1e6) / 1e6, Quality: device.Good, Time: time.UnixMilli(1_795_000_000_000)},
		{Device: "feeder", Point: "voltage", Value: math.Round(float64(float32(231.987))*1e6) / 1e6, Quality: device.Good, Time: time.UnixMilli(1_795_000_005_000)},
	}
	payload, _, err := e.EncodeFirst(&wire.Readings{PartsEpoch: 11, PartsTo: 12}, want)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", "readings-1.bin")
	if os.Getenv("LINSHAO_WRITE") != "" {
		if err := os.WriteFile(file, payload, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(old, payload) {
		t.Error("the encoder writes other bytes than it did: a change of the format is a new version")
	}
	got, err := d.Readings(old)
	if err != nil || !reflect.DeepEqual(bySeries(got), bySeries(want)) {
		t.Fatalf("%v %v", got, err)
	}
}

func TestDamagedReadingsAreRefused(t *testing.T) {
	e, d := codec(t)
	payload, err := e.Encode(plain(3, 4, 5))
	if err != nil {
		t.Fatal(err)
	}
	for i := range payload {
		if _, err := d.Readings(payload[:i]); err == nil {
			t.Fatalf("%d of %d bytes were taken", i, len(payload))
		}
	}
	for _, columns := range [][]byte{nil, {0}, {2, 1}, {1, 0}, {1, 0x81, 0x80, 1}, {1, 1, 1, 0xff, 0xff, 3}} {
		b, err := proto.Marshal(&wire.Readings{Columns: columns})
		if err != nil {
			t.Fatal(err)
		}
		if rs, err := d.Readings(b); err == nil {
			t.Errorf("columns % x: %v", columns, rs)
		}
	}
}

func FuzzReadings(f *testing.F) {
	e, d := codec(f)
	for _, rs := range [][]device.Reading{plain(1, 1, 1), plain(2, 3, 4), {{Device: "a", Point: "b", Value: math.Pi, Quality: device.Uncertain, Reason: device.Stuck, Time: time.UnixMilli(1)}}} {
		good, err := e.Encode(rs)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(good)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		rs, err := d.Readings(b)
		if err != nil {
			return
		}
		if len(rs) == 0 || len(rs) > wire.MaxReadings {
			t.Fatalf("%d readings", len(rs))
		}
		if again, n, err := e.EncodeFirst(&wire.Readings{}, rs); err != nil || n == 0 {
			t.Fatalf("%d of %d decoded readings can be encoded: %v", n, len(rs), err)
		} else if back, err := d.Readings(again); err != nil || !reflect.DeepEqual(bySeries(back), bySeries(rs[:n])) {
			t.Fatalf("they do not come back: %v", err)
		}
	})
}

// The loads: what a large compound gives in a second, a record of it, and a small compound's minute.
var loads = []struct {
	name                    string
	devices, points, rounds int
}{
	{"10000x1", 500, 20, 1}, {"4000x4", 200, 20, 4}, {"70x12", 10, 7, 12}, {"1000x16", 50, 20, 16},
}

func BenchmarkEncode(b *testing.B) {
	for _, load := range loads {
		b.Run(load.name, func(b *testing.B) {
			e, _ := codec(b)
			rs := plain(load.devices, load.points, load.rounds)
			size := 0
			for b.Loop() {
				payload, n, err := e.EncodeFirst(&wire.Readings{}, rs)
				if err != nil || n != len(rs) {
					b.Fatal(n, err)
				}
				size = len(payload)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rs)), "ns/reading")
			b.ReportMetric(float64(size)/float64(len(rs)), "B/reading")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, load := range loads {
		e, d := codec(b)
		rs := plain(load.devices, load.points, load.rounds)
		payload, err := e.Encode(rs)
		if err != nil {
			b.Fatal(err)
		}
		perReading := func(b *testing.B) {
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rs)), "ns/reading")
		}
		b.Run("readings/"+load.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Readings(payload); err != nil {
					b.Fatal(err)
				}
			}
			perReading(b)
		})
		b.Run("columns/"+load.name, func(b *testing.B) {
			for b.Loop() {
				if _, err := d.Columns(payload, func(wire.Column, int) {}); err != nil {
					b.Fatal(err)
				}
			}
			perReading(b)
		})
	}
}

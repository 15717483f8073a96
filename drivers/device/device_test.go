package device_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// lastReason is the last of the constants: a new one is added here too.
const lastReason = device.DeviceBusy

func TestEveryReasonHasItsOwnWord(t *testing.T) {
	seen := map[string]device.Reason{}
	for r := device.ReasonNone; r <= lastReason; r++ {
		word := r.String()
		if word == "unknown" || (word == "") != (r == device.ReasonNone) {
			t.Errorf("reason %d has the word %q", r, word)
		}
		if word != strings.ToLower(word) || strings.Contains(word, " ") {
			t.Errorf("reason %q is not lower_case", word)
		}
		if other, dup := seen[word]; dup {
			t.Errorf("reasons %d and %d are both %q", other, r, word)
		}
		seen[word] = r
		if back, ok := device.ParseReason(word); !ok || back != r {
			t.Errorf("ParseReason(%q) = %d %v, want %d", word, back, ok, r)
		}
	}
	if next := lastReason + 1; next.String() != "unknown" {
		t.Errorf("reason %d has the word %q: raise lastReason", next, next)
	}
	if r, ok := device.ParseReason("unknown"); ok {
		t.Errorf("ParseReason(unknown) = %d", r)
	}
}

// The numbers travel on the wire and lie in logs for years.
func TestReasonNumbersNeverChange(t *testing.T) {
	for want, word := range []string{
		"", "timeout", "corrupt", "mismatch", "refused", "no_such_point", "channel_down", "not_read", "unsupported",
		"out_of_range", "rate_exceeded", "stuck", "sensor_fault", "sensor_expired", "warming_up", "shielded",
		"over_range", "under_range", "auth_failed", "frozen", "driver_crashed", "gateway_off", "device_busy",
	} {
		if r, ok := device.ParseReason(word); !ok || int(r) != want {
			t.Errorf("%q is %d, was %d", word, r, want)
		}
	}
}

func TestJudge(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	celsius := device.Point{Device: "d", Name: "t", Scale: 0.1, Offset: -40, Min: -40, Max: 85,
		Special: map[int64]device.Reason{0x7FFF: device.SensorFault, 0: device.WarmingUp}}
	bits := device.Point{Special: map[int64]device.Reason{0xFFFF: device.SensorFault}, Map: []device.State{
		device.Between(1000, 1999, 192), device.Bits(1<<1, 2), device.Bits(1<<5, 3), device.Between(0, 0, 0)}}
	cases := []struct {
		name    string
		point   device.Point
		raw     float64
		value   float64
		quality device.Quality
		reason  device.Reason
	}{
		{"scaled", celsius, 650, 25, device.Good, device.ReasonNone},
		{"low end", celsius, 0.1, -39.99, device.Good, device.ReasonNone},
		{"high end", celsius, 1250, 85, device.Good, device.ReasonNone},
		{"above", celsius, 1251, 85.1, device.Uncertain, device.OutOfRange},
		{"below", celsius, -1, -40.1, device.Uncertain, device.OutOfRange},
		{"special", celsius, 0x7FFF, nan, device.Bad, device.SensorFault},
		{"special zero", celsius, 0, nan, device.Bad, device.WarmingUp},
		{"not a number", celsius, nan, nan, device.Bad, device.SensorFault},
		{"infinite", celsius, inf, nan, device.Bad, device.SensorFault},
		{"state of a bit", bits, 0x22, 2, device.Good, device.ReasonNone},
		{"the first line that fits", bits, 0x20, 3, device.Good, device.ReasonNone},
		{"state of a range", bits, 1200, 192, device.Good, device.ReasonNone},
		{"special before the map", bits, 0xFFFF, nan, device.Bad, device.SensorFault},
		{"no line fits", bits, 0x8000, nan, device.Bad, device.OutOfRange},
		{"no whole number", bits, 0.5, nan, device.Bad, device.OutOfRange},
		{"no number at all", bits, nan, nan, device.Bad, device.SensorFault},
		{"beyond whole numbers", bits, 1e300, nan, device.Bad, device.OutOfRange},
		{"no scale", device.Point{}, 7, 7, device.Good, device.ReasonNone},
		{"no range", device.Point{Scale: 1000}, -9, -9000, device.Good, device.ReasonNone},
	}
	at := time.Unix(1700000000, 0)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := device.Judge(c.point, c.raw, at)
			same := math.Abs(r.Value-c.value) < 1e-9 || math.IsNaN(r.Value) && math.IsNaN(c.value)
			if !same || r.Quality != c.quality || r.Reason != c.reason || r.Key() != c.point.Key() || !r.Time.Equal(at) {
				t.Errorf("got %+v, want %v %v %q", r, c.value, c.quality, c.reason)
			}
		})
	}
}

func TestAForgottenReadingIsBad(t *testing.T) {
	var r device.Reading
	if r.Quality != device.Bad || r.Quality.String() != "bad" {
		t.Errorf("the zero quality is %v", r.Quality)
	}
	bad := device.BadReading(device.Point{Device: "d", Name: "p"}, device.Timeout, time.Time{})
	if !math.IsNaN(bad.Value) || bad.Quality != device.Bad || bad.Reason != device.Timeout {
		t.Errorf("got %+v", bad)
	}
	if device.Uncertain.String() != "uncertain" || device.Good.String() != "good" {
		t.Error("qualities have the wrong words")
	}
}

func TestAllows(t *testing.T) {
	valve := device.Point{Device: "v", Name: "open", Writable: []float64{0}}
	if !valve.Allows(0) || valve.Allows(1) || valve.Allows(math.NaN()) {
		t.Error("a gas valve may be closed, never opened")
	}
	if (device.Point{}).Allows(0) {
		t.Error("a point without a list is read-only")
	}
}

package gashistory_test

import (
	"testing"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/gashistory"
)

// FuzzAnswer gives the driver any bytes for an answer: it takes only a whole frame of the very question.
func FuzzAnswer(f *testing.F) {
	f.Add(bin(f, "AA 01 01 07 01 07 EA 0B 15 02 1E E5 55"), byte(1), byte(1), true)
	f.Add(bin(f, "AA 01 01 00 AC 55 AA"), byte(1), byte(1), false)
	f.Fuzz(func(t *testing.T, got []byte, n, what byte, over bool) {
		_, scan := gashistory.Ask(n, what)
		data, err := scan(got, over)
		if data != nil && (err != nil || len(data) == 0 || len(got) < len(data)+6) {
			t.Errorf("% X, %v of % X", data, err, got)
		}
	})
}

// FuzzData puts any data into right frames.
func FuzzData(f *testing.F) {
	f.Add(bin(f, "01 07 EA 0B 15 02 1E"))
	f.Add(bin(f, "C8 C8 64 64 32 32 01"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 || len(data) > 200 {
			return
		}
		c := gashistory.Driver{}.OnWire(&straight{d: &detector{fixed: data}})
		for _, at := range []string{"count alarm", "newest alarm", "record alarm 1", "expired", "expired_at", "clock_offset"} {
			if r := one(t, c, point(t, at)); r.Quality == device.Bad && r.Value == r.Value {
				t.Errorf("%s: %+v", at, r)
			}
		}
	})
}

// FuzzPlaces reads any place.
func FuzzPlaces(f *testing.F) {
	f.Add("record alarm 7")
	f.Fuzz(func(t *testing.T, at string) {
		space, addr, err := gashistory.ParsePlace(at)
		if p := (device.Point{Register: device.Register{Space: space, Addr: addr}}); err == nil && gashistory.CheckPoint(p) != nil {
			t.Errorf("%q is a place that cannot be read", at)
		}
	})
}

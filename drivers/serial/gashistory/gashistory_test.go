package gashistory_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/gashistory"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
)

func bin(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// point is what a profile says with `at`.
func point(t testing.TB, at string) device.Point {
	t.Helper()
	space, addr, err := gashistory.ParsePlace(at)
	if err != nil {
		t.Fatal(err)
	}
	return device.Point{Device: "d", Name: at, Protocol: "gb15322", Register: device.Register{Space: space, Addr: addr}}
}

// Frames whose sums were computed by hand.
func TestQuestions(t *testing.T) {
	for want, q := range map[string][2]byte{"AA 00 00 00 AA 55": {0, 0}, "AA 01 01 00 AC 55": {1, 1}, "AA 00 07 00 B1 55": {0, 7}, "AA 00 08 00 B2 55": {0, 8}} {
		if got, _ := gashistory.Ask(q[0], q[1]); !bytes.Equal(got, bin(t, want)) {
			t.Errorf("% X, want %s", got, want)
		}
	}
}

func TestAnswers(t *testing.T) {
	const good = "AA 01 01 07 01 07 EA 0B 15 02 1E E5 55" // record 1: 2026-11-21 02:30
	for _, c := range []struct {
		name, got, want string
		fault           device.Reason
	}{
		{"right", good, "01 07 EA 0B 15 02 1E", 0},
		{"without its number", "AA 01 01 06 07 EA 0B 15 02 1E E3 55", "07 EA 0B 15 02 1E", 0},
		{"behind our echo", "AA 01 01 00 AC 55" + good, "01 07 EA 0B 15 02 1E", 0},
		{"behind noise that begins like a frame", "AA AA 55 AA" + good, "01 07 EA 0B 15 02 1E", 0},
		{"behind a late answer", "AA 02 01 07 02 07 EA 0B 14 02 1E E6 55" + good, "01 07 EA 0B 15 02 1E", 0},
		{"of another record", "AA 02 01 07 02 07 EA 0B 14 02 1E E6 55", "", device.Mismatch},
		{"of another sort", "AA 01 02 07 01 07 EA 0B 15 02 1E E6 55", "", device.Mismatch},
		{"wrong sum", "AA 01 01 07 01 07 EA 0B 15 02 1F EF 55", "", device.Corrupt},
		{"only our echo", "AA 01 01 00 AC 55", "", 0},
		{"half", "AA 01 01 07 01 07", "", device.Corrupt},
		{"nothing", "", "", 0},
	} {
		_, scan := gashistory.Ask(1, 1)
		got, err := scan(bin(t, c.got), true)
		var fault interface{ Error() string }
		if !bytes.Equal(got, bin(t, c.want)) || (err != nil) != (c.fault != 0) {
			t.Errorf("%s: % X, %v", c.name, got, err)
		}
		if c.fault != 0 && (!errors.As(err, &fault) || !strings.HasPrefix(fault.Error(), c.fault.String())) {
			t.Errorf("%s: %v, want %s", c.name, err, c.fault)
		}
		for n := range len(bin(t, c.got)) {
			if early, err := scan(bin(t, c.got)[:n], false); early != nil || err != nil {
				t.Errorf("%s: judged after %d bytes: % X, %v", c.name, n, early, err)
			}
		}
	}
}

// china is a time as a detector shows it.
func china(text string) time.Time {
	t, err := time.ParseInLocation("2006-01-02 15:04:05", text, time.FixedZone("", 8*3600))
	if err != nil {
		panic(err)
	}
	return t
}

func TestADetectorsLog(t *testing.T) {
	now := china("2026-11-22 03:00:10")
	alarms := []time.Time{china("2026-11-20 18:05:00"), china("2026-11-21 02:30:00")}
	for name, newestFirst := range map[string]bool{"oldest first": false, "newest first": true} {
		d := &detector{alarms: alarms, newestFirst: newestFirst, clock: func() time.Time { return now.Add(-7 * time.Minute) }}
		c := gashistory.Driver{Now: func() time.Time { return now }}.OnWire(&straight{d: d})
		want := map[string]float64{"count alarm": 2, "count power_on": 0, "newest alarm": float64(alarms[1].Unix()), "newest power_on": 0,
			"expired": 0, "expired_at": 0, "clock_offset": -7*60 + 20} // it shows 02:53, which is on average 02:53:30
		for at, v := range want {
			if r := one(t, c, point(t, at)); r.Value != v || r.Quality != device.Good {
				t.Errorf("%s, %s: %+v, want %v", name, at, r, v)
			}
		}
		if r := one(t, c, point(t, "record alarm 3")); r.Quality != device.Bad || r.Reason != device.NoSuchPoint || !math.IsNaN(r.Value) {
			t.Errorf("%s: a record that is not there: %+v", name, r)
		}
		d.expired = china("2026-08-01 00:00:00")
		if r := one(t, c, point(t, "expired")); r.Value != 1 {
			t.Errorf("past its life: %+v", r)
		}
		if r := one(t, c, point(t, "expired_at")); r.Value != float64(d.expired.Unix()) {
			t.Errorf("since when: %+v", r)
		}
	}
}

func TestWhatADetectorCannotSay(t *testing.T) {
	for _, c := range []struct {
		at, answer string
		want       device.Reason
	}{
		{"clock_offset", "07 EA 02 1E 00 00", device.Corrupt}, // 30 February
		{"clock_offset", "07 EA 0B 15 18 00", device.Corrupt}, // 24:00
		{"clock_offset", "00 00 00 00 00 00", device.Corrupt},
		{"clock_offset", "07 EA 0B 15 02", device.Mismatch},
		{"record alarm 1", "00 00 00 00 00 00 00", device.NoSuchPoint},
		{"record alarm 1", "01 07 EA 0D 01 00 00", device.Corrupt},
		{"record alarm 1", "01", device.Mismatch},
		{"count alarm", "01 02 03", device.Mismatch},
		{"newest alarm", "02 00 00 00 00 00", device.Mismatch},
		{"expired", "01 00", device.Mismatch},
		{"expired_at", "01 FF FF FF FF FF FF", device.Corrupt},
	} {
		d := &detector{fixed: bin(t, c.answer)}
		if r := one(t, gashistory.Driver{}.OnWire(&straight{d: d}), point(t, c.at)); r.Reason != c.want || r.Quality != device.Bad {
			t.Errorf("%s of %s: %+v", c.at, c.answer, r)
		}
	}
	d := &detector{fixed: bin(t, "01 FF FF FF FF FF FF")}
	if r := one(t, gashistory.Driver{}.OnWire(&straight{d: d}), point(t, "expired")); r.Value != 1 || r.Quality != device.Good {
		t.Errorf("past its life, nobody knows since when: %+v", r)
	}
}

func TestASilentDetectorIsAskedOnce(t *testing.T) {
	w := &straight{d: &detector{silent: true}}
	rs, err := gashistory.Driver{}.OnWire(w).Read(t.Context(), []device.Point{point(t, "count alarm"), point(t, "expired"), point(t, "clock_offset")})
	if err != nil || w.asked != 1 {
		t.Errorf("asked %d times, %v", w.asked, err)
	}
	for _, r := range rs {
		if r.Reason != device.Timeout {
			t.Errorf("%+v", r)
		}
	}
}

func TestPlaces(t *testing.T) {
	for _, at := range []string{"", "count", "count smoke", "record alarm", "record alarm 0", "record alarm 256", "expired 1", "level"} {
		if _, _, err := gashistory.ParsePlace(at); err == nil {
			t.Errorf("%q is taken for a place", at)
		}
	}
	want := gashistory.Record(gashistory.PowerOff, 7)
	if p := point(t, "record power_off 7"); p.Register.Space != want.Space || p.Register.Addr != want.Addr || gashistory.CheckPoint(p) != nil {
		t.Errorf("%+v", p)
	}
	p := point(t, "expired")
	p.Writable = []float64{0}
	if err := gashistory.CheckPoint(p); err == nil {
		t.Error("a log that can be written")
	}
	c := gashistory.Driver{}.OnWire(&straight{d: &detector{}})
	if err := c.Write(t.Context(), p, 0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("written: %v", err)
	}
	plan, err := gashistory.Driver{}.Plan(device.Channel{}, []device.Point{point(t, "count alarm"), point(t, "newest alarm"), point(t, "count fault")})
	if err != nil || len(plan) != 3 || len(plan[0].Points) != 3 || plan[0].Out != 6 || plan[0].In != 13 {
		t.Errorf("%+v, %v", plan, err)
	}
}

// On a real line, beside other protocols, at its own speed.
func TestOnALine(t *testing.T) {
	w := linetest.New(t)
	d := &detector{alarms: []time.Time{china("2026-11-21 02:30:00")}}
	w.Serve(t, 6, func(q []byte) { w.Send(append(bytes.Clone(q), d.answer(q)...)...) }) // an adapter that echoes
	settings := gashistory.Settings()
	c, err := serial.Shared{"gb15322": gashistory.Driver{}}.Open(t.Context(), device.Channel{Address: w.Path, Timeout: 5 * time.Second, Serial: device.Serial{Baud: 9600, StopBits: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a test's end
	p := point(t, "newest alarm")
	p.Serial = &settings
	if r := one(t, c, p); r.Value != float64(d.alarms[0].Unix()) || r.Quality != device.Good {
		t.Errorf("%+v", r)
	}
	alone, err := gashistory.Driver{}.Open(t.Context(), device.Channel{Address: w.Path})
	if err == nil {
		alone.Close() //nolint:errcheck // should not be open
		t.Error("one line, two masters")
	}
}

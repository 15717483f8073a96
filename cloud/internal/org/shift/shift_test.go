package shift_test

import (
	"errors"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/linshao/linshao/cloud/internal/org/shift"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func zone(t interface{ Fatal(...any) }, name string) *time.Location {
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestWords(t *testing.T) {
	for in, want := range map[string]string{
		"": "daily", "每天": "daily", "周一至周五": "mon-fri", "sat;sun": "sat-sun", "周末": "sat-sun", "sun": "sun", "fri-mon": "mon fri-sun", "星期天 mon": "mon sun",
		"mon wed tue fri": "mon-wed fri", "工作日 2026-10-01 2026-10-02 !2026-10-08": "mon-fri 2026-10-01..2026-10-02 !2026-10-08",
		"!2026-10-01..2026-10-07": "daily !2026-10-01..2026-10-07", "2026-10-03": "2026-10-03",
	} {
		if got, err := shift.Days(in); err != nil || got != want {
			t.Errorf("days %q: %q %v, want %q", in, got, err, want)
		}
	}
	for in, want := range map[string]string{"": "00:00-24:00", "全天": "00:00-24:00", "8:00-20:00": "08:00-20:00", "20：00—8：00": "20:00-08:00", "08:00-08:00": "08:00-08:00", "16:00-24:00": "16:00-24:00"} {
		if got, err := shift.Hours(in); err != nil || got != want {
			t.Errorf("hours %q: %q %v, want %q", in, got, err, want)
		}
	}
	for _, bad := range []string{"8-20", "25:00-26:00", "08:60-09:00", "24:00-08:00", "08:00", "-1:00-2:00", "x"} {
		var m *shift.Mistake
		if _, err := shift.Hours(bad); !errors.As(err, &m) || m.Text.ZH == m.Text.EN {
			t.Errorf("hours %q: %v", bad, err)
		}
	}
	for _, bad := range []string{"someday", "周八", "2026-13-01", "2026-10-07..2026-10-01", "2026-01-01..2036-01-01", "mon-", "!mon"} {
		if got, err := shift.Days(bad); err == nil {
			t.Errorf("days %q: %q", bad, got)
		}
	}
}

func TestWhoIsOn(t *testing.T) {
	sh := zone(t, "Asia/Shanghai")
	for _, c := range []struct {
		shift shift.Shift
		at    string // in Shanghai
		until string // empty: not on
	}{
		{shift.Shift{Days: "daily", Hours: "08:00-20:00"}, "2026-10-01 07:59:59", ""},
		{shift.Shift{Days: "daily", Hours: "08:00-20:00"}, "2026-10-01 08:00:00", "2026-10-01 20:00:00"},
		{shift.Shift{Days: "daily", Hours: "08:00-20:00"}, "2026-10-01 20:00:00", ""},
		{shift.Shift{Days: "fri", Hours: "20:00-08:00"}, "2026-10-03 07:59:59", "2026-10-03 08:00:00"}, // Saturday morning
		{shift.Shift{Days: "fri", Hours: "20:00-08:00"}, "2026-10-02 07:00:00", ""},
		{shift.Shift{Days: "2026-12-31", Hours: "22:00-06:00"}, "2027-01-01 05:00:00", "2027-01-01 06:00:00"},
		{shift.Shift{Days: "daily !2026-10-01", Hours: "20:00-08:00"}, "2026-10-02 03:00:00", ""},
		{shift.Shift{Days: "daily", Hours: "08:00-08:00"}, "2026-10-02 07:00:00", "2026-10-02 08:00:00"},
		{shift.Shift{Days: "daily", Hours: "00:00-24:00"}, "2026-10-02 23:59:59", "2026-10-03 00:00:00"},
		{shift.Shift{Days: "thu", Hours: "09:00-17:00", Zone: "UTC"}, "2026-10-02 00:30:00", "2026-10-02 01:00:00"},
	} {
		at, err := time.ParseInLocation(time.DateTime, c.at, sh)
		if err != nil {
			t.Fatal(err)
		}
		until, on := c.shift.On(at)
		got := ""
		if on {
			got = until.In(sh).Format(time.DateTime)
		}
		if got != c.until {
			t.Errorf("%+v at %s: until %q, want %q", c.shift, c.at, got, c.until)
		}
	}
}

// Day and night shifts without a hole have exactly one of them on at every instant, also where clocks are turned.
func TestNoHoleNoOverlap(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		name := rapid.SampledFrom([]string{"Asia/Shanghai", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"}).Draw(r, "zone")
		cut := rapid.IntRange(0, 24*60-1).Draw(r, "cut")
		other := (cut + rapid.IntRange(1, 24*60-1).Draw(r, "long")) % (24 * 60)
		text := func(a, b int) string {
			d := func(m int) string { return time.Date(2026, 1, 1, 0, m, 0, 0, time.UTC).Format("15:04") }
			return d(a) + "-" + d(b)
		}
		day, night := shift.Shift{Days: "daily", Hours: text(cut, other), Zone: name}, shift.Shift{Days: "daily", Hours: text(other, cut), Zone: name}
		at := time.Unix(rapid.Int64Range(1_760_000_000, 1_860_000_000).Draw(r, "at"), 0)
		_, a := day.On(at)
		_, b := night.On(at)
		if a == b {
			r.Fatalf("%s and %s at %v: %v %v", day.Hours, night.Hours, at.In(zone(r, name)), a, b)
		}
	})
}

func FuzzDays(f *testing.F) {
	for _, s := range []string{"mon-fri 2026-10-01 !2026-10-02", "周一至周五", "daily !2026-10-01..2026-10-07", "fri-mon"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once, err := shift.Days(text)
		if err != nil {
			return
		}
		if twice, err := shift.Days(once); err != nil || twice != once {
			t.Errorf("%q is spelt %q, then %q %v", text, once, twice, err)
		}
		for i := range int64(20) {
			at := time.Unix(1_790_000_000+i*13*3600, 0).UTC()
			_, a := shift.Shift{Days: text, Hours: "09:00-08:00"}.On(at)
			if _, b := (shift.Shift{Days: once, Hours: "09:00-08:00"}).On(at); a != b {
				t.Errorf("%q and %q differ at %v", text, once, at)
			}
		}
	})
}

func FuzzHours(f *testing.F) {
	for _, s := range []string{"08:00-20:00", "20：00—8：00", "全天", "00:00-24:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once, err := shift.Hours(text)
		if err != nil {
			return
		}
		if twice, err := shift.Hours(once); err != nil || twice != once {
			t.Errorf("%q is spelt %q, then %q %v", text, once, twice, err)
		}
	})
}

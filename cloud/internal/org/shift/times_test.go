package shift_test

import (
	"errors"
	"testing"
	"time"

	"github.com/linshao/linshao/cloud/internal/org/shift"
)

func TestTimesOfADay(t *testing.T) {
	for text, want := range map[string]string{"14:00，08:00,8:00": "08:00,14:00", "08:00-20:00每2小时": "08:00-20:00/2h", "00:00-23:59/90m": "00:00-23:59/90m"} {
		if got, err := shift.Times(text); err != nil || got != want {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
	for _, text := range []string{"", "25:00", "08:00-07:00/1h", "08:00/0h", "08:00-20:00/1m", "08:00-20:00/90s", "08:00-20:00/24h"} {
		var wrong *shift.Mistake
		if got, err := shift.Times(text); !errors.As(err, &wrong) {
			t.Errorf("%q: %q %v", text, got, err)
		}
	}
	zone, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	from := time.Date(2026, 11, 20, 8, 0, 0, 0, zone) // a Friday
	got := shift.Begins("mon-fri", "08:00-20:00/6h", from, from.AddDate(0, 0, 3))
	want := []string{"20 14:00", "20 20:00", "23 08:00"}
	if len(got) != len(want) {
		t.Fatal(got)
	}
	for i, at := range got {
		if at.Format("02 15:04") != want[i] {
			t.Errorf("%v, want %s", at, want[i])
		}
	}
}

// Whatever is taken has one right spelling, and begins within a day.
func FuzzTimes(f *testing.F) {
	for _, s := range []string{"08:00,14:00", "08:00-20:00/2h", "每", "/", "-/h", "00:00-23:59/15m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		right, err := shift.Times(text)
		if err != nil {
			return
		}
		if again, err := shift.Times(right); err != nil || again != right {
			t.Fatalf("%q: %q, then %q %v", text, right, again, err)
		}
		day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
		if n := len(shift.Begins("daily", right, day.Add(-time.Second), day.AddDate(0, 0, 1).Add(-time.Second))); n < 1 || n > 96 {
			t.Fatalf("%q begins %d times", right, n)
		}
	})
}

package app

import (
	"math"
	"testing"
	"time"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

// A buffer lasts for what is free of the quota or of the disk, at the pace of the last hour.
func TestForHowLongTheBufferLasts(t *testing.T) {
	const mib = 1 << 20
	for what, c := range map[string]struct {
		s    outbox.Stats
		free float64
		rate float64
		want float64
	}{
		"all of the quota":       {outbox.Stats{Bytes: 90 * mib}, 1000, mib, 100}, // 90 of it are history
		"what waits takes room":  {outbox.Stats{Bytes: 90 * mib, Unsent: 60 * mib}, 1000, mib, 40},
		"the disk ends sooner":   {outbox.Stats{Bytes: 30 * mib, Unsent: 20 * mib}, 5, mib, 15},
		"it is full":             {outbox.Stats{Bytes: 101 * mib, Unsent: 101 * mib}, 1000, mib, 0},
		"the disk takes nothing": {outbox.Stats{Degraded: time.Unix(1, 0)}, 1000, math.NaN(), 0},
		"the pace is not known":  {outbox.Stats{}, 1000, math.NaN(), math.NaN()},
		"nothing comes":          {outbox.Stats{}, 1000, 0, math.NaN()},
		"an unknown disk":        {outbox.Stats{Bytes: 90 * mib}, math.NaN(), mib, 100},
	} {
		if got := bufferTime(c.s, 100*mib, c.free, c.rate); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%s: %v, want %v", what, got, c.want)
		}
	}
}

// The pace is that of the last hour, and unknown in the first minutes.
func TestPaceOfTheLastHour(t *testing.T) {
	var p pace
	if at := p.rate(); !math.IsNaN(at) {
		t.Error(at)
	}
	start := time.Unix(0, 0)
	for minute := range 5 {
		p.note(start.Add(time.Duration(minute)*time.Minute), uint64(minute)*6000)
	}
	if got := p.rate(); !math.IsNaN(got) {
		t.Error("too early:", got)
	}
	for minute := 5; minute <= 120; minute++ {
		p.note(start.Add(time.Duration(minute)*time.Minute), uint64(min(minute, 60))*6000)
	}
	if got := p.rate(); got != 0 {
		t.Error("an hour without a byte:", got)
	}
	if len(p.marks) > 62 {
		t.Error(len(p.marks), "marks")
	}
	for minute := 121; minute <= 180; minute++ {
		p.note(start.Add(time.Duration(minute)*time.Minute), 360_000+uint64(minute-120)*12_000)
	}
	if got := p.rate(); got != 200 {
		t.Error(got)
	}
}

package rtsp

import (
	"slices"
	"time"
)

// What a bit rate is compared with.
const (
	week       = 7 * 24
	fewest     = 3 // complete hours, before anything is compared
	collapse   = 0.2
	fallen     = 12 // below it for this part of an hour, five minutes, is a collapse
	sampleTime = time.Second
)

// usual remembers a camera's bit rate of the last seven days, by hour: 168 numbers. It outlives sessions, and by the memory
// the process.
type usual struct {
	hours  []float64 // kbit/s, oldest first
	median float64   // of hours
	hour   time.Duration
	begun  bool
	sum    float64
	count  int
	step   time.Duration // the length of an hour
	low    time.Duration // since when the rate is below the collapse; negative: it is not
}

// sample takes one rate; now is since the process began, hour the length of one (an hour).
func (u *usual) sample(now time.Duration, kbits float64, hour time.Duration) {
	if !u.begun {
		u.begun, u.hour, u.low = true, now, -1
	}
	u.step = hour
	if now-u.hour >= hour {
		if u.count > 0 {
			u.hours = append(u.hours, u.sum/float64(u.count))
			u.hours = u.hours[max(0, len(u.hours)-week):]
			u.middle()
		}
		u.hour, u.sum, u.count = now, 0, 0
	}
	u.sum += kbits
	u.count++
	if u.known() && kbits < collapse*u.median {
		if u.low < 0 {
			u.low = now
		}
	} else {
		u.low = -1
	}
}

func (u *usual) middle() {
	if sorted := slices.Sorted(slices.Values(u.hours)); len(sorted) > 0 {
		u.median = sorted[len(sorted)/2]
	}
}

// restore takes up what an earlier process has kept; the time between then and now is left out.
func (u *usual) restore(r rates, now time.Duration) {
	*u = usual{hours: slices.Clone(r.Hours), hour: now - r.Elapsed, begun: true, sum: r.Sum, count: r.Count, low: -1}
	u.middle()
}

// away says that the camera has been: what was before does not count for a collapse.
func (u *usual) away() { u.low = -1 }

func (u *usual) known() bool { return len(u.hours) >= fewest && u.median > 0 }

// ratio of a rate to the median.
func (u *usual) ratio(kbits float64) (float64, bool) {
	if !u.known() {
		return 0, false
	}
	return kbits / u.median, true
}

func (u *usual) collapsed(now time.Duration) bool {
	return u.begun && u.low >= 0 && now-u.low >= u.step/fallen
}

package app

import (
	"math"
	"time"

	"github.com/linshao/linshao/gateway/internal/outbox"
)

// How long it is counted how fast readings come: a night differs from an evening, and a start says nothing yet.
const (
	paceOver  = time.Hour
	paceLeast = 5 * time.Minute
)

// pace knows how fast a log grows.
type pace struct{ marks []growth }

type growth struct {
	at      time.Time
	written uint64
}

// note takes what a log has written up to now, and forgets what is older than an hour, but for one mark.
func (p *pace) note(at time.Time, written uint64) {
	p.marks = append(p.marks, growth{at, written})
	for len(p.marks) > 2 && at.Sub(p.marks[1].at) >= paceOver {
		p.marks = p.marks[1:]
	}
}

// rate is in bytes a second; NaN when it is too early to tell.
func (p *pace) rate() float64 {
	if len(p.marks) == 0 {
		return math.NaN()
	}
	first, last := p.marks[0], p.marks[len(p.marks)-1]
	passed := last.at.Sub(first.at)
	if passed < paceLeast {
		return math.NaN()
	}
	return float64(last.written-first.written) / passed.Seconds()
}

// bufferTime is for how many seconds a log can keep what the cloud does not get, before the oldest goes; NaN when that cannot be told.
// What the cloud has makes room; a disk that others fill sooner than the quota counts.
func bufferTime(s outbox.Stats, quota int64, freeMiB, rate float64) float64 {
	if !s.Degraded.IsZero() {
		return 0
	}
	room := float64(quota - s.Unsent)
	if disk := freeMiB*(1<<20) + float64(s.Bytes-s.Unsent); disk < room {
		room = disk
	}
	if !(rate > 0) {
		return math.NaN()
	}
	return math.Floor(max(room, 0) / rate)
}

package rtsp

import "time"

// clock counts from the process's beginning and does not know of steps of the wall clock. Times that come from outside are
// turned into its own by the wall clock of the moment: "ten seconds ago" stays ten seconds ago.
type clock struct{ epoch time.Time }

func newClock() clock { return clock{time.Now()} }

func (c clock) now() time.Duration { return time.Since(c.epoch) }

// of turns the wall clock's time into ours.
func (c clock) of(wall time.Time) time.Duration {
	now := time.Now()
	return now.Sub(c.epoch) - now.Round(0).Sub(wall.Round(0))
}

// wall is the inverse of of.
func (c clock) wall(at time.Duration) time.Time {
	now := time.Now()
	return now.Round(0).Add(at - now.Sub(c.epoch))
}

package sdk

import (
	"time"
)

// How often a driver's process may be started again.
const (
	firstBackoff   = time.Second      // after the first crash; doubles with each further one
	longestBackoff = time.Minute      // the doubling ends here
	crashWindow    = 10 * time.Minute // crashes older than this are forgiven
	crashLimit     = 5                // so many within the window are a quarantine
	quarantine     = 10 * time.Minute // how long it lasts
)

// history remembers the crashes of one driver's process and says when it may be started again. It has no clock.
type history struct {
	name        string
	crashes     []time.Time // within the window, oldest first
	until       time.Time   // not before
	quarantined bool        // until the process has lived for one window
	last        error
}

// crashed records that a process which was started at one time ended at another.
func (h *history) crashed(started, ended time.Time, why error) {
	if ended.Sub(started) >= crashWindow {
		h.quarantined = false
	}
	h.prune(ended)
	h.crashes, h.last = append(h.crashes, ended), why
	if len(h.crashes) >= crashLimit {
		h.quarantined = true
	}
	wait := min(firstBackoff<<(len(h.crashes)-1), longestBackoff)
	if h.quarantined {
		wait = quarantine
	}
	h.until = ended.Add(wait)
}

// refusal is nil when the process may be started.
func (h *history) refusal(now time.Time) error {
	if !now.Before(h.until) {
		return nil
	}
	return &RetryError{Name: h.name, Until: h.until, Crashes: max(1, len(h.crashes)), Quarantined: h.quarantined, Last: h.last}
}

func (h *history) prune(now time.Time) {
	for len(h.crashes) > 0 && now.Sub(h.crashes[0]) >= crashWindow {
		h.crashes = h.crashes[1:]
	}
}

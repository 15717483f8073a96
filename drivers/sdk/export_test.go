package sdk

import "time"

// History is the back-off of one driver, for its test.
type History struct{ history }

// Crashed records one life.
func (h *History) Crashed(started, ended time.Time, why error) { h.crashed(started, ended, why) }

// Refusal is nil when the driver may be started.
func (h *History) Refusal(now time.Time) error { return h.refusal(now) }

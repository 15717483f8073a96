package physics

import "time"

// A Door is an entrance with a magnetic lock.
type Door struct {
	Open     bool // the contact
	Tamper   bool
	Fire     bool // input of the fire alarm
	Released bool // the lock
	rexUntil time.Time
	at       time.Time
}

// rexHold is how long an exit button stays pressed.
const rexHold = 3 * time.Second

// Advance lets time pass until t.
func (d *Door) Advance(t time.Time) {
	if t.After(d.at) {
		d.at = t
	}
}

// PressExit presses the exit button for three seconds.
func (d *Door) PressExit() { d.rexUntil = d.at.Add(rexHold) }

// Rex says whether the exit button is pressed.
func (d *Door) Rex() bool { return d.at.Before(d.rexUntil) }

// A Switch is an output with two positions, such as a valve or a siren.
type Switch struct{ On bool }

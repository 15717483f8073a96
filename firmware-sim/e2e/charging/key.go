package charging

import (
	"fmt"

	"github.com/linshao/linshao/rules"
)

// A Key is a statement that a rule can make: the rule's family and how grave it is, since a ladder says different things on
// its rungs. Its text is "R02 C".
type Key int

// The statements whose truth the observer knows.
const (
	TooLong    Key = iota // R01 B: charging for 10 h, or 8 h where the socket is labelled lithium
	AtCap                 // R01 A: for 12 h
	Tail                  // R02 C: on for 60 min after full
	LongTail              // R02 B: for 120 min
	Overcharge            // R03 A: no decline, and more energy than the battery holds
	Energy                // R04 B: more energy than learned, or than any battery
	TailStep              // R05 B: power steps up after the knee
	Square                // R06 B: cut and restarted again and again
	Overload              // R07 B: more than a port may give
	Warm                  // R09 B: above 65 °C, or rising fast
	Hot                   // R09 A: above 70 °C
	Stuck                 // R11 A: current through an open relay
	Idle                  // R12 C: switched on, and nothing charges
	keys                  // how many there are
)

func names() [keys]string {
	return [keys]string{"R01 B", "R01 A", "R02 C", "R02 B", "R03 A", "R04 B", "R05 B", "R06 B", "R07 B", "R09 B", "R09 A", "R11 A", "R12 C"}
}

func (k Key) String() string { return names()[k] }

// MarshalText writes "R02 C".
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// nameOf is the statement of an alert event: R01b and a second rung of R01 say the same.
func nameOf(e rules.AlertEvent) string { return fmt.Sprintf("%.3s %s", e.Rule, e.Severity) }

// keyNamed finds a statement; ok is false for one whose truth nobody here knows.
func keyNamed(name string) (k Key, ok bool) {
	for i, known := range names() {
		if name == known {
			return Key(i), true
		}
	}
	return 0, false
}

// severity of a statement.
func (k Key) severity() byte { return names()[k][4] }

// needs is the point without which nobody can know; "" where power is enough.
func (k Key) needs() string {
	switch k {
	case Warm, Hot:
		return "temperature"
	case Stuck:
		return "relay"
	case Idle:
		return "plugged"
	}
	return ""
}

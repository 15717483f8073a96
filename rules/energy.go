package rules

// What a move of a counter may be, in kWh.
const (
	maxLoad     = 10.0 // kW: what may have flowed while nobody looked
	counterStep = 0.12 // kWh: the coarsest counters count in 0.1
	counterGain = 1.5  // times the integral: as far as counter and power may disagree
)

// energy is what a session has taken: the device's own counter where it has one, and the integral of the power since the
// counter last moved. So a counter in steps of 0.1 kWh, one that sticks, one that is exchanged and none at all all work,
// and what flowed while nobody looked is counted if the counter saw it.
type energy struct {
	Base    float64 `json:"base,omitzero"`    // kWh up to the counter's last move
	Since   float64 `json:"since,omitzero"`   // kWh integrated since
	Most    float64 `json:"most,omitzero"`    // kWh already told: energy never falls
	Counter float64 `json:"counter,omitzero"` // kWh, the counter's last value
	At      int64   `json:"at,omitzero"`      // ms, when it was read; 0: never
	Moved   bool    `json:"moved,omitzero"`   // the counter has moved in this session
	Missed  int64   `json:"missed,omitzero"`  // ms of holes since it moved, of which only the counter knows
}

func (e *energy) begin() { e.Base, e.Since, e.Most, e.Moved, e.Missed = 0, 0, 0, false, 0 }

// miss notes a hole of so many ms.
func (e *energy) miss(dt int64) { e.Missed += dt }

// add takes the integral of the power over an interval, in kWh.
func (e *energy) add(kWh float64) {
	e.Since += kWh
	e.Most = max(e.Most, e.Base+e.Since)
}

// count takes a counter reading in kWh. A move that the power cannot explain is an exchanged meter, except over a hole. The
// first move of a session began before it, by a part of a step that nobody knows: there the integral is better.
func (e *energy) count(t int64, c float64, running bool) {
	moved := c - e.Counter
	believable := e.At != 0 && moved > 0 && moved <= counterGain*e.Since+counterStep+maxLoad*float64(e.Missed)/3600e3
	if running && believable {
		if e.Moved || e.Missed > 0 || moved > counterStep {
			e.Base += moved
		} else {
			e.Base += e.Since
		}
		e.Since, e.Moved, e.Missed = 0, true, 0
		e.Most = max(e.Most, e.Base)
	}
	e.Counter, e.At = c, t
}

func (e *energy) kWh() float64 { return e.Most }

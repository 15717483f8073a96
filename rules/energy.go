package rules

// energy is what a session has taken: the device's own counter where it has one, and the integral of the power since the
// counter last moved. So a counter in steps of 0.1 kWh, one that sticks, one that is exchanged and none at all all work,
// and what flowed while nobody looked is counted if the counter saw it.
type energy struct {
	Base    float64 `json:"base"`    // kWh up to the counter's last move
	Since   float64 `json:"since"`   // kWh integrated since
	Most    float64 `json:"most"`    // kWh already told: energy never falls
	Counter float64 `json:"counter"` // kWh, the counter's last value
	At      int64   `json:"at"`      // ms, when it was read; 0: never
}

func (e *energy) begin() { e.Base, e.Since, e.Most = 0, 0, 0 }

// add takes the integral of the power over an interval, in kWh.
func (e *energy) add(kWh float64) {
	e.Since += kWh
	e.Most = max(e.Most, e.Base+e.Since)
}

// count takes a counter reading in kWh.
func (e *energy) count(t int64, c float64, running bool) {
	moved := c - e.Counter
	believable := e.At != 0 && moved >= 0 && moved <= maxLoad*float64(t-e.At)/3600e3+1
	if running && believable && moved > 0 {
		e.Base += moved
		e.Since = 0
		e.Most = max(e.Most, e.Base)
	}
	e.Counter, e.At = c, t
}

func (e *energy) kWh() float64 { return e.Most }

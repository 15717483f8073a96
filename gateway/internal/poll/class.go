package poll

import "github.com/linshao/linshao/drivers/device"

// A class says who goes first on a line that cannot serve all at once.
type class uint8

const (
	life  class = iota // what people are warned or let out by: it keeps its interval whatever the others want
	power              // sockets, where charging is watched
	slow               // meters, sensors and all others
)

func classOf(kind string) class {
	switch kind {
	case "gas", "co", "valve", "siren", "fan", "door", "reader":
		return life
	case "socket", "rcd":
		return power
	}
	return slow
}

// headStart is how much of its interval a unit may be late before a slower class is let pass: the classes behind life are
// stretched evenly, and none waits for ever.
func (c class) headStart() float64 {
	if c == power {
		return 0.25
	}
	return 0
}

// classes are those of the devices, by id.
func classes(devices []device.Device) map[string]class {
	m := make(map[string]class, len(devices))
	for _, d := range devices {
		m[d.ID] = classOf(d.Kind)
	}
	return m
}

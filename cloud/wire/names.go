package wire

import (
	"encoding/binary"
	"errors"
)

// known are point names that cost one byte. Their numbers are part of columnsVersion 1: the list never changes.
var known = [...]string{
	"voltage", "current", "power", "energy", "frequency", "power_factor", "temperature", "relay", "plugged", "status", "level",
	"open", "lock", "rex", "tamper", "fire", "contact", "connected", "fps", "bitrate", "keyframe_age", "frozen",
	"voltage_l1", "voltage_l2", "voltage_l3", "current_l1", "current_l2", "current_l3", "power_l1", "power_l2", "power_l3",
	"uptime", "backlog_events", "backlog_telemetry", "disk_free", "humidity", "fault", "alarm", "state", "pressure", "battery",
	"signal", "smoke", "co", "flow", "speed", "count", "mode", "setpoint", "valve", "door", "online", "version", "run_time",
	"energy_import", "energy_export", "reactive_power", "apparent_power", "reactive_energy", "demand", "leakage_current",
	"clock_quality", "black", "collapsed", "connect_time",
}

// dictionary numbers the names of a payload in the order of their first use.
type dictionary struct {
	known  map[string]int32
	places map[string]int32
	names  []entry
	used   []usedName
	round  uint32
	bytes  int // of all used names together
}

type entry struct {
	name   string
	round  uint32
	number int32 // in the payload of that round
}

type usedName struct{ place, first, last int32 } // first and last series, for devices

func newDictionary() dictionary {
	d := dictionary{places: map[string]int32{}, known: make(map[string]int32, len(known))}
	for i, name := range known {
		d.known[name] = int32(i)
	}
	return d
}

// begin starts a payload.
func (d *dictionary) begin() {
	d.round++
	d.used, d.bytes = d.used[:0], 0
}

// place is where a name stays from payload to payload.
func (d *dictionary) place(name string) int32 {
	at, ok := d.places[name]
	if !ok {
		at = int32(len(d.names))
		d.places[name] = at
		d.names = append(d.names, entry{name: name})
	}
	return at
}

// use notes that a series of this payload has the name, and answers the series before that has it; -1 when there is none.
func (d *dictionary) use(place, series int32) int32 {
	e := &d.names[place]
	if e.round != d.round {
		e.round, e.number = d.round, int32(len(d.used))
		d.used = append(d.used, usedName{place, series, series})
		d.bytes += len(e.name)
		return -1
	}
	u := &d.used[e.number]
	before := u.last
	u.last = series
	return before
}

// number of a name in this payload.
func (d *dictionary) number(place int32) int32 { return d.names[place].number }

// append writes the names in use. Each begins as the spelled one before it.
func (d *dictionary) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(d.used)))
	before := ""
	for _, u := range d.used {
		name := d.names[u.place].name
		if n, ok := d.known[name]; ok {
			b = binary.AppendUvarint(b, uint64(n)<<1|1)
			continue
		}
		same := 0
		for same < len(name) && same < len(before) && name[same] == before[same] {
			same++
		}
		b = binary.AppendUvarint(b, uint64(len(name)-same)<<1)
		b = binary.AppendUvarint(b, uint64(same))
		b = append(b, name[same:]...)
		before = name
	}
	return b
}

var errNames = errors.New("names are damaged")

// readNames is the inverse of append: at most so many names as there are readings, and room is how many bytes of them may
// still come.
func readNames(b []byte, to []string, readings uint64, room *int) (names []string, rest []byte, err error) {
	count, b, err := readUvarint(b)
	if err != nil || count > min(uint64(len(b)), readings) {
		return nil, nil, errNames
	}
	before := []byte(nil)
	for range count {
		var h, same uint64
		if h, b, err = readUvarint(b); err != nil {
			return nil, nil, err
		}
		if h&1 != 0 {
			if h>>1 >= uint64(len(known)) {
				return nil, nil, errNames
			}
			to = append(to, known[h>>1])
			continue
		}
		if same, b, err = readUvarint(b); err != nil {
			return nil, nil, err
		}
		n := h >> 1
		if same > uint64(len(before)) || n > uint64(len(b)) || same+n > maxName {
			return nil, nil, errNames
		}
		if *room -= int(same + n); *room < 0 {
			return nil, nil, errNames
		}
		before = append(before[:same], b[:n]...)
		b = b[n:]
		to = append(to, string(before))
	}
	return to, b, nil
}

func readUvarint(b []byte) (v uint64, rest []byte, err error) {
	v, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, errNames
	}
	return v, b[n:], nil
}

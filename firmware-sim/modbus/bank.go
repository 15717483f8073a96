package modbus

import (
	"github.com/linshao/linshao/firmware-sim/fault"
)

// A Bank is the set of units behind one port or line. Fill it before it is served.
type Bank struct {
	slots [256]slot
}

type slot struct {
	unit   Unit
	faults []*fault.Switches
	name   string
}

// Add puts a unit behind an id (1..247). name is the device's, for the journal. A unit that several devices share
// suffers from the faults of each.
func (b *Bank) Add(id byte, name string, u Unit, f ...*fault.Switches) {
	b.slots[id] = slot{unit: u, faults: f, name: name}
}

// Has says whether the id is taken.
func (b *Bank) Has(id byte) bool { return b.slots[id].unit != nil }

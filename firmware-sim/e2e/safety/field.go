package safety

import (
	"sync"
	"time"

	"github.com/linshao/linshao/firmware-sim/modbus"
)

// A kitchen is a gas detector (unit 1) and a valve (unit 2) behind one port. The detector's registers change at a known
// time, and the write that closes the valve is stamped when it comes off the wire.
type kitchen struct {
	mu     sync.Mutex
	status uint16 // 0 well, 2 high alarm
	level  uint16 // %LEL
	open   bool
	shown  time.Time         // when the leak was first read
	closed chan [2]time.Time // of the write that closed the open valve: when the leak was read, when the write came
}

func newKitchen() *kitchen { return &kitchen{open: true, closed: make(chan [2]time.Time, 1)} }

// leak changes the detector's registers and answers when.
func (k *kitchen) leak() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.status, k.level, k.shown = 2, 40, time.Time{}
	return time.Now()
}

// air lets the gas out.
func (k *kitchen) air() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.status, k.level = 0, 0
}

// reopen is what only a person on the spot may do.
func (k *kitchen) reopen() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open = true
}

type refuses struct{}

func (refuses) ReadBits(modbus.Table, uint16, []bool) modbus.Exception {
	return modbus.IllegalFunction
}
func (refuses) ReadWords(modbus.Table, uint16, []uint16) modbus.Exception {
	return modbus.IllegalFunction
}
func (refuses) WriteBits(uint16, []bool) modbus.Exception    { return modbus.IllegalFunction }
func (refuses) WriteWords(uint16, []uint16) modbus.Exception { return modbus.IllegalFunction }

// A detector shows status and level as holding registers 0 and 1.
type detector struct {
	refuses
	k *kitchen
}

func (d detector) ReadWords(_ modbus.Table, at uint16, dst []uint16) modbus.Exception {
	d.k.mu.Lock()
	defer d.k.mu.Unlock()
	all := [2]uint16{d.k.status, d.k.level}
	if int(at)+len(dst) > len(all) {
		return modbus.IllegalAddress
	}
	copy(dst, all[at:])
	if d.k.shown.IsZero() {
		d.k.shown = time.Now()
	}
	return 0
}

// A valve is coil 0: 1 open.
type valve struct {
	refuses
	k *kitchen
}

func (v valve) ReadBits(_ modbus.Table, at uint16, dst []bool) modbus.Exception {
	if at != 0 || len(dst) != 1 {
		return modbus.IllegalAddress
	}
	v.k.mu.Lock()
	defer v.k.mu.Unlock()
	dst[0] = v.k.open
	return 0
}

func (v valve) WriteBits(at uint16, values []bool) modbus.Exception {
	now := time.Now()
	if at != 0 || len(values) != 1 {
		return modbus.IllegalAddress
	}
	v.k.mu.Lock()
	defer v.k.mu.Unlock()
	if v.k.open && !values[0] {
		v.k.closed <- [2]time.Time{v.k.shown, now} // it is drained before the valve is opened again
	}
	v.k.open = values[0]
	return 0
}

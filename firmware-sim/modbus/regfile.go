package modbus

import "sync"

// A RegisterFile is a device for measurements: every register answers, and every answer can be checked. Holding and
// input register r of a unit answers Counter(r, k) at its k-th reading (k from 1), so a reader that loses or doubles a
// value is found out. A register that was written answers what was written. Coil and discrete r is on when r is odd.
type RegisterFile struct {
	unit    uint16
	mu      sync.Mutex
	served  []uint16 // how often each holding or input register was read
	written map[uint16]uint16
}

// NewRegisterFile makes the file of a unit with so many registers; a read beyond them is refused.
func NewRegisterFile(unit byte, registers int) *RegisterFile {
	return &RegisterFile{unit: uint16(unit), served: make([]uint16, registers), written: map[uint16]uint16{}}
}

// Counter is what register r of a unit answers when it is read for the k-th time.
func Counter(unit byte, r uint16, k uint16) uint16 { return uint16(unit)<<8 + r*7 + k }

// ReadWords answers the counters.
func (f *RegisterFile) ReadWords(_ Table, at uint16, dst []uint16) Exception {
	if int(at)+len(dst) > len(f.served) {
		return IllegalAddress
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range dst {
		r := at + uint16(i)
		f.served[r]++
		dst[i] = f.unit<<8 + r*7 + f.served[r]
		if len(f.written) > 0 {
			if v, ok := f.written[r]; ok {
				dst[i] = v
			}
		}
	}
	return 0
}

// ReadBits answers a fixed pattern.
func (f *RegisterFile) ReadBits(_ Table, at uint16, dst []bool) Exception {
	for i := range dst {
		dst[i] = (at+uint16(i))%2 == 1
	}
	return 0
}

// WriteWords replaces counters by values.
func (f *RegisterFile) WriteWords(at uint16, v []uint16) Exception {
	if int(at)+len(v) > len(f.served) {
		return IllegalAddress
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, w := range v {
		f.written[at+uint16(i)] = w
	}
	return 0
}

// WriteBits is refused.
func (f *RegisterFile) WriteBits(uint16, []bool) Exception { return IllegalAddress }

package modbus

// An Unknown is a device whose map stands in no profile: some runs of registers that hold what they hold, and nothing between them.
type Unknown struct {
	readOnly
	Windows []Window
}

// A Window is a run of registers or bits, from an address on; a bit is on when its number is not 0.
type Window struct {
	Table Table
	At    uint16
	Hold  []uint16
}

// ReadWords answers registers that lie in one run as a whole.
func (u *Unknown) ReadWords(t Table, at uint16, dst []uint16) Exception {
	found, exc := u.find(t, at, len(dst))
	copy(dst, found)
	return exc
}

// ReadBits answers bits that lie in one run as a whole.
func (u *Unknown) ReadBits(t Table, at uint16, dst []bool) Exception {
	found, exc := u.find(t, at, len(dst))
	for i := range found {
		dst[i] = found[i] != 0
	}
	return exc
}

func (u *Unknown) find(t Table, at uint16, n int) ([]uint16, Exception) {
	exc := IllegalFunction
	for _, w := range u.Windows {
		if w.Table != t {
			continue
		}
		if exc = IllegalAddress; at >= w.At && int(at)+n <= int(w.At)+len(w.Hold) {
			return w.Hold[at-w.At : int(at-w.At)+n], 0
		}
	}
	return nil, exc
}

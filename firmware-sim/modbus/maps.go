package modbus

import (
	"encoding/binary"
	"math"

	"github.com/linshao/linshao/firmware-sim/physics"
)

// readOnly refuses what a model does not have; models embed it and answer what they do.
type readOnly struct{}

func (readOnly) ReadBits(Table, uint16, []bool) Exception    { return IllegalFunction }
func (readOnly) ReadWords(Table, uint16, []uint16) Exception { return IllegalFunction }
func (readOnly) WriteBits(uint16, []bool) Exception          { return IllegalFunction }
func (readOnly) WriteWords(uint16, []uint16) Exception       { return IllegalFunction }

// A Station is a charging station of the model linshao-socket-2. Port n has its input registers at 16·n: status bits
// (plugged, relay, fault), voltage 0.1 V, current 0.01 A, power 0.1 W, energy Wh in two registers with the high word
// first, temperature 0.1 °C. Coil n is its relay, discrete n says whether something is plugged in.
type Station struct {
	readOnly
	Ports []*physics.Socket
	Stuck func() bool // says whether relays ignore writes; may be nil
}

// Registers of a port.
const (
	portStride = 16
	portSize   = 7
)

// ReadWords answers input registers; the gaps between ports are refused.
func (s *Station) ReadWords(t Table, at uint16, dst []uint16) Exception {
	if t != Inputs {
		return IllegalFunction
	}
	for i := range dst {
		r := int(at) + i
		port, off := r/portStride, r%portStride
		if port >= len(s.Ports) || off >= portSize {
			return IllegalAddress
		}
		dst[i] = portRegister(s.Ports[port], off)
	}
	return 0
}

func portRegister(p *physics.Socket, off int) uint16 {
	wh := uint32(math.Round(p.Energy() * 1000))
	switch off {
	case 0:
		return flag(p.Plugged()) | flag(p.Relay())<<1
	case 1:
		return tenths(p.Voltage(), 10)
	case 2:
		return tenths(p.Current(), 100)
	case 3:
		return tenths(p.Power(), 10)
	case 4:
		return uint16(wh >> 16)
	case 5:
		return uint16(wh)
	}
	return tenths(p.Temperature(), 10)
}

// ReadBits answers relays (coils) and plugs (discretes).
func (s *Station) ReadBits(t Table, at uint16, dst []bool) Exception {
	if int(at)+len(dst) > len(s.Ports) {
		return IllegalAddress
	}
	for i := range dst {
		p := s.Ports[int(at)+i]
		dst[i] = p.Plugged()
		if t == Coils {
			dst[i] = p.Relay()
		}
	}
	return 0
}

// WriteBits opens and closes relays.
func (s *Station) WriteBits(at uint16, v []bool) Exception {
	if int(at)+len(v) > len(s.Ports) {
		return IllegalAddress
	}
	if s.Stuck != nil && s.Stuck() {
		return 0
	}
	for i, on := range v {
		s.Ports[int(at)+i].SetRelay(on)
	}
	return 0
}

// An IO is the module linshao-io-4: coils 0 valve open, 1 siren, 2 lock released; discretes 0 door contact, 1 exit
// button, 2 tamper, 3 fire alarm.
type IO struct {
	readOnly
	Valve, Siren *physics.Switch
	Door         *physics.Door
	Stuck        func(coil uint16) bool // says whether an output ignores writes; may be nil
}

// ReadBits answers positions and inputs.
func (m *IO) ReadBits(t Table, at uint16, dst []bool) Exception {
	bits := []bool{m.Valve.On, m.Siren.On, m.Door.Released, false}
	if t == Discretes {
		bits = []bool{m.Door.Open, m.Door.Rex(), m.Door.Tamper, m.Door.Fire}
	}
	if int(at)+len(dst) > len(bits) {
		return IllegalAddress
	}
	copy(dst, bits[at:])
	return 0
}

// WriteBits sets outputs.
func (m *IO) WriteBits(at uint16, v []bool) Exception {
	if int(at)+len(v) > 3 {
		return IllegalAddress
	}
	outputs := [...]*bool{&m.Valve.On, &m.Siren.On, &m.Door.Released}
	for i, on := range v {
		coil := at + uint16(i)
		if m.Stuck == nil || !m.Stuck(coil) {
			*outputs[coil] = on
		}
	}
	return 0
}

// An FGA1000 is a gas detector: holding register 0 holds the status in its low byte, register 1 the level in %LEL.
type FGA1000 struct {
	readOnly
	Gas *physics.Gas
}

// ReadWords answers the two registers.
func (d *FGA1000) ReadWords(t Table, at uint16, dst []uint16) Exception {
	if t != Holdings {
		return IllegalFunction
	}
	regs := [...]uint16{uint16(d.Gas.Status()), uint16(d.Gas.Level())}
	if int(at)+len(dst) > len(regs) {
		return IllegalAddress
	}
	copy(dst, regs[at:])
	return 0
}

// An SDM630 is a three-phase meter with big-endian floats in input registers. Like the real one it takes only even
// addresses and counts, and at most 80 registers a request.
type SDM630 struct {
	readOnly
	Meter *physics.Meter
}

// ReadWords answers floats; a float that this meter does not measure is zero.
func (d *SDM630) ReadWords(t Table, at uint16, dst []uint16) Exception {
	switch {
	case t != Inputs:
		return IllegalFunction
	case len(dst) > 80:
		return IllegalValue
	case at%2 != 0 || len(dst)%2 != 0 || int(at)+len(dst) > 0x180:
		return IllegalAddress
	}
	var b [4]byte
	for i := 0; i < len(dst); i += 2 {
		binary.BigEndian.PutUint32(b[:], math.Float32bits(float32(d.value(int(at)+i))))
		dst[i], dst[i+1] = binary.BigEndian.Uint16(b[:]), binary.BigEndian.Uint16(b[2:])
	}
	return 0
}

func (d *SDM630) value(r int) float64 {
	m := d.Meter
	switch phase := r / 2 % 3; {
	case r < 0x06:
		return m.PhaseVoltage(phase)
	case r < 0x0C:
		return m.PhaseCurrent(phase)
	case r < 0x12:
		return m.PhasePower(phase)
	}
	switch r {
	case 0x34:
		return m.Power()
	case 0x38:
		return m.Power() / m.PowerFactor()
	case 0x3C:
		return m.Power() * math.Tan(math.Acos(m.PowerFactor()))
	case 0x3E:
		return m.PowerFactor()
	case 0x46:
		return m.Frequency()
	case 0x48, 0x156:
		return m.Energy()
	}
	return 0
}

func flag(b bool) uint16 {
	if b {
		return 1
	}
	return 0
}

// tenths is a value in units of 1/per, as a 16-bit register holds it.
func tenths(v, per float64) uint16 { return uint16(int32(math.Round(v * per))) }

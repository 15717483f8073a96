package modbus_test

import (
	"math"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/modbus"
	"github.com/linshao/linshao/firmware-sim/physics"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func words(t *testing.T, u modbus.Unit, table modbus.Table, at uint16, n int) []uint16 {
	t.Helper()
	w := make([]uint16, n)
	if exc := u.ReadWords(table, at, w); exc != 0 {
		t.Fatalf("%s %d+%d: %v", table, at, n, exc)
	}
	return w
}

func TestStationMap(t *testing.T) {
	one, two := physics.NewSocket(1, noon, 70), physics.NewSocket(2, noon, 1)
	pack, _ := physics.PackNamed("pb-48v20ah")
	two.Plug(physics.NewCurve(pack, physics.Normal, 0))
	one.Advance(noon.Add(time.Hour))
	two.Advance(noon.Add(time.Hour))
	s := &modbus.Station{Ports: []*physics.Socket{one, two}}
	first, second := words(t, s, modbus.Inputs, 0, 7), words(t, s, modbus.Inputs, 16, 7)
	if first[0] != 2 || first[3] != 0 || uint32(first[4])<<16|uint32(first[5]) != 70000 {
		t.Errorf("idle port: %v", first)
	}
	if second[0] != 3 || math.Abs(float64(second[3])/10-two.Power()) > 0.05 || math.Abs(float64(second[1])/10-two.Voltage()) > 0.05 ||
		math.Abs(float64(second[2])/100-two.Current()) > 0.005 || math.Abs(float64(int16(second[6]))/10-two.Temperature()) > 0.05 {
		t.Errorf("charging port: %v, truth %.1f W %.1f V %.2f A %.1f °C", second, two.Power(), two.Voltage(), two.Current(), two.Temperature())
	}
	if exc := s.ReadWords(modbus.Inputs, 6, make([]uint16, 2)); exc != modbus.IllegalAddress {
		t.Errorf("the gap between ports: %v", exc)
	}
	if exc := s.ReadWords(modbus.Holdings, 0, make([]uint16, 1)); exc != modbus.IllegalFunction {
		t.Errorf("holding registers: %v", exc)
	}
	plugs, relays := make([]bool, 2), make([]bool, 2)
	if s.ReadBits(modbus.Discretes, 0, plugs) != 0 || s.ReadBits(modbus.Coils, 0, relays) != 0 || plugs[0] || !plugs[1] || !relays[0] {
		t.Errorf("plugs %v, relays %v", plugs, relays)
	}
	if exc := s.WriteBits(1, []bool{false}); exc != 0 || two.Relay() || two.Power() != 0 {
		t.Errorf("relay 1 off: %v, %v, %.0f W", exc, two.Relay(), two.Power())
	}
	if exc := s.WriteBits(2, []bool{false}); exc != modbus.IllegalAddress {
		t.Errorf("a third port: %v", exc)
	}
	s.Stuck = func() bool { return true }
	if exc := s.WriteBits(1, []bool{true}); exc != 0 || two.Relay() {
		t.Error("a stuck relay confirms and stays")
	}
}

func TestIOMap(t *testing.T) {
	valve, siren, door := &physics.Switch{On: true}, &physics.Switch{}, &physics.Door{Open: true, Fire: true}
	io := &modbus.IO{Valve: valve, Siren: siren, Door: door, Stuck: func(coil uint16) bool { return coil == 1 }}
	in, out := make([]bool, 4), make([]bool, 3)
	if io.ReadBits(modbus.Discretes, 0, in) != 0 || !in[0] || in[1] || in[2] || !in[3] {
		t.Errorf("inputs %v", in)
	}
	if exc := io.WriteBits(0, []bool{false, true, true}); exc != 0 || valve.On || siren.On || !door.Released {
		t.Errorf("valve %v, siren (stuck) %v, lock %v: %v", valve.On, siren.On, door.Released, exc)
	}
	if io.ReadBits(modbus.Coils, 0, out) != 0 || out[0] || out[1] || !out[2] {
		t.Errorf("outputs %v", out)
	}
	if io.WriteBits(2, []bool{true, true}) != modbus.IllegalAddress || io.ReadBits(modbus.Discretes, 3, make([]bool, 2)) != modbus.IllegalAddress {
		t.Error("there is no fourth output and no fifth input")
	}
}

func TestFGA1000Map(t *testing.T) {
	gas := physics.NewGas(1, noon)
	d := &modbus.FGA1000{Gas: gas}
	gas.Leak(10)
	gas.Advance(noon.Add(3*time.Second), true)
	if w := words(t, d, modbus.Holdings, 0, 2); w[0] != 2 || w[1] < 30 || w[1] > 31 {
		t.Errorf("30 %%LEL: %v", w)
	}
	if d.ReadWords(modbus.Holdings, 1, make([]uint16, 2)) != modbus.IllegalAddress || d.ReadWords(modbus.Inputs, 0, make([]uint16, 1)) != modbus.IllegalFunction {
		t.Error("two holding registers, no more")
	}
}

func TestSDM630Map(t *testing.T) {
	m := physics.NewMeter(1, noon, 900)
	m.SetEnergy(123.5)
	d := &modbus.SDM630{Meter: m}
	float := func(at uint16) float64 {
		w := words(t, d, modbus.Inputs, at, 2)
		return float64(math.Float32frombits(uint32(w[0])<<16 | uint32(w[1])))
	}
	for at, want := range map[uint16]float64{
		0x00: m.PhaseVoltage(0), 0x04: m.PhaseVoltage(2), 0x08: m.PhaseCurrent(1), 0x0C: m.PhasePower(0), 0x10: m.PhasePower(2),
		0x34: m.Power(), 0x3E: 0.96, 0x46: m.Frequency(), 0x48: 123.5, 0x156: 123.5, 0x15A: 0,
	} {
		if got := float(at); math.Abs(got-want) > 1e-3 {
			t.Errorf("register 0x%02X: %g, want %g", at, got, want)
		}
	}
	for _, bad := range []struct{ at, n uint16 }{{1, 2}, {0, 3}, {0x17E, 4}} {
		if exc := d.ReadWords(modbus.Inputs, bad.at, make([]uint16, bad.n)); exc != modbus.IllegalAddress {
			t.Errorf("%d+%d: %v", bad.at, bad.n, exc)
		}
	}
	if exc := d.ReadWords(modbus.Inputs, 0, make([]uint16, 82)); exc != modbus.IllegalValue {
		t.Errorf("82 registers: %v", exc)
	}
}

package modbus_test

import (
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/device/devicetest"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sampleUnit has something of everything. Every counterpart serves the same.
func sampleUnit() *unit {
	return &unit{
		coils:    map[uint16]bool{0: true, 1: false, 2: true},
		discrete: map[uint16]bool{0: true, 1: false, 2: true},
		holding:  map[uint16]uint16{0: 2305, 1: 0xFFF6, 2: 0x0001, 3: 0x0002, 4: 0x435C, 5: 0x8000, 6: 0x1234, 7: 0x8001},
		input:    map[uint16]uint16{0: 2305, 1: 0xFFF6, 2: 0x0001, 3: 0x0002, 4: 0x435C, 5: 0x8000, 6: 0x1234, 7: 0x8001},
	}
}

// sampleCase is what a driver must read from sampleUnit as unit 1; there is no unit 9.
func sampleCase(d device.Driver, ch device.Channel) devicetest.Case {
	p := func(name, space string, addr uint32, typ string, scale float64) device.Point {
		return device.Point{Device: "d", Name: name, Address: "1", Scale: scale,
			Register: device.Register{Space: space, Addr: addr, Type: typ}}
	}
	swapped := p("swapped", "holding", 2, "u32", 1)
	swapped.Register.Swap = true
	relay, setpoint := p("relay", "coil", 1, "bool", 1), p("setpoint", "holding", 0, "u16", 0.1)
	long := p("long", "holding", 4, "f32", 1)
	relay.Writable, setpoint.Writable, long.Writable = []float64{0, 1}, []float64{230.5, 12.3}, []float64{220.5, -1.5}
	return devicetest.Case{
		Driver: d, Channel: ch,
		Points: []devicetest.Want{
			{Point: p("voltage", "input", 0, "u16", 0.1), Value: 230.5},
			{Point: p("temperature", "input", 1, "i16", 0.5), Value: -5},
			{Point: p("energy", "holding", 2, "u32", 1), Value: 65538},
			{Point: swapped, Value: 131073},
			{Point: p("power", "input", 4, "f32", 1), Value: 220.5},
			{Point: p("high", "input", 6, "hi8", 1), Value: 0x12},
			{Point: p("low", "input", 6, "lo8", 1), Value: 0x34},
			{Point: p("bit0", "input", 7, "bit0", 1), Value: 1},
			{Point: p("bit14", "input", 7, "bit14", 1), Value: 0},
			{Point: p("bit15", "input", 7, "bit15", 1), Value: 1},
			{Point: p("plugged", "discrete", 2, "bool", 1), Value: 1},
			{Point: p("on", "coil", 0, "bool", 1), Value: 1},
		},
		Missing: p("missing", "input", 40, "u16", 1),
		Absent:  "9",
		Writes: []devicetest.Want{{Point: relay, Value: 1}, {Point: relay, Value: 0}, {Point: setpoint, Value: 12.3},
			{Point: setpoint, Value: 230.5}, {Point: long, Value: -1.5}, {Point: long, Value: 220.5}},
	}
}

func TestConformanceTCP(t *testing.T) {
	s := &slave{units: map[byte]*unit{1: sampleUnit()}}
	devicetest.Run(t, sampleCase(modbus.TCP{}, tcpChannel(s.serveTCP(t), time.Second)))
}

func TestConformanceRTU(t *testing.T) {
	s := &slave{units: map[byte]*unit{1: sampleUnit()}}
	w := linetest.New(t)
	s.serveRTU(t, w)
	devicetest.Run(t, sampleCase(modbus.RTU{}, rtuChannel(w.Path, time.Second)))
}

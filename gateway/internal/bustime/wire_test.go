package bustime_test

import (
	"math"
	"os"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
	simbus "github.com/linshao/linshao/firmware-sim/modbus"
	simline "github.com/linshao/linshao/firmware-sim/serial"
	"github.com/linshao/linshao/gateway/internal/bustime"
)

// counted is the devices' end of a line; it counts what goes over it, both ways.
type counted struct {
	*os.File
	bytes, frames int
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.File.Read(b)
	c.bytes += n
	return n, err
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.File.Write(b)
	c.bytes, c.frames = c.bytes+n, c.frames+1
	return n, err
}

// words is a Modbus unit with all registers.
type words struct{}

func (words) ReadBits(simbus.Table, uint16, []bool) simbus.Exception    { return 0 }
func (words) ReadWords(simbus.Table, uint16, []uint16) simbus.Exception { return 0 }
func (words) WriteBits(uint16, []bool) simbus.Exception                 { return simbus.IllegalFunction }
func (words) WriteWords(uint16, []uint16) simbus.Exception              { return simbus.IllegalFunction }

// answer serves a meter until the line ends.
func answer(c *counted, m *simline.Meter) {
	var in []byte
	buf := make([]byte, 256)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		in = append(in, buf[:n]...)
		q, used := simline.ParseRequest(in)
		in = in[used:]
		if q == nil {
			continue
		}
		if _, err := c.Write(append([]byte{0xFE, 0xFE, 0xFE, 0xFE}, m.Answer(*q)...)); err != nil {
			return
		}
	}
}

// What is planned is what the drivers and devices that are not ours put on a line: its bytes, at the line's speed, with the silence
// before each request. How long devices think is not in it, nor how busy this machine is.
func TestPlanIsTheTimeOnTheWire(t *testing.T) {
	meter, err := simline.NewMeter(simline.MeterConfig{Number: "000000012345", Measure: func() simline.Electric { return simline.Electric{Voltage: 230} }})
	if err != nil {
		t.Fatal(err)
	}
	bank := &simbus.Bank{}
	bank.Add(7, "unit", words{})
	var registers, values []device.Point
	for i, addr := range []uint32{0, 1, 2, 30, 400, 401} {
		registers = append(registers, device.Point{Device: "u", Name: string(rune('a' + i)), Address: "7", Register: device.Register{Space: "holding", Addr: addr, Type: "u16"}})
	}
	for name, format := range map[uint32]string{0x02010100: "XXX.X", 0x02020100: "XXX.XXX", 0x02030000: "XX.XXXX"} {
		values = append(values, device.Point{Device: "m", Name: format, Address: "000000012345", Register: device.Register{Addr: name, Type: format}})
	}
	for _, x := range []struct {
		driver interface {
			device.Driver
			device.Planner
		}
		settings device.Serial
		points   []device.Point
		serve    func(*counted)
	}{
		{modbus.RTU{}, device.Serial{Baud: 9600, Parity: device.ParityNone, StopBits: 1}, registers, func(c *counted) { simbus.NewRTU(bank, nil).Talk(c) }},
		{serial.DLT645{}, device.Serial{Baud: 2400, Parity: device.ParityEven, StopBits: 1}, values, func(c *counted) { answer(c, meter) }},
	} {
		w := linetest.New(t)
		wire, ended := &counted{File: w.Far}, make(chan struct{})
		go func() { defer close(ended); x.serve(wire) }()
		ch := device.Channel{ID: "rs485", Address: w.Path, Serial: x.settings, Timeout: 10 * time.Second}
		c, err := x.driver.Open(t.Context(), ch)
		if err != nil {
			t.Fatal(err)
		}
		rs, err := c.Read(t.Context(), x.points)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rs {
			if r.Quality != device.Good {
				t.Errorf("%T: %+v", x.driver, r)
			}
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		w.Unplug()
		<-ended
		const think = time.Millisecond
		p := bustime.Of(bustime.Line{Channel: ch, Planner: x.driver, Turnaround: think, Devices: []device.Device{{ID: "d", Poll: time.Minute, Points: x.points}}})
		bits := 10.0
		if x.settings.Parity != device.ParityNone {
			bits = 11
		}
		got := (float64(wire.bytes) + 3.5*float64(wire.frames)) * bits / float64(x.settings.Baud)
		if want := (p.Cycle - time.Duration(wire.frames)*think).Seconds(); math.Abs(got-want) > 1e-6 || wire.frames != len(p.Units[0].Requests) {
			t.Errorf("%T: %d bytes and %d answers took %.6f s of the wire, planned were %.6f in %d requests", x.driver, wire.bytes, wire.frames, got, want, len(p.Units[0].Requests))
		}
	}
}

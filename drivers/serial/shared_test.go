package serial_test

import (
	"bytes"
	"context"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
)

// A mixedLine is a wire with a DL/T 645 meter at 2400 even and a Modbus unit 7 at 9600 none. Each hears only its own speed.
type mixedLine struct {
	*linetest.Wire
	meter *meter
	deaf  atomic.Int64 // requests that came with a speed that their device does not have
}

func serveMixed(t *testing.T) *mixedLine {
	m := &mixedLine{Wire: linetest.New(t), meter: sampleMeter()}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var in []byte
		buf := make([]byte, 256)
		for {
			n, err := m.Far.Read(buf)
			if err != nil {
				return
			}
			in = append(in, buf[:n]...)
			if bytes.HasPrefix(in, []byte{0xFE}) && len(in) >= requestSize {
				m.answer(t, 2400, m.meter.answer(in[:requestSize]))
				in = in[requestSize:]
			} else if bytes.HasPrefix(in, []byte{7}) && len(in) >= 8 {
				m.answer(t, 9600, bin(t, "07 03 02 09 01 F7 D4")) // 2305
				in = in[8:]
			}
		}
	}()
	t.Cleanup(func() { m.Unplug(); <-ended })
	return m
}

// answer sends what a device says, if the line has its speed.
func (m *mixedLine) answer(t *testing.T, baud uint32, frame []byte) {
	raw, err := m.Far.SyscallConn()
	if err != nil {
		t.Error(err)
		return
	}
	var tio *unix.Termios
	if err := raw.Control(func(fd uintptr) { tio, err = unix.IoctlGetTermios(int(fd), unix.TCGETS2) }); err != nil || tio == nil {
		t.Error("the wire's settings cannot be read")
		return
	}
	if tio.Ospeed != baud { // a pty knows no parity
		m.deaf.Add(1)
		return
	}
	m.Send(frame...)
}

// onLine makes a point one of a shared line.
func onLine(p device.Point, protocol string, own *device.Serial) device.Point {
	p.Protocol, p.Serial = protocol, own
	return p
}

func TestTwoProtocolsAndTwoSpeedsOnOneLine(t *testing.T) {
	w := serveMixed(t)
	shared := serial.Shared{"modbus": modbus.RTU{}, "dlt645": serial.DLT645{}}
	c, err := shared.Open(t.Context(), device.Channel{ID: "rs485", Address: w.Path, Timeout: 2 * time.Second,
		Serial: device.Serial{Baud: 9600, Parity: device.ParityNone, StopBits: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a test's end
	slow := &device.Serial{Baud: 2400, Parity: device.ParityEven, StopBits: 1}
	unit := onLine(device.Point{Device: "u", Name: "voltage", Address: "7", Scale: 0.1, Register: device.Register{Space: "holding", Addr: 1, Type: "u16"}}, "modbus", nil)
	number := onLine(mpoint("voltage", 0x02010100, "XXX.X", 1), "dlt645", slow)
	for range 5 {
		if r := readOne(t, c, number); r.Value != 220.5 || r.Quality != device.Good {
			t.Fatalf("meter: %+v", r)
		}
		if r := readOne(t, c, unit); r.Value != 230.5 || r.Quality != device.Good {
			t.Fatalf("unit: %+v", r)
		}
	}
	if n := w.deaf.Load(); n > 0 {
		t.Errorf("%d requests with another device's speed", n)
	}
	if r := readOne(t, c, onLine(unit, "osdp", nil)); r.Quality != device.Bad || r.Reason != device.Unsupported {
		t.Errorf("a protocol that nobody speaks: %+v", r)
	}
	if err := c.Write(context.Background(), onLine(unit, "osdp", nil), 1); err == nil {
		t.Error("written in a protocol that nobody speaks")
	}
}

package serial_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/device/devicetest"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/line"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
)

const gasNumber = "33001122334455"

func gasPoint(name string, di uint32, format string) device.Point {
	return device.Point{Device: "g", Name: name, Address: gasNumber, Register: device.Register{Space: "gas", Addr: di, Type: format}}
}

// gasFrame builds a frame apart from the driver's code.
func gasFrame(typ byte, number []byte, control byte, data ...byte) []byte {
	b := append([]byte{0x68, typ}, number...)
	b = append(append(b, control, byte(len(data))), data...)
	sum := byte(0)
	for _, x := range b {
		sum += x
	}
	return append(b, sum, 0x16)
}

var gasAddress = [...]byte{0x55, 0x44, 0x33, 0x22, 0x11, 0x00, 0x33}

// A frame whose sum was computed by hand.
func TestRequestCJT188(t *testing.T) {
	p := device.Point{Address: "78330011223344", Register: device.Register{Space: "water", Addr: 0x901F, Type: "XXXXXX.XX@0"}}
	got, err := serial.AppendCJT188(p)
	if want := bin(t, "FE FE FE FE 68 10 44 33 22 11 00 33 78 01 03 1F 90 00 80 16"); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got % X %v\nwant % X", got, err, want)
	}
}

// gasMeter has a flow of 12345.67 m3, a second value, and a valve.
type gasMeter struct{ closed, refuses bool }

func (m *gasMeter) serve(t *testing.T) *linetest.Wire {
	w := linetest.New(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			head := make([]byte, 4+11)
			if _, err := io.ReadFull(w.Far, head); err != nil {
				return
			}
			rest := make([]byte, int(head[14])+2)
			if _, err := io.ReadFull(w.Far, rest); err != nil {
				return
			}
			if answer := m.answer(head[4:], rest[:head[14]]); answer != nil {
				w.Send(append([]byte{0xFE, 0xFE}, answer...)...)
			}
		}
	}()
	t.Cleanup(func() { w.Unplug(); <-ended })
	return w
}

func (m *gasMeter) answer(head, data []byte) []byte {
	if head[1] != 0x30 || !bytes.Equal(head[2:9], gasAddress[:]) {
		return nil
	}
	switch {
	case head[9] == 1 && data[0] == 0x1F && data[1] == 0x90:
		out := append([]byte{0x1F, 0x90, data[2]}, 0x67, 0x45, 0x23, 0x01, 0x2C, 0x00, 0x00, 0x00, 0x00, 0x2C, 0, 0, 0, 0, 0, 0, 0x20)
		status := byte(0)
		if m.closed {
			status = 1
		}
		return gasFrame(0x30, gasAddress[:], 0x81, append(out, status, 0)...)
	case head[9] == 4 && m.refuses:
		return gasFrame(0x30, gasAddress[:], 0xC4, 0, 1, 0)
	case head[9] == 4 && data[0] == 0x17 && data[1] == 0xA0 && data[3] == 0x99:
		m.closed = true
		return gasFrame(0x30, gasAddress[:], 0x84, 0x17, 0xA0, data[2], 0, 0)
	}
	return gasFrame(0x30, gasAddress[:], 0xC1, 0, 0, 0)
}

func TestConformanceCJT188(t *testing.T) {
	valve := gasPoint("open", 0x901F, "bit0@17")
	valve.Scale, valve.Offset = -1, 1
	devicetest.Run(t, devicetest.Case{
		Driver: serial.CJT188{}, Channel: channel((&gasMeter{}).serve(t).Path, time.Second),
		Points:  []devicetest.Want{{Point: gasPoint("volume", 0x901F, "XXXXXX.XX@0"), Value: 12345.67}, {Point: valve, Value: 1}},
		Absent:  "33001122334499",
		Missing: gasPoint("missing", 0x9020, "XX@0"),
	})
}

func TestAGasValveIsOnlyEverClosed(t *testing.T) {
	m := &gasMeter{}
	c, err := serial.CJT188{}.Open(t.Context(), channel(m.serve(t).Path, time.Second))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a test's end
	valve := gasPoint("open", 0x901F, "bit0@17")
	valve.Scale, valve.Offset, valve.Writable = -1, 1, []float64{0}
	if err := c.Write(t.Context(), valve, 0); err != nil {
		t.Fatal(err)
	}
	if r := readOne(t, c, valve); r.Value != 0 || r.Quality != device.Good {
		t.Errorf("after closing: %+v", r)
	}
	generous := valve
	generous.Writable = []float64{0, 1}
	if err := c.Write(t.Context(), generous, 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("opened: %v", err)
	}
	if err := serial.CheckCJT188(generous); err == nil {
		t.Error("a profile that opens a gas valve was taken")
	}
	m.refuses = true
	if err := c.Write(t.Context(), valve, 0); err == nil {
		t.Error("a refusal was taken for a confirmation")
	}
}

func TestRepliesCJT188(t *testing.T) {
	volume := gasPoint("volume", 0x901F, "XXXXXX.XX@0")
	right := gasFrame(0x30, gasAddress[:], 0x81, 0x1F, 0x90, 0, 0x67, 0x45, 0x23, 0x01)
	other := gasFrame(0x30, gasAddress[:], 0x81, 0x20, 0x90, 0, 0x99, 0x99, 0x99, 0x99)
	water := gasFrame(0x10, gasAddress[:], 0x81, 0x1F, 0x90, 0, 0x99, 0x99, 0x99, 0x99)
	cases := []struct {
		name   string
		got    []byte
		reason device.Reason
	}{
		{"right", right, 0},
		{"another identifier first", append(bytes.Clone(other), right...), 0},
		{"another type of meter first", append(bytes.Clone(water), right...), 0},
		{"noise first", append([]byte{0x68, 0x30, 0xFE, 0x00}, right...), 0},
		{"another identifier", other, device.Mismatch},
		{"another type of meter", water, device.Mismatch},
		{"refused", gasFrame(0x30, gasAddress[:], 0xC1, 0, 0, 0), device.NoSuchPoint},
		{"no identifier", gasFrame(0x30, gasAddress[:], 0x81, 0x1F), device.Corrupt},
		{"no value", gasFrame(0x30, gasAddress[:], 0x81, 0x1F, 0x90, 0), device.Mismatch},
		{"cut", right[:len(right)-3], device.Corrupt},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v, done, err := serial.DecodeCJT188(volume, c.got, true)
			var fault *line.Fault
			if errors.As(err, &fault); c.reason != 0 && (fault == nil || fault.Reason != c.reason) || c.reason == 0 && (err != nil || !done || v != 12345.67) {
				t.Fatalf("got %v %v %v, want %q", v, done, err, c.reason)
			}
		})
	}
	for _, bad := range []device.Point{{Address: gasNumber, Register: device.Register{Space: "steam", Type: "XX"}},
		{Address: "330011223344", Register: device.Register{Space: "gas", Type: "XX"}}, {Address: gasNumber, Register: device.Register{Space: "gas", Type: "u16"}}} {
		if err := serial.CheckCJT188(bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
	}
}

func FuzzReplyCJT188(f *testing.F) {
	f.Add(gasFrame(0x30, gasAddress[:], 0x81, 0x1F, 0x90, 0, 0x67, 0x45, 0x23, 0x01), true)
	f.Add(gasFrame(0x30, gasAddress[:], 0xC1, 0, 0, 0), false)
	f.Add([]byte{0x68, 0x30, 0x68, 0x30, 0xFF}, true)
	f.Fuzz(func(t *testing.T, got []byte, over bool) {
		_, done, err := serial.DecodeCJT188(gasPoint("volume", 0x901F, "XXXXXX.XX@0"), got, over)
		if done && err == nil && !bytes.Contains(got, []byte{0x1F, 0x90}) {
			t.Errorf("% x gave a value without the identifier that was asked for", got)
		}
	})
}

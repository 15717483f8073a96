package osdp_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
	"github.com/linshao/linshao/drivers/serial/osdp"
)

// A reader and a Modbus meter on one line, both of number 5: each is noise to the other.
func TestOnOneLineWithAMeter(t *testing.T) {
	a, p := secured()
	w := linetest.New(t)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var in []byte
		buf := make([]byte, 256)
		for {
			n, err := w.Far.Read(buf)
			if err != nil {
				return
			}
			in = append(in, buf[:n]...)
			switch {
			case bytes.HasPrefix(in, []byte{0xFF, 0x53}) && len(in) > 3 && len(in) == 1+int(in[3]):
				w.Send(p.hear(in[1:])...)
			case bytes.HasPrefix(in, []byte{5, 3}) && len(in) == 8:
				w.Send(bin(t, "05 03 02 09 01 8E 14")...)
			default:
				continue
			}
			in = nil
		}
	}()
	t.Cleanup(func() { w.Unplug(); <-ended })
	shared := serial.Shared{"modbus": modbus.RTU{}, "osdp": osdp.Driver{}}
	c, err := shared.Open(t.Context(), device.Channel{ID: "rs485", Address: w.Path, Timeout: time.Second,
		Serial: device.Serial{Baud: 9600, Parity: device.ParityNone, StopBits: 1}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close() //nolint:errcheck // a test's end
	input := at(t, a, "input 1", "")
	input.Protocol = "osdp"
	meter := device.Point{Device: "u", Name: "voltage", Address: "5", Protocol: "modbus", Scale: 0.1, Register: device.Register{Space: "holding", Addr: 1, Type: "u16"}}
	for range 5 {
		if r := read(t, c, input)[0]; r.Value != 1 || r.Quality != device.Good {
			t.Errorf("reader: %+v", r)
		}
		if r := read(t, c, meter)[0]; r.Value != 230.5 || r.Quality != device.Good {
			t.Errorf("meter: %+v", r)
		}
	}
}

package serial_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
)

// serveMeter answers whole requests, of whatever length, with what the test says.
func serveMeter(t *testing.T, answer func(control byte, data []byte) []byte) *linetest.Wire {
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
			at := bytes.IndexByte(in, 0x68)
			if at < 0 || len(in) < at+10 || len(in) < at+12+int(in[at+9]) {
				continue
			}
			data := make([]byte, in[at+9])
			for i := range data {
				data[i] = in[at+10+i] - 0x33
			}
			control := in[at+8]
			in = in[:0]
			if out := answer(control, data); out != nil {
				w.Send(out...)
			}
		}
	}()
	t.Cleanup(func() { w.Unplug(); <-ended })
	return w
}

// A value of three frames, the way the standard cuts it: the identifier in each, the frame's number at the end of the later ones.
func TestAValueInSeveralFrames(t *testing.T) {
	const number = "000000012345"
	di := []byte{0x00, 0xFF, 0x01, 0x02} // all voltages, 02 01 FF 00
	parts := [][]byte{{0x05, 0x22}, {0x06, 0x22}, {0x07, 0x22}}
	w := serveMeter(t, func(control byte, data []byte) []byte {
		seq := 0
		if control == 0x12 {
			seq = int(data[4])
		}
		out := append(append([]byte{}, di...), parts[seq]...)
		if seq > 0 {
			out = append(out, byte(seq))
		}
		control |= 0x80
		if seq < 2 {
			control |= 0x20
		}
		return reply(number, control, out...)
	})
	conn := open(t, w, 2*time.Second)
	points := []device.Point{mpoint("voltage_l1", 0x0201FF00, "XXX.X@0", 1), mpoint("voltage_l2", 0x0201FF00, "XXX.X@2", 1),
		mpoint("voltage_l3", 0x0201FF00, "XXX.X@4", 1), mpoint("beyond", 0x0201FF00, "XXX.X@6", 1)}
	rs, err := conn.Read(t.Context(), points)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float64{220.5, 220.6, 220.7} {
		if rs[i].Value != want || rs[i].Quality != device.Good {
			t.Errorf("%s: %+v, want %v", rs[i].Point, rs[i], want)
		}
	}
	if rs[3].Reason != device.Mismatch {
		t.Errorf("a value behind the end: %+v", rs[3])
	}
}

func TestEndlessFramesEnd(t *testing.T) {
	w := serveMeter(t, func(control byte, data []byte) []byte {
		out := append(append([]byte{}, data[:4]...), 0x05, 0x22)
		if control == 0x12 {
			out = append(out, data[4])
		}
		return reply("000000012345", control|0xA0, out...)
	})
	if r := readOne(t, open(t, w, 2*time.Second), mpoint("voltage", 0x02010100, "XXX.X", 1)); r.Reason != device.Corrupt {
		t.Errorf("%+v", r)
	}
}

func relayPoint(t *testing.T) device.Point {
	t.Helper()
	p := mpoint("relay", 0x04000503, "bit4", -1)
	p.Offset, p.Writable = 1, []float64{0, 1}
	var err error
	if p.Address, err = serial.WithKey(p.Address, "00000007", "02123456"); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRelay(t *testing.T) {
	closed := true
	var got []byte
	w := serveMeter(t, func(control byte, data []byte) []byte {
		if control == 0x11 {
			word := []byte{0x03, 0x05, 0x00, 0x04, 0x10, 0x00}
			if closed {
				word[4] = 0
			}
			return reply("000000012345", 0x91, word...)
		}
		got = data
		closed = data[8] == 0x1C
		return append(bin(t, "FE FE"), reply("000000012345", 0x9C)...)
	})
	conn, p := open(t, w, 2*time.Second), relayPoint(t)
	for _, v := range []float64{0, 1} {
		if err := conn.Write(t.Context(), p, v); err != nil {
			t.Fatal(err)
		}
		if r := readOne(t, conn, p); r.Value != v || r.Quality != device.Good {
			t.Errorf("after writing %v: %+v", v, r)
		}
		want := "02563412" + "07000000" + map[float64]string{0: "1a", 1: "1c"}[v] + "00"
		if len(got) != 16 || hex.EncodeToString(got[:10]) != want {
			t.Errorf("sent % x, want %s and a time", got, want)
		}
	}
}

func TestRelayRefusals(t *testing.T) {
	w := serveMeter(t, func(control byte, _ []byte) []byte {
		if control == 0x1C {
			return reply("000000012345", 0xDC, 4)
		}
		return nil
	})
	conn, p := open(t, w, 2*time.Second), relayPoint(t)
	err := conn.Write(t.Context(), p, 0)
	if err == nil || !strings.Contains(err.Error(), "auth_failed") || strings.Contains(err.Error(), "123456") {
		t.Errorf("wrong password: %v", err)
	}
	noKey, readOnly, closeOnly, energy := p, p, p, mpoint("energy", 0x00010000, "XXXXXX.XX", 1)
	noKey.Address, readOnly.Writable, closeOnly.Writable, energy.Writable = "000000012345", nil, []float64{1}, []float64{0}
	for name, point := range map[string]device.Point{"no key": noKey, "read-only": readOnly, "value": closeOnly, "no relay": energy} {
		if err := conn.Write(t.Context(), point, 0); err == nil {
			t.Errorf("%s: written", name)
		}
	}
	if err := conn.Write(t.Context(), readOnly, 0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("read-only: %v", err)
	}
}

// An echo of the command is not the meter's answer.
func TestAnEchoOfACommandConfirmsNothing(t *testing.T) {
	w := serveMeter(t, func(control byte, data []byte) []byte { return reply("000000012345", control, data...) })
	if err := open(t, w, 300*time.Millisecond).Write(t.Context(), relayPoint(t), 0); err == nil {
		t.Error("confirmed by an echo")
	}
}

func TestFormats(t *testing.T) {
	for _, bad := range []string{"bit16", "bit-1", "bit", "XXX.X@", "XXX.X@191", "XXX.X@-1", "@2", "bitx", "XXX"} {
		if err := serial.CheckPoint(mpoint("p", 1, bad, 1)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	for _, good := range []string{"bit0", "bit15@2", "±XX.XXXX@189"} {
		if err := serial.CheckPoint(mpoint("p", 1, good, 1)); err != nil {
			t.Error(err)
		}
	}
	for _, bad := range [][2]string{{"7", "02123456"}, {"00000007", "123456"}, {"0000000x", "02123456"}} {
		if a, err := serial.WithKey("1", bad[0], bad[1]); err == nil {
			t.Errorf("%v: %s", bad, a)
		}
	}
}

package serial_test

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/device/devicetest"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/line/linetest"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A meter answers reads of its data identifiers on a wire.
type meter struct {
	number string
	values map[uint32][]byte
	script atomic.Value // func(answer []byte) []byte; changes what is sent
}

// requestSize is a read with its four preambles.
const requestSize = 20

func (m *meter) serve(t testing.TB) *linetest.Wire {
	w := linetest.New(t)
	w.Serve(t, requestSize, func(r []byte) {
		if answer := m.answer(r); answer != nil {
			w.Send(answer...)
		}
	})
	return w
}

// answer is what the meter sends for a request; nothing when it is another's.
func (m *meter) answer(r []byte) []byte {
	a := r[5:11]
	number := hex.EncodeToString([]byte{a[5], a[4], a[3], a[2], a[1], a[0]})
	if number != m.number && number != "aaaaaaaaaaaa" {
		return nil
	}
	di := make([]byte, 4)
	for i := range di {
		di[i] = r[14+i] - 0x33
	}
	answer := reply(m.number, 0xD1, 2)
	if v, ok := m.values[binary.LittleEndian.Uint32(di)]; ok {
		answer = reply(m.number, 0x91, append(di, v...)...)
	}
	answer = append([]byte{0xFE, 0xFE, 0xFE}, answer...)
	if f, ok := m.script.Load().(func([]byte) []byte); ok {
		answer = f(answer)
	}
	return answer
}

func sampleMeter() *meter {
	return &meter{number: "000000012345", values: map[uint32][]byte{
		0x02010100: {0x05, 0x22}, 0x02020100: {0x34, 0x12, 0x00}, 0x02030000: {0x00, 0x75, 0x81}, 0x00010000: {0x78, 0x56, 0x34, 0x12},
	}}
}

func channel(path string, timeout time.Duration) device.Channel {
	return device.Channel{ID: "rs485-2", Driver: "dlt645", Address: path, Timeout: timeout}
}

func mpoint(name string, di uint32, format string, scale float64) device.Point {
	return device.Point{Device: "m", Name: name, Address: "000000012345", Scale: scale, Register: device.Register{Addr: di, Type: format}}
}

func samplePoints() []devicetest.Want {
	return []devicetest.Want{
		{Point: mpoint("voltage", 0x02010100, "XXX.X", 1), Value: 220.5},
		{Point: mpoint("current", 0x02020100, "±XXX.XXX", 1), Value: 1.234},
		{Point: mpoint("power", 0x02030000, "±XX.XXXX", 1000), Value: -1750},
		{Point: mpoint("energy", 0x00010000, "XXXXXX.XX", 1), Value: 123456.78},
	}
}

func TestConformance(t *testing.T) {
	w := sampleMeter().serve(t)
	devicetest.Run(t, devicetest.Case{
		Driver: serial.DLT645{}, Channel: channel(w.Path, time.Second), Points: samplePoints(),
		Missing: mpoint("missing", 0x02060000, "X.XXX", 1), Absent: "000000099999",
	})
}

func open(t *testing.T, w *linetest.Wire, timeout time.Duration) device.Conn {
	t.Helper()
	c, err := serial.DLT645{}.Open(t.Context(), channel(w.Path, timeout))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() }) // may be closed already
	return c
}

func readOne(t *testing.T, c device.Conn, p device.Point) device.Reading {
	t.Helper()
	rs, err := c.Read(t.Context(), []device.Point{p})
	if err != nil {
		t.Fatal(err)
	}
	return rs[0]
}

// What a line does wrong costs one reading; the next one is right.
func TestOneFaultOneReading(t *testing.T) {
	other := slices.Clip(reply("000000012345", 0x91, 0x00, 0x02, 0x01, 0x02, 0x99, 0x99))
	stranger := slices.Clip(reply("000000054321", 0x91, 0x00, 0x01, 0x01, 0x02, 0x99, 0x99))
	cases := []struct {
		name   string
		answer func(right []byte) []byte
		reason device.Reason // 0: the reading must be good all the same
	}{
		{"silence", func([]byte) []byte { return nil }, device.Timeout},
		{"noise", func([]byte) []byte {
			return bin(t, "00 68 FF 13 68 16 00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F")
		}, device.Corrupt},
		{"bad checksum", func(r []byte) []byte { r[len(r)-2]++; return r }, device.Corrupt},
		{"half a reply", func(r []byte) []byte { return r[:len(r)-4] }, device.Corrupt},
		{"another identifier", func([]byte) []byte { return other }, device.Mismatch},
		{"another meter", func([]byte) []byte { return stranger }, device.Mismatch},
		{"another identifier, then the reply", func(r []byte) []byte { return append(other, r...) }, 0},
		{"another meter, then the reply", func(r []byte) []byte { return append(stranger, r...) }, 0},
		{"noise, then the reply", func(r []byte) []byte { return append([]byte{0, 0x68, 1}, r...) }, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // most of it is waiting
			m := sampleMeter()
			conn := open(t, m.serve(t), 2*time.Second)
			m.script.Store(func(r []byte) []byte { return c.answer(r) })
			p := samplePoints()[0].Point
			if r := readOne(t, conn, p); r.Reason != c.reason || (c.reason == 0) != (r.Value == 220.5) {
				t.Fatalf("got %+v, want %q", r, c.reason)
			}
			m.script.Store(func(r []byte) []byte { return r })
			if r := readOne(t, conn, p); r.Quality != device.Good || r.Value != 220.5 {
				t.Fatalf("afterwards: %+v", r)
			}
		})
	}
}

// The reply to the voltage comes after its time-out, when the current is wanted.
func TestLateReplyIsNotTheNextOnes(t *testing.T) {
	m := sampleMeter()
	w := m.serve(t)
	conn := open(t, w, 2*time.Second)
	late := make(chan []byte, 1)
	m.script.Store(func(r []byte) []byte { late <- r; return nil })
	points := samplePoints()
	if r := readOne(t, conn, points[0].Point); r.Reason != device.Timeout {
		t.Fatalf("got %+v", r)
	}
	m.script.Store(func(r []byte) []byte { return append(<-late, r...) })
	if r := readOne(t, conn, points[1].Point); r.Value != 1.234 || r.Quality != device.Good {
		t.Fatalf("got %+v, want the current", r)
	}
}

func TestOneMuteIdentifierDoesNotHideTheRest(t *testing.T) {
	m := sampleMeter()
	conn := open(t, m.serve(t), time.Second)
	m.script.Store(func(r []byte) []byte {
		if len(r) > 15 && r[15] == 0x34 && r[14] == 0x34 { // the voltage
			return nil
		}
		return r
	})
	points := []device.Point{samplePoints()[0].Point, samplePoints()[1].Point, samplePoints()[3].Point}
	for range 2 { // the first read may lose all
		if _, err := conn.Read(t.Context(), points); err != nil {
			t.Fatal(err)
		}
	}
	rs, err := conn.Read(t.Context(), points)
	if err != nil {
		t.Fatal(err)
	}
	if rs[0].Reason != device.Timeout || rs[1].Quality != device.Good || rs[2].Quality != device.Good {
		t.Errorf("got %+v", rs)
	}
}

func TestUnpluggedLineIsAnError(t *testing.T) {
	w := sampleMeter().serve(t)
	conn := open(t, w, time.Minute)
	w.Unplug()
	if rs, err := conn.Read(t.Context(), []device.Point{samplePoints()[0].Point}); err == nil {
		t.Errorf("got %+v", rs)
	}
}

func TestWritesAreRefused(t *testing.T) {
	conn := open(t, sampleMeter().serve(t), time.Second)
	p := samplePoints()[0].Point
	p.Writable = []float64{0}
	if err := conn.Write(t.Context(), p, 0); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

// The registers of the shipped profile dlt645-2007, as a single-phase meter sends them: 220.5 V, 4.321 A, -0.9528 kW …
func TestGoldenDLT645(t *testing.T) {
	m := &meter{number: "000000012345", values: map[uint32][]byte{
		0x02010100: {0x05, 0x22},             // 220.5 V
		0x02020100: {0x21, 0x43, 0x00},       // 4.321 A
		0x02030000: {0x28, 0x95, 0x80},       // -0.9528 kW
		0x02060000: {0x98, 0x09},             // 0.998
		0x02800002: {0x98, 0x49},             // 49.98 Hz
		0x00010000: {0x67, 0x45, 0x23, 0x01}, // 12345.67 kWh
	}}
	conn := open(t, m.serve(t), 10*time.Second)
	for _, w := range []devicetest.Want{
		{Point: mpoint("voltage", 0x02010100, "XXX.X", 1), Value: 220.5},
		{Point: mpoint("current", 0x02020100, "±XXX.XXX", 1), Value: 4.321},
		{Point: mpoint("power", 0x02030000, "±XX.XXXX", 1000), Value: -952.8},
		{Point: mpoint("power_factor", 0x02060000, "±X.XXX", 1), Value: 0.998},
		{Point: mpoint("frequency", 0x02800002, "XX.XX", 1), Value: 49.98},
		{Point: mpoint("energy", 0x00010000, "XXXXXX.XX", 1), Value: 12345.67},
	} {
		if r := readOne(t, conn, w.Point); r.Quality != device.Good || r.Value-w.Value > 1e-9 || w.Value-r.Value > 1e-9 {
			t.Errorf("%s: got %+v, want %v", w.Point.Name, r, w.Value)
		}
	}
}

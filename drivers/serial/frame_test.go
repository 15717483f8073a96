package serial_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial"
	"github.com/linshao/linshao/drivers/serial/line"
)

// bin reads "68 12 90".
func bin(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func point(di uint32, format string) device.Point {
	return device.Point{Device: "m", Name: format, Address: "123456789012", Register: device.Register{Addr: di, Type: format}}
}

// Frames whose sums were computed by hand.
func TestRequests(t *testing.T) {
	cases := []struct {
		di   uint32
		want string
	}{
		{0x02010100, "FE FE FE FE 68 AA AA AA AA AA AA 68 11 04 33 34 34 35 B1 16"},
		{0x02020100, "FE FE FE FE 68 AA AA AA AA AA AA 68 11 04 33 34 35 35 B2 16"},
		{0x02030000, "FE FE FE FE 68 AA AA AA AA AA AA 68 11 04 33 33 36 35 B2 16"},
		{0x00010000, "FE FE FE FE 68 AA AA AA AA AA AA 68 11 04 33 33 34 33 AE 16"},
	}
	for _, c := range cases {
		got, err := serial.AppendRead("AAAAAAAAAAAA", c.di)
		if err != nil || !bytes.Equal(got, bin(t, c.want)) {
			t.Errorf("%08x: got % X %v, want %s", c.di, got, err, c.want)
		}
	}
	got, err := serial.AppendRead("123456789012", 0x02010100)
	if err != nil || !bytes.Equal(got[5:11], bin(t, "12 90 78 56 34 12")) {
		t.Errorf("the number goes out as % X %v", got[5:11], err)
	}
}

// reply builds a frame around data without the offset, apart from the driver's code.
func reply(address string, control byte, data ...byte) []byte {
	a, _ := hex.DecodeString(address)
	b := []byte{0x68, a[5], a[4], a[3], a[2], a[1], a[0], 0x68, control, byte(len(data))}
	for _, x := range data {
		b = append(b, x+0x33)
	}
	sum := byte(0)
	for _, x := range b {
		sum += x
	}
	return append(b, sum, 0x16)
}

func TestReplies(t *testing.T) {
	const voltage = "68 12 90 78 56 34 12 68 91 06 33 34 34 35 38 55 7A 16" // 220.5 V
	ua := point(0x02010100, "XXX.X")
	me := "123456789012"
	damaged := bin(t, voltage)
	damaged[13]++
	cases := []struct {
		name   string
		point  device.Point
		got    []byte
		value  float64
		reason device.Reason
	}{
		{"voltage", ua, bin(t, voltage), 220.5, 0},
		{"four preambles", ua, bin(t, "FE FE FE FE"+voltage), 220.5, 0},
		{"nine preambles", ua, bin(t, "FE FE FE FE FE FE FE FE FE"+voltage), 220.5, 0},
		{"noise with start bytes", ua, bin(t, "00 68 68 FF FE"+voltage), 220.5, 0},
		{"our echo first", ua, append(must(serial.AppendRead(me, 0x02010100)), bin(t, voltage)...), 220.5, 0},
		{"a late reply of another identifier first", ua,
			append(reply(me, 0x91, 0x00, 0x01, 0x02, 0x02, 0x34, 0x12, 0x00), bin(t, voltage)...), 220.5, 0},
		{"current", point(0x02020100, "±XXX.XXX"), reply(me, 0x91, 0x00, 0x01, 0x02, 0x02, 0x34, 0x12, 0x00), 1.234, 0},
		{"current backwards", point(0x02020100, "±XXX.XXX"), reply(me, 0x91, 0x00, 0x01, 0x02, 0x02, 0x34, 0x12, 0x80), -1.234, 0},
		{"power", point(0x02030000, "±XX.XXXX"), reply(me, 0x91, 0x00, 0x00, 0x03, 0x02, 0x67, 0x45, 0x23), 23.4567, 0},
		{"power backwards", point(0x02030000, "±XX.XXXX"), reply(me, 0x91, 0x00, 0x00, 0x03, 0x02, 0x67, 0x45, 0xA3), -23.4567, 0},
		{"energy", point(0x00010000, "XXXXXX.XX"), reply(me, 0x91, 0x00, 0x00, 0x01, 0x00, 0x78, 0x56, 0x34, 0x12), 123456.78, 0},
		{"no such data", ua, bin(t, "68 12 90 78 56 34 12 68 D1 01 35 8D 16"), 0, device.NoSuchPoint},
		{"password", ua, reply(me, 0xD1, 4), 0, device.AuthFailed},
		{"other error", ua, reply(me, 0xD1, 1), 0, device.Refused},
		{"error without a byte", ua, reply(me, 0xD1), 0, device.Corrupt},
		{"another meter", ua, reply("123456789013", 0x91, 0x00, 0x01, 0x01, 0x02, 0x05, 0x22), 0, device.Mismatch},
		{"another identifier", ua, reply(me, 0x91, 0x00, 0x02, 0x01, 0x02, 0x05, 0x22), 0, device.Mismatch},
		{"too long", ua, reply(me, 0x91, 0x00, 0x01, 0x01, 0x02, 0x05, 0x22, 0x00), 0, device.Mismatch},
		{"too short", ua, reply(me, 0x91, 0x00, 0x01, 0x01, 0x02, 0x05), 0, device.Mismatch},
		{"no value", ua, reply(me, 0x91, 0x00, 0x01, 0x01, 0x02), 0, device.Mismatch},
		{"no identifier", ua, reply(me, 0x91, 0x00), 0, device.Corrupt},
		{"no BCD", ua, reply(me, 0x91, 0x00, 0x01, 0x01, 0x02, 0xFF, 0xFF), 0, device.Corrupt},
		{"damaged", ua, damaged, 0, device.Corrupt},
		{"cut", ua, bin(t, voltage)[:15], 0, device.Corrupt},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			value, done, err := serial.Decode(c.point, c.got, true)
			var fault *line.Fault
			if errors.As(err, &fault); c.reason != 0 {
				if fault == nil || fault.Reason != c.reason {
					t.Fatalf("got %v %v, want %q", value, err, c.reason)
				}
				return
			}
			if err != nil || !done || value != c.value {
				t.Fatalf("got %v %v %v, want %v", value, done, err, c.value)
			}
		})
	}
}

func must(b []byte, _ error) []byte { return b }

// A reply that arrives byte by byte is nothing until it is whole, and no fault.
func TestReplyInPieces(t *testing.T) {
	whole := bin(t, "FE FE 68 12 90 78 56 34 12 68 91 06 33 34 34 35 38 55 7A 16")
	for n := range whole {
		if v, done, err := serial.Decode(point(0x02010100, "XXX.X"), whole[:n], false); done || err != nil {
			t.Fatalf("%d bytes: %v %v", n, v, err)
		}
	}
}

func TestWildcardTakesAnyMeter(t *testing.T) {
	p := point(0x02010100, "XXX.X")
	p.Address = "AAAAAAAA9012"
	if v, _, err := serial.Decode(p, reply("123456789012", 0x91, 0x00, 0x01, 0x01, 0x02, 0x05, 0x22), true); err != nil || v != 220.5 {
		t.Errorf("got %v %v", v, err)
	}
	if _, _, err := serial.Decode(p, reply("123456789013", 0x91, 0x00, 0x01, 0x01, 0x02, 0x05, 0x22), true); err == nil {
		t.Error("a meter with another number was taken")
	}
}

func TestCheckPoint(t *testing.T) {
	good := []string{"XXX.X", "XXX.XXX", "±XX.XXXX", "XXXXXX.XX", "XX", "X.XXX"}
	for _, format := range good {
		if err := serial.CheckPoint(point(1, format)); err != nil {
			t.Error(err)
		}
	}
	for _, format := range []string{"", "±", "XXX", "X.X.", "YYMMDD", "XX.XX ", "u16", "XXXXXXXXXXXXXX", "XX."} {
		if err := serial.CheckPoint(point(1, format)); err == nil {
			t.Errorf("format %q was accepted", format)
		}
	}
	for _, address := range []string{"", "1", "12345678901", "1234567890123", "12345678901x", "A23456789012", "999999999999"} {
		p := point(1, "XXX.X")
		p.Address = address
		if err := serial.CheckPoint(p); err == nil {
			t.Errorf("address %q was accepted", address)
		}
	}
	p := point(1, "XXX.X")
	p.Writable = []float64{0}
	if err := serial.CheckPoint(p); err == nil {
		t.Error("a writable point was accepted")
	}
}

func FuzzReply(f *testing.F) {
	f.Add(bin(f, "FE FE 68 12 90 78 56 34 12 68 91 06 33 34 34 35 38 55 7A 16"), true)
	f.Add(bin(f, "68 12 90 78 56 34 12 68 D1 01 35 8D 16"), false)
	f.Add(bin(f, "68 68 68 68 68 68 68 68 68 FF"), true)
	f.Fuzz(func(t *testing.T, got []byte, over bool) {
		_, done, err := serial.Decode(point(0x02010100, "XXX.X"), got, over)
		if done && err == nil && !bytes.Contains(got, bin(t, "68 91 06 33 34 34 35")) {
			t.Errorf("% x gave a value without the identifier that was asked for", got)
		}
	})
}

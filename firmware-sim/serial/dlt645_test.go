package serial_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/serial"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func bytesOf(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func meter(t testing.TB, number string, f *fault.Switches) *serial.Meter {
	t.Helper()
	m, err := serial.NewMeter(serial.MeterConfig{Number: number, Faults: f, Measure: func() serial.Electric {
		return serial.Electric{Voltage: 220.5, Current: 1.234, Power: 262.5, Energy: 7312.48, Frequency: 49.98, PowerFactor: 0.965}
	}})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestVectors(t *testing.T) {
	m := meter(t, "123456789012", nil)
	for _, v := range []struct{ what, req, want string }{
		{"read address", "FE FE FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16", "68 12 90 78 56 34 12 68 93 06 45 C3 AB 89 67 45 07 16"},
		{"voltage", "FE FE FE FE 68 AA AA AA AA AA AA 68 11 04 33 34 34 35 B1 16", "68 12 90 78 56 34 12 68 91 06 33 34 34 35 38 55 7A 16"},
		{"current", "68 AA AA AA AA AA AA 68 11 04 33 34 35 35 B2 16", "68 12 90 78 56 34 12 68 91 07 33 34 35 35 67 45 33 CE 16"},
		{"power", "68 AA AA AA AA AA AA 68 11 04 33 33 36 35 B2 16", "68 12 90 78 56 34 12 68 91 07 33 33 36 35 58 59 33 D3 16"},
		{"forward energy", "68 AA AA AA AA AA AA 68 11 04 33 33 34 33 AE 16", "68 12 90 78 56 34 12 68 91 08 33 33 34 33 7B 45 A6 33 85 16"},
		{"voltage of phase B: a single-phase meter has none", "68 AA AA AA AA AA AA 68 11 04 33 35 34 35 B2 16", "68 12 90 78 56 34 12 68 D1 01 35 8D 16"},
	} {
		req, used := serial.ParseRequest(bytesOf(t, v.req))
		if req == nil || used != len(bytesOf(t, v.req)) {
			t.Errorf("%s: not understood, %d bytes used", v.what, used)
			continue
		}
		if got := m.Answer(*req); !bytes.Equal(got, bytesOf(t, v.want)) {
			t.Errorf("%s: % X, want %s", v.what, got, v.want)
		}
	}
}

func TestWhoIsMeant(t *testing.T) {
	m := meter(t, "000000012345", nil)
	for _, c := range []struct {
		addr   [6]byte
		answer bool
	}{
		{[6]byte{0x45, 0x23, 0x01, 0, 0, 0}, true},
		{[6]byte{0x45, 0x23, 0xAA, 0xAA, 0xAA, 0xAA}, true},
		{[6]byte{0x46, 0x23, 0x01, 0, 0, 0}, false},
		{[6]byte{0x99, 0x99, 0x99, 0x99, 0x99, 0x99}, false}, // broadcast wants no answer
	} {
		if got := m.Answer(serial.Request{Addr: c.addr, Control: 0x13}); (got != nil) != c.answer {
			t.Errorf("address % X: % X", c.addr, got)
		}
	}
	if got := m.Answer(serial.Request{Addr: [6]byte{0x45, 0x23, 1}, Control: 0x14, Data: []byte{0, 0, 0, 0}}); got[8] != 0xD4 || got[10] != 0x34 {
		t.Errorf("a write is refused: % X", got)
	}
	if _, err := serial.NewMeter(serial.MeterConfig{Number: "12345"}); err == nil {
		t.Error("a short number is taken")
	}
	if _, err := serial.NewMeter(serial.MeterConfig{Number: "00000001234A"}); err == nil {
		t.Error("a number with a letter is taken")
	}
}

func TestRubbishBeforeAFrame(t *testing.T) {
	good := bytesOf(t, "68 AA AA AA AA AA AA 68 11 04 33 34 34 35 B1 16")
	for _, before := range []string{"", "00", "FE", "68", "68 68", "16 FE FE 68 01 02 03 04 05 06 68 11 00 00 16"} {
		stream := append(bytesOf(t, before), good...)
		var req *serial.Request
		for len(stream) > 0 && req == nil {
			var used int
			if req, used = serial.ParseRequest(stream); used == 0 {
				break
			}
			stream = stream[used:]
		}
		if req == nil || req.Control != 0x11 {
			t.Errorf("after %q the frame is lost", before)
		}
	}
	half := good[:11]
	if req, used := serial.ParseRequest(half); req != nil || used != 0 {
		t.Errorf("half a frame: %v, %d used", req, used)
	}
}

func FuzzParseRequest(f *testing.F) {
	f.Add(bytesOf(f, "FE FE FE FE 68 AA AA AA AA AA AA 68 13 00 DF 16"))
	f.Add(bytesOf(f, "68 AA AA AA AA AA AA 68 11 04 33 34 34 35 B1 16"))
	m := meter(f, "000000012345", nil)
	f.Fuzz(func(t *testing.T, in []byte) {
		req, used := serial.ParseRequest(in)
		if used < 0 || used > len(in) || req != nil && used < 12 {
			t.Fatalf("%d of %d bytes used", used, len(in))
		}
		if req == nil {
			return
		}
		if a := m.Answer(*req); a != nil && (a[0] != 0x68 || a[len(a)-1] != 0x16 || int(a[9])+12 != len(a)) {
			t.Fatalf("not a frame: % X", a)
		}
	})
}

package serial_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/serial"
)

func TestGasLog(t *testing.T) {
	var g serial.GasLog
	g.Note(time.Date(2026, 11, 20, 18, 30, 20, 0, time.UTC)) // 02:30 in China
	for q, want := range map[string]string{
		"AA 00 00 00 AA 55": "AA 00 00 07 01 00 00 00 00 00 00 B2 55",
		"AA 01 01 00 AC 55": "AA 01 01 07 01 07 EA 0B 15 02 1E E5 55",
		"AA 02 01 00 AD 55": "AA 02 01 07 00 00 00 00 00 00 00 B4 55",
		"AA 00 07 00 B1 55": "AA 00 07 07 00 00 00 00 00 00 00 B8 55",
		"AA 00 07 00 B2 55": "",
		"AA 00 07 01 B2 55": "",
	} {
		if got := g.Answer(bytesOf(t, q)); !bytes.Equal(got, bytesOf(t, want)) {
			t.Errorf("%s: % X, want %s", q, got, want)
		}
	}
	if got := g.Answer(bytesOf(t, "AA 00 08 00 B2 55")); len(got) != 12 || got[3] != 6 {
		t.Errorf("clock: % X", got)
	}
	for range 300 {
		g.Note(time.Now())
	}
	g.Expire()
	if got := g.Answer(bytesOf(t, "AA 00 00 00 AA 55")); got[4] != 200 || got[10] != 1 {
		t.Errorf("full and past its life: % X", got)
	}
}

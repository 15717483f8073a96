package commission_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/firmware-sim/serial"
	"github.com/linshao/linshao/gateway/internal/commission"
)

// reader answers as the peripheral of drivers/serial/osdp does, whose frames these are: with a CRC, though it was asked with a
// checksum. A poll would take its card away, which it must not.
func reader(t *testing.T, polled *int) serial.Slave {
	t.Helper()
	frame := func(code string) []byte {
		b, err := hex.DecodeString(strings.ReplaceAll(code, " ", ""))
		if err != nil {
			t.Fatal(err)
		}
		sum := uint16(0x1D0F)
		for _, x := range b {
			for bit := 7; bit >= 0; bit-- {
				top := byte(sum>>15) ^ x>>bit&1
				if sum <<= 1; top == 1 {
					sum ^= 0x1021
				}
			}
		}
		return append([]byte{0xFF}, append(b, byte(sum), byte(sum>>8))...)
	}
	return serial.Slave{Delay: time.Millisecond, Answer: func(request []byte) []byte {
		if len(request) < 7 || request[0] != 0x53 || request[1] != 5 {
			return nil
		}
		switch request[5] {
		case 0x60:
			*polled++
		case 0x61:
			return frame("53 85 14 00 04 45 5C 26 23 07 02 05 44 33 22 01 02 03")
		case 0x62:
			return frame("53 85 11 00 04 46 01 02 03 0D 01 01 09 01 00")
		}
		return frame("53 85 09 00 04 41 06")
	}}
}

// TestAPeripheralIntroducesItself, and keeps its card.
func TestAPeripheralIntroducesItself(t *testing.T) {
	t.Parallel()
	polled := 0
	r := scanned(t, slaves(reader(t, &polled)), "osdp", commission.ScanRequest{Addresses: commission.Ranges{{First: 4, Last: 6}}})
	if len(r.Found) != 1 || len(r.Hints) != 0 || polled != 0 {
		t.Fatalf("found %+v, hints %+v, polled %d times", r.Found, r.Hints, polled)
	}
	if f := r.Found[0]; f.Address != "5" || f.Readable != "5C-26-23 7.2 #22334405 fw 1.2.3 in 3 reader 1" || len(f.Candidates) != 0 {
		t.Errorf("it is %+v", f)
	}
}

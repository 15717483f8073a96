package modbus_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/modbus"
)

func FuzzRTU(f *testing.F) {
	ask := rtuFrame(1, 3, 0, 16, 0, 2)
	f.Add(rtuFrame(1, 3, 4, 1, 2, 3, 4), true)
	f.Add(rtuFrame(1, 0x83, 2), false)
	f.Add(append(rtuFrame(2, 3, 2, 9, 9), rtuFrame(1, 3, 4, 1, 2, 3, 4)...), false)
	f.Add(append(ask, 0, 0xFF, 1), true)
	f.Fuzz(func(t *testing.T, got []byte, over bool) {
		answer, err := modbus.ScanRTU(ask, got, over)
		if answer == nil {
			return
		}
		if err != nil || !bytes.Contains(got, answer) || answer[0] != 1 {
			t.Fatalf("% x gave % x %v", got, answer, err)
		}
		n := len(answer) - 2
		if !bytes.Equal(sum(answer[:n]), answer[n:]) {
			t.Fatalf("% x has a wrong checksum", answer)
		}
		if answer[1] == 3 && len(answer) != 9 || answer[1] != 3 && answer[1] != 0x83 {
			t.Fatalf("% x is no answer to two registers", answer)
		}
	})
}

func FuzzTCP(f *testing.F) {
	f.Add([]byte{0, 1, 0, 0, 0, 7, 1, 3, 4, 1, 2, 3, 4})
	f.Add([]byte{0, 1, 0, 0, 0, 3, 1, 0x83, 2})
	f.Add([]byte{0, 1, 0, 0, 0xFF, 0xFF})
	f.Fuzz(func(t *testing.T, b []byte) {
		size, err := modbus.FrameTCP(b)
		if err != nil || size == 0 {
			return
		}
		if size < 8 || size > 260 {
			t.Fatalf("a frame of %d bytes", size)
		}
		if len(b) < size {
			return
		}
		request := []byte{3, 0, 16, 0, 2}
		if answer := b[7:size]; modbus.CheckAnswer(request, answer) == nil && answer[0] == 3 && (len(answer) != 6 || answer[1] != 4) {
			t.Fatalf("% x passes for two registers", answer)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for i := range 30 {
		f.Add(uint8(i), uint64(0x4364800000000000), i%2 == 0)
	}
	words := []string{"u16", "i16", "u32", "i32", "f32", "u64", "i64", "f64", "bool", "hi8", "lo8", "bit0", "bit15", "bit7", ""}
	f.Fuzz(func(t *testing.T, typ uint8, raw uint64, swap bool) {
		r := device.Register{Type: words[int(typ)%len(words)], Swap: swap}
		b := binary.BigEndian.AppendUint64(nil, raw)
		value, again, err := modbus.Recode(r, b)
		if err != nil || math.IsNaN(value) || math.Abs(value) == 1<<53 { // 2^53+1 reads as 2^53
			return
		}
		if !bytes.Equal(again, b[:len(again)]) {
			t.Fatalf("%s % x is %v, and that % x", r.Type, b, value, again)
		}
	})
}

package rtsp_test

import (
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/linshao/linshao/drivers/rtsp"
	sim "github.com/linshao/linshao/firmware-sim/rtsp"
)

// heap is what lives, in bytes.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestMemoryIsBounded: whatever a camera sends, what is kept of it stays near the ring's limit.
func TestMemoryIsBounded(t *testing.T) {
	const most, slack = 2 << 20, 3 << 20
	pictures := sim.NewPictures(64, 48)
	key := append([]byte{0x65, 0x88}, make([]byte, 30)...)
	tiny := []byte{0x41, 0x9a, 1}
	pps := func(n, size int) []byte {
		return append(binary.BigEndian.AppendUint32([]byte{0x68}, uint32(n)), make([]byte, size)...)
	}
	for _, tc := range []struct {
		name  string
		units int
		unit  func(n int) [][]byte
	}{
		{"no key frame but the first", 250_000, func(n int) [][]byte {
			if n == 0 {
				return [][]byte{pictures.SPS(), pictures.PPS(), key}
			}
			return [][]byte{tiny}
		}},
		{"parameter sets that change with each frame", 5_000, func(n int) [][]byte { return [][]byte{pictures.SPS(), pps(n, 3000), key} }},
		{"parameter sets longer than any camera's", 1_000, func(n int) [][]byte {
			if n == 0 {
				return [][]byte{pictures.SPS(), pictures.PPS(), key}
			}
			return [][]byte{pps(n, 60_000), key}
		}},
		{"fragments without an end", 500_000, func(n int) [][]byte {
			if n == 0 {
				return [][]byte{{28, 0x85, 1}}
			}
			return [][]byte{{28, 0x05}}
		}},
	} {
		seq := uint16(0)
		before := heap()
		kept := rtsp.Keep(most)
		for n := range tc.units {
			nals := tc.unit(n)
			for i, nal := range nals {
				seq++
				kept.Take(&rtp.Packet{Header: rtp.Header{Version: 2, Marker: i == len(nals)-1, SequenceNumber: seq, Timestamp: uint32(n) * 750}, Payload: nal}, time.Duration(n)*time.Millisecond)
			}
		}
		if grown := heap() - before; grown > most+slack {
			t.Errorf("%s: %d KiB are kept", tc.name, grown>>10)
		}
		runtime.KeepAlive(kept)
	}
}

// FuzzKeep: no film makes the ring count wrongly, or keep what does not begin with a key frame.
func FuzzKeep(f *testing.F) {
	f.Add([]byte{0x65, 0x41, 0x41, 0x65, 0x41}, uint8(3))
	f.Add([]byte{0x41, 0x65, 0x68, 0x65, 0x68, 0x65, 0xff, 0x41}, uint8(200))
	f.Fuzz(func(t *testing.T, film []byte, size uint8) {
		kept := rtsp.Keep(8 << 10)
		pictures := sim.NewPictures(64, 48)
		seq := uint16(0)
		take := func(at time.Duration, nal []byte) {
			if nal[0] != 0xff { // that one is lost
				kept.Take(&rtp.Packet{Header: rtp.Header{Version: 2, Marker: true, SequenceNumber: seq, Timestamp: uint32(at / time.Millisecond * 90)}, Payload: nal}, at)
			}
			seq++
		}
		take(0, pictures.SPS())
		take(0, pictures.PPS())
		for i, head := range film {
			take(time.Duration(i)*10*time.Millisecond, append([]byte{head, byte(i)}, make([]byte, int(size)*4)...))
			if err := kept.Sound(); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestMeterIsBounded: a flood of frames is counted without remembering each.
func TestMeterIsBounded(t *testing.T) {
	m := rtsp.NewMeter(time.Minute)
	data := slice(false, 100, 1)
	const frames = 1_000_000
	for i := range frames {
		m.Frame(time.Duration(i)*10*time.Microsecond, false, data)
	}
	fps, _, known := m.Rates(frames * 10 * time.Microsecond)
	if !known || fps < 99_000 || fps > 101_000 {
		t.Errorf("%v frames a second, %v; want 100000", fps, known)
	}
	if n := m.Remembered(); n > 1000 {
		t.Errorf("%d moments are remembered", n)
	}
}

// TestCollapse: five minutes below a fifth, in one go; time when the camera was away does not count.
func TestCollapse(t *testing.T) {
	u, at := rtsp.Usual{}, time.Duration(0)
	feed := func(minutes int, kbits float64) {
		for range minutes * 60 {
			at += time.Second
			u.Sample(at, kbits)
		}
	}
	feed(4*60, 1000)
	for _, tc := range []struct {
		name     string
		minutes  int
		away     time.Duration
		want     bool
		recovers bool
	}{
		{"four minutes", 4, 0, false, true},
		{"six minutes", 6, 0, true, true},
		{"two minutes, and ten away", 2, 10 * time.Minute, false, false},
		{"and two", 2, 0, false, true},
	} {
		feed(tc.minutes, 100)
		if got := u.Collapsed(at); got != tc.want {
			t.Errorf("%s: %v", tc.name, got)
		}
		if tc.away > 0 {
			at += tc.away
			u.Away()
		}
		if tc.recovers {
			feed(1, 1000)
		}
	}
}

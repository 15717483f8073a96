package rtsp_test

import (
	"math"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/linshao/linshao/drivers/rtsp"
)

// slices are packets of one small slice each, 3600 ticks apart from a stamp on.
func slices(n int, stamp uint32) []*rtp.Packet {
	packets := make([]*rtp.Packet, n)
	for i := range packets {
		packets[i] = &rtp.Packet{
			Header:  rtp.Header{Version: 2, Marker: true, PayloadType: 96, SequenceNumber: uint16(65530 + i), Timestamp: stamp + uint32(i)*3600},
			Payload: []byte{0x65, 1, 2, 3, 4},
		}
	}
	return packets
}

// TestTimeNeverGoesBack: neither at the wrap of RTP's time after 13 hours nor at that of its numbers.
func TestTimeNeverGoesBack(t *testing.T) {
	at, segments := rtsp.Unpacked(slices(200, math.MaxUint32-100*3600), false, time.Hour)
	if len(at) != 200 {
		t.Fatalf("%d frames of 200", len(at))
	}
	for i := 1; i < len(at); i++ {
		if apart := at[i] - at[i-1]; (apart-40*time.Millisecond).Abs() > time.Millisecond || segments[i] != segments[0] {
			t.Fatalf("frame %d is %v after the one before, segment %d of %d", i, apart, segments[i], segments[0])
		}
	}
}

// TestJumpBeginsASegment: the camera's clock jumps an hour; our time does not.
func TestJumpBeginsASegment(t *testing.T) {
	packets := slices(100, 1000)
	for _, p := range packets[50:] {
		p.Timestamp += 3600 * 90000
	}
	at, segments := rtsp.Unpacked(packets, false, time.Minute)
	if len(at) != 100 || segments[49] == segments[50] || segments[50] != segments[99] {
		t.Fatalf("%d frames, segments %v", len(at), segments)
	}
	for i := 1; i < len(at); i++ {
		if apart := at[i] - at[i-1]; apart <= 0 || apart > 100*time.Millisecond {
			t.Fatalf("frame %d is %v after the one before", i, apart)
		}
	}
}

func TestDrift(t *testing.T) {
	for _, ppm := range []float64{-200, 0, 100} {
		got, known := rtsp.Drift(ppm, 3*time.Minute)
		if !known || math.Abs(got-ppm) > 5 {
			t.Errorf("%v, %v; want %v", got, known, ppm)
		}
	}
	if _, known := rtsp.Drift(100, 30*time.Second); known {
		t.Error("half a minute is too short to know")
	}
}

func TestMayDial(t *testing.T) {
	for _, tc := range []struct {
		camera, to string
		want       bool
	}{
		{"192.168.1.64", "192.168.1.64", true},
		{"192.168.1.64", "192.168.1.70", true},
		{"192.168.1.64", "192.168.2.70", false},
		{"192.168.1.64", "127.0.0.1", false},
		{"169.254.169.10", "169.254.169.254", false},
		{"192.168.1.64", "224.0.0.1", false},
		{"127.0.0.1", "127.0.0.2", true},
		{"fd00::1", "fd00::2", true},
		{"fd00::1", "::1", false},
	} {
		if got := rtsp.MayDial(tc.camera, tc.to); got != tc.want {
			t.Errorf("%s to %s: %v", tc.camera, tc.to, got)
		}
	}
}

func TestMayMean(t *testing.T) {
	for _, tc := range []struct {
		host, to string
		want     bool
	}{
		{"gate.lan", "192.168.1.64", true},
		{"gate.lan", "10.1.2.3", true},
		{"gate.lan", "fd00::1", true},
		{"gate.lan", "100.100.1.1", true},
		{"localhost", "127.0.0.1", true},
		{"gate.lan", "127.0.0.1", false},
		{"gate.lan", "::1", false},
		{"gate.lan", "169.254.169.254", false},
		{"gate.lan", "fe80::1", false},
		{"gate.lan", "8.8.8.8", false},
		{"gate.lan", "0.0.0.0", false},
	} {
		if got := rtsp.MayMean(tc.host, tc.to); got != tc.want {
			t.Errorf("%s means %s: %v", tc.host, tc.to, got)
		}
	}
}

// FuzzUnpack: whatever a camera puts into packets, times grow and nothing breaks.
func FuzzUnpack(f *testing.F) {
	f.Add([]byte{24, 0, 0}, []byte{28}, uint32(1), false)
	f.Add([]byte{0x67, 1}, []byte{0x68, 1}, uint32(1<<31), false)
	f.Add([]byte{49 << 1, 0}, []byte{32 << 1, 1, 2}, uint32(0), true)
	f.Add([]byte{0x67, 0x42, 0xc0, 0x1e, 0xd9, 0, 0xa0, 0x3d, 0xa1}, []byte{0x65, 1, 2, 3}, uint32(3600), false)
	f.Fuzz(func(t *testing.T, a, b []byte, step uint32, hevc bool) {
		var packets []*rtp.Packet
		for i := range uint32(6) {
			payload := a
			if i%2 == 1 {
				payload = b
			}
			packets = append(packets, &rtp.Packet{Header: rtp.Header{Version: 2, Marker: i%3 != 0, SequenceNumber: uint16(i), Timestamp: i * step}, Payload: payload})
		}
		at, _ := rtsp.Unpacked(packets, hevc, time.Second)
		for i := 1; i < len(at); i++ {
			if at[i] <= at[i-1] {
				t.Errorf("frame %d at %v after %v", i, at[i], at[i-1])
			}
		}
	})
}

package rtsp_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/rtsp"
)

// film feeds a meter with 10 frames a second, a key frame each second, and says when it ended.
func film(m *rtsp.Meter, seconds int, frame func(second, n int) (slice []byte)) time.Time {
	at := time.Unix(1_800_000_000, 0)
	// The RTP time jumps back in the middle, as it does every 13 hours.
	stamp := 13*time.Hour + 15*time.Minute - time.Duration(seconds)*time.Second/2
	for s := range seconds {
		for n := range 10 {
			slice := frame(s, n)
			half := len(slice) / 2
			m.Packet(at, stamp, slice[:half]) // two slices a frame
			m.Packet(at.Add(time.Millisecond), stamp, append(slice[:5:5], slice[half:]...))
			at = at.Add(100 * time.Millisecond)
			if stamp += 100 * time.Millisecond; stamp >= 13*time.Hour+15*time.Minute {
				stamp = 0
			}
		}
	}
	return at
}

// slice is a NAL unit of a key frame or of another one, as the library gives it.
func slice(key bool, size int, fill byte) []byte {
	b := make([]byte, size)
	for i := range b {
		b[i] = fill
	}
	b[4] = 0x41
	if key {
		b[4] = 0x65
	}
	return b
}

func TestRatesCountFramesNotSlices(t *testing.T) {
	m := rtsp.NewMeter(time.Minute)
	end := film(m, 20, func(_, n int) []byte { return slice(n == 0, 1000, 7) })
	fps, kbits, known := m.Rates(end)
	if !known || math.Abs(fps-10) > 0.5 || math.Abs(kbits-80.4) > 5 {
		t.Errorf("got %v fps, %v kbit/s, %v; want 10 and 80", fps, kbits, known)
	}
	if fps, _, known := m.Rates(end.Add(time.Minute)); !known || fps != 0 {
		t.Errorf("a minute later: %v %v", fps, known)
	}
	if _, _, known := rtsp.NewMeter(time.Minute).Rates(end); known {
		t.Error("rates of nothing")
	}
}

func TestFrozenHeuristic(t *testing.T) {
	noise := rand.New(rand.NewPCG(1, 2))
	for _, tc := range []struct {
		name  string
		want  bool
		frame func(s, n int) []byte
	}{
		{"still", true, func(_, n int) []byte {
			if n == 0 {
				return slice(true, 4000, 9)
			}
			return slice(false, 20, 9)
		}},
		{"still, two key frames in turn", true, func(s, n int) []byte {
			if n == 0 {
				return slice(true, 4000, byte(s%2))
			}
			return slice(false, 20, 9)
		}},
		{"quiet night: the sensor's noise", false, func(_, n int) []byte {
			if n == 0 {
				return slice(true, 4000, byte(noise.Uint32()))
			}
			return slice(false, 20, 9)
		}},
		{"a loop that moves", false, func(_, n int) []byte {
			if n == 0 {
				return slice(true, 4000, 9)
			}
			return slice(false, 2000, 9)
		}},
	} {
		m := rtsp.NewMeter(time.Minute)
		film(m, 50, tc.frame)
		if frozen, known := m.Frozen(); frozen || !known {
			t.Errorf("%s, after 50 s: frozen %v, known %v", tc.name, frozen, known)
		}
		m = rtsp.NewMeter(time.Minute)
		film(m, 70, tc.frame)
		if frozen, known := m.Frozen(); frozen != tc.want || !known {
			t.Errorf("%s, after 70 s: frozen %v, known %v; want %v", tc.name, frozen, known, tc.want)
		}
	}
}

func TestFrozenEndsWithAMove(t *testing.T) {
	m := rtsp.NewMeter(time.Minute)
	film(m, 75, func(s, n int) []byte {
		switch {
		case n == 0 && s < 72:
			return slice(true, 4000, 9)
		case n == 0:
			return slice(true, 4000, byte(s))
		}
		return slice(false, 20, 9)
	})
	if frozen, known := m.Frozen(); frozen || !known {
		t.Errorf("frozen %v, known %v after the picture has moved", frozen, known)
	}
}

package rtsp_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/rtsp"
)

// film feeds a meter with 10 frames a second, a key frame each second, and says when it ended.
func film(m *rtsp.Meter, seconds int, frame func(second, n int) (slice []byte)) (at time.Duration) {
	for s := range seconds {
		for n := range 10 {
			m.Frame(at, n == 0, frame(s, n))
			at += 100 * time.Millisecond
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

func TestRates(t *testing.T) {
	m := rtsp.NewMeter(time.Minute)
	end := film(m, 20, func(_, n int) []byte { return slice(n == 0, 1000, 7) })
	fps, kbits, known := m.Rates(end)
	if !known || math.Abs(fps-10) > 0.5 || math.Abs(kbits-80) > 5 {
		t.Errorf("got %v fps, %v kbit/s, %v; want 10 and 80", fps, kbits, known)
	}
	if fps, _, known := m.Rates(end + time.Minute); !known || fps != 0 {
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

func TestBlackPicture(t *testing.T) {
	m := rtsp.NewMeter(time.Minute)
	scene := func(s, n int) []byte {
		switch {
		case n != 0:
			return slice(false, 300, 9)
		case s >= 20 && s < 40:
			return slice(true, 1500+s, byte(s)) // 0.4 bytes a macroblock
		}
		return slice(true, 30000+100*s, byte(s))
	}
	film(m, 20, scene)
	if m.Black() {
		t.Error("a bright scene is called black")
	}
	m = rtsp.NewMeter(time.Minute)
	film(m, 45, scene)
	if m.Black() {
		t.Error("black after the light came back")
	}
	m = rtsp.NewMeter(time.Minute)
	film(m, 35, scene)
	if !m.Black() {
		t.Error("fifteen seconds of black are not seen")
	}
}

func TestStutter(t *testing.T) {
	m := rtsp.NewMeter(time.Minute)
	at := time.Duration(0)
	for i := range 200 {
		at += 100 * time.Millisecond
		if i > 150 && i%20 == 0 {
			at += time.Second
		}
		m.Frame(at, i%10 == 0, slice(i%10 == 0, 500, byte(i)))
		if i == 165 && m.Stutters() {
			t.Error("one pause is no stutter")
		}
	}
	if m.Stutters() {
		t.Error("two pauses are no stutter")
	}
	at += time.Second
	m.Frame(at, false, slice(false, 500, 1))
	if !m.Stutters() {
		t.Error("three pauses in half a minute are not seen")
	}
}

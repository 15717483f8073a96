package rtsp_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// syncBuffer is a log that a test may read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(b)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestCameraStory: a camera with a password plays, reboots, and comes back; a wrong password is told from no camera.
func TestCameraStory(t *testing.T) {
	t.Parallel()
	file, address := moving(t), freeport.Address(t)
	_, unplug := startRelay(t, address, file)
	var log syncBuffer
	conn := open(t, rtsp.Driver{Log: slog.New(slog.NewTextHandler(&log, nil))})
	right, wrong := "rtsp://"+userInfo+address+"/cam", "rtsp://admin:wrong@"+address+"/cam"

	start := time.Now()
	first := look(t, conn, right)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("the first read took %v", took)
	}
	for name, r := range first {
		if r.Quality != device.Bad || r.Reason != device.WarmingUp {
			t.Errorf("%s before the first attempt has ended: %v %v", name, r.Quality, r.Reason)
		}
	}
	look(t, conn, wrong)
	t.Logf("connected after %v", eventually(t, 30*time.Second, "connected", func() bool { return look(t, conn, right).connected() }))
	eventually(t, 30*time.Second, "wrong password", func() bool { return look(t, conn, wrong).lost(device.AuthFailed) })

	eventually(t, 30*time.Second, "rates", func() bool { return look(t, conn, right)[rtsp.FPS].Quality == device.Good })
	c := look(t, conn, right)
	if fps := c[rtsp.FPS].Value; fps < 12 || fps > 18 {
		t.Errorf("fps %v, want 15", fps)
	}
	if rate := c[rtsp.Bitrate].Value; rate < 50 || rate > 5000 {
		t.Errorf("bitrate %v kbit/s", rate)
	}
	if age := c[rtsp.KeyframeAge]; age.Quality != device.Good || age.Value > 2 {
		t.Errorf("key frame age %+v", age)
	}
	eventually(t, 30*time.Second, "not frozen", func() bool {
		f := look(t, conn, right)[rtsp.FrozenPicture]
		return f.Quality == device.Good && f.Value == 0
	})

	unplug()
	t.Logf("loss seen after %v", eventually(t, 30*time.Second, "unreachable", func() bool { return look(t, conn, right).lost(device.ChannelDown) }))
	startRelay(t, address, file)
	t.Logf("recovered after %v", eventually(t, 30*time.Second, "recovered", func() bool { return look(t, conn, right).connected() }))

	if text := log.String(); !strings.Contains(text, "camera connected") || strings.Contains(text, "wrong@") || strings.Contains(text, "p%40ss") || strings.Contains(text, "p@ss") {
		t.Errorf("log:\n%s", text)
	}
}

// TestFrozenPicture: repeated key frames with nothing between them are called frozen; noise on the same picture is not.
func TestFrozenPicture(t *testing.T) {
	for _, tc := range []struct {
		name   string
		filter string
		want   float64
	}{
		{"still", "null", 1},
		{"noise on a still picture", "noise=alls=8:allf=t", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			file := encode(t, "-f", "lavfi", "-i", "smptebars=size=320x180:rate=10:duration=4", "-vf", tc.filter,
				"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-qp", "30", "-g", "5", "-pix_fmt", "yuv420p")
			address := freeport.Address(t)
			startRelay(t, address, file)
			conn := open(t, rtsp.Driver{FrozenAfter: 3 * time.Second})
			url := "rtsp://" + userInfo + address + "/cam"
			eventually(t, 30*time.Second, "connected", func() bool { return look(t, conn, url).connected() })
			since := time.Now()
			eventually(t, 30*time.Second, "a verdict", func() bool {
				f := look(t, conn, url)[rtsp.FrozenPicture]
				if f.Quality == device.Good && f.Value == 1 && time.Since(since) < 2*time.Second {
					t.Fatal("frozen too early")
				}
				if f.Quality == device.Good && f.Value != 0 && tc.want == 0 {
					t.Fatal("a living camera is called frozen")
				}
				return f.Quality == device.Good && f.Value == tc.want && (tc.want == 1 || time.Since(since) > 6*time.Second)
			})
		})
	}
}

func TestUnreachableAndRefused(t *testing.T) {
	t.Parallel()
	conn := open(t, rtsp.Driver{})
	nobody := "rtsp://" + freeport.Address(t) + "/x"
	eventually(t, 30*time.Second, "unreachable", func() bool { return look(t, conn, nobody).lost(device.ChannelDown) })

	if err := conn.Write(t.Context(), points(nobody)[0], 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("write: %v", err)
	}
	for name, r := range look(t, conn, "http://127.0.0.1/") {
		if r.Quality != device.Bad || r.Reason != device.Unsupported {
			t.Errorf("%s of a web page: %v %v", name, r.Quality, r.Reason)
		}
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if _, err := conn.Read(t.Context(), points(nobody)); err == nil {
		t.Error("a closed channel was read")
	}
}

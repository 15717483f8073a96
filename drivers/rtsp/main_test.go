package rtsp_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/rtsp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// needs skips the test, by name of what is missing; with LINSHAO_REQUIRE=1 it fails.
func needs(t *testing.T, found bool, what string) {
	t.Helper()
	if found {
		return
	}
	if os.Getenv("LINSHAO_REQUIRE") == "1" {
		t.Fatal("needs " + what)
	}
	t.Skip("needs " + what)
}

func has(program string) bool {
	_, err := exec.LookPath(program)
	return err == nil
}

// encode makes a video file with ffmpeg, in a folder of the test's.
func encode(t *testing.T, args ...string) string {
	t.Helper()
	return encodeTo(t, "video.mp4", args...)
}

func encodeTo(t *testing.T, name string, args ...string) string {
	t.Helper()
	needs(t, has("ffmpeg"), "ffmpeg: apt-get install ffmpeg")
	file := filepath.Join(t.TempDir(), name)
	args = append(append([]string{"-v", "error"}, args...), file)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	return file
}

// moving is 4 s of a test picture, 15 frames and one key frame a second.
func moving(t *testing.T) string {
	return encode(t, "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15:duration=4",
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "15", "-pix_fmt", "yuv420p")
}

func points(url string) []device.Point { return pointsOf("cam-1", url) }

func pointsOf(dev, url string) []device.Point {
	names := []string{
		rtsp.Connected, rtsp.State, rtsp.ConnectTime, rtsp.FirstKeyTime, rtsp.FPS, rtsp.Bitrate, rtsp.KeyframeAge, rtsp.KeyframeInterval,
		rtsp.FrozenPicture, rtsp.BlackPicture, rtsp.Stuttering, rtsp.Width, rtsp.Height, rtsp.ClockOffset, rtsp.BitrateRatio, rtsp.Collapsed, rtsp.SizeChanges,
	}
	ps := make([]device.Point, len(names))
	for i, n := range names {
		ps[i] = device.Point{Device: dev, Name: n, Address: url}
	}
	return ps
}

// camera is the state of one camera, by point.
type camera map[string]device.Reading

// look reads all points of a camera; nil when the channel is gone.
func look(t *testing.T, conn device.Conn, url string) camera {
	t.Helper()
	return lookAt(t, conn, "cam-1", url)
}

func lookAt(t *testing.T, conn device.Conn, dev, url string) camera {
	t.Helper()
	rs, err := conn.Read(t.Context(), pointsOf(dev, url))
	if err != nil {
		t.Fatal(err)
	}
	c := camera{}
	for _, r := range rs {
		c[r.Point] = r
	}
	return c
}

func (c camera) connected() bool {
	r := c[rtsp.Connected]
	return r.Quality == device.Good && r.Value == 1
}

func (c camera) lost(why device.Reason) bool {
	r := c[rtsp.Connected]
	return r.Quality == device.Good && r.Value == 0 && c[rtsp.FPS].Quality == device.Bad && c[rtsp.FPS].Reason == why
}

// eventually polls until ok or the limit, and says how long it took.
func eventually(t *testing.T, limit time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", limit, what)
		case <-tick.C:
		}
	}
	return time.Since(start)
}

// open opens a channel in this process.
func open(t *testing.T, d rtsp.Driver) device.Conn {
	t.Helper()
	conn, err := d.Open(t.Context(), device.Channel{ID: "cameras"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

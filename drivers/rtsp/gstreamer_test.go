package rtsp_test

import (
	"bufio"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// startGStreamer compiles and starts a camera of GStreamer's server; end stops it.
func startGStreamer(t *testing.T, program, address string) (end func()) {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	camera := exec.Command(program, port, "admin", "right")
	out, err := camera.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := camera.Start(); err != nil {
		t.Fatal(err)
	}
	end = func() {
		_ = camera.Process.Kill()
		_ = camera.Wait()
	}
	t.Cleanup(end)
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("the camera said %q (%v)", line, err)
	}
	return end
}

func compileGStreamer(t *testing.T) string {
	t.Helper()
	flags, err := exec.Command("pkg-config", "--cflags", "--libs", "gstreamer-rtsp-server-1.0").Output()
	needs(t, err == nil && has("gcc"), "gstreamer: apt-get install gcc pkg-config libgstrtspserver-1.0-dev gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly")
	program := filepath.Join(t.TempDir(), "gst-camera")
	args := append([]string{"-o", program, "testdata/gst-camera.c"}, strings.Fields(string(flags))...)
	if out, err := exec.Command("gcc", args...).CombinedOutput(); err != nil {
		t.Fatalf("gcc: %v\n%s", err, out)
	}
	return program
}

func TestGStreamerCamera(t *testing.T) {
	t.Parallel()
	program, address := compileGStreamer(t), freeport.Address(t)
	unplug := startGStreamer(t, program, address)
	conn := open(t, rtsp.Driver{})
	at := func(userInfo, path string) string { return "rtsp://" + userInfo + address + path }
	right, h265 := at("admin:right@", "/h264"), at("admin:right@", "/h265")
	is := func(url string, ok func(camera) bool) func() bool {
		return func() bool { return ok(look(t, conn, url)) }
	}
	lost := func(why device.Reason) func(camera) bool { return func(c camera) bool { return c.lost(why) } }
	blind := func(c camera) bool { return c.connected() && c[rtsp.FPS].Reason == device.Unsupported }
	t.Logf("connected after %v", eventually(t, 30*time.Second, "connected", is(right, camera.connected)))
	eventually(t, 30*time.Second, "wrong password", is(at("admin:wrong@", "/h264"), lost(device.AuthFailed)))
	eventually(t, 30*time.Second, "no password", is(at("", "/h264"), lost(device.AuthFailed)))
	eventually(t, 30*time.Second, "UDP only", is(at("admin:right@", "/udp"), camera.connected))
	eventually(t, 30*time.Second, "no such path", is(at("admin:right@", "/none"), lost(device.NoSuchPoint)))
	eventually(t, 30*time.Second, "motion JPEG", is(at("admin:right@", "/jpeg"), blind))
	eventually(t, 30*time.Second, "H.265", is(h265, camera.connected))
	eventually(t, 30*time.Second, "rates", is(right, func(c camera) bool { return c[rtsp.FPS].Quality == device.Good }))
	c := look(t, conn, right)
	if fps, age := c[rtsp.FPS].Value, c[rtsp.KeyframeAge]; fps < 8 || fps > 12 || age.Quality != device.Good || age.Value > 2.5 {
		t.Errorf("fps %v, want 10; key frame %+v", fps, age)
	}
	for _, tc := range []struct{ url, codec string }{{at("admin:right@", "/udp"), "h264"}, {h265, "hevc"}} {
		clipped(t, tc.url, tc.codec)
	}

	unplug()
	eventually(t, 30*time.Second, "unplugged", is(right, func(c camera) bool { return c.lost(device.ChannelDown) }))
	startGStreamer(t, program, address)
	t.Logf("recovered after %v", eventually(t, 30*time.Second, "recovered", is(right, camera.connected)))
}

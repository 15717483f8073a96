package rtsp_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/auth"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/rtsp"
)

// clipped cuts two seconds out of a camera on a channel of its own; ffprobe decodes them without a complaint.
func clipped(t *testing.T, url, codec string) {
	t.Helper()
	conn := open(t, rtsp.Driver{})
	watch(t, conn, url, 3*time.Second)
	now := time.Now()
	clip, p := cut(t, conn.(device.Camera), "cam-1", now.Add(-time.Second), now.Add(time.Second))
	if p.Streams[0].Codec != codec || clip.Frames < 15 || len(clip.Holes) != 0 {
		t.Errorf("%s: %s, %d frames, holes %+v", rtsp.Redact(url), p.Streams[0].Codec, clip.Frames, clip.Holes)
	}
}

// TestSHA256: a camera that takes no digest but SHA-256, which the given package does not know.
func TestSHA256(t *testing.T) {
	t.Parallel()
	file, address := moving(t), freeAddress(t)
	startRelayWith(t, address, file, auth.VerifyMethodDigestSHA256)
	conn := open(t, rtsp.Driver{})
	wrong := "rtsp://admin:wrong@" + address + "/cam"
	eventually(t, 30*time.Second, "wrong password", func() bool { return look(t, conn, wrong).lost(device.AuthFailed) })
	clipped(t, "rtsp://"+userInfo+address+"/cam", "h264")
}

// TestVLC: a server that refuses TCP with 461 and sends by UDP alone.
func TestVLC(t *testing.T) {
	t.Parallel()
	needs(t, has("vlc"), "vlc: apt-get install vlc-bin vlc-plugin-base")
	file, address := readable(t, encode(t, "-stream_loop", "14", "-i", moving(t), "-c", "copy")), freeAddress(t) // a minute: at the end it drops who watches
	vlc := exec.Command("vlc", "-I", "dummy", "--no-audio", file, "--sout", "#rtp{sdp=rtsp://"+address+"/cam}", "--sout-keep")
	var said bytes.Buffer
	vlc.Dir, vlc.Stderr, vlc.Env = "/", &said, append(os.Environ(), "HOME="+filepath.Dir(file))
	if os.Getuid() == 0 { // which it refuses to be
		vlc.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	if err := vlc.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = vlc.Process.Kill()
		_ = vlc.Wait()
		if t.Failed() {
			t.Log(said.String())
		}
	})
	clipped(t, "rtsp://"+address+"/cam", "h264")
}

// readable copies a file to where another user may read it.
func readable(t *testing.T, file string) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "camera-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	video, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	copied := filepath.Join(folder, "video.mp4")
	if err := os.WriteFile(copied, video, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return copied
}

// TestRedirect: a camera may send us to its neighbour, which gets the password, and to nobody else.
func TestRedirect(t *testing.T) {
	t.Parallel()
	file, address := moving(t), freeAddress(t)
	startRelay(t, address, file)
	clipped(t, "rtsp://"+userInfo+redirects(t, "rtsp://"+address+"/cam")+"/cam", "h264")

	var called atomic.Int32
	for _, to := range []string{"127.0.1.1:0", "[::1]:0"} {
		far, err := net.Listen("tcp", to)
		if err != nil {
			t.Log(err) // no IPv6 here
			continue
		}
		defer far.Close()
		go func() {
			for c, err := far.Accept(); err == nil; c, err = far.Accept() {
				called.Add(1)
				c.Close()
			}
		}()
		conn := open(t, rtsp.Driver{})
		url := "rtsp://" + userInfo + redirects(t, "rtsp://"+far.Addr().String()+"/cam") + "/cam"
		eventually(t, 20*time.Second, "refused", func() bool {
			c := look(t, conn, url)
			return c.lost(device.Refused) && c[rtsp.State].Value == rtsp.StateRefused
		})
	}
	if n := called.Load(); n != 0 {
		t.Errorf("%d connections to where nobody may be sent", n)
	}
}

// TestRedirectTellsNoPassword: who is no more than near the camera may ask for a digest, not for the password itself.
func TestRedirectTellsNoPassword(t *testing.T) {
	t.Parallel()
	var basic atomic.Int32
	near := denies(t, "127.0.0.9:0", `Basic realm="x"`, func(string) { basic.Add(1) })
	conn := open(t, rtsp.Driver{})
	url := "rtsp://" + userInfo + redirects(t, "rtsp://"+near+"/cam") + "/cam"
	eventually(t, 20*time.Second, "refused", func() bool { return look(t, conn, url).is(rtsp.StateRefused) })
	if n := basic.Load(); n != 0 {
		t.Errorf("the password was told %d times", n)
	}
}

// redirects is a camera that sends everybody elsewhere.
func redirects(t *testing.T, to string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			lines := bufio.NewScanner(conn)
			for lines.Scan() && strings.TrimSpace(lines.Text()) != "" {
			}
			_, _ = fmt.Fprintf(conn, "RTSP/1.0 302 Moved\r\nCSeq: 1\r\nLocation: %s\r\n\r\n", to)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return l.Addr().String()
}

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

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/pion/rtp"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/freeport"
	sim "github.com/linshao/linshao/firmware-sim/rtsp"
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
	file, address := moving(t), freeport.Address(t)
	startRelayWith(t, address, file, auth.VerifyMethodDigestSHA256)
	conn := open(t, rtsp.Driver{})
	wrong := "rtsp://admin:wrong@" + address + "/cam"
	eventually(t, 30*time.Second, "wrong password", func() bool { return look(t, conn, wrong).lost(device.AuthFailed) })
	clipped(t, "rtsp://"+userInfo+address+"/cam", "h264")
}

// TestBasic: a camera that knows no digest.
func TestBasic(t *testing.T) {
	t.Parallel()
	file, address := moving(t), freeport.Address(t)
	startRelayWith(t, address, file, auth.VerifyMethodBasic)
	clipped(t, "rtsp://"+userInfo+address+"/cam", "h264")
}

// TestUnannounced: a camera whose description has no parameter sets.
func TestUnannounced(t *testing.T) {
	t.Parallel()
	url, _ := simulatedWith(t, sim.Config{Width: 128, Height: 96, Unannounced: true})
	clipped(t, url, "h264")
}

// TestBadLine: H.265 over UDP. Packets that overtake each other cost nothing; of those that are lost the pictures' word is
// stuttering, and what is cut can be decoded all the same.
func TestBadLine(t *testing.T) {
	t.Parallel()
	file := encode(t, "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15:duration=4", "-pix_fmt", "yuv420p",
		"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:keyint=15:bframes=0")
	var loses atomic.Bool
	var kept *rtp.Packet
	n := 0
	r := &relay{mangle: func(p *rtp.Packet) []*rtp.Packet {
		n++
		before := kept
		kept = nil
		switch {
		case loses.Load() && n%41 == 0:
			return nil
		case before != nil:
			return []*rtp.Packet{p, before}
		case n%7 == 0:
			kept = p.Clone()
			return nil
		}
		return []*rtp.Packet{p}
	}}
	r.server = &gortsplib.Server{RTSPAddress: freeport.Address(t), AuthMethods: []auth.VerifyMethod{auth.VerifyMethodDigestMD5}}
	r.server.UDPRTPAddress, r.server.UDPRTCPAddress = freePair(t)
	startRelayOf(t, r, file)
	url := "rtsp://" + userInfo + r.server.RTSPAddress + "/cam#transport=udp"
	clipped(t, url, "hevc")

	conn := open(t, rtsp.Driver{})
	watch(t, conn, url, time.Second)
	loses.Store(true)
	eventually(t, 40*time.Second, "stuttering", func() bool { return look(t, conn, url).is(rtsp.StateStuttering) })
	now := time.Now()
	clip, _ := cut(t, conn.(device.Camera), "cam-1", now.Add(-3*time.Second), now)
	if len(clip.Holes) == 0 {
		t.Errorf("nothing is missing of %d frames", clip.Frames)
	}
}

// freePair are a port of UDP and the one after it.
func freePair(t *testing.T) (even, odd string) {
	t.Helper()
	for range 100 {
		a, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := a.LocalAddr().(*net.UDPAddr).Port
		even, odd = fmt.Sprint("127.0.0.1:", port), fmt.Sprint("127.0.0.1:", port+1)
		b, err := net.ListenPacket("udp", odd)
		_ = a.Close()
		if err != nil {
			continue
		}
		_ = b.Close()
		if port%2 == 0 {
			return even, odd
		}
	}
	t.Fatal("no two ports side by side")
	return "", ""
}

// TestSizeChanges: the camera's picture grows. A clip ends there and says why.
func TestSizeChanges(t *testing.T) {
	t.Parallel()
	url, faults := simulated(t, 128, 96)
	conn := open(t, rtsp.Driver{})
	watch(t, conn, url, 2*time.Second)
	from := time.Now().Add(-time.Second)
	faults.Set(fault.Size, fault.Setting{})
	eventually(t, 10*time.Second, "one change", func() bool {
		c := look(t, conn, url)
		return c[rtsp.SizeChanges].Value == 1 && c[rtsp.Width].Value == 256 && c[rtsp.Height].Value == 192 && c.connected()
	})
	clip, _ := cut(t, conn.(device.Camera), "cam-1", from, time.Now().Add(500*time.Millisecond))
	if n := len(clip.Holes); clip.Width != 128 || n == 0 || clip.Holes[n-1].Reason != "changed" {
		t.Errorf("%d wide, holes %+v", clip.Width, clip.Holes)
	}
}

// TestVLC: a server that refuses TCP with 461 and sends by UDP alone.
func TestVLC(t *testing.T) {
	t.Parallel()
	needs(t, has("vlc"), "vlc: apt-get install vlc-bin vlc-plugin-base")
	file, address := readable(t, encode(t, "-stream_loop", "14", "-i", moving(t), "-c", "copy")), freeport.Address(t) // a minute: at the end it drops who watches
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
	file, address := moving(t), freeport.Address(t)
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

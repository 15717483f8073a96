package rtsp_test

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"github.com/linshao/linshao/firmware-sim/fault"
	"github.com/linshao/linshao/firmware-sim/rtsp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func need(t *testing.T, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("LINSHAO_REQUIRE") == "1" {
			t.Fatalf("needs %s: apt-get install %s", program, pkg)
		}
		t.Skipf("needs %s: apt-get install %s", program, pkg)
	}
	return path
}

func camera(t *testing.T, cfg rtsp.Config) *rtsp.Camera {
	t.Helper()
	cfg.Listen, cfg.Path, cfg.Width, cfg.Height, cfg.FPS, cfg.KeyEvery = "127.0.0.1:0", "cam-1", 64, 48, 20, 10
	c, err := rtsp.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return c
}

// watch plays the stream and hands over its access units until the test ends.
func watch(t *testing.T, url string) (<-chan [][]byte, error) {
	t.Helper()
	u, err := base.ParseURL(url)
	if err != nil {
		t.Fatal(err)
	}
	tcp := gortsplib.ProtocolTCP
	c := &gortsplib.Client{Scheme: u.Scheme, Host: u.Host, Protocol: &tcp, ReadTimeout: 20 * time.Second}
	if err := c.Start(); err != nil {
		return nil, err
	}
	t.Cleanup(c.Close)
	desc, _, err := c.Describe(u)
	if err != nil {
		return nil, err
	}
	var track *format.H264
	media := desc.FindFormat(&track)
	decoder, err := track.CreateDecoder()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Setup(desc.BaseURL, media, 0, 0); err != nil {
		return nil, err
	}
	units := make(chan [][]byte, 256)
	c.OnPacketRTP(media, track, func(p *rtp.Packet) {
		if au, err := decoder.Decode(p); err == nil {
			select {
			case units <- au:
			default:
			}
		}
	})
	_, err = c.Play(nil)
	return units, err
}

// key waits for the next key frame.
func key(t *testing.T, units <-chan [][]byte) []byte {
	t.Helper()
	late := time.After(30 * time.Second)
	for {
		select {
		case au := <-units:
			for _, nal := range au {
				if nal[0]&31 == 5 {
					return nal
				}
			}
		case <-late:
			t.Fatal("no key frame in 10 s")
		}
	}
}

func TestPictureDecodes(t *testing.T) {
	ffmpeg := need(t, "ffmpeg", "ffmpeg")
	p := rtsp.NewPictures(160, 112)
	var stream bytes.Buffer
	nal := func(b []byte) { stream.WriteString("\x00\x00\x00\x01"); stream.Write(b) }
	nal(p.SPS())
	nal(p.PPS())
	const frames = 300
	for n := range frames {
		if n%100 == 0 {
			nal(p.Key(n))
		} else if n < 200 {
			nal(p.Between(n))
		} else {
			nal(p.Between(-1))
		}
	}
	file := filepath.Join(t.TempDir(), "f.h264")
	if err := os.WriteFile(file, stream.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(ffmpeg, "-v", "warning", "-f", "h264", "-i", file, "-fps_mode", "passthrough", "-f", "framemd5", "-").CombinedOutput()
	if err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	pictures := map[string]int{}
	n := 0
	for line := range strings.Lines(string(out)) {
		if fields := strings.Split(line, ","); len(fields) == 6 && line[0] != '#' {
			pictures[fields[5]]++
			n++
		} else if line[0] != '#' {
			t.Errorf("ffmpeg complains: %s", line)
		}
	}
	// 200 frames that move, 100 that stand still.
	if n != frames || len(pictures) < 190 || len(pictures) > 201 {
		t.Errorf("%d frames decoded, %d different", n, len(pictures))
	}
}

// TestBlackDecodes: it is black, and it is tiny.
func TestBlackDecodes(t *testing.T) {
	ffmpeg := need(t, "ffmpeg", "ffmpeg")
	p := rtsp.NewPictures(160, 112)
	var stream bytes.Buffer
	black := p.Black()
	for _, b := range [][]byte{p.SPS(), p.PPS(), black, p.Between(-1)} {
		stream.WriteString("\x00\x00\x00\x01")
		stream.Write(b)
	}
	cmd := exec.Command(ffmpeg, "-v", "warning", "-f", "h264", "-i", "-", "-f", "rawvideo", "-pix_fmt", "gray", "-")
	var out, complaints bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = &stream, &out, &complaints
	if err := cmd.Run(); err != nil || complaints.Len() > 0 {
		t.Fatalf("ffmpeg: %v %s", err, complaints.String())
	}
	pixels := out.Bytes()
	if len(pixels) != 2*160*112 || len(black) > 600 {
		t.Fatalf("%d pixels of %d bytes", len(pixels), len(black))
	}
	for i, v := range pixels {
		if v > 16 {
			t.Fatalf("pixel %d is %d", i, v)
		}
	}
}

func TestCameraAgainstFfprobe(t *testing.T) {
	ffprobe := need(t, "ffprobe", "ffmpeg")
	c := camera(t, rtsp.Config{})
	out, err := exec.Command(ffprobe, "-v", "error", "-rtsp_transport", "tcp", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0", c.URL()).CombinedOutput()
	if err != nil || strings.TrimSpace(string(out)) != "h264,64,48" {
		t.Errorf("ffprobe: %v %s", err, out)
	}
}

func TestCameraWantsItsPassword(t *testing.T) {
	c := camera(t, rtsp.Config{User: "viewer", Password: "s p@ss"})
	if _, err := watch(t, c.URL()); err == nil {
		t.Error("no password, and let in")
	}
	units, err := watch(t, strings.Replace(c.URL(), "rtsp://", "rtsp://viewer:s%20p%40ss@", 1))
	if err != nil {
		t.Fatal(err)
	}
	key(t, units)
}

func TestFrozenPictureStandsStill(t *testing.T) {
	faults := fault.New(1)
	c := camera(t, rtsp.Config{Faults: faults})
	units, err := watch(t, c.URL())
	if err != nil {
		t.Fatal(err)
	}
	// The picture begins 8 bytes in, after the slice header.
	picture := func() []byte { return key(t, units)[8:] }
	if bytes.Equal(picture(), picture()) {
		t.Error("the scene does not move")
	}
	faults.Set(fault.Frozen, fault.Setting{})
	picture() // may have been on its way
	if !bytes.Equal(picture(), picture()) {
		t.Error("frozen, and moves")
	}
	faults.Clear(fault.Frozen)
	picture()
	if bytes.Equal(picture(), picture()) {
		t.Error("mended, and still frozen")
	}
}

func TestDownRefusesAndComesBack(t *testing.T) {
	faults := fault.New(1)
	c := camera(t, rtsp.Config{Faults: faults})
	units, err := watch(t, c.URL())
	if err != nil {
		t.Fatal(err)
	}
	key(t, units)
	addr := strings.TrimSuffix(strings.TrimPrefix(c.URL(), "rtsp://"), "/cam-1")
	reachable := func() bool {
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			conn.Close()
		}
		return err == nil
	}
	until := func(what string, want bool) {
		for deadline := time.Now().Add(30 * time.Second); reachable() != want; {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	faults.Set(fault.Down, fault.Setting{})
	until("down, and takes connections", false)
	faults.Clear(fault.Down)
	until("mended, and refuses", true)
	if units, err = watch(t, c.URL()); err != nil {
		t.Fatal(err)
	}
	key(t, units)
}

func TestSilentCameraStaysConnected(t *testing.T) {
	faults := fault.New(1)
	c := camera(t, rtsp.Config{Faults: faults})
	units, err := watch(t, c.URL())
	if err != nil {
		t.Fatal(err)
	}
	key(t, units)
	faults.Set(fault.Silent, fault.Setting{})
	late := time.After(30 * time.Second)
	for quiet := false; !quiet; { // what was on its way still arrives
		select {
		case <-units:
		case <-time.After(700 * time.Millisecond):
			quiet = true
		case <-late:
			t.Fatal("silent, and frames go on")
		}
	}
	faults.Clear(fault.Silent)
	key(t, units)
}

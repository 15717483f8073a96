package rtsp_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/drivers/sdk"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// Session descriptions of cameras that exist.
const (
	sdpStart   = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\n"
	sdpH264    = sdpStart + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1;sprop-parameter-sets=Z0LAHtkAoD2hAAADAAEAAAMAPA8WLkg=,aMuMsg==\r\na=control:trackID=0\r\n"
	sdpNoSprop = sdpStart + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:trackID=0\r\n"
	sdpH265    = sdpStart + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H265/90000\r\na=control:trackID=0\r\n"
	sdpAAC     = sdpH264 + "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/16000/1\r\na=fmtp:97 streamtype=5;profile-level-id=1;mode=AAC-hbr;sizelength=13;indexlength=3;indexdeltalength=3;config=1408\r\na=control:trackID=1\r\n"
	sdpMJPEG   = sdpStart + "m=video 0 RTP/AVP 26\r\na=control:trackID=0\r\n"
)

// rtpPacket is an interleaved RTP packet; first is its first byte (0x80, or with padding, extension, sources).
func rtpPacket(channel, first byte, payload ...byte) string {
	n := 12 + len(payload)
	head := []byte{0x24, channel, byte(n >> 8), byte(n), first, 96, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1}
	return string(append(head, payload...))
}

// evil is a camera that answers as it is told.
type evil struct {
	sdp      string
	describe string // status line and headers of the answer to DESCRIBE; empty: 200 and the sdp
	play     string // bytes after PLAY's answer
}

// serve gives the camera's address; it ends with the test.
func (e evil) serve(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	var open sync.Map
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			open.Store(c, nil)
			all.Go(func() { e.talk(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		open.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
		all.Wait()
	})
	return "rtsp://" + l.Addr().String() + "/x"
}

func (e evil) talk(c net.Conn) {
	defer c.Close()
	for r, track := bufio.NewReader(c), 0; ; {
		method, seq, err := request(r)
		if err != nil {
			return
		}
		switch method {
		case "DESCRIBE":
			head := e.describe
			if head == "" {
				head = fmt.Sprintf("RTSP/1.0 200 OK\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n", len(e.sdp))
			}
			fmt.Fprintf(c, "%s%s\r\n%s", head, seq, e.sdp)
		case "SETUP":
			fmt.Fprintf(c, "RTSP/1.0 200 OK\r\n%sSession: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=%d-%d\r\n\r\n", seq, track, track+1)
			track += 2
		case "PLAY":
			fmt.Fprintf(c, "RTSP/1.0 200 OK\r\n%sSession: 1\r\n\r\n%s", seq, e.play)
		default:
			fmt.Fprintf(c, "RTSP/1.0 200 OK\r\n%s\r\n", seq)
		}
	}
}

func request(r *bufio.Reader) (method, seq string, err error) {
	line, err := r.ReadString('\n')
	for h := line; err == nil && h != "\r\n"; {
		h, err = r.ReadString('\n')
		if strings.HasPrefix(h, "CSeq") {
			seq = h
		}
	}
	method, _, _ = strings.Cut(line, " ")
	return method, seq, err
}

// driverProgram builds driver-rtsp as it is shipped.
func driverProgram(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "driver-rtsp")
	build := exec.Command("go", "build", "-o", program, "./driver-rtsp")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return program
}

func child(t *testing.T, program string) *sdk.Process {
	t.Helper()
	p, err := sdk.Launch(sdk.Command{Path: program})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// TestMalformedStreams feeds the child what is known to crash the library. The child may die; the gateway sees errors of
// Read, and the next Open works.
func TestMalformedStreams(t *testing.T) {
	program := driverProgram(t)
	neighbour := child(t, program)
	quiet, err := neighbour.Open(t.Context(), device.Channel{ID: "neighbour"})
	if err != nil {
		t.Fatal(err)
	}
	nobody := "rtsp://" + freeport.Address(t) + "/x"
	t.Run("all", func(t *testing.T) {
		for _, tc := range []struct {
			name    string
			camera  evil
			crashes bool
		}{
			{"aggregate of size 0", evil{sdp: sdpH264, play: rtpPacket(0, 0x80, 24, 0, 0)}, true},
			{"fragment of 1 byte", evil{sdp: sdpH264, play: rtpPacket(0, 0x80, 28)}, true},
			{"short parameter set", evil{sdp: sdpH264, play: rtpPacket(0, 0x80, 0x67)}, true},
			{"short parameter set, none announced", evil{sdp: sdpNoSprop, play: rtpPacket(0, 0x80, 0x68, 1) + rtpPacket(0, 0x80, 0x67, 1)}, true},
			{"H.265 fragment of 2 bytes", evil{sdp: sdpH265, play: rtpPacket(0, 0x80, 49<<1, 0)}, false},
			{"keep-alive of negative length", evil{sdp: sdpH264, play: "RTSP/1.0 200 OK\r\nContent-Length: -5\r\n\r\n"}, true},
			{"padding longer than payload", evil{sdp: sdpH264, play: rtpPacket(0, 0xA0, 0x65, 1, 2, 14)}, false},
			{"more sources than bytes", evil{sdp: sdpH264, play: rtpPacket(0, 0x8F, 0x65)}, false},
			{"AAC of 1 byte", evil{sdp: sdpAAC, play: rtpPacket(2, 0x80, 0)}, false},
			{"AAC of a wrong length", evil{sdp: sdpAAC, play: rtpPacket(2, 0x80, 0xff, 0xff, 0, 1)}, false},
			{"description cut short", evil{sdp: "m=video\r\n"}, false},
			{"description of negative length", evil{describe: "RTSP/1.0 200 OK\r\nContent-Length: -1\r\n"}, false},
		} {
			t.Run(tc.name, func(t *testing.T) {
				t.Parallel()
				p := child(t, program)
				url := tc.camera.serve(t)
				if tc.crashes {
					diesAndReturns(t, p, url, nobody)
				} else {
					survives(t, p, url)
				}
			})
		}
	})
	t.Run("behaves again", func(t *testing.T) { behavesAgain(t, program) })
	look(t, quiet, nobody)
	if s := neighbour.Status(); s.Starts != 1 || s.Crashes != 0 {
		t.Errorf("the neighbour: %+v", s)
	}
}

func diesAndReturns(t *testing.T, p *sdk.Process, url, nobody string) {
	conn, err := p.Open(t.Context(), device.Channel{ID: "cameras"})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the child crashes", func() bool {
		_, err = conn.Read(t.Context(), points(url))
		return err != nil
	})
	if !errors.Is(err, sdk.ErrCrashed) || !strings.Contains(err.Error(), "panic: ") || !strings.Contains(err.Error(), "cam-1") {
		t.Errorf("got %v, want the panic and whose it is", err)
	}
	eventually(t, 30*time.Second, "the next open works", func() bool {
		conn, err = p.Open(t.Context(), device.Channel{ID: "cameras"})
		return err == nil
	})
	eventually(t, 30*time.Second, "other cameras are watched", func() bool { return look(t, conn, nobody).lost(device.ChannelDown) })
	// The culprit is now read with care: what killed the first child does nothing to the second.
	eventually(t, 30*time.Second, "a verdict on the culprit", func() bool { return look(t, conn, url)[rtsp.Connected].Quality == device.Good })
	eventually(t, 30*time.Second, "the culprit is let go", func() bool { return look(t, conn, url)[rtsp.Connected].Value == 0 })
	if s := p.Status(); s.Crashes != 1 || s.Starts != 2 || len(s.Suspects) != 1 || s.Suspects[0] != "cam-1" {
		t.Errorf("after the culprit was read again: %+v", s)
	}
}

func survives(t *testing.T, p *sdk.Process, url string) {
	conn, err := p.Open(t.Context(), device.Channel{ID: "cameras"})
	if err != nil {
		t.Fatal(err)
	}
	// A camera that plays nothing readable is lost after ten seconds of silence at the latest.
	eventually(t, 30*time.Second, "a verdict", func() bool {
		r := look(t, conn, url)[rtsp.Connected]
		return r.Quality == device.Good && r.Reason == device.ReasonNone
	})
	if s := p.Status(); s.Crashes != 0 || s.Starts != 1 {
		t.Errorf("the child: %+v", s)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	conn := open(t, rtsp.Driver{})
	for _, tc := range []struct {
		name   string
		camera evil
		want   device.Reason
	}{
		{"not found", evil{describe: "RTSP/1.0 404 Not Found\r\n"}, device.NoSuchPoint},
		{"forbidden", evil{describe: "RTSP/1.0 403 Forbidden\r\n"}, device.Refused},
		{"busy", evil{describe: "RTSP/1.0 453 Not Enough Bandwidth\r\n"}, device.DeviceBusy},
		{"nothing to see", evil{sdp: sdpStart}, device.Refused},
		{"panic in dial", evil{sdp: "m=video\r\n"}, device.Corrupt},
	} {
		url := tc.camera.serve(t)
		eventually(t, 30*time.Second, tc.name, func() bool { return look(t, conn, url).lost(tc.want) })
	}
	// Motion JPEG plays, but is nothing that the library passes on.
	url := evil{sdp: sdpMJPEG}.serve(t)
	eventually(t, 30*time.Second, "blind", func() bool {
		c := look(t, conn, url)
		return c.connected() && c[rtsp.FPS].Reason == device.Unsupported
	})
}

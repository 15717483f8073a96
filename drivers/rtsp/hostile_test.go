package rtsp_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph265"
	"github.com/pion/rtp"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/rtsp"
	"github.com/linshao/linshao/firmware-sim/freeport"
)

// packetsOf are the packets of a film as its encoder wrote it, a picture to each stamp.
func packetsOf(t *testing.T, hevc bool, args ...string) []*rtp.Packet {
	t.Helper()
	film := annexB(t, encodeTo(t, map[bool]string{false: "film.h264", true: "film.h265"}[hevc],
		append([]string{"-f", "lavfi", "-i", "testsrc2=size=160x120:rate=10:duration=2", "-pix_fmt", "yuv420p"}, args...)...))
	var pack func([][]byte) ([]*rtp.Packet, error)
	if hevc {
		e := &rtph265.Encoder{PayloadType: 96, PayloadMaxSize: 400}
		if err := e.Init(); err != nil {
			t.Fatal(err)
		}
		pack = e.Encode
	} else {
		e := &rtph264.Encoder{PayloadType: 96, PacketizationMode: 1, PayloadMaxSize: 400}
		if err := e.Init(); err != nil {
			t.Fatal(err)
		}
		pack = e.Encode
	}
	var packets []*rtp.Packet
	stamp := uint32(0)
	for _, nal := range film {
		ps, err := pack([][]byte{nal})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range ps {
			p.Timestamp = stamp
		}
		packets = append(packets, ps...)
		stamp += 9000
	}
	return packets
}

// annexB are the NAL units of a film.
func annexB(t *testing.T, file string) (nals [][]byte) {
	t.Helper()
	bits, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, nal := range bytes.Split(bits, []byte{0, 0, 1}) {
		if nal = bytes.TrimRight(nal, "\x00"); len(nal) > 0 {
			nals = append(nals, nal)
		}
	}
	return nals
}

// TestMutatedFilm: real film of x264 and x265 with bits turned, packets cut, lost, doubled and swapped. Times grow, and what is
// kept stays sound.
func TestMutatedFilm(t *testing.T) {
	for _, tc := range []struct {
		name string
		hevc bool
		args []string
	}{
		{"x264", false, []string{"-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "5"}},
		{"x265", true, []string{"-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:bframes=2:keyint=5"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			film := packetsOf(t, tc.hevc, tc.args...)
			whole, _ := rtsp.Unpacked(film, tc.hevc, time.Hour)
			if len(whole) < 20 {
				t.Fatalf("%d pictures of %d packets", len(whole), len(film))
			}
			rnd := rand.New(rand.NewPCG(1, uint64(len(film))))
			for round := range 150 {
				broken := mutated(rnd, film)
				at, _ := rtsp.Unpacked(broken, tc.hevc, time.Hour)
				for i := 1; i < len(at); i++ {
					if at[i] <= at[i-1] {
						t.Fatalf("round %d: picture %d at %v after %v", round, i, at[i], at[i-1])
					}
				}
				kept := rtsp.KeepOf(20<<10, tc.hevc)
				for i, p := range broken {
					kept.Take(p, time.Duration(i)*10*time.Millisecond)
				}
				if err := kept.Sound(); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
			}
		})
	}
}

func mutated(rnd *rand.Rand, film []*rtp.Packet) []*rtp.Packet {
	var broken []*rtp.Packet
	for _, p := range film {
		p = p.Clone()
		switch rnd.IntN(12) {
		case 0:
			p.Payload[rnd.IntN(len(p.Payload))] ^= 1 << rnd.IntN(8)
		case 1:
			p.Payload[rnd.IntN(min(4, len(p.Payload)))] = byte(rnd.Uint32())
		case 2:
			p.Payload = p.Payload[:rnd.IntN(len(p.Payload)+1)]
		case 3:
			continue
		case 4:
			broken = append(broken, p.Clone())
		case 5:
			p.Timestamp = rnd.Uint32()
		case 6:
			p.Marker = !p.Marker
		}
		broken = append(broken, p)
		if n := len(broken); n > 1 && rnd.IntN(12) == 0 {
			broken[n-1], broken[n-2] = broken[n-2], broken[n-1]
		}
	}
	return broken
}

// TestHostileOverUDP: a camera with a log-in whose packets are broken in every way, over UDP, and then no more.
func TestHostileOverUDP(t *testing.T) {
	t.Parallel()
	file := moving(t)
	var behaves atomic.Bool
	rnd := rand.New(rand.NewPCG(2, 2))
	r := &relay{mangle: func(p *rtp.Packet) []*rtp.Packet {
		if behaves.Load() {
			return []*rtp.Packet{p}
		}
		var sent []*rtp.Packet
		for _, p := range mutated(rnd, []*rtp.Packet{p}) {
			if !changesSets(p) {
				sent = append(sent, p)
			}
		}
		return sent
	}}
	r.server = &gortsplib.Server{RTSPAddress: freeport.Address(t), AuthMethods: []auth.VerifyMethod{auth.VerifyMethodDigestMD5}}
	r.server.UDPRTPAddress, r.server.UDPRTCPAddress = freePair(t)
	startRelayOf(t, r, file)
	url := "rtsp://" + userInfo + r.server.RTSPAddress + "/cam#transport=udp"
	conn := open(t, rtsp.Driver{})
	watch(t, conn, url, 3*time.Second)
	behaves.Store(true)
	since := time.Now()
	// Of what is lost, the library waits a while for the rest.
	eventually(t, 5*time.Second, "a key frame of which nothing was sent before", func() bool {
		c := look(t, conn, url)
		return c.connected() && c.good(rtsp.KeyframeAge) && c[rtsp.KeyframeAge].Value < time.Since(since).Seconds()-2.5
	})
	now := time.Now()
	if clip, _ := cut(t, conn.(device.Camera), "cam-1", now, now.Add(1500*time.Millisecond)); len(clip.Holes) > 1 {
		t.Errorf("holes %+v", clip.Holes)
	}
}

// changesSets says whether a packet brings parameter sets: after false ones, and no right ones again, nobody can decode the rest.
func changesSets(p *rtp.Packet) bool {
	if len(p.Payload) < 2 {
		return false
	}
	kind := p.Payload[0] & 0x1f
	if kind == 28 { // a piece
		kind = p.Payload[1] & 0x1f
	}
	return kind == 7 || kind == 8 || kind == 24
}

// reformed is a camera that is evil until it behaves.
type reformed struct {
	evil    evil
	behaves atomic.Bool
	to      string // host:port of who does
	open    sync.Map
}

func (r *reformed) talk(c net.Conn) {
	if !r.behaves.Load() {
		r.open.Store(c, nil)
		r.evil.talk(c)
		return
	}
	good, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer good.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = io.Copy(good, c)
		_ = good.Close()
	}()
	_, _ = io.Copy(c, good)
	_ = c.Close()
	<-done
}

func (r *reformed) reform() {
	r.behaves.Store(true)
	r.open.Range(func(c, _ any) bool { _ = c.(net.Conn).Close(); return true })
}

// behavesAgain: a camera that ends the child is watched five seconds after it behaves, and so is its neighbour in the child.
func behavesAgain(t *testing.T, program string) {
	healthy, _ := simulated(t, 128, 96)
	_, to, _ := strings.Cut(healthy, "@")
	to, _, _ = strings.Cut(to, "/")
	r := &reformed{evil: evil{sdp: sdpH264, play: rtpPacket(0, 0x80, 24, 0, 0)}, to: to}
	url := "rtsp://admin:right@" + host(t, "127.0.0.1:0", r.talk) + "/cam"
	p := child(t, program)
	var conn device.Conn
	both := func() (good, bad bool) {
		var err error
		if conn == nil {
			if conn, err = p.Open(t.Context(), device.Channel{ID: "cameras"}); err != nil {
				return false, false
			}
		}
		up := func(dev, url string) bool {
			readings, failed := conn.Read(t.Context(), pointsOf(dev, url)[:1])
			if failed != nil {
				err = failed
				return false
			}
			return readings[0].Quality == device.Good && readings[0].Value == 1
		}
		good, bad = up("good", healthy), up("bad", url)
		if err != nil {
			conn = nil // as the gateway does
		}
		return good, bad
	}
	eventually(t, 30*time.Second, "the child died, and the healthy camera is watched again", func() bool {
		good, _ := both()
		return good && p.Status().Crashes == 1
	})
	r.reform()
	took := eventually(t, 30*time.Second, "both", func() bool { good, bad := both(); return good && bad })
	if took > 5*time.Second {
		t.Errorf("seen after %v", took)
	}
	t.Logf("seen after %v", took)
}

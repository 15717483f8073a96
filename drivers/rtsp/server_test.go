package rtsp_test

import (
	"fmt"
	"os/exec"
	"sync"
	"testing"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/auth"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/pion/rtp"
)

// Of the camera that gortsplib plays.
const (
	user     = "admin"
	password = "p@ss/wörd"
	userInfo = "admin:p%40ss%2Fw%C3%B6rd@"
)

// relay is a camera made of gortsplib's server and ffmpeg, which publishes a file into it. Readers need a password.
type relay struct {
	server  *gortsplib.Server
	ffmpeg  *exec.Cmd
	mangle  mangle        // nil: packets go as they come
	playing chan struct{} // closed when ffmpeg's first packet has come

	mu     sync.Mutex
	stream *gortsplib.ServerStream
	once   sync.Once
}

// mangle is what a bad line makes of the packets.
type mangle func(p *rtp.Packet) []*rtp.Packet

// startRelay serves rtsp://address/cam; end stops it like a pulled plug. It also ends with the test.
func startRelay(t *testing.T, address, file string) (r *relay, end func()) {
	t.Helper()
	return startRelayWith(t, address, file, auth.VerifyMethodDigestMD5)
}

// startRelayWith is startRelay with one way to log in.
func startRelayWith(t *testing.T, address, file string, method auth.VerifyMethod) (r *relay, end func()) {
	t.Helper()
	return startRelayOf(t, &relay{server: &gortsplib.Server{RTSPAddress: address, AuthMethods: []auth.VerifyMethod{method}}}, file)
}

func startRelayOf(t *testing.T, r *relay, file string) (_ *relay, end func()) {
	t.Helper()
	r.playing, r.server.Handler = make(chan struct{}), r
	address := r.server.RTSPAddress
	if err := r.server.Start(); err != nil {
		t.Fatal(err)
	}
	r.ffmpeg = exec.Command("ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", file,
		"-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", "rtsp://"+address+"/cam")
	if err := r.ffmpeg.Start(); err != nil {
		r.server.Close()
		t.Fatal(err)
	}
	var once sync.Once
	end = func() {
		once.Do(func() {
			_ = r.ffmpeg.Process.Kill()
			_ = r.ffmpeg.Wait()
			r.server.Close()
		})
	}
	t.Cleanup(end)
	select {
	case <-r.playing:
	case <-t.Context().Done():
		t.Fatal("ffmpeg did not publish")
	}
	return r, end
}

func (r *relay) OnDescribe(ctx *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return r.reader(ctx.Conn, ctx.Request)
}

func (r *relay) OnSetup(ctx *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if ctx.Session.State() == gortsplib.ServerSessionStatePreRecord {
		return &base.Response{StatusCode: base.StatusOK}, nil, nil
	}
	return r.reader(ctx.Conn, ctx.Request)
}

func (r *relay) reader(conn *gortsplib.ServerConn, req *base.Request) (*base.Response, *gortsplib.ServerStream, error) {
	if !conn.VerifyCredentials(req, user, password) {
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stream == nil {
		return &base.Response{StatusCode: base.StatusServiceUnavailable}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, r.stream, nil
}

func (r *relay) OnAnnounce(ctx *gortsplib.ServerHandlerOnAnnounceCtx) (*base.Response, error) {
	stream := &gortsplib.ServerStream{Server: r.server, Desc: ctx.Description}
	if err := stream.Initialize(); err != nil {
		return &base.Response{StatusCode: base.StatusBadRequest}, fmt.Errorf("make stream: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stream = stream
	return &base.Response{StatusCode: base.StatusOK}, nil
}

func (r *relay) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

func (r *relay) OnRecord(ctx *gortsplib.ServerHandlerOnRecordCtx) (*base.Response, error) {
	ctx.Session.OnPacketRTPAny(func(m *description.Media, _ format.Format, p *rtp.Packet) {
		packets := []*rtp.Packet{p}
		if r.mangle != nil {
			packets = r.mangle(p)
		}
		for _, p := range packets {
			_ = r.stream.WritePacketRTP(m, p)
		}
		r.once.Do(func() { close(r.playing) })
	})
	return &base.Response{StatusCode: base.StatusOK}, nil
}

package rtsp

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/linshao/linshao/firmware-sim/fault"
)

// Config describes a camera.
type Config struct {
	Listen         string          // "127.0.0.1:0": port 0 is a free one; TCP transport only
	Path           string          // of the stream in the URL
	Width, Height  int             // pixels
	FPS            int             // frames per second
	KeyEvery       int             // frames from one key frame to the next
	Unannounced    bool            // the parameter sets come in the stream alone
	User, Password string          // digest or basic authentication; empty user: none
	Faults         *fault.Switches // those of fault that are of a camera; may be nil
}

// A Camera serves one stream.
type Camera struct {
	cfg  Config
	addr string
	ln   net.Listener // open and not in a server's hands
	port *port        // of the running server
	dead []net.Conn   // of the times before it vanished: open, and never answered
}

// New opens the port; Run serves it.
func New(cfg Config) (*Camera, error) {
	if cfg.FPS <= 0 || cfg.KeyEvery <= 0 || cfg.Width <= 0 || cfg.Height <= 0 {
		return nil, fmt.Errorf("camera %s: need a size, fps and a key-frame interval", cfg.Path)
	}
	ln, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for camera %s: %w", cfg.Path, err)
	}
	return &Camera{cfg: cfg, addr: ln.Addr().String(), ln: ln}, nil
}

// URL is where the stream is found, without credentials.
func (c *Camera) URL() string { return "rtsp://" + c.addr + "/" + c.cfg.Path }

// Run serves until ctx ends; while Down is set, connections are closed and refused.
func (c *Camera) Run(ctx context.Context) error {
	defer func() {
		if c.ln != nil {
			_ = c.ln.Close()
		}
		for _, conn := range c.dead {
			_ = conn.Close()
		}
	}()
	for ctx.Err() == nil {
		changed := c.cfg.Faults.Changed()
		if c.cfg.Faults.On(fault.Down) {
			if c.ln != nil {
				_ = c.ln.Close()
				c.ln = nil
			}
			select {
			case <-ctx.Done():
			case <-changed:
			}
			continue
		}
		if c.cfg.Faults.On(fault.Reboot) {
			c.reboot(ctx)
			continue
		}
		if c.cfg.Faults.On(fault.Vanish) {
			if err := c.vanish(ctx); err != nil {
				return err
			}
			continue
		}
		if err := c.serve(ctx); err != nil {
			return err
		}
	}
	return nil
}

// reboot is away for a while and then well again.
func (c *Camera) reboot(ctx context.Context) {
	if c.ln != nil {
		_ = c.ln.Close()
		c.ln = nil
	}
	away := cmp.Or(c.cfg.Faults.Setting(fault.Reboot).Delay, 2*time.Second)
	timer := time.NewTimer(away)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
		c.cfg.Faults.Clear(fault.Reboot)
	}
}

// serve runs one server until ctx ends or the camera goes down.
func (c *Camera) serve(ctx context.Context) error {
	h := &handler{user: c.cfg.User, password: c.cfg.Password, faults: c.cfg.Faults}
	server := &gortsplib.Server{
		Handler:     h,
		RTSPAddress: c.addr,
		Listen:      c.listen,
		// A watcher that is not reading must not fill the memory, one key frame must fit.
		WriteQueueSize: 512,
	}
	// Nobody gets past DESCRIBE before the stream is there.
	h.mu.Lock()
	if err := server.Start(); err != nil {
		h.mu.Unlock()
		return fmt.Errorf("start camera %s: %w", c.cfg.Path, err)
	}
	defer func() {
		vanished := c.cfg.Faults.On(fault.Vanish)
		if vanished {
			c.dead = append(c.dead, c.port.die()...)
		}
		server.Close()
		_ = server.Wait()
		if vanished {
			c.ln = c.port.Listener
		}
	}()
	pictures := NewPictures(c.cfg.Width, c.cfg.Height)
	track := &format.H264{PayloadTyp: 96, PacketizationMode: 1}
	if !c.cfg.Unannounced {
		track.SPS, track.PPS = pictures.SPS(), pictures.PPS()
	}
	media := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{track}}
	h.stream = &gortsplib.ServerStream{Server: server, Desc: &description.Session{Title: c.cfg.Path, Medias: []*description.Media{media}}}
	err := h.stream.Initialize()
	h.mu.Unlock()
	if err != nil {
		return fmt.Errorf("start stream of camera %s: %w", c.cfg.Path, err)
	}
	defer h.stream.Close()
	encoder, err := track.CreateEncoder()
	if err != nil {
		return fmt.Errorf("start encoder of camera %s: %w", c.cfg.Path, err)
	}
	film := &film{cfg: c.cfg, pictures: pictures, encoder: encoder, stream: h.stream, media: media, told: c.cfg.Faults.On(fault.Password)}
	return film.run(ctx)
}

func (c *Camera) listen(network, addr string) (net.Listener, error) {
	ln := c.ln
	if c.ln = nil; ln == nil {
		var err error
		if ln, err = net.Listen(network, addr); err != nil {
			return nil, err
		}
	}
	c.port = newPort(ln)
	return c.port, nil
}

// A film is what runs through the camera.
type film struct {
	cfg      Config
	pictures *Pictures
	encoder  *rtph264.Encoder
	stream   *gortsplib.ServerStream
	media    *description.Media
	moment   int  // of the scene; stands still while frozen
	keyAt    int  // moment of the last key frame
	large    bool // the picture's size is the other one
	told     bool // the password was another one already when the film began
}

// thinKeys is how many key frames are one while the stream is thin.
const thinKeys = 5

// run sends frames until ctx ends or the camera goes down.
func (f *film) run(ctx context.Context) error {
	tick := time.NewTicker(time.Second / time.Duration(f.cfg.FPS))
	defer tick.Stop()
	var reported time.Time
	for n := 0; !f.cfg.Faults.On(fault.Down) && !f.cfg.Faults.On(fault.Reboot) && !f.cfg.Faults.On(fault.Vanish); {
		if f.cfg.Faults.On(fault.Password) && !f.told {
			return nil // who watches must log in again
		}
		if large := f.cfg.Faults.On(fault.Size); large != f.large {
			scale := 1
			if large {
				scale = 2
			}
			f.large, f.pictures, n = large, NewPictures(scale*f.cfg.Width, scale*f.cfg.Height), 0
		}
		if f.cfg.Faults.On(fault.Silent) {
			n = 0 // the picture comes back with a key frame
			if time.Since(reported) > time.Second {
				reported = time.Now()
				f.report(reported)
			}
		} else {
			if err := f.frame(n); err != nil {
				return err
			}
			n++
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.cfg.Faults.Changed():
		case <-tick.C:
		}
	}
	return nil
}

func (f *film) frame(n int) error {
	frozen := f.cfg.Faults.On(fault.Frozen)
	if !frozen {
		f.moment++
	}
	var unit [][]byte
	dark := f.cfg.Faults.On(fault.Dark)
	switch {
	case n%f.cfg.KeyEvery == 0 && dark:
		unit = [][]byte{f.pictures.SPS(), f.pictures.PPS(), f.pictures.Black()}
	case n%f.cfg.KeyEvery == 0 && !(f.cfg.Faults.On(fault.Thin) && n%(thinKeys*f.cfg.KeyEvery) != 0):
		if !frozen {
			f.keyAt = f.moment
		}
		unit = [][]byte{f.pictures.SPS(), f.pictures.PPS(), f.pictures.Key(f.keyAt)}
	case f.cfg.Faults.On(fault.Thin) && n%f.cfg.FPS != 0:
		return nil
	case frozen, dark, f.cfg.Faults.On(fault.Thin):
		unit = [][]byte{f.pictures.Between(-1)}
	default:
		unit = [][]byte{f.pictures.Between(f.moment)}
	}
	packets, err := f.encoder.Encode(unit)
	if err != nil {
		return fmt.Errorf("encode camera %s: %w", f.cfg.Path, err)
	}
	if f.cfg.Faults.On(fault.Torn) {
		packets = torn(packets)
	}
	now := time.Now()
	if f.cfg.Faults.On(fault.Clock) {
		now = now.Add(time.Hour)
	}
	stamp := uint32(now.UnixMicro() * 9 / 100) // RTP counts video in 1/90000 s
	for _, p := range packets {
		p.Timestamp = stamp
		// The only error is a closed stream, and run sees that itself.
		_ = f.stream.WritePacketRTPWithNTP(f.media, p, now)
	}
	return nil
}

// torn are a unit's packets without its end.
func torn(packets []*rtp.Packet) []*rtp.Packet {
	if n := len(packets); n > 1 {
		return packets[:n-1]
	}
	p := packets[0]
	head := p.Payload[0]
	p.Payload = append([]byte{head&0xe0 | 28, 0x80 | head&0x1f}, p.Payload[1:]...) // the first piece of a larger one
	p.Marker = false
	return packets
}

// report says what time it is, as an encoder does that has stopped to make pictures.
func (f *film) report(now time.Time) {
	const era = 2208988800 // seconds from 1900 to 1970
	ntp := uint64(now.Unix()+era)<<32 | uint64(now.Nanosecond())<<32/1e9
	_ = f.stream.WritePacketRTCP(f.media, &rtcp.SenderReport{NTPTime: ntp, RTPTime: uint32(now.UnixMicro() * 9 / 100)})
}

// A handler answers RTSP requests with the one stream.
type handler struct {
	user, password string
	faults         *fault.Switches
	mu             sync.RWMutex
	stream         *gortsplib.ServerStream
}

func (h *handler) refused(conn *gortsplib.ServerConn, req *base.Request) bool {
	password := h.password
	if h.faults.On(fault.Password) {
		password += "2"
	}
	return h.user != "" && !conn.VerifyCredentials(req, h.user, password)
}

// OnDescribe implements gortsplib.ServerHandlerOnDescribe.
func (h *handler) OnDescribe(c *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return h.answer(c.Conn, c.Request)
}

// OnSetup implements gortsplib.ServerHandlerOnSetup.
func (h *handler) OnSetup(c *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return h.answer(c.Conn, c.Request)
}

func (h *handler) answer(conn *gortsplib.ServerConn, req *base.Request) (*base.Response, *gortsplib.ServerStream, error) {
	if h.refused(conn, req) {
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	}
	h.mu.RLock()
	defer h.mu.RUnlock()
	if h.stream == nil {
		return &base.Response{StatusCode: base.StatusServiceUnavailable}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, h.stream, nil
}

// OnPlay implements gortsplib.ServerHandlerOnPlay.
func (h *handler) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

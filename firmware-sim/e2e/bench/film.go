package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
)

// The film that cameras play for the figures.
const (
	filmFPS     = 15
	filmSeconds = 20
)

// makeFilm lets ffmpeg write 1080p15 of 2 Mbit/s, a key frame every two seconds, as units that begin with a delimiter.
func makeFilm(ctx context.Context, file string) error {
	cmd := exec.CommandContext(ctx, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", fmt.Sprintf("testsrc2=size=1920x1080:rate=%d:duration=%d", filmFPS, filmSeconds),
		"-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", fmt.Sprint(2*filmFPS), "-sc_threshold", "0",
		"-b:v", "2M", "-maxrate", "2M", "-bufsize", "2M", "-x264-params", "aud=1:nal-hrd=cbr:sliced-threads=0", "-f", "h264", file)
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("make film with ffmpeg: %w", err)
	}
	return nil
}

// readFilm cuts a file into its units, without delimiters and filling.
func readFilm(file string) (units [][][]byte, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read film: %w", err)
	}
	const delimiter, filler = 9, 12
	for _, nal := range bytes.Split(text, []byte{0, 0, 1}) {
		nal = bytes.TrimRight(nal, "\x00")
		switch {
		case len(nal) == 0:
		case nal[0]&31 == delimiter:
			units = append(units, nil)
		case nal[0]&31 != filler && len(units) > 0:
			units[len(units)-1] = append(units[len(units)-1], nal)
		}
	}
	if len(units) < filmFPS*filmSeconds/2 || len(units[0]) < 3 {
		return nil, fmt.Errorf("read film: it has %d pictures", len(units))
	}
	return units, nil
}

// cinema serves the film as many cameras. It runs in a process of its own, so that its cost is nobody else's.
type cinema struct {
	streams map[string]*gortsplib.ServerStream
}

// serveFilm serves rtsp://address/0, /1, … until ctx ends.
func serveFilm(ctx context.Context, file, address string, cameras int) error {
	units, err := readFilm(file)
	if err != nil {
		return err
	}
	c := &cinema{streams: map[string]*gortsplib.ServerStream{}}
	ready := make(chan struct{})
	server := &gortsplib.Server{Handler: &patient{c, ready}, RTSPAddress: address, WriteQueueSize: 1024}
	if err := server.Start(); err != nil {
		return fmt.Errorf("serve film: %w", err)
	}
	defer server.Close()
	var all sync.WaitGroup
	defer all.Wait()
	for n := range cameras {
		track := &format.H264{PayloadTyp: 96, PacketizationMode: 1, SPS: parameter(units[0], 7), PPS: parameter(units[0], 8)}
		media := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{track}}
		stream := &gortsplib.ServerStream{Server: server, Desc: &description.Session{Medias: []*description.Media{media}}}
		if err := stream.Initialize(); err != nil {
			return fmt.Errorf("serve film: %w", err)
		}
		c.streams[fmt.Sprintf("/%d", n)] = stream
		all.Go(func() { play(ctx, units, track, media, stream, n) })
	}
	close(ready)
	<-ctx.Done()
	return nil
}

func parameter(unit [][]byte, kind byte) []byte {
	for _, nal := range unit {
		if nal[0]&31 == kind {
			return nal
		}
	}
	return nil
}

// play repeats the film; each camera is at another place of it.
func play(ctx context.Context, units [][][]byte, track *format.H264, media *description.Media, stream *gortsplib.ServerStream, n int) {
	encoder, err := track.CreateEncoder()
	if err != nil {
		return
	}
	tick := time.NewTicker(time.Second / filmFPS)
	defer tick.Stop()
	for at := n * 2 * filmFPS * 3 / 7; ; at++ {
		select {
		case <-ctx.Done():
			return
		case now := <-tick.C:
			packets, err := encoder.Encode(units[at%len(units)])
			if err != nil {
				return
			}
			for _, p := range packets {
				p.Timestamp = uint32(at * 90000 / filmFPS)
				_ = stream.WritePacketRTPWithNTP(media, p, now)
			}
		}
	}
}

// patient answers as soon as all streams are there.
type patient struct {
	*cinema
	ready <-chan struct{}
}

// OnDescribe implements gortsplib.ServerHandlerOnDescribe.
func (p *patient) OnDescribe(c *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return p.stream(c.Path)
}

// OnSetup implements gortsplib.ServerHandlerOnSetup.
func (p *patient) OnSetup(c *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	return p.stream(c.Path)
}

// OnPlay implements gortsplib.ServerHandlerOnPlay.
func (p *patient) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

func (p *patient) stream(path string) (*base.Response, *gortsplib.ServerStream, error) {
	<-p.ready
	if s := p.streams[path]; s != nil {
		return &base.Response{StatusCode: base.StatusOK}, s, nil
	}
	return &base.Response{StatusCode: base.StatusNotFound}, nil, nil
}

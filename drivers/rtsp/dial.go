package rtsp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/deepch/vdk/format/rtspv2"

	"github.com/linshao/linshao/drivers/device"
)

// dialled is how an attempt ended.
type dialled struct {
	client *rtspv2.RTSPClient
	err    error
}

// errPanicked is a panic inside the library's Dial.
var errPanicked = errors.New("the library panicked")

// dial connects and starts to play. The library can only be given limits per request, and cannot be interrupted: when
// our own limit is over, the attempt is left to end by itself and closed then.
func (w *watcher) dial(ctx context.Context) (*rtspv2.RTSPClient, device.Reason) {
	result := make(chan dialled, 1)
	w.late.Go(func() { result <- dialOnce(w.url) })
	limit := time.NewTimer(dialLimit)
	defer limit.Stop()
	select {
	case d := <-result:
		if d.err != nil {
			why := reasonOf(d.err)
			if hungUp := errors.Is(d.err, io.EOF) || errors.Is(d.err, syscall.ECONNRESET) || errors.Is(d.err, syscall.EPIPE); hungUp {
				why = cmp.Or(probe(ctx, w.url), why)
			}
			return nil, why
		}
		return d.client, device.ReasonNone
	case <-limit.C:
	case <-ctx.Done():
	}
	w.late.Go(func() {
		if d := <-result; d.err == nil {
			hangUp(d.client, false)
		}
	})
	return nil, device.Timeout
}

func dialOnce(url string) (d dialled) {
	defer func() {
		if r := recover(); r != nil {
			d = dialled{err: fmt.Errorf("%w: %v", errPanicked, r)}
		}
	}()
	client, err := rtspv2.Dial(rtspv2.RTSPClientOptions{
		URL:              html.EscapeString(url), // the library unescapes: without this "&copy" in a path turns into "©"
		DialTimeout:      connectLimit,
		ReadWriteTimeout: silence,
		DisableAudio:     true,
	})
	return dialled{client, err}
}

// hangUp closes a client and waits for its goroutine, which may be blocked on its two queues.
func hangUp(client *rtspv2.RTSPClient, stopped bool) {
	client.Close()
	for !stopped {
		select {
		case <-client.OutgoingPacketQueue:
		case signal := <-client.Signals:
			stopped = signal == rtspv2.SignalStreamRTPStop
		}
	}
}

// reasonOf tells apart what a person would do something different about.
func reasonOf(err error) device.Reason {
	var network net.Error
	var number *strconv.NumError
	text := err.Error()
	switch {
	case errors.Is(err, errPanicked), errors.As(err, &number):
		return device.Corrupt
	case strings.Contains(text, "Unauthorized 401"):
		return device.AuthFailed
	case strings.Contains(text, "Camera send status"):
		return reasonOfStatus(text)
	case errors.As(err, &network) && network.Timeout():
		return device.Timeout
	}
	return device.ChannelDown
}

// reasonOfStatus reads "Camera send statusRTSP/1.0 404 Not Found".
func reasonOfStatus(text string) device.Reason {
	_, after, _ := strings.Cut(text, "RTSP/1.0")
	fields := strings.Fields(after)
	if len(fields) == 0 {
		return device.Corrupt
	}
	switch code, _ := strconv.Atoi(fields[0]); code {
	case 401, 403:
		return device.AuthFailed
	case 404, 410, 454, 455:
		return device.NoSuchPoint
	case 405, 406, 415, 461, 501, 505, 551:
		return device.Unsupported
	case 453, 503:
		return device.DeviceBusy
	}
	return device.Refused
}

// codec of a stream's video.
type codec uint8

const (
	noVideo codec = iota
	h264
	h265
	otherVideo // such as MJPEG: it plays, but the library drops it
)

// videoCodec looks into a session description for the first video that the library can read.
func videoCodec(sdp []byte) codec {
	found, inVideo := noVideo, false
	for line := range strings.Lines(string(sdp)) {
		line = strings.ToUpper(strings.TrimSpace(line))
		if kind, ok := strings.CutPrefix(line, "M="); ok {
			inVideo = strings.HasPrefix(kind, "VIDEO")
			if inVideo && found == noVideo {
				found = otherVideo
			}
		}
		if !inVideo || !strings.HasPrefix(line, "A=RTPMAP:") {
			continue
		}
		switch {
		case strings.Contains(line, " H264/"):
			return h264
		case strings.Contains(line, " H265/"):
			return h265
		}
	}
	return found
}

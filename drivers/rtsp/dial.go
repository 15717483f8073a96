package rtsp

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/linshao/linshao/drivers/device"
)

// session is a stream that plays, whichever library brings it.
type session interface {
	// play hands on what comes until ctx ends or the stream does, and says why.
	play(ctx context.Context, to receiver) device.Reason
}

// receiver takes a session's packets, in the order in which they were sent. It may not keep them.
type receiver interface {
	packet(p *rtp.Packet)
	report(p rtcp.Packet)
}

// dial chooses the library: the given one where it holds.
func (w *watcher) dial(ctx context.Context, s stream) (session, device.Reason) {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	if s.codec == h264 && !s.sha256 && !s.strange && !w.suspect && !w.udp {
		opened, why := w.dialGiven(ctx, s)
		if why != device.Unsupported || w.transport == transportTCP {
			return opened, why
		}
		w.udp = true // the camera refuses TCP
	}
	opened, why := w.dialSecond(ctx, s, w.udp)
	if why == device.Unsupported && w.transport == transportAny {
		w.udp = !w.udp
		opened, why = w.dialSecond(ctx, s, w.udp)
	}
	return opened, why
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
	code, _ := strconv.Atoi(fields[0])
	return reasonOfCode(code)
}

func reasonOfCode(code int) device.Reason {
	switch code {
	case 401: // not 403: another password would not help there
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
	otherVideo // such as MJPEG: it plays, but we keep none of it
)

package rtsp

import (
	"context"
	"errors"
	"fmt"
	"html"
	"runtime/pprof"
	"time"

	"github.com/deepch/vdk/format/rtspv2"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/linshao/linshao/drivers/device"
)

// errPanicked is a panic inside the library's Dial.
var errPanicked = errors.New("the library panicked")

// given is a session of the given package, deepch/vdk: H.264 over TCP. It is used as the session alone. Of the packets that it
// makes itself we could not do: their times are rounded to milliseconds, and parameter sets that change, the camera's reports
// and losses are not among them. So it hands us what it received.
type given struct {
	client *rtspv2.RTSPClient
	stream stream
}

// dialled is how an attempt ended.
type dialled struct {
	client *rtspv2.RTSPClient
	err    error
}

// dialGiven connects and starts to play. The package can only be given limits per request, and cannot be interrupted: when
// ctx ends, the attempt is left to end by itself and closed then.
func (w *watcher) dialGiven(ctx context.Context, s stream) (session, device.Reason) {
	result := make(chan dialled, 1)
	w.late.Go(func() {
		// The label stands in the traceback when a goroutine of the package panics, and so names the culprit.
		pprof.Do(context.Background(), pprof.Labels(device.CulpritLabel, w.device), func(context.Context) { result <- dialOnce(s.url.String()) })
	})
	select {
	case d := <-result:
		if d.err != nil {
			return nil, reasonOf(d.err)
		}
		return &given{d.client, s}, device.ReasonNone
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
		OutgoingProxy:    true,
	})
	return dialled{client, err}
}

// hangUp closes a client and waits for its goroutine, which may be blocked on its queues.
func hangUp(client *rtspv2.RTSPClient, stopped bool) {
	client.Close()
	for !stopped {
		select {
		case <-client.OutgoingPacketQueue:
		case <-client.OutgoingProxyQueue:
		case signal := <-client.Signals:
			stopped = signal == rtspv2.SignalStreamRTPStop
		}
	}
}

func (g *given) play(ctx context.Context, to receiver) device.Reason {
	stopped := false
	defer func() { hangUp(g.client, stopped) }()
	heard := time.Now()
	for {
		select {
		case <-ctx.Done():
			return device.ReasonNone
		case signal := <-g.client.Signals:
			if signal == rtspv2.SignalStreamRTPStop {
				stopped = true
				return lostBecause(heard)
			}
		case <-g.client.OutgoingPacketQueue: // made of what we have already
		case raw := <-g.client.OutgoingProxyQueue:
			heard = time.Now()
			g.pass(*raw, to)
		}
	}
}

// pass sorts one interleaved packet.
func (g *given) pass(raw []byte, to receiver) {
	const head = 4
	if len(raw) < head+2 {
		return
	}
	body := raw[head:]
	if kind := body[1]; kind >= 192 && kind <= 223 {
		if reports, err := rtcp.Unmarshal(body); err == nil {
			for _, r := range reports {
				to.report(r)
			}
		}
		return
	}
	var p rtp.Packet
	if err := p.Unmarshal(body); err != nil || p.PayloadType != g.stream.payload {
		return
	}
	to.packet(&p)
}

// lostBecause tells a camera that fell silent from one that hung up.
func lostBecause(heard time.Time) device.Reason {
	if time.Since(heard) >= silence-time.Second {
		return device.Timeout
	}
	return device.ChannelDown
}

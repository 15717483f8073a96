package rtsp

import (
	"cmp"
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/deepch/vdk/format/rtspv2"

	"github.com/linshao/linshao/drivers/device"
)

// How a watcher deals with time.
const (
	connectLimit = 5 * time.Second // for TCP
	dialLimit    = 15 * time.Second
	silence      = 10 * time.Second // without video is the end of a session
	shortestWait = time.Second      // before the next attempt; doubles
	longestWait  = 30 * time.Second
	// A wrong password is not tried often: cameras lock the account after a handful of attempts.
	authWait = 5 * time.Minute
)

// phase of a watcher.
type phase uint8

const (
	starting phase = iota // no attempt has ended yet
	down
	up    // video arrives
	blind // the camera plays what the library cannot read
)

// watcher keeps one camera's stream open, drains it and measures it.
type watcher struct {
	url   string
	still time.Duration
	log   *slog.Logger

	late sync.WaitGroup // dials that were given up

	mu    sync.Mutex
	phase phase
	why   device.Reason // while down
	hevc  bool
	meter meter
}

func newWatcher(url string, d Driver) *watcher {
	return &watcher{url: url, still: d.FrozenAfter, log: d.Log.With("camera", Redact(url))}
}

// run watches until ctx ends. The library's panics in Dial are caught; those in its goroutines end the process, which
// is why it is a child.
func (w *watcher) run(ctx context.Context) {
	defer w.late.Wait()
	wait := shortestWait
	for ctx.Err() == nil {
		played, why := w.session(ctx)
		if ctx.Err() != nil {
			return
		}
		w.fail(why)
		if played {
			wait = shortestWait
		}
		pause := wait
		if why == device.AuthFailed {
			pause = authWait
		}
		wait = min(wait*2, longestWait)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (w *watcher) fail(why device.Reason) {
	w.mu.Lock()
	changed := w.phase != down || w.why != why
	w.phase, w.why = down, why
	w.mu.Unlock()
	if changed {
		w.log.Warn("camera lost", "reason", why.String())
	}
}

// session is one connection from dial to loss; played says whether video arrived.
func (w *watcher) session(ctx context.Context) (played bool, why device.Reason) {
	client, why := w.dial(ctx)
	if why != device.ReasonNone {
		return false, why
	}
	codec := videoCodec(client.SDPRaw)
	w.mu.Lock()
	w.hevc = codec == h265
	w.meter = meter{still: stillness{after: w.still}}
	if codec == otherVideo {
		w.phase = blind
	}
	w.mu.Unlock()
	stopped := false
	defer func() { hangUp(client, stopped) }()
	if codec == noVideo {
		return false, cmp.Or(probe(ctx, w.url), device.Refused)
	}
	heard := time.Now()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return played, device.ReasonNone
		case signal := <-client.Signals:
			if signal == rtspv2.SignalStreamRTPStop {
				stopped = true
				return played, lostBecause(heard)
			}
		case packet := <-client.OutgoingPacketQueue:
			heard, played = time.Now(), true
			w.packet(heard, packet.Time, packet.Data)
		case <-tick.C:
			if codec != otherVideo && time.Since(heard) > silence {
				return played, device.Timeout
			}
		}
	}
}

// lostBecause tells a camera that fell silent from one that hung up.
func lostBecause(heard time.Time) device.Reason {
	if time.Since(heard) >= silence-time.Second {
		return device.Timeout
	}
	return device.ChannelDown
}

func (w *watcher) packet(at time.Time, stamp time.Duration, slice []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.phase != up {
		w.log.Info("camera connected")
		w.phase = up
	}
	w.meter.packet(at, stamp, slice, w.hevc)
}

// reading answers one point from what is known.
func (w *watcher) reading(p device.Point, at time.Time) device.Reading {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.phase == starting:
		return device.BadReading(p, device.WarmingUp, at)
	case p.Name == Connected:
		return device.Judge(p, number(w.phase != down), at)
	case w.phase == down:
		return device.BadReading(p, w.why, at)
	case w.phase == blind:
		return device.BadReading(p, device.Unsupported, at)
	}
	value, known := w.value(p.Name, at)
	if !known {
		return device.BadReading(p, w.unknown(p.Name, at), at)
	}
	return device.Judge(p, value, at)
}

func (w *watcher) value(name string, at time.Time) (value float64, known bool) {
	switch name {
	case FPS:
		value, _, known = w.meter.rates(at)
	case Bitrate:
		_, value, known = w.meter.rates(at)
	case KeyframeAge:
		value, known = max(0, at.Sub(w.meter.key).Seconds()), !w.meter.key.IsZero()
	case FrozenPicture:
		frozen, judged := w.meter.still.frozen()
		value, known = number(frozen), judged
	}
	return value, known
}

// unknown says why a point of a playing camera has no value yet, or never will.
func (w *watcher) unknown(name string, at time.Time) device.Reason {
	ofKeys := name == KeyframeAge || name == FrozenPicture
	if ofKeys && w.hevc && w.meter.key.IsZero() && at.Sub(w.meter.first) > time.Minute {
		return device.Unsupported
	}
	return device.WarmingUp
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

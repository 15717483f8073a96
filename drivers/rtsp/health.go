package rtsp

import (
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// health is what is known of a camera beside its pictures.
type health struct {
	meter    meter
	usual    usual
	began    time.Duration // of the session: the first attempt to connect
	connect  time.Duration
	firstKey time.Duration // from the beginning to the first key frame; 0: none yet
	sampled  time.Duration
	width    int
	height   int
	changes  int // of the picture's size since the process began
	offset   time.Duration
	offsetOK bool
}

func (h *health) session(began, connected, still time.Duration) {
	h.meter = meter{still: stillness{after: still}, dark: darkness{usual: h.meter.dark.usual, seen: h.meter.dark.seen}}
	h.began, h.connect, h.firstKey = began, connected-began, 0
	h.offsetOK = false
	h.usual.away()
}

func (h *health) frame(now time.Duration, u *unit, hour time.Duration) {
	if u.set != nil && (u.set.width != h.width || u.set.height != h.height) {
		if h.width != 0 {
			h.changes++
			h.meter.dark = darkness{}
		}
		h.width, h.height = u.set.width, u.set.height
	}
	h.meter.frame(now, u, h.width*h.height/256)
	if u.key && h.firstKey == 0 {
		h.firstKey = now - h.began
	}
	if now-h.sampled < sampleTime {
		return
	}
	if _, kbits, known := h.meter.rates(now); known {
		h.usual.sample(now, kbits, hour)
		h.sampled = now
	}
}

// report compares the camera's time of day with ours.
func (h *health) report(camera, ours time.Time) { h.offset, h.offsetOK = camera.Sub(ours), true }

// reading answers one point from what is known.
func (w *watcher) reading(p device.Point, at time.Time) device.Reading {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.phase == starting:
		return device.BadReading(p, device.WarmingUp, at)
	case p.Name == Connected:
		return device.Judge(p, number(w.phase != down), at)
	case p.Name == State:
		return device.Judge(p, w.state(w.clock.now()), at)
	case p.Name == SizeChanges:
		return device.Judge(p, float64(w.health.changes), at)
	case w.phase == down:
		return device.BadReading(p, w.why, at)
	case w.phase == blind:
		return device.BadReading(p, device.Unsupported, at)
	}
	value, known := w.value(p.Name, w.clock.now())
	if !known {
		return device.BadReading(p, device.WarmingUp, at)
	}
	return device.Judge(p, value, at)
}

func (w *watcher) value(name string, now time.Duration) (value float64, known bool) {
	h, m := &w.health, &w.health.meter
	fps, kbits, rated := m.rates(now)
	switch name {
	case ConnectTime:
		return millis(h.connect), true
	case FirstKeyTime:
		return millis(h.firstKey), h.firstKey > 0
	case FPS:
		return fps, rated
	case Bitrate:
		return kbits, rated
	case BitrateRatio:
		ratio, ok := h.usual.ratio(kbits)
		return ratio, ok && rated
	case Collapsed:
		return number(h.usual.collapsed(now)), h.usual.known()
	case KeyframeAge:
		return max(0, (now - m.key).Seconds()), m.keyed
	case KeyframeInterval:
		return m.interval.Seconds(), m.interval > 0
	case FrozenPicture:
		frozen, judged := m.still.frozen()
		return number(frozen), judged
	case BlackPicture:
		return number(m.dark.black()), m.keyed
	case Stuttering:
		return number(m.stutter.stutters()), rated
	case Width:
		return float64(h.width), h.width > 0
	case Height:
		return float64(h.height), h.height > 0
	case ClockDrift:
		return w.line.drift, w.line.driftKnown
	case ClockOffset:
		return h.offset.Seconds(), h.offsetOK
	}
	return 0, false
}

// state is the one word for people.
func (w *watcher) state(now time.Duration) float64 {
	m := &w.health.meter
	frozen, _ := m.still.frozen()
	switch {
	case w.phase == blind:
		return StateUnreadable
	case w.phase == up && m.dark.black():
		return StateBlack
	case w.phase == up && frozen:
		return StateFrozen
	case w.phase == up && w.health.usual.collapsed(now):
		return StateCollapsed
	case w.phase == up && m.stutter.stutters():
		return StateStuttering
	case w.phase == up:
		return StateGood
	case w.why == device.AuthFailed:
		return StateWrongPassword
	case w.why == device.Timeout, w.why == device.ChannelDown:
		return StateUnreachable
	case w.why == device.Corrupt, w.why == device.Unsupported:
		return StateUnreadable
	}
	return StateRefused
}

func millis(d time.Duration) float64 { return float64(d.Milliseconds()) }

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

package rtsp

import "time"

// window is what rates are taken over.
const window = 5 * time.Second

// meter measures one session's video. It has no clock and no lock.
type meter struct {
	first  time.Time // arrival of the first packet
	last   time.Time // arrival of the newest one
	key    time.Time // arrival of the newest key frame's first packet
	frames []frame   // of the last window, oldest first
	still  stillness
}

// frame is what arrived with one RTP time: the library passes on slices, of which a frame may have several.
type frame struct {
	at    time.Time
	stamp time.Duration // its RTP time; only used to tell frames apart, for it jumps back every 13 hours
	key   bool
	sum   uint64 // of a key frame
	bytes int
}

// packet takes one slice as the library gives it: four bytes of length and a NAL unit.
func (m *meter) packet(at time.Time, stamp time.Duration, slice []byte, hevc bool) {
	if m.first.IsZero() {
		m.first = at
	}
	m.last = at
	n := len(m.frames)
	if n == 0 || m.frames[n-1].stamp != stamp {
		if n > 0 {
			f := m.frames[n-1]
			m.still.frame(f.at, f.key, f.sum, f.bytes)
		}
		m.forget(at)
		m.frames = append(m.frames, frame{at: at, stamp: stamp})
		n = len(m.frames)
	}
	f := &m.frames[n-1]
	f.bytes += len(slice)
	if f.key = f.key || isKey(slice, hevc); f.key {
		f.sum = sumOf(f.sum, slice)
		m.key = f.at
	}
}

// isKey looks for itself: the library overlooks key frames inside aggregation packets.
func isKey(slice []byte, hevc bool) bool {
	const header = 4
	if len(slice) <= header {
		return false
	}
	if hevc {
		kind := slice[header] >> 1 & 0x3f
		return kind >= 16 && kind <= 21
	}
	return slice[header]&0x1f == 5
}

// forget drops frames older than the window, but never the newest one.
func (m *meter) forget(now time.Time) {
	keep := 0
	for keep < len(m.frames)-1 && now.Sub(m.frames[keep].at) > window {
		keep++
	}
	m.frames = append(m.frames[:0], m.frames[keep:]...)
}

// rates are unknown until the first window is full.
func (m *meter) rates(now time.Time) (fps, kbits float64, known bool) {
	if m.first.IsZero() || now.Sub(m.first) < window {
		return 0, 0, false
	}
	count, bytes := 0, 0
	for _, f := range m.frames {
		if now.Sub(f.at) <= window {
			count++
			bytes += f.bytes
		}
	}
	return float64(count) / window.Seconds(), float64(bytes) * 8 / 1000 / window.Seconds(), true
}

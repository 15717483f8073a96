package rtsp

import "time"

// window is what rates are taken over; long is what stutter is judged over.
const (
	window = 5 * time.Second
	long   = 30 * time.Second
)

// meter measures one session's video. It has no clock and no lock; times are since the process began.
type meter struct {
	begun    bool
	first    time.Duration // arrival of the first frame
	key      time.Duration // arrival of the newest key frame
	keyed    bool
	interval time.Duration // between the two newest key frames; 0: there were not two
	frames   []arrival     // of the last window, oldest first
	last     time.Duration
	stutter  stutter
	still    stillness
	dark     darkness
}

// arrival is what the frames of a moment weigh.
type arrival struct {
	at     time.Duration // of the first
	frames int
	bytes  int
}

// moment is what is counted as one arrival: however many frames a camera sends, those of a window are few.
const moment = 10 * time.Millisecond

// frame takes one whole frame; blocks is the picture's size in macroblocks.
func (m *meter) frame(at time.Duration, u *unit, blocks int) {
	if !m.begun {
		m.begun, m.first, m.last = true, at, at
	}
	m.stutter.frame(at, at-m.last, u.lost)
	m.last = at
	if u.key {
		if m.keyed {
			m.interval = at - m.key
		}
		m.key, m.keyed = at, true
		m.dark.key(at, u.weight, blocks)
	}
	m.still.frame(at, u.key, u.sum, u.weight)
	m.forget(at)
	if n := len(m.frames); n > 0 && at-m.frames[n-1].at < moment {
		m.frames[n-1].frames++
		m.frames[n-1].bytes += len(u.data)
		return
	}
	m.frames = append(m.frames, arrival{at, 1, len(u.data)})
}

// forget drops frames older than the window.
func (m *meter) forget(now time.Duration) {
	keep := 0
	for keep < len(m.frames) && now-m.frames[keep].at > window {
		keep++
	}
	m.frames = m.frames[keep:]
}

// rates are unknown until the first window is full.
func (m *meter) rates(now time.Duration) (fps, kbits float64, known bool) {
	if !m.begun || now-m.first < window {
		return 0, 0, false
	}
	count, bytes := 0, 0
	for _, f := range m.frames {
		if now-f.at <= window {
			count += f.frames
			bytes += f.bytes
		}
	}
	return float64(count) / window.Seconds(), float64(bytes) * 8 / 1000 / window.Seconds(), true
}

// Stutter: so many pauses within the long window.
const (
	pauses     = 3
	pauseLeast = 400 * time.Millisecond
	pauseTimes = 4 // as long as usual
)

// stutter counts pauses between frames, and losses.
type stutter struct {
	usual time.Duration   // distance of frames, smoothed
	seen  []time.Duration // when a pause ended or a loss was seen, within the long window
}

func (s *stutter) frame(at, apart time.Duration, lost bool) {
	if s.usual == 0 {
		s.usual = apart
	}
	if lost || apart > max(pauseLeast, pauseTimes*s.usual) {
		s.seen = append(s.seen, at)
	} else {
		s.usual += (apart - s.usual) / 16
	}
	for len(s.seen) > 0 && (at-s.seen[0] > long || len(s.seen) > pauses) {
		s.seen = s.seen[1:]
	}
}

func (s *stutter) stutters() bool { return len(s.seen) >= pauses }

// What makes a picture look black: as ffmpeg's and every other encoder writes a flat one.
const (
	flatShare = 0.12            // of a usual key frame's size
	flatBytes = 4.0             // bytes per macroblock that such a key frame has at most
	flatAlone = 0.5             // bytes per macroblock that no picture with anything in it gets by with
	darkAfter = 8 * time.Second // of nothing but such key frames
	learned   = 5               // key frames until the usual size is known
)

// darkness suspects a covered lens or a black picture, without decoding it: its key frames become tiny, for there is nothing
// in them. It cannot tell black from a lens full of paint or fog, and need not. A night scene keeps its noise and stays away.
type darkness struct {
	usual float64 // size of key frames with something in them, smoothed
	seen  int
	flat  bool
	since time.Duration
	last  time.Duration
}

func (d *darkness) key(at time.Duration, bytes, blocks int) {
	per := float64(bytes) / float64(max(1, blocks))
	flat := per < flatAlone || d.seen >= learned && per < flatBytes && float64(bytes) < flatShare*d.usual
	if flat && !d.flat {
		d.since = at
	}
	d.flat, d.last = flat, at
	if flat {
		return
	}
	d.seen++
	d.usual += (float64(bytes) - d.usual) / float64(min(d.seen, 50))
}

// black is unknown until a key frame has come.
func (d *darkness) black() bool { return d.flat && d.last-d.since >= darkAfter }

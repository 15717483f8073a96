package rtsp

import (
	"sync"
	"time"
)

// frame is a unit in the ring.
type frame struct {
	at      time.Duration // since the process began
	pts     int64
	cts     int32 // presentation after decoding, 1/90000 s
	key     bool
	segment int  // frames of different segments lie on either side of a jump or a new session
	lead    bool // it cannot be decoded when playing begins with the key frame before it
	lost    bool // frames between the one before and this one are missing
	set     *set
	data    []byte
	cost    int // bytes that it takes in the ring, reckoned there
}

// Of the ring, whatever a camera sends.
const (
	mostFrames = 60 * 120 // a minute of 120 frames a second
	frameCost  = 256      // bytes that a frame takes beside its data
)

// ring keeps a camera's newest frames, as they came, within bounds of time, bytes and number. It begins with a key frame and
// forgets whole groups of pictures. Frames are never changed, so that readers copy nothing.
type ring struct {
	mu      sync.Mutex
	keep    time.Duration
	most    int // bytes
	bytes   int
	frames  []*frame
	first   int           // number of the first frame, counted from the beginning
	keys    []int         // numbers of the key frames
	changed chan struct{} // closed and replaced when something has come or the camera has gone
	up      bool
	broken  bool // frames are dropped until the next key frame
	leading bool // and then the key frame's leading pictures
	clock   cameraClock
}

// playable leaves out what cannot be decoded when playing begins with the first frame.
func playable(frames []*frame) []*frame {
	n := 1
	for n < len(frames) && frames[n].lead {
		n++
	}
	if n <= 1 {
		return frames
	}
	return append(frames[:1:1], frames[n:]...)
}

// cameraClock is what the camera said of its own time in its last report.
type cameraClock struct {
	known   bool
	segment int
	pts     int64
	time    time.Time
}

func newRing(keep time.Duration, most int) *ring {
	return &ring{keep: keep, most: most, changed: make(chan struct{})}
}

// add takes the next frame. What cannot be decoded is not kept: frames before the first key frame, or after a loss.
func (r *ring) add(f *frame) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up = true
	if n := len(r.frames); n > 0 {
		r.broken = r.broken || f.lost || f.segment != r.frames[n-1].segment
	}
	if !f.key && (len(r.frames) == 0 || r.broken) {
		return
	}
	if f.lead && (r.leading || len(r.frames) == 0) {
		return
	}
	r.leading = f.key && (r.broken || len(r.frames) == 0)
	f.lost, r.broken = r.broken, false
	f.cost = frameCost + len(f.data)
	if n := len(r.frames); n == 0 || r.frames[n-1].set != f.set {
		f.cost += f.set.cost()
	}
	if f.key {
		r.keys = append(r.keys, r.first+len(r.frames))
	}
	r.frames = append(r.frames, f)
	r.bytes += f.cost
	r.forget()
	r.tell()
}

// forget drops the oldest groups while the next one is old enough, or there is too much.
func (r *ring) forget() {
	newest := r.frames[len(r.frames)-1].at
	for {
		n := r.group()
		if n == 0 {
			break
		}
		if n == len(r.frames) { // one group alone, larger than all that may be kept: its end is worth nothing without its beginning
			if r.tooMuch() {
				r.drop(n)
			}
			break
		}
		if !r.tooMuch() && newest-r.frames[n].at < r.keep {
			break
		}
		r.drop(n)
	}
}

func (r *ring) tooMuch() bool { return r.bytes > r.most || len(r.frames) > mostFrames }

// group is the length of the first group of pictures.
func (r *ring) group() int {
	if len(r.keys) > 1 {
		return r.keys[1] - r.first
	}
	return len(r.frames)
}

func (r *ring) drop(n int) {
	for _, f := range r.frames[:n] {
		r.bytes -= f.cost
	}
	clear(r.frames[:n])
	r.frames = r.frames[n:]
	r.first += n
	r.keys = r.keys[1:] // a group is dropped as a whole
}

// limit changes how many bytes may be kept.
func (r *ring) limit(most int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.most = most
	if len(r.frames) > 0 {
		r.forget()
	}
}

// report takes what the camera said of its clock.
func (r *ring) report(c cameraClock) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock = c
}

// down says that nothing comes for now.
func (r *ring) down() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.up {
		r.up = false
		r.tell()
	}
}

func (r *ring) tell() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// entry is the number of the last key frame at or before a time; where there is none, of the first after it.
func (r *ring) entry(at time.Duration) (number int, found bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, f := range r.frames {
		if !f.key {
			continue
		}
		if found && f.at > at {
			break
		}
		number, found = r.first+i, true
	}
	return number, found
}

// view is a look at the ring from one frame on.
type view struct {
	frames  []*frame // shared, never written
	from    int      // number of the first of them; more than asked for when the ring has forgotten
	changed <-chan struct{}
	up      bool
	clock   cameraClock
}

func (r *ring) look(number int) view {
	r.mu.Lock()
	defer r.mu.Unlock()
	number = min(max(number, r.first), r.first+len(r.frames))
	return view{
		frames: append([]*frame(nil), r.frames[number-r.first:]...), from: number,
		changed: r.changed, up: r.up, clock: r.clock,
	}
}

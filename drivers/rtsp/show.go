package rtsp

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// still is a file of one frame.
func (r *ring) still(k clock, at time.Duration) ([]byte, device.Clip, error) {
	number, found := r.entry(at)
	if !found {
		return nil, device.Clip{}, device.ErrNoPicture
	}
	v := r.look(number)
	if len(v.frames) == 0 || !v.frames[0].key || v.frames[0].at > at {
		return nil, device.Clip{}, device.ErrNoPicture
	}
	f := v.frames[0]
	end := f.at + usualGap(nil)
	if len(v.frames) > 1 {
		end = f.at + usualGap(v.frames[:2])
	}
	alone := *f
	alone.cts = 0 // nothing comes before it
	picture := append(append([]byte(nil), f.set.init...), fragment(1, f.at, []*frame{&alone}, end)...)
	clip := device.Clip{
		Codec: f.set.codec, Width: f.set.width, Height: f.set.height, Frames: 1,
		From: k.wall(f.at), To: k.wall(end), Size: int64(len(picture)), SHA256: sha256.Sum256(picture),
	}
	if v.clock.known && v.clock.segment == f.segment {
		clip.CameraFrom = v.clock.time.Add(stampTime(f.pts - v.clock.pts))
	}
	return picture, clip, nil
}

// A show is a live picture that somebody watches.
type show struct {
	ring   *ring
	clock  clock
	chunk  func([]byte) error
	cursor int // number of the frame that comes next; negative: a key frame is looked for
	shown  *set
	begin  time.Duration
	count  int
	fresh  bool // the next frame is one to begin with
}

// run sends what comes until ctx ends. It begins with the newest key frame, so that the first picture is there at once.
func (s *show) run(ctx context.Context) error {
	s.cursor = -1
	for {
		v := s.look()
		frames := s.stretch(v.frames)
		if s.cursor >= 0 && len(frames) > 1 && (s.count == 0 || frames[len(frames)-1].at-frames[0].at >= liveEvery || len(frames) < len(v.frames)) {
			if err := s.send(frames); err != nil {
				return err
			}
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-v.changed:
		}
	}
}

// look goes on where it was, or with the newest key frame where the ring has forgotten that, or it is too long ago.
func (s *show) look() view {
	v := s.ring.look(s.cursor)
	n := len(v.frames)
	if n > 0 && s.cursor == v.from && v.frames[n-1].at-v.frames[0].at <= liveLag {
		return v
	}
	number, found := s.ring.entry(s.clock.now())
	if !found || number < s.cursor {
		return v
	}
	s.cursor, s.fresh = number, true
	return s.ring.look(number)
}

// stretch is the frames up to the first that needs another beginning of the file, that one included.
func (s *show) stretch(frames []*frame) []*frame {
	for i, f := range frames {
		if i > 0 && f.key && !f.set.same(frames[0].set) {
			return frames[:i+1]
		}
	}
	return frames
}

// send writes all frames but the newest: its length is known when the one after it has come.
func (s *show) send(frames []*frame) error {
	first, n := frames[0], len(frames)-1
	if first.key && !first.set.same(s.shown) {
		s.shown, s.begin = first.set, first.at
		if err := inPieces(s.shown.init, s.chunk); err != nil {
			return err
		}
	}
	end, shown := frames[n].at, frames[:n]
	if s.fresh {
		shown = playable(shown)
	}
	s.count++
	s.cursor += n
	s.fresh = false
	return inPieces(fragment(s.count, s.begin, shown, end), s.chunk)
}

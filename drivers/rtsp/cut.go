package rtsp

import (
	"context"
	"crypto/sha256"
	"fmt"
	"hash"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Times of cutting.
const (
	grace     = 3 * time.Second        // after the end of a clip, before a camera that sends nothing is given up
	liveEvery = 400 * time.Millisecond // of pictures in a live fragment
	liveLag   = 4 * time.Second        // a reader so far behind goes on with the newest key frame
	gapAfter  = time.Second            // without a frame is a hole
)

// Reasons of holes.
const (
	holeBefore  = "before_ring" // the ring does not reach back so far
	holeLost    = "lost"        // packets were lost, or the camera's time jumped
	holeDown    = "camera_down" // there was no picture
	holeWaited  = "not_waited"  // who asked did not wait
	holeChanged = "changed"     // the camera changed its picture's size or codec: the rest is another clip
)

// cutter makes one clip.
type cutter struct {
	ring   *ring
	clock  clock
	chunk  func([]byte) error
	sum    hash.Hash
	clip   device.Clip
	begin  time.Duration // of the first frame
	last   *frame        // written
	end    time.Duration // of the last frame written
	number int           // of the fragment
	camera cameraClock
}

// clip cuts [from,to]; see device.Camera.
func (c *cutter) cut(ctx context.Context, from, to time.Duration) (device.Clip, error) {
	number, found := c.ring.entry(from)
	for !found { // the camera may be connecting
		v := c.ring.look(0)
		if c.clock.now() > to+grace {
			return device.Clip{}, device.ErrNoPicture
		}
		if err := c.wait(ctx, v, to); err != nil {
			return device.Clip{}, fmt.Errorf("%w: %w", device.ErrNoPicture, err)
		}
		number, found = c.ring.entry(from)
	}
	c.sum = sha256.New()
	first, err := c.follow(ctx, number, to)
	if err != nil {
		return device.Clip{}, err
	}
	if c.last == nil {
		return device.Clip{}, device.ErrNoPicture
	}
	if first.at > from+gapAfter/10 {
		c.clip.Holes = append([]device.Hole{{From: c.clock.wall(from), To: c.clock.wall(min(first.at, to)), Reason: holeBefore}}, c.clip.Holes...)
	}
	c.finish(first)
	return c.clip, nil
}

// follow writes one fragment for each group of pictures until the end has been seen.
func (c *cutter) follow(ctx context.Context, number int, to time.Duration) (first *frame, err error) {
	for {
		v := c.ring.look(number)
		c.camera = v.clock
		if first == nil && len(v.frames) > 0 {
			first = v.frames[0]
			if first.at > to {
				return first, nil // only later pictures
			}
			c.begin = first.at
			if err := c.send(first.set.init); err != nil {
				return first, err
			}
		}
		n, ended, err := c.groups(v, first, to)
		if err != nil {
			return first, err
		}
		number = v.from + n
		over := !ended && c.clock.now() > to+grace
		if waited := c.waitUnless(ctx, ended || over, v, to); waited != nil || ended || over {
			if !ended {
				err = c.rest(c.ring.look(number), first, to, waited != nil)
			}
			return first, err
		}
	}
}

// groups writes the complete groups of a view, and says how many frames are done with and whether the end has been reached.
func (c *cutter) groups(v view, first *frame, to time.Duration) (done int, ended bool, err error) {
	start := 0
	for i, f := range v.frames {
		stop := f.at >= to && i > 0
		if !stop && (!f.key || i == start) {
			continue
		}
		if err := c.fragment(v.frames[start:i], f); err != nil {
			return start, true, err
		}
		start = i
		if stop {
			c.missing(f, to)
			return start, true, nil
		}
		if f.key && !f.set.same(first.set) {
			c.hole(f.at, to, holeChanged)
			return start, true, nil
		}
	}
	return start, false, nil
}

// rest writes what there is of a group that did not become complete.
func (c *cutter) rest(v view, first *frame, to time.Duration, left bool) error {
	frames := v.frames
	for i, f := range frames {
		if f.at >= to || f.key && !f.set.same(first.set) {
			frames = frames[:i]
			break
		}
	}
	if err := c.fragment(frames, nil); err != nil {
		return err
	}
	why := holeDown
	if left {
		why = holeWaited
	}
	if c.last != nil && to-c.end > gapAfter/10 {
		c.hole(c.end, to, why)
	}
	return nil
}

// fragment writes frames; next is the one after them, nil: unknown.
func (c *cutter) fragment(frames []*frame, next *frame) error {
	if len(frames) == 0 {
		return nil
	}
	if c.number == 0 {
		frames = playable(frames)
	}
	c.missing(frames[0], frames[0].at)
	last := frames[len(frames)-1]
	end := last.at + usualGap(frames)
	if next != nil && !next.lost && next.at-last.at <= gapAfter {
		end = next.at
	}
	c.number++
	c.last, c.end = last, end
	c.clip.Frames += len(frames)
	return c.send(fragment(c.number, c.begin, frames, end))
}

// missing says what lies between the last frame written and the next one, as far as the clip goes.
func (c *cutter) missing(next *frame, to time.Duration) {
	if c.last == nil || min(next.at, to)-c.end <= gapAfter/10 {
		return
	}
	why := holeLost
	if next.segment != c.last.segment {
		why = holeDown
	}
	c.hole(c.end, min(next.at, to), why)
}

// usualGap is the mean distance of frames.
func usualGap(frames []*frame) time.Duration {
	const guess = 40 * time.Millisecond
	if len(frames) < 2 {
		return guess
	}
	return max(time.Millisecond, min((frames[len(frames)-1].at-frames[0].at)/time.Duration(len(frames)-1), gapAfter))
}

func (c *cutter) hole(from, to time.Duration, why string) {
	c.clip.Holes = append(c.clip.Holes, device.Hole{From: c.clock.wall(from), To: c.clock.wall(to), Reason: why})
}

func (c *cutter) finish(first *frame) {
	c.clip.Codec, c.clip.Width, c.clip.Height = first.set.codec, first.set.width, first.set.height
	c.clip.From, c.clip.To = c.clock.wall(first.at), c.clock.wall(c.end)
	if c.camera.known && c.camera.segment == first.segment {
		c.clip.CameraFrom = c.camera.time.Add(stampTime(first.pts - c.camera.pts))
	}
	c.sum.Sum(c.clip.SHA256[:0])
}

// send passes bytes on in pieces that are not too large.
func (c *cutter) send(b []byte) error {
	_, _ = c.sum.Write(b)
	c.clip.Size += int64(len(b))
	return inPieces(b, c.chunk)
}

func inPieces(b []byte, chunk func([]byte) error) error {
	for len(b) > 0 {
		n := min(len(b), device.ChunkSize)
		if err := chunk(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (c *cutter) waitUnless(ctx context.Context, not bool, v view, to time.Duration) error {
	if not {
		return nil
	}
	return c.wait(ctx, v, to)
}

// wait ends with the next frame, or when the end of the clip is certainly over.
func (c *cutter) wait(ctx context.Context, v view, to time.Duration) error {
	limit := time.NewTimer(to + grace - c.clock.now() + time.Millisecond)
	defer limit.Stop()
	select {
	case <-v.changed:
	case <-limit.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

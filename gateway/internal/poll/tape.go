package poll

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

const (
	framesKept = 10  // of each address
	frameMost  = 300 // bytes of a request or an answer: more than any frame of a meter
)

// A Frame is one request to a device and what came of it.
type Frame struct {
	At      time.Time // when it was over
	Out, In []byte    // In is all that came, right or wrong
	Took    time.Duration
	Why     device.Reason // ReasonNone: a right answer; a refusal is one
	Cut     bool          // Out or In were longer than is kept
}

// A tape keeps the last frames of each address, for people who ask why a device cannot be read. Its room is used again and again.
// Writes are not kept: some protocols send a password with them.
type tape struct {
	now   func() time.Time
	trace device.Trace

	mu     sync.Mutex
	strips map[string]*strip
	at     *strip // whose device is asked now; nil: its frames are not kept
}

// A strip is a ring.
type strip struct {
	frames [framesKept]Frame
	next   int
	full   bool
}

// newTape makes one for the addresses of units whose frames may be kept.
func newTape(units []*unit, private func(device.Point) bool, now func() time.Time) *tape {
	t := &tape{now: now, strips: map[string]*strip{}}
	t.trace = device.Trace{Exchanged: t.note, Aside: true}
	for _, u := range units {
		if p := u.points[0]; private == nil || !private(p) {
			t.strips[p.Protocol+" "+p.Address] = &strip{}
		}
	}
	return t
}

// watch lets the tape see what the driver does under the context, beside who looks on already.
func (t *tape) watch(ctx context.Context) context.Context {
	other := device.TraceOf(ctx)
	if other == nil {
		return device.WithTrace(ctx, &t.trace)
	}
	both := *other
	both.Exchanged = func(x device.Exchange) {
		t.note(x)
		if other.Exchanged != nil {
			other.Exchanged(x)
		}
	}
	return device.WithTrace(ctx, &both)
}

// turn says whom the driver asks from now on; nil: nobody whose frames are kept.
func (t *tape) turn(p *device.Point) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.at = nil; p != nil {
		t.at = t.strips[p.Protocol+" "+p.Address]
	}
}

// note takes a frame over the oldest one's room.
func (t *tape) note(x device.Exchange) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.at
	if s == nil {
		return
	}
	f := &s.frames[s.next]
	f.At, f.Took, f.Why = t.now(), x.Took, why(x.Err)
	f.Out = append(f.Out[:0], x.Out[:min(len(x.Out), frameMost)]...)
	f.In = append(f.In[:0], x.In[:min(len(x.In), frameMost)]...)
	f.Cut = len(x.Out) > frameMost || len(x.In) > frameMost
	if s.next++; s.next == framesKept {
		s.next, s.full = 0, true
	}
}

// why is the reason of an exchange that brought no right answer.
func why(err error) device.Reason {
	if err == nil {
		return device.ReasonNone
	}
	if fault, ok := errors.AsType[*line.Fault](err); ok {
		return fault.Reason
	}
	return reasonOf(err)
}

// Frames are the last raw frames between the poller and the address of a device, oldest first: those of all devices that share it.
// kept is false when they are not, because of what is in them, or there is no such device.
func (p *Poller) Frames(id string) (frames []Frame, kept bool) {
	t := p.tape
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.strips[p.addressOf(id)]
	if s == nil {
		return nil, false
	}
	for i := range framesKept {
		at := (s.next + i) % framesKept
		if !s.full && at >= s.next {
			continue
		}
		f := s.frames[at]
		f.Out, f.In = slices.Clone(f.Out), slices.Clone(f.In)
		frames = append(frames, f)
	}
	return frames, true
}

// addressOf is where a device stands on the tape.
func (p *Poller) addressOf(id string) string {
	for _, u := range p.units {
		for i := range u.points {
			if u.points[i].Device == id {
				return u.points[i].Protocol + " " + u.points[i].Address
			}
		}
	}
	return ""
}

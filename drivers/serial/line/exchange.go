package line

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// A Scanner knows one protocol: it finds the answer to one request in what came in.
type Scanner interface {
	// Scan looks at everything that came in since the request left. It answers the frame once it is complete, nil while
	// bytes are still missing, or a *Fault when what came in can only be wrong. The answer may point into got.
	// At the end of the wait over is true: then nil, nil means that nothing was wrong but the silence.
	Scan(got []byte, over bool) (answer []byte, err error)
}

// A Request is one frame to send.
type Request struct {
	Frame []byte
	// To is the device. After a fault it gets no request until twice the time-out is over, so that what it still sends is
	// swallowed. How long it takes to answer is learnt for each.
	To uint64
	// Expect is the length of the longest right answer, in bytes: it adds to the time-out what the wire takes.
	Expect int
	// Whole is for what may take the device longer than what it has answered so far, a write say: it is waited for as long as
	// the channel allows, and so is the answer after it; nothing is learnt from it.
	Whole bool
	// Rest is how long this device is left alone after its last exchange. The line waits for it only when nobody else is asked first.
	Rest time.Duration
}

// Exchange sends a request and waits for its answer, which is good until the next Exchange. A *Fault leaves the line usable.
func (p *Port) Exchange(ctx context.Context, req Request, s Scanner) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, ended(err)
	}
	if err := p.rest(ctx, req); err != nil {
		return nil, err
	}
	p.drop()
	began, known := time.Now(), p.patience(req.To)
	limit, onWire := p.timing.timeout, p.timing.wire(len(req.Frame)+req.Expect)
	if !req.Whole {
		limit = known.Limit(limit)
	}
	answer, err := p.exchange(ctx, req, s, began.Add(limit+onWire))
	p.idleAt = time.Now()
	if req.Rest > 0 {
		p.asked[req.To] = p.idleAt
	}
	p.trace(ctx, req.Frame, began, err)
	switch {
	case err != nil:
		known.Missed()
	case req.Whole:
		known.Stirred()
	default:
		known.Answered(p.idleAt.Sub(began) - p.timing.wire(len(req.Frame)+len(answer)))
		p.known[req.To] = known
	}
	if err != nil {
		// Twice the whole time-out, however soon the wait was over: because the device is known to be quicker, or by noise.
		p.quiet[req.To] = began.Add(2*p.timing.timeout + onWire)
		var fault *Fault
		if errors.As(err, &fault) {
			p.forget(context.WithoutCancel(ctx)) // the caller's time may be over, the line goes on
		}
	}
	return answer, err
}

// trace tells whoever looks on what went out and all that came in.
func (p *Port) trace(ctx context.Context, out []byte, began time.Time, err error) {
	t := device.TraceOf(ctx)
	if t == nil || t.Exchanged == nil {
		return
	}
	p.mu.Lock()
	in := p.rx[:len(p.rx):len(p.rx)] // stays where it is until the next request
	p.mu.Unlock()
	t.Exchanged(device.Exchange{Out: out, In: in, Took: p.idleAt.Sub(began), Err: err})
}

func (p *Port) exchange(ctx context.Context, req Request, s Scanner, deadline time.Time) ([]byte, error) {
	if err := p.send(req.Frame, deadline); err != nil {
		return nil, err
	}
	judged := 0 // so many bytes were found to be no answer, and nothing wrong either
	for {
		got, last, err := p.received()
		if err != nil {
			return nil, err
		}
		if answer, err := s.Scan(got, false); answer != nil || err != nil {
			return answer, err
		}
		// Enough bytes, none of them right, and no more are coming: waiting longer helps nobody.
		until := deadline
		if settled := last.Add(p.timing.settle); len(got) >= req.Expect && len(got) > judged && settled.Before(deadline) {
			until = settled
		}
		err = p.wait(ctx, until)
		if err == nil {
			continue
		}
		if !errors.Is(err, errTime) {
			return nil, err
		}
		judged = len(got)
		answer, err := p.last(s, until.Equal(deadline))
		var fault *Fault
		if errors.As(err, &fault) && fault.Foreign && until.Before(deadline) {
			continue
		}
		if answer != nil || err != nil {
			return answer, err
		}
	}
}

// last looks once more at what came in when nothing more is expected; at the deadline it always has an answer or an error.
func (p *Port) last(s Scanner, deadline bool) ([]byte, error) {
	got, _, err := p.received()
	if err != nil {
		return nil, err
	}
	answer, err := s.Scan(got, true)
	if answer == nil && err == nil && deadline {
		return nil, &Fault{Reason: device.Timeout, Detail: "no answer"}
	}
	return answer, err
}

// rest keeps the silence between frames, the pauses of the channel and of the device, and the quiet time of one that had a fault.
func (p *Port) rest(ctx context.Context, req Request) error {
	until, late := p.quiet[req.To]
	if late {
		if err := p.sleep(ctx, until); err != nil {
			return err
		}
		delete(p.quiet, req.To)
	}
	if req.Rest > 0 {
		if err := p.sleep(ctx, p.asked[req.To].Add(req.Rest)); err != nil {
			return err
		}
	}
	if err := p.sleep(ctx, p.idleAt.Add(p.timing.pause)); err != nil {
		return err
	}
	// A frame that is just arriving, of whomever, must end before ours begins; a line that never rests is broken.
	patience := time.Now().Add(p.timing.timeout)
	for {
		_, last, err := p.received()
		if err != nil {
			return err
		}
		if last.Before(p.idleAt) {
			last = p.idleAt
		}
		free := last.Add(p.timing.silence)
		now := time.Now()
		if !now.Before(free) {
			return nil
		}
		if now.After(patience) {
			return &Fault{Reason: device.Corrupt, Detail: "the line is never silent"}
		}
		if exact, ok := p.wire.(punctual); ok {
			if free.Sub(now) <= lateness {
				exact.sleep(free.Sub(now))
				continue
			}
			free = free.Add(-lateness)
		}
		if err := p.wait(ctx, free); err != nil && !errors.Is(err, errTime) {
			return err
		}
	}
}

// lateness is how late the runtime's timers may be: it counts in milliseconds, and a silence at 9600 baud has 3.6.
const lateness = 1500 * time.Microsecond

// A punctual wire ends a short sleep to the point. It is the wire's, because virtual time knows no such sleep.
type punctual interface {
	sleep(d time.Duration)
}

// send writes a frame, which takes microseconds on a line that works. A line that takes no bytes is given up: half a
// frame would leave at a time when nobody expects it.
func (p *Port) send(frame []byte, deadline time.Time) error {
	err := p.wire.write(frame, deadline)
	if err == nil {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone == nil {
		p.gone = fmt.Errorf("write to serial line: %w", err)
	}
	return p.gone
}

// errTime ends a wait.
var errTime = errors.New("time is up")

// wait returns nil when bytes arrived, errTime at the given time.
func (p *Port) wait(ctx context.Context, until time.Time) error {
	p.timer.Reset(time.Until(until))
	defer p.timer.Stop()
	select {
	case <-p.arrived:
		return nil
	case <-p.closed:
		return ErrClosed
	case <-p.timer.C:
		return errTime
	case <-ctx.Done():
		return ended(ctx.Err())
	}
}

// ended tells a deadline, which is a time-out like any other, from a caller who wants nothing more.
func ended(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return &Fault{Reason: device.Timeout, Detail: "the caller's deadline"}
	}
	return err
}

// sleep waits whatever arrives.
func (p *Port) sleep(ctx context.Context, until time.Time) error {
	for time.Now().Before(until) {
		if _, _, err := p.received(); err != nil {
			return err
		}
		if err := p.wait(ctx, until); err != nil && !errors.Is(err, errTime) {
			return err
		}
	}
	return nil
}

// drop forgets what came in before the request: it cannot be its answer.
func (p *Port) drop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rx = p.rx[:0]
}

// received answers what came in since the last drop. The bytes stay where they are until the next drop: later ones are appended behind.
func (p *Port) received() (got []byte, last time.Time, err error) {
	select {
	case <-p.closed:
		return nil, time.Time{}, ErrClosed
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rx[:len(p.rx):len(p.rx)], p.lastRx, p.gone
}

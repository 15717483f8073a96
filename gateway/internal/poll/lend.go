package poll

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrRecalled ends a Lend, and is the cause of its context's end, when the poller needs the line for a request.
var ErrRecalled = errors.New("the line is wanted back")

// ErrLent is the answer to a Lend while the line is lent to somebody else.
var ErrLent = errors.New("the line is lent already")

// ErrAlarm is the answer to who wants a line on which an alert of class A fires: what is read there must go on being read.
var ErrAlarm = errors.New("an alert of class A fires on the line")

// recallPatience is how long a request waits for a line that was lent.
const recallPatience = 2 * time.Second

// A lease is the line in somebody else's hands.
type lease struct {
	recall   context.CancelCauseFunc
	granted  chan struct{} // closed by the poller: its own connection is closed
	returned chan struct{} // closed by the borrower
}

// Lend closes the poller's connection and calls use, so that a scan can open the line itself. It waits for the request under
// way. Meanwhile every device gets a bad reading, NotRead, at its interval, and nothing is concluded from that. Polling goes
// on when use returns, whatever it returns; a panic is contained and answered as an error.
//
// A Write or Read of the poller recalls the line: the context of use ends with the cause ErrRecalled, use must close what it
// has opened and return, and Lend answers ErrRecalled. The caller may lend the line again and go on where it was. A use that
// does not return within 2 s is not waited for: the request tries to open the line beside it. A second Lend meanwhile is
// answered with ErrLent, one of a poller that has ended with ErrClosed.
func (p *Poller) Lend(ctx context.Context, use func(ctx context.Context) error) error {
	if !p.lent.CompareAndSwap(false, true) {
		return fmt.Errorf("lend channel %s: %w", p.cfg.Channel.ID, ErrLent)
	}
	defer p.lent.Store(false)
	ctx, recall := context.WithCancelCause(ctx)
	defer recall(nil)
	l := &lease{recall: recall, granted: make(chan struct{}), returned: make(chan struct{})}
	select {
	case p.leases <- l:
	case <-ctx.Done():
		return fmt.Errorf("lend channel %s: %w", p.cfg.Channel.ID, ctx.Err())
	case <-p.done:
		return ErrClosed
	}
	defer close(l.returned)
	<-l.granted
	err := contained(ctx, use)
	if cause := context.Cause(ctx); err != nil && (errors.Is(cause, ErrRecalled) || errors.Is(cause, ErrClosed)) {
		return fmt.Errorf("lend channel %s: %w (%w)", p.cfg.Channel.ID, cause, err)
	}
	return err
}

// contained turns a panic into an error: whoever borrows the line must not end the polling.
func contained(ctx context.Context, use func(ctx context.Context) error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("use of a lent line: panic: %v", r)
		}
	}()
	return use(ctx)
}

// lend hands the line over.
func (p *Poller) lend(l *lease) {
	p.close()
	p.lease = l
	p.cfg.Log.Info("line lent", "channel", p.cfg.Channel.ID)
	close(l.granted)
}

// away says whether the line is in somebody else's hands.
func (p *Poller) away() bool {
	if p.lease == nil {
		return false
	}
	select {
	case <-p.lease.returned:
		p.lease = nil
		p.cfg.Log.Info("line returned", "channel", p.cfg.Channel.ID)
		return false
	default:
		return true
	}
}

// recall takes the line back, for a request or at the end. It waits a bounded time: a safety action must not hang on a scan.
func (p *Poller) recall(why error) {
	if !p.away() {
		return
	}
	p.lease.recall(why)
	timer := time.NewTimer(recallPatience)
	defer timer.Stop()
	select {
	case <-p.lease.returned:
	case <-timer.C:
		p.cfg.Log.Error("a lent line does not come back", "channel", p.cfg.Channel.ID, "waited", recallPatience)
	}
	p.lease = nil
}

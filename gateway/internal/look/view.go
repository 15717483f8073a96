package look

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/wire"
)

// errAgain: a piece was lost on the way, and the pictures begin anew.
var errAgain = errors.New("the cloud wants another beginning")

// A view is one look.
type view struct {
	id, device, who, reason string
	ask                     *wire.Ask
	session                 uint64
	left                    time.Duration // of its time, when it began
	since                   time.Time

	number uint32 // of the newest piece; guarded by the desk's lock where others see it

	mu      sync.Mutex
	sizes   []int  // of the pieces that the cloud has not passed on
	seen    uint32 // pieces that it has
	under   int    // bytes of sizes
	bytes   int64
	again   uint32
	over    bool
	at      time.Time     // when the cloud was heard last
	cancel  func(error)   // of the present beginning
	changed chan struct{} // closed when there is more room
}

func newView(l *wire.Look, left time.Duration, since time.Time) *view {
	return &view{id: l.GetId(), device: l.GetDevice(), who: l.GetWho(), reason: l.GetReason(), ask: l.GetAsk(), session: l.GetSession(), left: left, since: since,
		again: l.GetAgain(), at: time.Now(), changed: make(chan struct{})}
}

// heard takes the cloud's word on a look that is under way.
func (v *view) heard(l *wire.Look) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.at = time.Now()
	for v.seen < l.GetSeen() && len(v.sizes) > 0 {
		v.seen++
		v.under -= v.sizes[0]
		v.sizes = v.sizes[1:]
	}
	v.over = v.over || l.GetOver()
	if l.GetAgain() > v.again {
		v.again = l.GetAgain()
		if v.cancel != nil {
			v.cancel(errAgain)
		}
	}
	close(v.changed)
	v.changed = make(chan struct{})
}

func (v *view) begin(cancel func(error)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.cancel = cancel
}

func (v *view) isOver() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.over
}

// room waits until so many bytes more may be under way.
func (v *view) room(ctx context.Context, n int) error {
	for {
		v.mu.Lock()
		if v.under+n <= wire.LookWindow {
			v.under += n
			v.bytes += int64(n)
			v.sizes = append(v.sizes, n)
			v.mu.Unlock()
			return nil
		}
		changed := v.changed
		v.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
		}
	}
}

// watch ends a look that the cloud ends or says nothing of.
func (v *view) watch(ctx context.Context, stop func()) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		v.mu.Lock()
		changed := v.changed
		if time.Since(v.at) > wire.LookSilent {
			v.over = true
		}
		over := v.over
		v.mu.Unlock()
		if over {
			stop()
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-tick.C:
		}
	}
}

package poll

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/drivers/device"
	"github.com/linshao/linshao/drivers/serial/line"
)

// A request is a write, or a read out of turn.
type request struct {
	ctx   context.Context //nolint:containedctx // it travels with the request it bounds
	point device.Point
	trial []device.Point // read instead of point, unless their device needs its rest
	write bool
	value float64
	reply chan<- answer // has room for one: the poller never waits for the asker
}

type answer struct {
	reading  device.Reading
	readings []device.Reading // of a trial
	rest     time.Time        // when the device of a trial may be asked; zero: it was
	err      error
}

// Write sets a point. It goes before all polls, and waits only for the request under way.
func (p *Poller) Write(ctx context.Context, key device.Key, v float64) error {
	return p.ask(ctx, key, request{write: true, value: v}).err
}

// Read reads one point out of turn, before all polls and after all writes.
func (p *Poller) Read(ctx context.Context, key device.Key) (device.Reading, error) {
	a := p.ask(ctx, key, request{})
	return a.reading, a.err
}

// ReadPlace reads a place of one of the channel's devices that its profile need not list, such as a record of its log, out of turn but
// for nobody who is in a hurry: while the line is lent the answer is ErrLent.
func (p *Poller) ReadPlace(ctx context.Context, id string, at device.Register) (device.Reading, error) {
	if p.lent.Load() {
		return device.Reading{}, fmt.Errorf("read %s: %w", id, ErrLent)
	}
	for _, u := range p.units {
		for _, point := range u.points {
			if point.Device == id {
				a := p.put(ctx, request{point: device.Point{Device: id, Name: at.Space, Address: point.Address, Protocol: point.Protocol, Serial: point.Serial, Register: at}})
				return a.reading, a.err
			}
		}
	}
	return device.Reading{}, fmt.Errorf("device %s: %w", id, ErrNoPoint)
}

func (p *Poller) ask(ctx context.Context, key device.Key, q request) answer {
	point, ok := p.points[key]
	if !ok {
		return answer{err: fmt.Errorf("point %s of %s: %w", key.Point, key.Device, ErrNoPoint)}
	}
	q.point = *point
	return p.put(ctx, q)
}

// put hands a request to the poller's goroutine and waits for its answer.
func (p *Poller) put(ctx context.Context, q request) answer {
	reply := make(chan answer, 1)
	q.ctx, q.reply = ctx, reply
	queue := p.reads
	if q.write {
		queue = p.writes
	}
	select {
	case queue <- q:
	case <-ctx.Done():
		return answer{err: fmt.Errorf("wait for channel %s: %w", p.cfg.Channel.ID, ctx.Err())}
	case <-p.done:
		return answer{err: ErrClosed}
	}
	if q.trial != nil { // somebody looks on at what the driver does: until it is done
		return <-reply
	}
	select {
	case a := <-reply:
		return a
	case <-ctx.Done():
		return answer{err: fmt.Errorf("wait for %s: %w", q.point.Device, ctx.Err())}
	}
}

// between serves what has come in since the last request of the polling: all writes, then whoever wants to borrow the line,
// then one read, so that those who read out of turn cannot keep the turns from going on.
func (p *Poller) between(ctx context.Context) {
	for more := true; more; {
		select {
		case q := <-p.writes:
			p.serve(ctx, q)
		default:
			more = false
		}
	}
	select {
	case l := <-p.leases:
		p.lend(l)
	default:
	}
	select {
	case q := <-p.reads:
		p.serve(ctx, q)
	default:
	}
}

// serve carries out a request. It opens the channel without regard to the back-off: whoever asks has a reason.
func (p *Poller) serve(ctx context.Context, q request) {
	before := p.since.Load() // readings may be waiting that nobody takes
	p.at()
	defer p.since.Store(before)
	if q.ctx.Err() != nil { // expired in the queue: a late write is worse than none
		q.reply <- answer{err: q.ctx.Err()}
		return
	}
	if until := p.restOf(q.trial); time.Now().Before(until) {
		q.reply <- answer{rest: until}
		return
	}
	p.recall(ErrRecalled)
	// Both ends may end it: who asked, and the poller. The connection is used under q's deadline.
	qctx, cancel := context.WithCancel(q.ctx)
	defer cancel()
	defer context.AfterFunc(ctx, cancel)()
	if !p.connected(qctx, true) {
		q.reply <- answer{err: ErrChannelDown}
		return
	}
	if !q.write {
		q.reply <- p.readFor(qctx, q)
		return
	}
	began := time.Now()
	err := p.conn.Write(qctx, q.point, q.value)
	p.rests(q.point)
	p.meter.write(time.Since(began), err)
	if err != nil {
		err = fmt.Errorf("write %s of %s: %w", q.point.Name, q.point.Device, err)
		var fault *line.Fault
		switch {
		case errors.As(err, &fault): // the device's, or the line's: the channel goes on, and the next write need not wait for a look
			p.hush(q.point.Address)
		case !errors.Is(err, errors.ErrUnsupported):
			p.look(qctx, q.point)
		}
	}
	q.reply <- answer{err: err}
}

// readFor reads what a request asks for.
func (p *Poller) readFor(ctx context.Context, q request) answer {
	points := q.trial
	if points == nil {
		points = []device.Point{q.point}
	}
	rs, err := p.read(p.tape.watch(ctx), points, p.readLimit(len(points)))
	if err != nil {
		p.lostUnless(ctx, err)
		return answer{err: fmt.Errorf("read %s: %w", points[0].Device, err)}
	}
	if p.faulted(rs) {
		p.hush(points[0].Address)
	}
	return answer{reading: rs[0], readings: rs}
}

// hush lets nobody be polled at an address while the line swallows what may still come from it.
func (p *Poller) hush(address string) {
	if p.cfg.Channel.Serial.Baud == 0 {
		return
	}
	for _, u := range p.units {
		if u.points[0].Address == address {
			*u.quiet = later(*u.quiet, time.Now().Add(p.timeout()))
		}
	}
}

// look finds out whether a failed write means that the channel is gone: a write's error does not say, a read's does. Without it,
// every attempt to act until the next poll would go to the same dead connection.
func (p *Poller) look(ctx context.Context, point device.Point) {
	if _, err := p.read(ctx, []device.Point{point}, p.readLimit(1)); err != nil {
		p.lostUnless(ctx, err)
	}
}

// lostUnless gives the channel up, unless the read ended because its asker gave up.
func (p *Poller) lostUnless(ctx context.Context, err error) {
	if ctx.Err() == nil {
		p.lost(err)
	}
}

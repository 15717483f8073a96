package poll

import (
	"context"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// A turn is one reading of a unit, part by part. Between two parts the line may serve others.
type turn struct {
	on       bool
	todo     []*part // still to be asked, the next one first
	readings []device.Reading
	asked    bool
	answered bool          // some part was
	again    bool          // a part that was met with silence is asked once more
	why      device.Reason // of the silence
}

// begin starts the turn of a unit that is due.
func (u *unit) begin(now time.Time) {
	if u.turn.on {
		return
	}
	u.next(now)
	t := &u.turn
	*t = turn{on: true, todo: t.todo[:0]}
	for k := range u.parts {
		if a := u.parts[(u.first+k)%len(u.parts)]; !now.Before(a.restTo) {
			t.todo = append(t.todo, a)
		}
	}
	if len(t.todo) == 0 {
		t.todo = append(t.todo, u.parts[u.first])
	}
}

// put takes the readings of a part.
func (u *unit) put(a *part, rs []device.Reading) {
	if len(u.parts) == 1 {
		u.turn.readings = rs
		return
	}
	if u.turn.readings == nil {
		u.turn.readings = make([]device.Reading, len(u.points))
	}
	for k, i := range a.index {
		u.turn.readings[i] = rs[k]
	}
}

// result are the readings of the turn; what was not read is bad for a reason.
func (u *unit) result(why device.Reason, at time.Time) []device.Reading {
	rs := u.turn.readings
	if rs == nil {
		return u.bad(why, at)
	}
	for i := range rs {
		if rs[i].Device == "" {
			rs[i] = device.BadReading(u.points[i], why, at)
		}
	}
	return rs
}

// step asks for one part of a unit's turn, or tells why not.
func (p *Poller) step(ctx context.Context, u *unit, out chan<- []device.Reading) {
	u.begin(time.Now())
	if !p.connected(ctx, false) {
		p.downed(ctx, u, out)
		return
	}
	began, a := time.Now(), u.turn.todo[0]
	rs, err := p.use(ctx, u, a)
	if err != nil {
		if ctx.Err() == nil {
			p.lost(err)
			p.downed(ctx, u, out)
		}
		return
	}
	t := &u.turn
	if !t.asked && u.strikes == 0 {
		u.measure(began)
	}
	t.asked = true
	u.put(a, rs)
	why, quiet := silent(rs)
	if quiet && !t.again && lost(why) && (t.answered || u.strikes == 0) {
		t.again, t.why = true, why // one lost answer is no silence, and the next wait is the whole time-out
		return
	}
	t.todo = t.todo[1:]
	switch {
	case !quiet:
		t.answered, a.mute, a.restTo = true, 0, time.Time{}
	case t.answered:
		a.muted(time.Now(), u.interval)
	default: // the device is taken for silent; the next turn begins with another part, which may not be
		t.why = why
		u.first = (u.first + 1) % len(u.parts)
		t.todo = t.todo[:0]
	}
	if len(t.todo) == 0 {
		p.finish(ctx, u, out)
	}
}

// use is one request for a unit: it notes what it cost, and what is to be learnt from it.
func (p *Poller) use(ctx context.Context, u *unit, a *part) ([]device.Reading, error) {
	began, limit, whole := time.Now(), p.readLimit(len(a.points)), false
	if u.wary() {
		if short := p.patience(u, began); short < p.timeout() {
			limit = short
		} else {
			whole = true // the driver's own time-out ends it, and says what it saw
		}
	}
	rs, err := p.read(ctx, a.points, limit)
	now := time.Now()
	took := now.Sub(began)
	u.asked = now
	u.busy.Add(int64(took))
	p.meter.unit(u, took)
	if err != nil {
		return nil, err
	}
	if _, quiet := silent(rs); !quiet {
		u.tried = false
		a.took(took)
	} else {
		p.account.charge(now, took)
		if whole {
			u.tried, p.account.full = true, now.Add(fullEvery)
		}
	}
	if p.faulted(rs) {
		*u.quiet = later(now.Add(p.timeout()), began.Add(2*p.timeout()+a.slow)) // as the line keeps it
	}
	return rs, nil
}

// downed tells that the channel is not there.
func (p *Poller) downed(ctx context.Context, u *unit, out chan<- []device.Reading) {
	if ctx.Err() != nil {
		return
	}
	p.offline(u, p.down)
	u.turn.on, u.began = false, time.Time{}
	p.emit(ctx, out, u.bad(p.down, p.cfg.Now()))
}

// finish draws the conclusions of a turn for the device, and tells what was read.
func (p *Poller) finish(ctx context.Context, u *unit, out chan<- []device.Reading) {
	t, why := &u.turn, device.NotRead
	t.on = false
	switch {
	case t.answered:
		u.strikes = 0
		p.online(u)
	case t.asked:
		u.began = time.Time{}
		if why = t.why; u.strike(time.Now(), u.interval) {
			p.offline(u, why)
		}
	}
	rs := u.result(why, p.cfg.Now())
	if t.asked && u.doubt != nil {
		u.doubt(rs)
	}
	p.emit(ctx, out, rs)
}

// skip tells that a unit's turn passes without a request: the line is lent, the device is dead, or it waits for a slot in vain.
func (p *Poller) skip(ctx context.Context, u *unit, out chan<- []device.Reading) {
	if u.turn.on {
		p.finish(ctx, u, out)
		return
	}
	u.pass(time.Now())
	p.emit(ctx, out, u.bad(device.NotRead, p.cfg.Now()))
}

// probe asks a dead device for one part. What it answers is told; its silence is not, the turns tell it.
func (p *Poller) probe(ctx context.Context, u *unit, out chan<- []device.Reading) {
	now := time.Now()
	if !p.connected(ctx, false) {
		p.offline(u, p.down)
		u.restTo = now.Add(u.rest)
		return
	}
	a := u.parts[u.first]
	rs, err := p.use(ctx, u, a)
	if err != nil {
		if ctx.Err() == nil {
			p.lost(err)
		}
		return
	}
	now = time.Now()
	u.first = (u.first + 1) % len(u.parts) // the next one may not be silent, or has not been seen for long
	if _, quiet := silent(rs); quiet {
		u.missed(now, u.interval)
		return
	}
	if u.answered(now, u.interval) {
		p.online(u)
		u.due = now // all of it, at once
	}
	p.emit(ctx, out, u.doubted(a, rs, p.cfg.Now()))
}

// doubted are the readings of one part after they were judged among all of the unit.
func (u *unit) doubted(a *part, rs []device.Reading, at time.Time) []device.Reading {
	if u.doubt == nil {
		return rs
	}
	all := u.bad(device.NotRead, at)
	for k, i := range a.index {
		all[i] = rs[k]
	}
	u.doubt(all)
	for k, i := range a.index {
		rs[k] = all[i]
	}
	return rs
}

package rules

import "math"

// minJump is the least by which time goes too far in one step to be nothing but time: 60 s.
const minJump = 60 * 1000

// jumped is told a time that does not follow from the last one. What an alert has waited so far, up or down, neither shrinks nor grows with a jump: its timers move
// along. After a restart they do not: then the hole is time that has really passed.
func (e *Engine) jumped(t int64) {
	usual := pace(e.ticks)
	switch {
	case usual == 0: // nobody knows yet how time goes: a hold time begins anew, at worst
		if t < e.clock || e.clock == 0 {
			e.eachTimer(func(at int64) int64 { return min(at, t) })
		}
	default:
		by := t - e.clock - min(usual, max(t-e.clock, 0))
		e.eachTimer(func(at int64) int64 { return at + by })
		for i := range e.begun.times {
			e.begun.times[i] += by
		}
	}
	e.clock = t
}

// eachTimer changes every time that an alert waits from, and sees to it that none is told to have begun in the future.
func (e *Engine) eachTimer(move func(int64) int64) {
	for _, s := range e.subjects {
		for _, a := range s.alerts {
			a.chatter.move(move)
			for i := range a.timers {
				t := &a.timers[i]
				for _, at := range []*int64{&t.Since, &t.Clear} {
					if *at != 0 {
						*at = move(*at)
					}
				}
			}
		}
	}
}

// minGap is the least time without a tick in which nobody looked: 10 s.
const minGap = 10 * 1000

// heard is how far what comes next may be ahead of the last tick, if nothing has happened to the clock, or to the engine.
func (e *Engine) heard() int64 {
	usual := pace(e.ticks)
	if usual == 0 {
		return math.MaxInt64
	}
	return e.lastTick + max(minGap, 3*usual)
}

// gap is told that there was no tick for longer than usual: the clock has jumped forward, or the engine stood still. Both say nothing of
// devices: silence does not count through it, and what was read before is unknown until it is read again.
func (e *Engine) gap(by, t int64) {
	e.start = min(e.start+by, t)
	for _, s := range e.subjects {
		for i := range s.slots {
			s.slots[i].missed(by, t)
		}
	}
}

// tick takes down how time goes. Its pace is what jumps are told from.
func (e *Engine) tick(t int64) {
	if t > e.heard() {
		e.gap(t-e.lastTick-pace(e.ticks), t)
	}
	if d := t - e.clock; d > e.jump || d < 0 {
		e.jumped(t)
	}
	if e.lastTick != 0 {
		e.ticks[0], e.ticks[1] = e.ticks[1], min(max(t-e.lastTick, 0), maxTick)
		if usual := pace(e.ticks); usual > 0 {
			e.jump = max(minJump, 10*usual)
		}
	}
	e.lastTick, e.clock = t, t
}

package action

import "time"

// A move toward safe that was given up is tried again for as long as its reason lasts: a line that was down for a quarter of a
// minute must not leave a valve open for hours. People were told at the first time already.
const (
	againAfter = 30 * time.Second
	againMost  = 10 * time.Minute // each time twice as long, up to this: a dead device fills no log
)

// vain is what became of an output's last move toward safe.
type vain struct {
	times int       // given up so often, one after the other
	again time.Time // when to try the next time; zero: there is nothing to make good
}

// note keeps whether a move toward safe was made.
func (x *Executor) note(o *output, j *job, r Result) {
	x.mu.Lock()
	defer x.mu.Unlock()
	switch {
	case !x.toward(o, j):
	case r.Outcome == Confirmed:
		o.vain = vain{}
	case r.Outcome == Failed:
		o.vain.again = time.Now().Add(min(againAfter<<min(o.vain.times, 10), againMost))
		o.vain.times++
	}
}

// again tries an output once more whose holder wants it safe, when it is time to. Where it stands so by now, nothing is written.
func (x *Executor) again(o *output, now time.Time) {
	if o.vain.again.IsZero() || now.Before(o.vain.again) || o.working {
		return
	}
	o.vain.again = time.Time{}
	o.written = false // whatever was sent, it did not get there
	x.uphold(o)
}

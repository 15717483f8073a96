package poll

import "time"

const (
	deadAfter = 3                // silent turns in a row
	restMost  = 20 * time.Second // of a device that does not answer; the account of silence bounds what it costs
	muteRest  = time.Minute      // of a part that is met with silence while the device answers
	needFirst = 2                // good probes in a row that bring a device back
	needMost  = 32               // of one that keeps failing soon after
	failsSoon = 10 * time.Minute // after it came back
	probeGap  = time.Second      // between two good probes: a device that flaps shows it within seconds
)

// A breaker is what is known of a device's silence. It opens after deadAfter silent turns: then the device is asked for one
// part at a time, as probes, and every turn is told as not read. It closes after need good probes in a row. Each time that it
// opens soon after it closed, twice as many are needed: a device that flaps is told once, not at every flap.
type breaker struct {
	strikes int // silent turns in a row
	open    bool
	tried   bool // it was waited for as long as the channel allows, in vain, since it answered last
	goods   int  // good probes in a row
	need    int
	rest    time.Duration
	restTo  time.Time // no probe before
	closed  time.Time
}

// strike notes a silent turn; true when the device counts as dead from now on.
func (b *breaker) strike(now time.Time, interval time.Duration) (dead bool) {
	if b.strikes++; b.strikes < deadAfter {
		return false
	}
	if !b.closed.IsZero() && now.Sub(b.closed) < failsSoon {
		b.need = min(2*b.need, needMost)
	} else {
		b.need = needFirst
	}
	b.open, b.rest = true, interval
	b.missed(now, interval)
	return true
}

// missed notes a silent probe. The rest doubles.
func (b *breaker) missed(now time.Time, interval time.Duration) {
	b.goods = 0
	b.rest = min(2*b.rest, max(restMost, interval/4))
	b.restTo = now.Add(b.rest)
}

// answered notes a good probe; true when the device is back.
func (b *breaker) answered(now time.Time, interval time.Duration) (back bool) {
	if b.goods++; b.goods < b.need {
		b.restTo = now.Add(min(probeGap, interval))
		return false
	}
	b.open, b.strikes, b.closed = false, 0, now
	return true
}

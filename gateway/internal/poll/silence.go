package poll

import (
	"slices"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

const (
	// silenceShare is which part of the line's time silence may take in the long run, however many devices are dead: 1/20.
	silenceShare = 20
	// probeLeast is the shortest wait for a probe: far above what an answer and a USB adapter take.
	probeLeast = 100 * time.Millisecond
	// fullEvery is how often a probe waits for the whole time-out although the device was quicker once: it may have become slow.
	fullEvery = time.Minute
	// defaultTimeout stands for that of a channel which has none.
	defaultTimeout = time.Second
)

// An account makes silence be paid for: who met with silence for a time t is followed by 19 t in which a silent device costs
// nobody anything, unless the line has nothing else to do. That is the probe slots' bound, for all devices of a line together.
type account struct {
	paid time.Time // from when silence may cost time again
	full time.Time // from when a probe may wait for the whole time-out
}

func (a *account) charge(now time.Time, silence time.Duration) {
	if a.paid.Before(now) {
		a.paid = now
	}
	a.paid = a.paid.Add((silenceShare - 1) * silence)
}

// timeout of the channel: the ceiling of all waits.
func (p *Poller) timeout() time.Duration {
	if p.cfg.Channel.Timeout > 0 {
		return p.cfg.Channel.Timeout
	}
	return defaultTimeout
}

// slot is when a device that was met with silence may be asked: at once when the account is paid, or when nobody else wants
// the line before the answer would be waited for in vain.
func (p *Poller) slot(u *unit, now, wanted time.Time) time.Time {
	if !now.Before(p.account.paid) || wanted.Sub(now) >= p.patience(u, now) {
		return now
	}
	return p.account.paid
}

// patience is how long a device that was met with silence is waited for. The first time it is the channel's whole time-out,
// so that a device which has become slow is not taken for dead. After that it is what the device, or its neighbours while it
// has never answered, are known to take, three times; and once in a while the whole again. Only a driver that plans is known
// to end at a deadline as it does at a time-out.
func (p *Poller) patience(u *unit, now time.Time) time.Duration {
	if !p.plans || !u.tried || !now.Before(p.account.full) {
		return p.timeout()
	}
	known := u.parts[u.first].slow
	if known == 0 {
		known = p.slowest()
	}
	if known == 0 {
		return p.timeout()
	}
	return min(max(3*known, probeLeast), p.timeout())
}

// wary says whether the unit was met with silence when it was asked last.
func (u *unit) wary() bool {
	return u.open || u.strikes > 0 || u.turn.on && u.turn.again && !u.turn.answered
}

// lifeWaits is how many times as much the wait of a device counts that people are warned by, when a slot for silence is given.
const lifeWaits = 4

// waiting is for how long the unit was not asked, in seconds.
func (u *unit) waiting(now time.Time) float64 {
	wait := now.Sub(u.asked).Seconds()
	if u.class == life {
		wait *= lifeWaits
	}
	return wait
}

// slowest is the longest that a right answer on this line took lately.
func (p *Poller) slowest() (d time.Duration) {
	for _, u := range p.units {
		for _, a := range u.parts {
			d = max(d, a.slow)
		}
	}
	return d
}

// faulted says whether a line with serial frames must swallow what may still come from the device.
func (p *Poller) faulted(rs []device.Reading) bool {
	if p.cfg.Channel.Serial.Baud == 0 {
		return false
	}
	return slices.ContainsFunc(rs, func(r device.Reading) bool { return lost(r.Reason) })
}

package line

import "time"

const (
	// learnt is how many answers must be known before a device is waited for less than the channel's time-out.
	learnt = 8
	// leastWait is the shortest wait: an adapter on USB hands bytes over 16 ms late, each way, and a busy gateway or converter
	// needs its time too.
	leastWait = 150 * time.Millisecond
)

// A Patience learns how long one device takes to answer, and says how long it is worth waiting for it. The channel's time-out
// is the ceiling; after a miss it holds again until the device has answered, so a device that has become slow is found out by
// the next request, and answers that come late do not make one another late. It is for one goroutine.
type Patience struct {
	mean, deviation time.Duration // as TCP has them: an eighth and a quarter of the new
	longest         time.Duration // lately: a 64th of it is forgotten with each answer
	answers         int
	missed          bool // or may be busy: how quick it was says nothing of its next answer
}

// Limit is the longest wait for an answer, beside its time on the wire.
func (p *Patience) Limit(ceiling time.Duration) time.Duration {
	if p.missed || p.answers < learnt {
		return ceiling
	}
	return min(ceiling, max(leastWait, p.mean+4*p.deviation, 3*p.mean, p.longest+p.longest/2))
}

// Answered notes how long an answer took, beside its time on the wire.
func (p *Patience) Answered(took time.Duration) {
	took = max(took, 0)
	if p.missed = false; p.answers == 0 {
		p.mean, p.deviation = took, took/2
	}
	p.answers = min(p.answers+1, learnt)
	off := took - p.mean
	p.mean += off / 8
	p.deviation += (max(off, -off) - p.deviation) / 4
	p.longest = max(took, p.longest-p.longest/64)
}

// Missed notes that no right answer came in time.
func (p *Patience) Missed() { p.missed = true }

// Stirred notes that the device was made to do something, for which its next answer may have to wait.
func (p *Patience) Stirred() { p.missed = true }

// patience of a device; a new one is kept only when it has answered, so that a scan of all addresses leaves nothing behind.
func (p *Port) patience(to uint64) *Patience {
	if known := p.known[to]; known != nil {
		return known
	}
	return &Patience{}
}

package uplink

import "time"

const (
	wireTime    = 2 * time.Second // what is handed to the connection at once shall take no longer on the wire
	budgetFirst = 4 << 10         // bytes handed over at once before anything is known of the connection
	budgetLeast = 1 << 10
	budgetMost  = 2 * maxInFlight
	smallParcel = 1 << 10 // its answer tells of the delay, not of the width
	fade        = 0.8     // weight of earlier measurements at each new one
)

// pacer keeps the queue in front of a slow line short, because a queue has no lanes: an alert would stand behind everything
// that was handed over before it. It measures how fast the broker confirms, and says how many bytes may be on their way to
// it. It has no clock; what it learned serves the next connection too.
type pacer struct {
	queued  int           // bytes handed over and not confirmed
	budget  int           // bytes that may be queued; a single message may be larger
	bytes   float64       // measured, faded
	seconds float64       // that the wire was busy with them
	least   time.Duration // shortest time to a confirmation in this connection
	last    time.Time     // of the last confirmation
}

// parcel is a message on its way to the broker.
type parcel struct {
	bytes int
	at    time.Time
	alone bool // nothing was on its way before it
}

// restart forgets what was on its way in an earlier connection.
func (p *pacer) restart() {
	p.queued, p.least, p.last = 0, 0, time.Time{}
	p.budget = min(max(p.budget, budgetFirst), p.most())
}

// most is the budget by what was measured: what the wire takes in wireTime.
func (p *pacer) most() int {
	if p.bytes > p.seconds*budgetMost/wireTime.Seconds() || p.bytes == 0 {
		return budgetMost
	}
	return max(budgetLeast, int(p.bytes/p.seconds*wireTime.Seconds()))
}

// allow is how many bytes may be handed over now; 0: none. Above an empty queue a message may be larger than that.
func (p *pacer) allow() int {
	if p.queued == 0 {
		return p.budget
	}
	if free := p.budget - p.queued; free >= p.budget/4 {
		return free
	}
	return 0
}

// sent notes a message that was handed over.
func (p *pacer) sent(bytes int, now time.Time) parcel {
	q := parcel{bytes, now, p.queued == 0}
	p.queued += bytes
	return q
}

// confirmed takes the broker's confirmation of the oldest message. The wire was busy with it since the confirmation before;
// with a lonely one, for as long as its answer took beyond the shortest.
func (p *pacer) confirmed(q parcel, now time.Time) {
	p.queued = max(0, p.queued-q.bytes)
	took, busy := now.Sub(q.at), now.Sub(q.at)
	if p.least == 0 || took < p.least {
		p.least = took
	}
	if p.last.After(q.at) {
		busy = now.Sub(p.last)
	}
	p.last = now
	if q.alone {
		if q.bytes < smallParcel {
			return
		}
		busy = took - p.least
	}
	p.learn(q.bytes, busy)
	p.budget = min(2*max(p.budget, budgetLeast), p.most())
}

func (p *pacer) learn(bytes int, busy time.Duration) {
	p.bytes = fade*p.bytes + float64(bytes)
	p.seconds = fade*p.seconds + max(0, busy.Seconds())
}

// failed says that what is queued was not confirmed in a time: the line is slower than that, or gone.
func (p *pacer) failed(after time.Duration) {
	if p.queued > 0 && after > 0 {
		p.bytes, p.seconds = float64(p.queued), after.Seconds()
	}
}

// transit is how long the queue is expected to be on the wire.
func (p *pacer) transit() time.Duration {
	if p.bytes == 0 {
		return 0
	}
	return time.Duration(float64(p.queued) * p.seconds / p.bytes * float64(time.Second))
}

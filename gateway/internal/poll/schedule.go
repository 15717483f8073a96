package poll

import (
	"context"
	"math"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// lifeRow is how many requests of the class life go in a row while others wait: the others are slow then, not starved.
const lifeRow = 7

// A move is what the poller does next, and from when.
type move struct {
	unit *unit
	do   func(p *Poller, ctx context.Context, u *unit, out chan<- []device.Reading)
	at   time.Time
	rank int // of moves whose time has come, the lowest goes first
}

// wait is how long the poller may rest before the move.
func (m move) wait(now time.Time) time.Duration {
	if m.unit == nil {
		return time.Hour
	}
	return m.at.Sub(now)
}

// Ranks. Words cost no time, so they come first; a probe that is paid for comes before those who are only stretched by it.
const (
	rankWord = iota
	rankLife
	rankProbe
	rankTurn
)

// choose is the move whose turn it is; when there is none now, the one whose time comes first.
func (p *Poller) choose(now time.Time) (best move) {
	waits := false // somebody who is not life wants the line now
	wanted := now.Add(time.Hour)
	for _, u := range p.units {
		if m, sure := p.ordinary(u, now); sure {
			wanted = earlier(wanted, m.at)
			waits = waits || m.rank == rankTurn && !m.at.After(now)
			best = p.first(best, m, now)
		}
	}
	for _, u := range p.units {
		if _, sure := p.ordinary(u, now); !sure {
			m := p.wary(u, now, wanted)
			waits = waits || m.rank == rankProbe && !m.at.After(now)
			best = p.first(best, m, now)
		}
	}
	if best.rank == rankLife && waits && p.row >= lifeRow {
		return p.other(now, wanted)
	}
	return best
}

// ordinary is the move of a unit that answers: what it costs is known. sure is false for all others.
func (p *Poller) ordinary(u *unit, now time.Time) (m move, sure bool) {
	switch {
	case p.away():
		return move{u, (*Poller).skip, u.due, rankWord}, true
	case u.open, u.class != life && u.wary():
		return move{}, false
	}
	return p.request(u, now, *u.quiet), true
}

// wary is the move of a unit that was met with silence: it waits for a slot, and while it waits its turns are told as not read.
func (p *Poller) wary(u *unit, now, wanted time.Time) move {
	from := later(*u.quiet, p.slot(u, now, wanted))
	if !u.open {
		m := p.request(u, now, from)
		if m.rank != rankWord {
			m.rank = rankProbe
		}
		return m
	}
	word := move{u, (*Poller).skip, u.due, rankWord}
	if probe := (move{u, (*Poller).probe, later(later(from, u.restTo), *u.pause), rankProbe}); probe.at.Before(word.at) {
		return probe
	}
	return word
}

// request is the next request of a unit, not before from. A turn that would not end before the next one is told as far as it came;
// the pause that its model needs only stretches it.
func (p *Poller) request(u *unit, now, from time.Time) move {
	until := u.due
	if !u.turn.on {
		from, until = later(u.due, from), u.due.Add(u.interval)
	}
	if from.After(now) && !from.Before(until) {
		if u.turn.on {
			until = now
		}
		return move{u, (*Poller).skip, until, rankWord}
	}
	rank := rankTurn
	if u.class == life {
		rank = rankLife
	}
	return move{u, (*Poller).step, later(from, *u.pause), rank}
}

// first is the better of two moves.
func (p *Poller) first(a, b move, now time.Time) move {
	if a.unit == nil {
		return b
	}
	if aNow, bNow := !a.at.After(now), !b.at.After(now); !aNow || !bNow {
		if bNow || !aNow && b.at.Before(a.at) {
			return b
		}
		return a
	}
	if a.rank != b.rank {
		if b.rank < a.rank {
			return b
		}
		return a
	}
	if b.urgency(now) > a.urgency(now) {
		return b
	}
	return a
}

// urgency orders moves of one rank. Among life the earliest deadline goes first; the others by how late they are, in
// intervals, so that all are stretched alike. Who is in the middle of a turn has a little more, for its values belong together.
// Those who share the slots for silence go by how long they were not asked.
func (m move) urgency(now time.Time) float64 {
	u := m.unit
	switch m.rank {
	case rankLife:
		deadline := u.due.Add(u.interval)
		if u.turn.on {
			deadline = u.due
		}
		return -deadline.Sub(now).Seconds()
	case rankTurn:
		if u.turn.on {
			return (float64(now.Sub(u.due))+float64(u.interval))/float64(u.interval) + u.class.headStart() + 0.25
		}
		return u.lateness(now) + u.class.headStart()
	}
	if m.rank == rankProbe {
		return u.waiting(now)
	}
	return now.Sub(m.at).Seconds()
}

// other is the best move of those who are not life.
func (p *Poller) other(now, wanted time.Time) (best move) {
	for _, u := range p.units {
		m, sure := p.ordinary(u, now)
		if !sure {
			m = p.wary(u, now, wanted)
		}
		if m.rank != rankLife {
			best = p.first(best, m, now)
		}
	}
	return best
}

// count keeps the row of requests of the class life.
func (p *Poller) count(m move) {
	switch m.rank {
	case rankLife:
		p.row = min(p.row+1, lifeRow)
	case rankTurn, rankProbe:
		p.row = 0
	}
}

// spread lets every device be read at once, as fast as the line takes it, and gives each its own place in the interval after
// that: from half an interval to one and a half, and for the class life from half of one to one. Channels are not spread against each other: with 500 TCP channels at 1 s, being
// woken once for many of them costs a quarter of the processor time of being woken for each (3 against 13 s per million points).
func (p *Poller) spread(now time.Time) {
	for i, u := range p.units {
		_, place := math.Modf(0.5 + float64(i)/float64(len(p.units)))
		if place -= 0.5; u.class == life {
			place = (place - 0.5) / 2
		}
		u.due, u.shift = now, time.Duration(place*float64(u.interval))
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

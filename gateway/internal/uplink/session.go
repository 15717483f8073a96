package uplink

import (
	"time"

	"github.com/linshao/linshao/cloud/wire"
)

// session is the state of one connection: a hello, and a window per stream. It has no clock and no socket.
type session struct {
	nonce   uint64
	windows []*window // in order of precedence
	hello   time.Time // when the next hello is due, if one is wanted
	asked   bool      // a hello is wanted even though every window is answered
}

// helloDue says whether to send a hello now.
func (s *session) helloDue(now time.Time) bool {
	return s.helloWanted(now) && !now.Before(s.hello)
}

func (s *session) helloWanted(now time.Time) bool {
	wanted := s.asked
	for _, w := range s.windows {
		wanted = wanted || !w.answered || w.limit == 0 && !now.Before(w.hold)
	}
	return wanted
}

// helloSent sets when it is repeated.
func (s *session) helloSent(now time.Time) {
	s.asked = false
	s.hello = now.Add(helloEvery)
}

// ask wants a hello at once.
func (s *session) ask(now time.Time) {
	s.asked = true
	s.hello = now
}

// expire goes back in every stream whose answer is overdue. The hello that it asks for lets a cloud that has lost its memory
// of this session pick it up again.
func (s *session) expire(now time.Time) (overdue []*window) {
	for _, w := range s.windows {
		if w.expire(now) {
			overdue = append(overdue, w)
		}
	}
	if len(overdue) > 0 {
		s.ask(now)
	}
	return overdue
}

// deadline is when something must be done even if nothing happens; zero when there is no such time.
func (s *session) deadline(now time.Time) (at time.Time) {
	sooner := func(t time.Time) {
		if !t.IsZero() && (at.IsZero() || t.Before(at)) {
			at = t
		}
	}
	if s.helloWanted(now) {
		sooner(s.hello)
	}
	for _, w := range s.windows {
		sooner(w.due)
		if w.hold.After(now) {
			sooner(w.hold)
		}
	}
	return at
}

// find gives an acknowledgement to its window, or says why nobody takes it.
func (s *session) find(a *wire.Ack) (*window, verdict) {
	if a.Session != s.nonce {
		return nil, ackSession
	}
	for _, w := range s.windows {
		if w.stream == a.Stream {
			return w, ackTaken
		}
	}
	return nil, ackStream
}

package notify

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
)

const digestMax = 20 // incidents that one digest names

// sender sends to one receiver.
type sender struct {
	service  *Service
	receiver Receiver
	client   *http.Client
	wake     chan struct{}
	pace     *pace
	done     *attempt // made, but not kept yet
}

// attempt is a message that was sent, and what was answered.
type attempt struct {
	group  []notice
	at     time.Time // when it began
	begun  bool      // and that was written down
	answer answer
}

func newSender(s *Service, r Receiver, p *pace) *sender {
	return &sender{service: s, receiver: r, client: httpClient(r.AllowPrivate), wake: make(chan struct{}, 1), pace: p}
}

func (s *sender) run(ctx context.Context) {
	if err := s.recall(ctx); err != nil && ctx.Err() == nil {
		s.service.cfg.Log.Error("what was sent before cannot be read", "receiver", s.receiver.ID, "err", err)
	}
	for ctx.Err() == nil {
		wait, err := s.round(ctx)
		if err != nil && ctx.Err() == nil {
			s.service.cfg.Log.Error("notices cannot be read or kept", "receiver", s.receiver.ID, "err", err)
			wait = lastBackoff / 10
		}
		var timer <-chan time.Time
		if wait > 0 {
			timer = time.After(wait)
		}
		select {
		case <-ctx.Done():
		case <-s.wake:
		case <-timer:
		}
	}
}

// round sends what is due and answers how long nothing else will be; 0: until woken.
func (s *sender) round(ctx context.Context) (time.Duration, error) {
	for {
		// What has begun is ended even when ctx ends: else a message that was taken would go out again after the next start.
		whole := context.WithoutCancel(ctx)
		if err := s.keep(whole); err != nil {
			return 0, err
		}
		now := s.service.cfg.Now()
		list, next, err := s.due(ctx, now)
		if err != nil {
			return 0, err
		}
		if len(list) == 0 {
			if next.IsZero() {
				return 0, nil
			}
			return max(next.Sub(now), time.Millisecond), nil
		}
		if mine := s.service.cfg.Mine; mine != nil && !mine() {
			return 0, nil // this process was stopped for a while: another one sends now
		}
		if list, err = s.drop(whole, list); err != nil {
			return 0, err
		}
		if len(list) == 0 {
			continue
		}
		left, wait := s.pace.take(now, s.receiver.ID, list[0].severity == "A")
		if wait > 0 {
			return wait, nil
		}
		if s.done, err = s.attempt(whole, s.group(list, left), now); err != nil {
			return 0, err
		}
	}
}

// attempt sends one message.
func (s *sender) attempt(ctx context.Context, group []notice, now time.Time) (*attempt, error) {
	done := &attempt{group: group, at: now}
	if !s.whole() { // another system is told of each notice alone, under the notice's own key, and has no limit
		key := s.key(group)
		if err := s.begin(ctx, group, key, now); err != nil {
			return nil, err
		}
		done.begun = true
		for i := range group {
			group[i].bundle = key
		}
	}
	var err error
	done.answer, err = s.send(ctx, group)
	return done, err
}

// key is the message's idempotency key, the same in every attempt, also of another life of this program.
func (s *sender) key(group []notice) string {
	if group[0].bundle != "" {
		return group[0].bundle
	}
	key := group[0].event(s.receiver.ID)
	if len(group) > 1 {
		key += fmt.Sprintf("-%d", len(group))
	}
	return key
}

// keep records the last attempt before anything else is sent: a message that was taken must not go out again because
// the database failed for a moment.
func (s *sender) keep(ctx context.Context) error {
	if s.done == nil {
		return nil
	}
	if err := s.record(ctx, *s.done); err != nil {
		return err
	}
	s.done = nil
	return nil
}

// group takes the next message: one notice, or a digest when the robot's room cannot carry each alone, of which so many
// are left after this one. Severity A goes first, has room that others may not use, and is never mixed with them. A person
// gets a digest of more than a few, and class C is always one.
func (s *sender) group(list []notice, left int) []notice {
	if key := list[0].bundle; key != "" { // it went out before, so and not otherwise
		return slices.DeleteFunc(slices.Clone(list), func(n notice) bool { return n.bundle != key })
	}
	if s.whole() || list[0].memo != 0 {
		return list[:1]
	}
	urgent, personal := list[0].severity == "A", s.receiver.personal()
	fit := slices.DeleteFunc(slices.Clone(list), func(n notice) bool {
		return n.memo != 0 || n.bundle != "" || urgent && n.severity != "A" || personal && n.people != list[0].people
	})
	n := len(fit)
	if urgent {
		left++ // nothing else will come of it
	}
	if personal {
		left = min(left, personMost)
	}
	if n <= left && list[0].severity != "C" {
		return fit[:1]
	}
	return fit[:min(n, digestMax)]
}

// personMost is how many messages one person gets at once before they become a digest.
const personMost = 2

// whole says that the receiver is another system, which is told of each change by itself.
func (s *sender) whole() bool { return s.receiver.Kind == Webhook && s.receiver.Hook == nil }

func (s *sender) send(ctx context.Context, group []notice) (answer, error) {
	if group[0].memo != 0 {
		return s.sendMemo(ctx, group[0])
	}
	ins := make([]incident.Incident, 0, len(group))
	for _, n := range group {
		in, err := incident.Get(ctx, s.service.cfg.DB.Reader(), n.incident)
		if err != nil {
			return answer{}, err
		}
		ins = append(ins, in)
	}
	if s.whole() {
		n := group[0]
		return s.finish(s.webhook(ctx, hook{n.event(s.receiver.ID), n.kind, n.created, s.service.cfg.Links.To(n.incident, s.receiver.ID), &ins[0]}))
	}
	m, err := s.message(group, ins)
	if err != nil {
		return answer{}, err
	}
	return s.finish(s.transmit(ctx, m, s.view(m, group, ins)))
}

// transmit sends words.
func (s *sender) transmit(ctx context.Context, m message, v View) (answer, error) {
	switch s.receiver.Kind {
	case Mail:
		return s.mail(ctx, m), nil
	case Webhook:
		return s.form(ctx, v), nil
	}
	return s.robot(ctx, m)
}

// finish takes secrets out of an answer, and lets a robot rest that asks for it.
func (s *sender) finish(a answer, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	a.text = cut(s.receiver.hide(a.text), maxAnswer)
	if a.rest {
		s.pace.rest(s.service.cfg.Now().Add(a.wait))
	}
	return a, nil
}

package notify

import (
	"context"
	"net/http"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
)

// A WeCom robot takes 20 messages a minute; 12 leaves room for other users of the same robot.
const (
	wecomMinute = 12
	digestMax   = 20 // incidents that one digest names
)

// sender sends to one receiver.
type sender struct {
	service  *Service
	receiver Receiver
	client   *http.Client
	wake     chan struct{}
	recent   []time.Time // times of the last messages to a robot
	done     *attempt    // made, but not kept yet
}

// attempt is a message that was sent, and what was answered.
type attempt struct {
	group  []notice
	answer answer
}

func newSender(s *Service, r Receiver) *sender {
	return &sender{service: s, receiver: r, client: httpClient(r.AllowPrivate), wake: make(chan struct{}, 1)}
}

func (s *sender) run(ctx context.Context) {
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
		if wait := s.budget(now); wait > 0 {
			return wait, nil
		}
		if mine := s.service.cfg.Mine; mine != nil && !mine() {
			return 0, nil // this process was stopped for a while: another one sends now
		}
		group := s.group(list)
		a, err := s.send(whole, group)
		if err != nil {
			return 0, err
		}
		s.done = &attempt{group, a}
	}
}

// keep records the last attempt before anything else is sent: a message that was taken must not go out again because
// the database failed for a moment.
func (s *sender) keep(ctx context.Context) error {
	if s.done == nil {
		return nil
	}
	if err := s.record(ctx, s.done.group, s.done.answer); err != nil {
		return err
	}
	s.done = nil
	return nil
}

// budget answers how long a robot must rest before its next message.
func (s *sender) budget(now time.Time) time.Duration {
	if s.receiver.Kind != WeCom {
		return 0
	}
	for len(s.recent) > 0 && now.Sub(s.recent[0]) >= time.Minute {
		s.recent = s.recent[1:]
	}
	if len(s.recent) < wecomMinute {
		return 0
	}
	return time.Minute - now.Sub(s.recent[0])
}

// group takes the next message: one notice, or a digest when the robot's budget cannot carry each alone. Severity A
// always goes alone, and first.
func (s *sender) group(list []notice) []notice {
	if s.receiver.Kind != WeCom || list[0].severity == "A" || len(list) <= wecomMinute-len(s.recent)-1 {
		return list[:1]
	}
	return list[:min(len(list), digestMax)]
}

func (s *sender) send(ctx context.Context, group []notice) (answer, error) {
	ins := make([]incident.Incident, 0, len(group))
	for _, n := range group {
		in, err := incident.Get(ctx, s.service.cfg.DB.Reader(), n.incident)
		if err != nil {
			return answer{}, err
		}
		ins = append(ins, in)
	}
	if s.receiver.Kind == Webhook {
		return s.webhook(ctx, group[0], ins[0])
	}
	s.recent = append(s.recent, s.service.cfg.Now())
	return s.wecom(ctx, s.text(group, ins))
}

package command

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/wire"
	"github.com/linshao/linshao/rules"
)

const (
	lookEvery = 500 * time.Millisecond // for what other workers have made, and what time ends
	sendEvery = 2 * time.Second        // while nothing is heard of it
)

// Run sends commands and ends those whose time is over, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		if err := s.Turn(ctx); err != nil && ctx.Err() == nil {
			s.cfg.Log.Error("commands cannot be sent, or modes told", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		case <-tick.C:
		}
	}
}

// Turn does all that is due now, with commands and modes.
func (s *Service) Turn(ctx context.Context) error {
	return errors.Join(s.commands(ctx), s.desire(ctx))
}

// commands sends what is due, and ends those whose time is over.
func (s *Service) commands(ctx context.Context) error {
	all, err := list(ctx, s.cfg.DB.Reader(), `WHERE live = 1 ORDER BY made, id`)
	if err != nil {
		return err
	}
	live := map[string]bool{}
	var downs []Down
	for _, c := range all {
		live[c.ID] = true
		payload, err := s.one(ctx, c)
		if err != nil {
			return fmt.Errorf("command %s: %w", c.ID, err)
		}
		if payload != nil {
			downs = append(downs, Down{c.Gateway, payload})
		}
	}
	for id := range s.again {
		if !live[id] {
			delete(s.again, id)
		}
	}
	if len(downs) > 0 {
		s.cfg.Publish(downs)
	}
	return nil
}

// one answers what is to be sent of a command now.
func (s *Service) one(ctx context.Context, c Command) ([]byte, error) {
	now := s.cfg.Now()
	if why, over := s.over(ctx, c, now); over {
		return nil, s.expire(ctx, c, why)
	}
	if s.cfg.Lease != nil && !s.cfg.Lease.Mine(c.Gateway) {
		return nil, nil
	}
	switch c.State {
	case Ready:
		return s.send(ctx, c)
	case Sent:
		if now.UnixMilli() < c.Due-answerTime.Milliseconds() && !now.Before(s.again[c.ID]) { // within its life
			s.again[c.ID] = now.Add(sendEvery)
			return c.payload, nil
		}
	}
	return nil, nil
}

// over says why a command's time is over.
func (s *Service) over(ctx context.Context, c Command, now time.Time) (why rules.Text, over bool) {
	if c.State == Ready || c.State == Sent {
		contact, known, err := org.ContactOf(ctx, s.cfg.DB.Reader(), c.Gateway)
		if err == nil && (!known || contact.Session != c.session) {
			return rules.Text{ZH: "网关重新连接过：命令不跨连接保留，已作废", EN: "the gateway connected anew: a command is not carried over, it is over"}, true
		}
	}
	if now.UnixMilli() <= c.Due {
		return why, false
	}
	switch c.State {
	case Waiting:
		return rules.Text{ZH: "5 分钟内没有人批准", EN: "nobody approved it within 5 min"}, true
	case Ready:
		return rules.Text{ZH: "时限内没能发给网关", EN: "it could not be sent to the gateway within its time"}, true
	case Sent:
		return rules.Text{ZH: "网关没有回答；时限已过，它不会再执行", EN: "the gateway did not answer; its time is over, and it will not be carried out any more"}, true
	}
	return rules.Text{ZH: "网关已开始执行，但没有报告结果", EN: "the gateway had begun, and told no end"}, true
}

// expire ends a command that is still as it was read; whoever comes first does.
func (s *Service) expire(ctx context.Context, was Command, why rules.Text) error {
	state := Expired
	if was.State == Acting {
		state = Unknown
	}
	done := false
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		done = false
		c, err := scan(tx.QueryRowContext(ctx, columns+`WHERE id = ?`, was.ID))
		if err != nil || c.State != was.State || c.Due != was.Due {
			return err
		}
		done = true
		return end(ctx, tx, &c, state, why, "", s.cfg.Now())
	})
	if err == nil && done {
		s.cfg.Log.Warn("command over", "command", was.ID, "gateway", was.Gateway, "state", state, "why", why.EN)
		s.ended.WithLabelValues(state).Inc()
		s.changed(was.Incident)
	}
	return err
}

// send makes a command's message, once: what is sent again later are the same bytes.
func (s *Service) send(ctx context.Context, was Command) (payload []byte, err error) {
	err = s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		payload = nil
		if s.cfg.Lease != nil {
			if err := s.cfg.Lease.Check(ctx, tx, was.Gateway); db.Transient(err) || db.Conflict(err) {
				return err
			} else if err != nil {
				return nil // another worker's
			}
		}
		c, err := scan(tx.QueryRowContext(ctx, columns+`WHERE id = ?`, was.ID))
		if err != nil || c.State != Ready {
			return err
		}
		now := s.cfg.Now()
		left := min(c.Due-now.UnixMilli(), lifeTime.Milliseconds()) // another worker made it, by its clock
		mono, boot, ok := s.cfg.Clock(c.Gateway, c.session)
		if !ok || left <= 0 {
			return nil
		}
		message, err := wire.Sign(s.cfg.Key, &wire.Down{Gateway: c.Gateway, Kind: &wire.Down_Command{Command: &wire.Command{Id: c.ID, Session: c.session, Boot: boot,
			UntilMs: mono + uint64(left), TtlMs: uint32(lifeTime.Milliseconds()), Issuer: c.Issuer, Approver: c.Approver, Reason: c.Reason, Action: c.action(), HoldMs: uint32(c.HoldMs)}}})
		if err != nil {
			return err
		}
		payload = message
		c.State, c.payload, c.Due = Sent, message, c.Due+answerTime.Milliseconds()
		if err := save(ctx, tx, c); err != nil {
			return err
		}
		_, err = step(ctx, tx, c, CommandStep{State: Sent, At: now.UnixMilli(), Text: incident.Text{ZH: "已发给网关", EN: "Sent to the gateway"}})
		return err
	})
	if err != nil {
		return nil, err
	}
	if payload != nil {
		s.again[was.ID] = s.cfg.Now().Add(sendEvery)
		s.changed(was.Incident)
	}
	return payload, nil
}

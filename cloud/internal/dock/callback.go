package dock

import (
	"context"
	"crypto/hmac"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/notify"
	"github.com/linshao/linshao/cloud/internal/org"
)

// A Call is a callback as it came: the signature is that of our own webhooks, notify.Sign, under the target's secret.
type Call struct {
	Target, Timestamp, Nonce, Signature string
	Body                                []byte
}

// ErrCall: a callback is not from the target it says, is too old, or came before.
var ErrCall = errors.New("callback is not accepted")

// callWindow is how far a callback's clock may be off.
const callWindow = 5 * time.Minute

// Admit answers the target that a callback is of. A callback counts once. ErrCall names no reason that helps a guesser.
func (s *Service) Admit(ctx context.Context, c Call) (Target, error) {
	t, ok := s.target(c.Target)
	ms, err := strconv.ParseInt(c.Timestamp, 10, 64)
	now := s.cfg.Now()
	if !ok || len(t.Secret) == 0 || err != nil || now.Sub(time.UnixMilli(ms)).Abs() > callWindow || len(c.Nonce) < 8 || len(c.Nonce) > 64 ||
		!hmac.Equal([]byte(c.Signature), []byte(notify.Sign(t.Secret, c.Timestamp, c.Nonce, c.Body))) {
		return Target{}, ErrCall
	}
	err = s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM dock_nonces WHERE at < ?`, now.Add(-2*callWindow).UnixMilli()); err != nil {
			return fmt.Errorf("clean nonces: %w", err)
		}
		fresh, err := db.Changed(tx.ExecContext(ctx, `INSERT INTO dock_nonces (target, nonce, at) VALUES (?, ?, ?) ON CONFLICT (target, nonce) DO NOTHING`, t.ID, c.Nonce, now.UnixMilli()))
		if err == nil && !fresh {
			err = ErrCall
		}
		return err
	})
	return t, err
}

// Covers says whether a target may move incidents of a site.
func (t Target) Covers(site string) bool {
	t.Kind, t.Devices = Platform, nil
	return t.wants(site, "")
}

func (s *Service) target(id string) (Target, bool) {
	for _, t := range s.cfg.Targets {
		if t.ID == id {
			return t, true
		}
	}
	return Target{}, false
}

// A Condition is how things stand with a target. Times are Unix ms, 0: never.
type Condition struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Kind     string `json:"kind" enum:"gb45839,gb26875,inbound"`
	Waiting  int    `json:"waiting" doc:"states that it was not told yet"`
	Oldest   int64  `json:"oldest,omitempty" doc:"since when the oldest of them waits"`
	Refused  int    `json:"refused" doc:"states that it does not take"`
	LastSent int64  `json:"lastSent,omitempty" doc:"when the newest state that it took was queued"`
	Answer   string `json:"answer,omitempty" doc:"what it said last"`
	Asked    int64  `json:"asked,omitempty" doc:"since when it waits for the answer to a duty check (查岗)"`
}

// Conditions answers how things stand with every target.
func (s *Service) Conditions(ctx context.Context) ([]Condition, error) {
	out := []Condition{}
	q := s.cfg.DB.Reader()
	for _, t := range s.cfg.Targets {
		c := Condition{ID: t.ID, Name: t.Name, Kind: t.Kind}
		err := q.QueryRowContext(ctx, `SELECT coalesce(sum(CASE WHEN state = 'waiting' THEN 1 ELSE 0 END), 0), coalesce(min(CASE WHEN state = 'waiting' THEN created END), 0),
			coalesce(sum(CASE WHEN state IN ('refused', 'expired') THEN 1 ELSE 0 END), 0), coalesce(max(CASE WHEN state = 'sent' THEN created END), 0)
			FROM dock_queue WHERE target = ?`, t.ID).Scan(&c.Waiting, &c.Oldest, &c.Refused, &c.LastSent)
		if err != nil {
			return nil, fmt.Errorf("read queue of %s: %w", t.ID, err)
		}
		err = q.QueryRowContext(ctx, `SELECT answer FROM dock_queue WHERE target = ? AND attempts > 0 ORDER BY next_at DESC LIMIT 1`, t.ID).Scan(&c.Answer)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("read answer of %s: %w", t.ID, err)
		}
		if err := q.QueryRowContext(ctx, `SELECT coalesce(min(asked), 0) FROM dock_checks WHERE target = ? AND answered = 0`, t.ID).Scan(&c.Asked); err != nil {
			return nil, fmt.Errorf("read duty checks of %s: %w", t.ID, err)
		}
		out = append(out, c)
	}
	return out, nil
}

// Answer answers all duty checks of a target that are open. Without one, or without the target: org.ErrUnknown.
func (s *Service) Answer(ctx context.Context, tx *sql.Tx, target, who string) error {
	some, err := db.Changed(tx.ExecContext(ctx, `UPDATE dock_checks SET answered = ?, who = ? WHERE target = ? AND answered = 0`, s.cfg.Now().UnixMilli(), who, target))
	if err == nil && !some {
		err = fmt.Errorf("open duty check of %q: %w", target, org.ErrUnknown)
	}
	return err
}

func isUnknown(err error) bool { return errors.Is(err, org.ErrUnknown) }

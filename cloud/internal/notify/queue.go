package notify

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
)

// notice is one queued message.
type notice struct {
	id       int64
	incident string
	kind     string
	severity string
	created  int64
	attempts int
}

// event names a notice for its receiver, the same in every attempt, so that it can drop a repeated one.
func (n notice) event(receiver string) string {
	return fmt.Sprintf("%s-%s-%s-%d", n.incident, n.kind, receiver, n.id)
}

// due answers what may be sent now, urgent first, and when the next one becomes due if none is.
func (s *sender) due(ctx context.Context, now time.Time) (list []notice, next time.Time, err error) {
	q := s.service.cfg.DB.Reader()
	rows, err := q.QueryContext(ctx, `SELECT id, incident, kind, severity, created, attempts FROM notices
		WHERE state = 'waiting' AND receiver = ? AND next_at <= ? ORDER BY severity, id LIMIT 200`, s.receiver.ID, now.UnixMilli())
	if err != nil {
		return nil, next, fmt.Errorf("read notices: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n notice
		if err := rows.Scan(&n.id, &n.incident, &n.kind, &n.severity, &n.created, &n.attempts); err != nil {
			return nil, next, fmt.Errorf("read notice: %w", err)
		}
		list = append(list, n)
	}
	if err := rows.Err(); err != nil || len(list) > 0 {
		return list, next, err
	}
	var at sql.NullInt64
	if err := q.QueryRowContext(ctx, `SELECT min(next_at) FROM notices WHERE state = 'waiting' AND receiver = ?`, s.receiver.ID).Scan(&at); err != nil {
		return nil, next, fmt.Errorf("read notices: %w", err)
	}
	if at.Valid {
		next = time.UnixMilli(at.Int64)
	}
	return nil, next, nil
}

// Back-off between attempts, and how long a message is worth sending.
const (
	firstBackoff = time.Second
	lastBackoff  = 300 * time.Second
	noticeLife   = 30 * 24 * time.Hour
)

func backoff(attempts int) time.Duration {
	return min(firstBackoff<<min(attempts, 10), lastBackoff)
}

// record keeps the attempt of one or several notices, in one transaction with what follows from it.
func (s *sender) record(ctx context.Context, list []notice, a answer) error {
	now := s.service.cfg.Now()
	err := s.service.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		for _, n := range list {
			if err := s.recordOne(ctx, tx, n, a, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	result := "failed"
	if a.ok {
		result = "ok"
	} else if a.never {
		result = "refused"
	}
	s.service.sent.WithLabelValues(s.receiver.ID, result).Inc()
	if a.ok && s.service.cfg.Told != nil {
		for _, n := range list {
			s.service.cfg.Told(n.incident)
		}
	}
	return nil
}

func (s *sender) recordOne(ctx context.Context, tx *sql.Tx, n notice, a answer, now time.Time) error {
	state, next := "waiting", now.Add(max(a.wait, backoff(n.attempts)))
	switch {
	case a.ok:
		state = "sent"
	case a.never:
		state = "refused"
	case now.UnixMilli()-n.created > noticeLife.Milliseconds():
		state = "expired"
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO attempts (notice, at, ok, answer) VALUES (?, ?, ?, ?)`, n.id, now.UnixMilli(), a.ok, a.text); err != nil {
		return fmt.Errorf("keep attempt: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE notices SET state = ?, attempts = attempts + 1, next_at = ?, answer = ? WHERE id = ?`,
		state, next.UnixMilli(), a.text, n.id); err != nil {
		return fmt.Errorf("keep state of notice: %w", err)
	}
	if a.ok {
		return incident.Notified(ctx, tx, n.incident, s.receiver.Name, now)
	}
	return nil
}

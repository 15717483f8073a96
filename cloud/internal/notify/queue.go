package notify

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
	"github.com/linshao/linshao/cloud/internal/org/memo"
)

// notice is one queued message.
type notice struct {
	id       int64
	receiver string
	incident string
	memo     int64 // 0: it is about an incident
	kind     string
	severity string
	step     int
	people   string // JSON
	bundle   string // the key of the message in which it went out before, or is going out
	created  int64
	due      int64
	attempts int

	// of its incident, as it is now
	handling, class string
	active, late    bool
}

// event names a notice for its receiver, the same in every attempt, so that it can drop a repeated one.
func (n notice) event(receiver string) string {
	return fmt.Sprintf("%s-%s-%s-%d", n.incident, n.kind, receiver, n.id)
}

// due answers what may be sent now, urgent first, and when the next one becomes due if none is. What went out before, and
// of which no answer is known, comes again as it was, before others of its class. Without room for more than class A the
// others are not even read: in a storm there are many, and each alert asks.
func (s *sender) due(ctx context.Context, now time.Time) (list []notice, next time.Time, err error) {
	q := s.service.cfg.DB.Reader()
	quiet, full := s.receiver.Quiet.until(now.In(s.service.cfg.Zone)), now.Add(s.pace.full(now))
	awake := memo.DutyCheck // asks who is on duty now, at night too: a quiet time does not hold it, want of room does
	if full.After(now) {
		awake = ""
		if full.After(quiet) {
			quiet = full
		}
	}
	lowest, most := "C", 200
	if s.whole() {
		most = 1 // each goes alone
	}
	if !quiet.IsZero() {
		lowest = "A"
	}
	rows, err := q.QueryContext(ctx, `SELECT n.id, n.receiver, n.incident, n.kind, n.severity, n.step, n.people, n.bundle, n.created, n.next_at, n.attempts, n.memo,
		coalesce(i.handling, ''), coalesce(i.severity, ''), coalesce(i.active, 0), coalesce(i.late, 0)
		FROM (SELECT * FROM notices WHERE state = 'waiting' AND receiver = ? AND next_at <= ? AND (severity <= ? OR memo IN (SELECT id FROM memos WHERE kind = ?))
		ORDER BY CASE WHEN severity = 'A' THEN 0 ELSE 1 END, CASE WHEN bundle = '' THEN 1 ELSE 0 END, severity, id LIMIT ?) n LEFT JOIN incidents i ON i.id = n.incident
		ORDER BY CASE WHEN n.severity = 'A' THEN 0 ELSE 1 END, CASE WHEN n.bundle = '' THEN 1 ELSE 0 END, n.severity, n.id`, s.receiver.ID, now.UnixMilli(), lowest, awake, most)
	if err != nil {
		return nil, next, fmt.Errorf("read notices: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var n notice
		if err := rows.Scan(&n.id, &n.receiver, &n.incident, &n.kind, &n.severity, &n.step, &n.people, &n.bundle, &n.created, &n.due, &n.attempts, &n.memo,
			&n.handling, &n.class, &n.active, &n.late); err != nil {
			return nil, next, fmt.Errorf("read notice: %w", err)
		}
		list = append(list, n)
	}
	if err := rows.Err(); err != nil || len(list) > 0 {
		return list, next, err
	}
	if next, err = s.next(ctx, lowest, awake, quiet); full.After(now) && next.After(full) {
		next = full // a duty check may wait for room alone
	}
	return nil, next, err
}

// next is when something becomes due; zero: nothing waits. What waits for the end of a quiet time does until then.
func (s *sender) next(ctx context.Context, lowest, awake string, quiet time.Time) (time.Time, error) {
	var at, later sql.NullInt64
	if err := s.service.cfg.DB.Reader().QueryRowContext(ctx, `SELECT min(CASE WHEN soon = 1 THEN next_at END), min(CASE WHEN soon = 0 THEN next_at END)
		FROM (SELECT next_at, CASE WHEN severity <= ? OR memo IN (SELECT id FROM memos WHERE kind = ?) THEN 1 ELSE 0 END AS soon
		FROM notices WHERE state = 'waiting' AND receiver = ?) n`, lowest, awake, s.receiver.ID).Scan(&at, &later); err != nil {
		return time.Time{}, fmt.Errorf("read notices: %w", err)
	}
	if later.Valid {
		if end := max(later.Int64, quiet.UnixMilli()); !at.Valid || end < at.Int64 {
			at = sql.NullInt64{Int64: end, Valid: true}
		}
	}
	if !at.Valid {
		return time.Time{}, nil
	}
	return time.UnixMilli(at.Int64), nil
}

// stale says that a message has nothing to say any more. What went out already is not taken back: its answer is asked for.
func (s *sender) stale(n notice) bool {
	if n.memo != 0 || n.bundle != "" || s.receiver.means() == System || n.incident == "" {
		return false
	}
	over := n.handling == incident.Closed
	switch {
	case n.handling == "": // the incident itself was deleted
		return true
	case n.kind == kindReminder:
		return n.handling != incident.Open || n.class != n.severity || n.late && !n.active
	case s.receiver.means() == Voice:
		return n.handling != incident.Open && n.step < 3 || over || n.late && !n.active
	}
	return over && (n.severity == "C" || s.receiver.personal())
}

// drop ends the stale ones of a list, and answers the others.
func (s *sender) drop(ctx context.Context, list []notice) ([]notice, error) {
	var kept, gone []notice
	for _, n := range list {
		over := s.stale(n)
		if n.memo != 0 {
			var err error
			if over, err = s.memoStale(ctx, s.service.cfg.DB.Reader(), n); err != nil {
				return nil, err
			}
		}
		if over {
			gone = append(gone, n)
		} else {
			kept = append(kept, n)
		}
	}
	if len(gone) == 0 {
		return kept, nil
	}
	return kept, s.service.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		for _, n := range gone {
			if _, err := tx.ExecContext(ctx, `UPDATE notices SET state = 'void' WHERE id = ? AND state = 'waiting'`, n.id); err != nil {
				return fmt.Errorf("end notice: %w", err)
			}
		}
		return nil
	})
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

// unanswered is what is kept of an attempt until the answer is: after a kill -9 it stays, for nobody knows whether the
// receiver took the message.
const unanswered = "(no answer known: the cloud stopped before it was kept)"

// begin writes down what goes out as one message, and that it does, before it does. So the next life of the program sends
// the same again, under the same key, and counts it towards the receiver's limit.
func (s *sender) begin(ctx context.Context, group []notice, key string, now time.Time) error {
	return s.service.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		for _, n := range group {
			if _, err := tx.ExecContext(ctx, `UPDATE notices SET bundle = ? WHERE id = ?`, key, n.id); err != nil {
				return fmt.Errorf("keep key of message: %w", err)
			}
			if _, err := tx.ExecContext(ctx, `INSERT INTO attempts (notice, at, ok, answer) VALUES (?, ?, 0, ?)`, n.id, now.UnixMilli(), unanswered); err != nil {
				return fmt.Errorf("keep attempt: %w", err)
			}
		}
		return nil
	})
}

// record keeps the answer to an attempt of one or several notices, in one transaction with what follows from it.
func (s *sender) record(ctx context.Context, done attempt) error {
	now := s.service.cfg.Now()
	err := s.service.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		for _, n := range done.group {
			if err := s.recordOne(ctx, tx, n, done, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	a, result := done.answer, "failed"
	if a.ok {
		result = "ok"
	} else if a.never {
		result = "refused"
	}
	s.service.sent.WithLabelValues(s.receiver.ID, result).Inc()
	if !a.ok {
		return nil
	}
	for _, n := range done.group {
		s.service.told.WithLabelValues(n.severity).Observe(max(0, now.Sub(time.UnixMilli(n.created)).Seconds()))
		if s.service.cfg.Told != nil && n.memo == 0 {
			s.service.cfg.Told(n.incident)
		}
	}
	return nil
}

func (s *sender) recordOne(ctx context.Context, tx *sql.Tx, n notice, done attempt, now time.Time) error {
	a := done.answer
	state, next := "waiting", now.Add(max(a.wait, backoff(n.attempts)))
	switch {
	case a.ok:
		state = "sent"
	case a.never:
		state = "refused"
	case now.UnixMilli()-n.created > noticeLife.Milliseconds():
		state = "expired"
	}
	if done.begun {
		if _, err := tx.ExecContext(ctx, `UPDATE attempts SET ok = ?, answer = ? WHERE notice = ? AND at = ?`, a.ok, a.text, n.id, done.at.UnixMilli()); err != nil {
			return fmt.Errorf("keep answer: %w", err)
		}
	} else if _, err := tx.ExecContext(ctx, `INSERT INTO attempts (notice, at, ok, answer) VALUES (?, ?, ?, ?)`, n.id, now.UnixMilli(), a.ok, a.text); err != nil {
		return fmt.Errorf("keep attempt: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE notices SET state = ?, attempts = attempts + 1, next_at = ?, answer = ? WHERE id = ?`,
		state, next.UnixMilli(), a.text, n.id); err != nil {
		return fmt.Errorf("keep state of notice: %w", err)
	}
	if state != "waiting" {
		if err := s.again(ctx, tx, n, now); err != nil {
			return err
		}
	}
	if a.ok && n.memo == 0 {
		return incident.Notified(ctx, tx, n.incident, s.toldWhom(n), now)
	}
	return nil
}

// toldWhom names the receiver, and the person behind it if there is one.
func (s *sender) toldWhom(n notice) string {
	people, err := readPeople(n.people)
	if err != nil || len(people) == 0 || !s.receiver.personal() {
		return s.receiver.Name
	}
	return s.receiver.Name + " " + people[0].Name
}

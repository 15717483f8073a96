package notify

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/incident"
)

// kindReminder is that of a message that says once more that nobody has taken an incident.
const kindReminder = "reminder"

// An enqueuing is one change of one incident, on its way to the receivers.
type enqueuing struct {
	s         *Service
	tx        *sql.Tx
	in        incident.Incident
	kind      string
	now, due  time.Time
	step      int
	rung      Rung
	asks      bool // somebody to act
	directory directory
}

// Enqueue implements the incidents' Notifier. Whom a rung of the escalation tells is found here, as things stand in this
// transaction; so a message that waits for its receiver goes to who answered for the site when it was queued.
func (s *Service) Enqueue(ctx context.Context, tx *sql.Tx, in incident.Incident, kind string) error {
	now := s.cfg.Now()
	e := enqueuing{s: s, tx: tx, in: in, kind: kind, now: now, due: now, directory: directory{q: tx, site: in.Site, node: in.Node, to: in.Assignee, at: now.In(s.cfg.Zone)}}
	if in.Late && kind == incident.KindOpened {
		e.due = now.Add(lateRest)
	}
	if kind == incident.KindSnoozed {
		return e.hush(ctx, "")
	}
	e.step, e.rung, e.asks = s.cfg.Policy.rung(in, kind)
	if in.Handling != incident.Open {
		if err := e.hush(ctx, kindReminder); err != nil {
			return err
		}
	}
	for _, sender := range s.senders {
		if err := e.to(ctx, sender.receiver); err != nil {
			return err
		}
	}
	return nil
}

// hush ends the reminders, for somebody has taken the incident; with no kind all that still waits for people, for its device is
// snoozed.
func (e *enqueuing) hush(ctx context.Context, kind string) error {
	for _, sender := range e.s.senders {
		if kind == "" && sender.receiver.means() == System {
			continue
		}
		if _, err := e.tx.ExecContext(ctx, `UPDATE notices SET state = 'void' WHERE receiver = ? AND incident = ? AND (? = '' OR kind = ?) AND state = 'waiting' AND bundle = ''`,
			sender.receiver.ID, e.in.ID, kind, kind); err != nil {
			return fmt.Errorf("end what waits of %s: %w", e.in.ID, err)
		}
	}
	return nil
}

// to queues what a receiver is told.
func (e *enqueuing) to(ctx context.Context, r Receiver) error {
	if !r.covers(e.in) {
		return nil
	}
	if e.in.Late && e.kind == incident.KindRecovered {
		if waits, err := unsaid(ctx, e.tx, r.ID, e.in.ID); err != nil || waits {
			return err // the message that it happened will say that it is over
		}
	}
	means := r.means()
	switch {
	case means == System || r.EveryChange && !e.asks:
		if r.EveryChange || e.asks {
			return e.insert(ctx, r, e.kind, e.step, nil, e.due)
		}
		return nil
	case !e.asks || !slices.Contains(e.rung.By, means):
		return nil
	}
	whom, err := e.whom(ctx, r)
	if err != nil {
		return err
	}
	people, err := e.directory.people(ctx, whom)
	if err != nil {
		return err
	}
	due := e.due
	if d := e.s.cfg.Policy[e.in.Severity].Digest.next(due.In(e.s.cfg.Zone)); d.After(due) && e.kind != incident.KindUrged { // who urges has waited long enough
		due = d
	}
	if means == Group {
		return e.tell(ctx, r, people, due)
	}
	for _, p := range people {
		if r.reaches(p) {
			if err := e.tell(ctx, r, []Person{p}, due); err != nil {
				return err
			}
		}
	}
	return nil
}

// whom answers who is told at this rung by a receiver: its own people, and those of rungs that were passed over because the
// cloud was down when they were reached.
func (e *enqueuing) whom(ctx context.Context, r Receiver) ([]string, error) {
	whom := e.rung.Tell
	if e.step < 2 {
		return whom, nil
	}
	var last int
	if err := e.tx.QueryRowContext(ctx, `SELECT coalesce(max(step), 0) FROM notices WHERE receiver = ? AND incident = ? AND kind = ? AND severity = ?`,
		r.ID, e.in.ID, incident.KindOverdue, e.in.Severity).Scan(&last); err != nil {
		return nil, fmt.Errorf("look for rungs of %s: %w", e.in.ID, err)
	}
	rungs := e.s.cfg.Policy[e.in.Severity].Rungs
	for n := last + 1; n < min(e.step, len(rungs)); n++ {
		if slices.Contains(rungs[n].By, r.means()) {
			whom = slices.Concat(whom, rungs[n].Tell)
		}
	}
	return whom, nil
}

// tell queues a message and, at the first rung, its first reminder.
func (e *enqueuing) tell(ctx context.Context, r Receiver, people []Person, due time.Time) error {
	if err := e.insert(ctx, r, e.kind, e.step, people, due); err != nil {
		return err
	}
	c := e.s.cfg.Policy[e.in.Severity]
	if e.step > 0 || e.kind == incident.KindJoined || c.Remind == 0 || c.Most == 0 || e.in.Handling != incident.Open {
		return nil
	}
	every, err := e.s.remind(ctx, e.tx, e.in.Site, e.in.Severity)
	if err != nil {
		return err
	}
	return e.insert(ctx, r, kindReminder, 1, people, due.Add(every))
}

func (e *enqueuing) insert(ctx context.Context, r Receiver, kind string, step int, people []Person, due time.Time) error {
	text, err := writePeople(people)
	if err != nil {
		return fmt.Errorf("note whom a message is for: %w", err)
	}
	return insertNotice(ctx, e.tx, notice{receiver: r.ID, incident: e.in.ID, kind: kind, severity: e.in.Severity, step: step, people: text, created: e.now.UnixMilli()}, due)
}

func insertNotice(ctx context.Context, tx *sql.Tx, n notice, due time.Time) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO notices (receiver, incident, kind, severity, n, created, state, attempts, next_at, answer, people, step, memo)
		SELECT ?, ?, ?, ?, count(*), ?, 'waiting', 0, ?, '', ?, ?, CAST(? AS BIGINT) FROM notices WHERE receiver = ? AND incident = ? AND kind = ?`,
		n.receiver, n.incident, n.kind, n.severity, n.created, due.UnixMilli(), n.people, n.step, n.memo, n.receiver, n.incident, n.kind); err != nil {
		return fmt.Errorf("queue notice of %s for %s: %w", n.incident, n.receiver, err)
	}
	return nil
}

// remind is the rest between two reminders; an emergency halves it.
func (s *Service) remind(ctx context.Context, tx *sql.Tx, site, severity string) (time.Duration, error) {
	every := s.cfg.Policy[severity].Remind
	if s.cfg.Emergency == nil {
		return every, nil
	}
	urgent, err := s.cfg.Emergency(ctx, tx, site)
	if err != nil {
		return 0, fmt.Errorf("read mode of site %s: %w", site, err)
	}
	if urgent {
		every /= 2
	}
	return every, nil
}

// again queues the reminder after one that went out or was refused, in the same transaction.
func (s *sender) again(ctx context.Context, tx *sql.Tx, n notice, now time.Time) error {
	if n.memo != 0 {
		return s.remindAgain(ctx, tx, n, now)
	}
	if n.kind != kindReminder || n.step >= s.service.cfg.Policy[n.severity].Most {
		return nil
	}
	in, err := incident.Get(ctx, tx, n.incident)
	if err != nil {
		return err
	}
	every, err := s.service.remind(ctx, tx, in.Site, n.severity)
	if err != nil || in.Handling != incident.Open || every == 0 {
		return err
	}
	n.step, n.created = n.step+1, now.UnixMilli()
	return insertNotice(ctx, tx, n, now.Add(every))
}

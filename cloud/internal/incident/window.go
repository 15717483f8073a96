package incident

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/linshao/linshao/rules"
)

// A Place is where an alert comes from.
type Place struct{ Site, Gateway, Device string }

// A Hush is what keeps alerts quiet: maintenance of the site (检修), or a snooze of the device (静默).
type Hush struct {
	Window bool
	Snooze *Snooze
}

// A Snooze is that of an alert's device.
type Snooze struct {
	Until int64  `json:"until" doc:"Unix ms"`
	Who   string `json:"who"`
	Known bool   `json:"known,omitempty" doc:"people had been told of it before"`
}

func (h Hush) on() bool { return h.Window || h.Snooze != nil }

// mark notes at an alert what keeps it quiet.
func (h Hush) mark(a *Alert) {
	a.detail.Window = a.detail.Window || h.Window
	switch old := a.detail.Snooze; {
	case h.Snooze != nil:
		now := *h.Snooze
		now.Known = old != nil && old.Known
		a.detail.Snooze = &now
	case !a.shelved:
		a.detail.Snooze = nil
	}
}

// hush makes an event that comes while its site is under maintenance, or its device is snoozed, one of those that nobody is
// told of. Class A is always told, and what people know of already goes on being told.
func (s *Service) hush(ctx context.Context, tx *sql.Tx, t *turn) error {
	if t.e.Severity == rules.SeverityA || t.e.Shelved || t.alert.told {
		return nil
	}
	var err error
	if t.hush, err = s.quiet(ctx, tx, t.place(), s.cfg.Merging.dangerOf(t.e)); err == nil {
		t.e.Shelved = t.hush.on()
	}
	return err
}

// quiet asks what keeps an alert quiet. Gas and CO are never snoozed, whatever device tells of them.
func (s *Service) quiet(ctx context.Context, tx *sql.Tx, of Place, danger string) (Hush, error) {
	if s.cfg.Quiet == nil {
		return Hush{}, nil
	}
	h, err := s.cfg.Quiet(ctx, tx, of)
	if danger == dangerGas || danger == dangerCO {
		h.Snooze = nil
	}
	return h, err
}

func (t *turn) place() Place { return Place{t.alert.site, t.gateway, t.e.Subject} }

// Snooze makes quiet what a device has told of, but class A, inside the transaction that begins its snooze: nothing more is
// told of it, and no limit runs. What is over is quiet with the rest: it may be in one incident with what comes next.
func (s *Service) Snooze(ctx context.Context, tx *sql.Tx, of Place, by Snooze, why string) error {
	all, err := s.alertsWhere(ctx, tx, `a.gateway = ? AND a.device = ? AND a.shelved = 0`, of.Gateway, of.Device)
	if err != nil {
		return err
	}
	for _, a := range all {
		in, err := Get(ctx, tx, a.incident)
		if err != nil {
			return err
		}
		if in.Severity == string(rules.SeverityA) && in.Condition == Active {
			return &Refusal{Text{"该设备有紧急告警，不能静默；请先到场处置", "it has an urgent alert: that is not snoozed, go there first"}}
		}
		if a.danger == dangerGas || a.danger == dangerCO || in.Shadow || in.Severity == string(rules.SeverityA) {
			continue
		}
		by := by
		by.Known = a.told
		a.shelved, a.told, a.detail.Shelved, a.detail.Told, a.detail.Snooze = true, false, true, false, &by
		if err := s.calm(ctx, tx, &in, &a, why); err != nil {
			return err
		}
	}
	return nil
}

// calm writes an alert that has become quiet. An incident of which nothing else is told waits for nobody.
func (s *Service) calm(ctx context.Context, tx *sql.Tx, in *Incident, a *Alert, why string) error {
	if err := saveAlert(ctx, tx, *a); err != nil {
		return err
	}
	if err := project(ctx, tx, in, a); err != nil {
		return err
	}
	by := a.detail.Snooze.Who
	if err := addEntry(ctx, tx, in.ID, Entry{s.cfg.Now().UnixMilli(), "note", Text{"静默到 " + s.clock(a.detail.Snooze.Until) + "：" + why, "Snoozed until " + s.clock(a.detail.Snooze.Until) + ": " + why}, by}); err != nil {
		return err
	}
	if !in.quiet() {
		return save(ctx, tx, *in)
	}
	in.Deadline, in.StepDue, in.unsaid, in.sayAt = 0, 0, 0, 0
	if err := save(ctx, tx, *in); err != nil || s.cfg.Notifier == nil {
		return err
	}
	return s.cfg.Notifier.Enqueue(ctx, tx, *in, KindSnoozed)
}

// Release tells of the alerts of a site, or of one device alone, that came while it was under maintenance or snoozed and that
// still last, inside the transaction that ends that. Their limits begin now. It answers the incidents.
func (s *Service) Release(ctx context.Context, tx *sql.Tx, of Place) ([]string, error) {
	kept, err := s.alertsWhere(ctx, tx, `a.site = ? AND a.shelved = 1 AND (? = '' OR a.gateway = ? AND a.device = ?)`, of.Site, of.Device, of.Gateway, of.Device)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, a := range kept {
		snooze := a.detail.Snooze
		if a.Condition == Active && !a.detail.Window && snooze == nil || a.Condition != Active && (snooze == nil || !snooze.Known) {
			continue
		}
		h, err := s.quiet(ctx, tx, Place{a.site, a.Gateway, a.Device}, a.danger)
		if err != nil {
			return nil, err
		}
		if h.on() {
			continue
		}
		in, err := Get(ctx, tx, a.incident)
		if err != nil {
			return nil, err
		}
		was := in.Detail.Told
		a.shelved, a.told, a.detail.Shelved, a.detail.Told, a.detail.Snooze = false, true, false, true, nil
		if err := saveAlert(ctx, tx, a); err != nil {
			return nil, err
		}
		if err := project(ctx, tx, &in, &a); err != nil {
			return nil, err
		}
		if err := s.letKnow(ctx, tx, &in, was, ending(snooze != nil, a.Condition == Active)); err != nil {
			return nil, err
		}
		out = append(out, in.ID)
	}
	return out, nil
}

// ending is the line of the timeline when what kept an alert quiet is over.
func ending(snooze, lasts bool) Text {
	switch {
	case !lasts:
		return Text{"静默结束，其间已恢复", "The snooze is over, and so is the alert"}
	case snooze:
		return Text{"静默结束，告警仍在持续，开始通知", "The snooze is over and the alert still lasts: people are told"}
	}
	return Text{"检修结束，告警仍在持续，开始通知", "The maintenance is over and the alert still lasts: people are told"}
}

// letKnow tells people of one incident, unless they know or it is over.
func (s *Service) letKnow(ctx context.Context, tx *sql.Tx, in *Incident, known bool, why Text) error {
	now := s.cfg.Now().UnixMilli()
	first := !known && in.Detail.Told && in.Handling != Closed
	if first {
		in.Graded = now
		if err := s.takeLimit(ctx, tx, in, now); err != nil {
			return err
		}
		if err := addEntry(ctx, tx, in.ID, Entry{now, "note", why, ""}); err != nil {
			return err
		}
	}
	if err := save(ctx, tx, *in); err != nil || !first || in.Condition != Active {
		return err
	}
	return s.tell(ctx, tx, *in, KindOpened)
}

// alertsWhere are alerts of incidents that are not closed.
func (s *Service) alertsWhere(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]Alert, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+alertColumns+` FROM incident_alerts a JOIN incidents i ON i.id = a.incident
		WHERE `+where+` AND i.handling <> 'closed' ORDER BY a.at, a.gateway, a.alert`, args...)
	if err != nil {
		return nil, fmt.Errorf("list alerts of incidents: %w", err)
	}
	defer rows.Close()
	var out []Alert
	for rows.Next() {
		a, err := scanAlert(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, rows.Err()
}

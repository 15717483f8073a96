package incident

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/linshao/linshao/rules"
)

// rescue takes an alert that becomes class A out of an incident that holds what is not known to be one danger: nothing of
// class A drowns in a flood.
func (s *Service) rescue(ctx context.Context, tx *sql.Tx, t *turn) error {
	a := &t.alert
	if t.fresh || t.e.State != rules.Firing || t.e.Severity != rules.SeverityA || a.Severity == string(rules.SeverityA) ||
		t.in.Cause == nil || !crowd(t.in.Cause.Kind) || t.in.Handling == Closed {
		return nil
	}
	if t.in.AlertCount < 2 { // a flood that has only begun: it is this alert's own incident from now on
		t.in.Cause = nil
		return nil
	}
	left := t.in
	if err := s.release(ctx, tx, &left, []Alert{*a}); err != nil {
		return err
	}
	a.Severity, a.Joined, a.Condition = string(rules.SeverityA), "", Recovered // it begins anew where it comes to
	w, err := s.look(ctx, tx, a)
	if err != nil {
		return err
	}
	t.where = w.where(a)
	if err := s.settle(ctx, tx, t, w); err != nil {
		return err
	}
	at := t.at()
	if err := addEntry(ctx, tx, left.ID, Entry{at, "note", Text{fmt.Sprintf("%s 升为 A 级，移到 %s 单独处理", a.Title.ZH, t.in.ID), fmt.Sprintf("%s has become class A and is handled by itself in %s", a.Title.EN, t.in.ID)}, ""}); err != nil {
		return err
	}
	return addEntry(ctx, tx, t.in.ID, Entry{at, "note", Text{"从 " + left.ID + " 移出：升为 A 级", "Taken out of " + left.ID + ": it has become class A"}, ""})
}

// release takes alerts, but not all, out of an incident and writes what stays. They are in none until they are put into one.
func (s *Service) release(ctx context.Context, tx *sql.Tx, in *Incident, alerts []Alert) error {
	var worst string
	if err := tx.QueryRowContext(ctx, `SELECT coalesce(min(severity), 'C') FROM incident_alerts WHERE incident = ?`, in.ID).Scan(&worst); err != nil {
		return fmt.Errorf("read alerts of incident %s: %w", in.ID, err)
	}
	if worst <= in.Severity { // else people have called it worse
		in.Severity = string(rules.SeverityC)
	}
	for _, a := range alerts {
		if _, err := tx.ExecContext(ctx, `UPDATE incident_alerts SET incident = '' WHERE gateway = ? AND alert = ?`, a.Gateway, a.ID); err != nil {
			return fmt.Errorf("take alert %s out of %s: %w", a.ID, in.ID, err)
		}
	}
	if slices.ContainsFunc(alerts, func(a Alert) bool { return a.Gateway == in.Gateway && a.ID == in.Alert }) {
		if err := in.follow(ctx, tx); err != nil {
			return err
		}
	}
	if err := in.total(ctx, tx); err != nil {
		return err
	}
	return save(ctx, tx, *in)
}

// follow gives an incident another first-out: the first of the alerts that it has left. Without one it keeps its words.
func (in *Incident) follow(ctx context.Context, tx *sql.Tx) error {
	a, err := scanAlert(tx.QueryRowContext(ctx, `SELECT `+alertColumns+` FROM incident_alerts a WHERE a.incident = ? ORDER BY a.at, a.came, a.gateway, a.alert LIMIT 1`, in.ID))
	switch {
	case errors.Is(err, ErrUnknown):
		in.Alert = in.ID
	case err != nil:
		return err
	default:
		in.Gateway, in.Alert, in.Device, in.Rule, in.Since = a.Gateway, a.ID, a.Device, a.Rule, a.Since
		in.portray(&a)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE incidents SET gateway = ?, alert = ?, device = ?, rule = ?, since = ? WHERE id = ?`,
		in.Gateway, in.Alert, in.Device, in.Rule, in.Since, in.ID); err != nil {
		return fmt.Errorf("give incident %s its first alert: %w", in.ID, err)
	}
	return nil
}

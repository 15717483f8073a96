package incident

import (
	"context"
	"database/sql"
	"fmt"
)

// project makes an incident what its alerts are: active while one of them is, as severe as the worst has been, with the name
// and the values of the first-out. a is the one that has changed, already written.
func project(ctx context.Context, tx *sql.Tx, in *Incident, a *Alert) error {
	first := in.Gateway == a.Gateway && in.Alert == a.ID
	if first {
		in.portray(a)
	}
	if in.AlertCount <= 1 && first {
		in.Condition, in.RecoveredAt, in.Severity = a.Condition, a.RecoveredAt, min(in.Severity, a.Severity) // people may have called it worse
		in.told()
		return nil
	}
	return in.total(ctx, tx)
}

// portray gives an incident the face of its first-out alert.
func (in *Incident) portray(a *Alert) {
	watch := in.Detail.Watch
	in.Title, in.Message, in.Detail = a.Title, a.Message, a.detail
	in.Detail.Watch, in.Value = watch, valueOf(a.detail)
}

// total reads what the alerts of an incident are together.
func (in *Incident) total(ctx context.Context, tx *sql.Tx) error {
	var active, devices int
	var recovered int64
	var title Text
	var worst string
	err := tx.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(active), 0), count(DISTINCT gateway || ' ' || device), coalesce(max(recovered_at), 0), coalesce(min(severity), 'C'),
		coalesce(min(CASE WHEN active = 1 THEN severity_now END), min(severity_now), 'C'), coalesce(min(shelved), 0), coalesce(max(told), 0),
		coalesce(max(CASE WHEN gateway = ? AND alert = ? THEN title_zh END), ''), coalesce(max(CASE WHEN gateway = ? AND alert = ? THEN title_en END), '')
		FROM incident_alerts WHERE incident = ?`, in.Gateway, in.Alert, in.Gateway, in.Alert, in.ID).Scan(&in.AlertCount, &active, &devices, &recovered, &worst,
		&in.Detail.Severity, &in.Detail.Shelved, &in.Detail.Told, &title.ZH, &title.EN)
	if err != nil {
		return fmt.Errorf("read alerts of incident %s: %w", in.ID, err)
	}
	in.Condition, in.RecoveredAt, in.Severity = Recovered, recovered, min(in.Severity, worst)
	if active > 0 {
		in.Condition, in.RecoveredAt = Active, 0
	}
	more := others(in.AlertCount, devices)
	in.Title = Text{title.ZH + more.ZH, title.EN + more.EN}
	in.told()
	return nil
}

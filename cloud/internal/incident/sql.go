package incident

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

const columns = `i.id, i.gateway, i.alert, i.site, i.device, i.rule, i.severity, i.title_zh, i.title_en, i.message_zh, i.message_en, i.detail,
	i.shadow, i.active, i.handling, i.since, i.opened_at, i.deadline, i.recovered_at, i.taken_by, i.taken_at, i.closed_by, i.closed_at,
	i.outcome, i.previous, i.late, i.overdue, i.graded, i.step, i.step_at, i.step_due, i.step_late, i.finished_by, i.finished_at, i.source, i.category, i.node, i.whistle,
	i.assignee_kind, i.assignee, i.assignee_name, i.urged, i.reworked, i.disputed, i.suspended_at, i.suspended_until, i.reporter, i.rating,
	i.alerts, i.cause, i.cause_key, i.cause_zh, i.cause_en, i.merged_into, i.unsaid_since, i.say_at,
	CASE WHEN i.suspended_at > 0 THEN coalesce((SELECT p.who FROM incident_steps p WHERE p.incident = i.id AND p.deed = 'suspend' ORDER BY p.n DESC LIMIT 1), '') ELSE '' END,
	coalesce(s.name, CASE WHEN i.site = '' THEN (SELECT n.name FROM nodes n WHERE n.id = i.node) END, i.site), CASE WHEN d.id IS NULL AND i.device = 'site' THEN '' ELSE coalesce(d.name, i.device) END,
	coalesce(d.place, (SELECT z.place FROM devices z WHERE z.gateway = i.gateway AND z.zone = i.device AND z.zone <> '' AND z.place <> ''
		ORDER BY z.position, z.id LIMIT 1), '')` // what an alert is about may be no device but a zone, or the whole site

const tables = ` FROM incidents i LEFT JOIN sites s ON s.id = i.site LEFT JOIN devices d ON d.gateway = i.gateway AND d.id = i.device `

type scanner interface{ Scan(dest ...any) error }

func scan(row scanner) (Incident, error) {
	var in Incident
	var active bool
	var detail string
	var to Assignee
	var cause Cause
	err := row.Scan(&in.ID, &in.Gateway, &in.Alert, &in.Site, &in.Device, &in.Rule, &in.Severity, &in.Title.ZH, &in.Title.EN,
		&in.Message.ZH, &in.Message.EN, &detail, &in.Shadow, &active, &in.Handling, &in.Since, &in.OpenedAt, &in.Deadline, &in.RecoveredAt,
		&in.TakenBy, &in.TakenAt, &in.ClosedBy, &in.ClosedAt, &in.Outcome, &in.Previous, &in.Late, &in.Overdue, &in.Graded,
		&in.Step, &in.StepAt, &in.StepDue, &in.StepLate, &in.FinishedBy, &in.FinishedAt, &in.Source, &in.Category, &in.Node, &in.Whistle, &to.Kind, &to.ID, &to.Name,
		&in.Urged, &in.Reworked, &in.Disputed, &in.SuspendedAt, &in.SuspendedUntil, &in.Reporter, &in.Rating,
		&in.AlertCount, &cause.Kind, &cause.Key, &cause.Text.ZH, &cause.Text.EN, &in.MergedInto, &in.unsaid, &in.sayAt, &in.SuspendedBy, &in.SiteName, &in.DeviceName, &in.Place)
	if errors.Is(err, sql.ErrNoRows) {
		return in, ErrUnknown
	}
	if err != nil {
		return in, fmt.Errorf("read incident: %w", err)
	}
	if to.Kind != "" {
		in.Assignee = &to
	}
	in.Condition = Recovered
	switch {
	case active:
		in.Condition = Active
	case in.Source != FromSensor:
		in.Condition = NoCondition
	}
	if cause.Kind != "" {
		in.Cause = &cause
	}
	if err := json.Unmarshal([]byte(detail), &in.Detail); err != nil {
		return in, fmt.Errorf("read detail of incident %s: %w", in.ID, err)
	}
	in.Value = valueOf(in.Detail)
	if in.Detail.Place != "" {
		in.Place = in.Detail.Place
	}
	in.told()
	in.timed = in.limitEnds()
	return in, nil
}

// told takes over from the detail what an incident shows of its last event.
func (in *Incident) told() {
	in.Shelved, in.Window, in.Rung, in.SeverityNow = in.Detail.Shelved, in.Detail.Window, in.Detail.Rung, ""
	if in.Snooze = nil; in.Shelved {
		in.Snooze = in.Detail.Snooze
	}
	if s := in.Detail.Severity; s != in.Severity {
		in.SeverityNow = s
	}
}

// valueOf picks the value that the rule's limit is on.
func valueOf(d Detail) *Value {
	for _, e := range d.Evidence {
		if e.Value == nil || (d.Limit != nil && e.Name != d.Limit.Point) || (d.Limit == nil && strings.Contains(e.Name, ".")) {
			continue
		}
		if d.Limit == nil && e.Unit == "" && states(e.Name, *e.Value) == (Text{}) {
			continue // a bare number behind a title tells nobody anything
		}
		v := Value{Point: e.Name, Unit: e.Unit, Value: *e.Value}
		if l := d.Limit; l != nil {
			v.Limit, v.Above = &l.Value, &l.Above
		}
		return &v
	}
	return nil
}

// Get reads one incident.
func Get(ctx context.Context, q db.Querier, id string) (Incident, error) {
	return scan(q.QueryRowContext(ctx, `SELECT `+columns+tables+`WHERE i.id = ?`, id))
}

// Counts is how many incidents stand at each handling.
type Counts struct {
	Open     int `json:"open"`
	Handling int `json:"handling"`
	Closed   int `json:"closed"`
}

// Count counts the incidents of a part of the street, those that were dispatched there with them, as its list holds them.
func Count(ctx context.Context, q db.Querier, part tree.Scope) (Counts, error) {
	var c Counts
	w := Page{In: part}.where()
	err := q.QueryRowContext(ctx, `SELECT coalesce(sum(CASE WHEN handling = 'open' THEN 1 ELSE 0 END), 0),
		coalesce(sum(CASE WHEN handling = 'handling' THEN 1 ELSE 0 END), 0), coalesce(sum(CASE WHEN handling = 'closed' THEN 1 ELSE 0 END), 0)
		FROM incidents i WHERE `+strings.Join(w.parts, " AND "), w.args...).Scan(&c.Open, &c.Handling, &c.Closed)
	if err != nil {
		return c, fmt.Errorf("count incidents: %w", err)
	}
	return c, nil
}

// OpenOf counts by site of a part of the street the incidents that are not closed and not of a rule that only watches; of the
// sites that are named, or of all.
func OpenOf(ctx context.Context, q db.Querier, part tree.Scope, sites ...string) (map[string]org.Open, error) {
	in, args := part.Sites("site")
	if len(sites) > 0 {
		in += ` AND site IN (?` + strings.Repeat(", ?", len(sites)-1) + `)`
		for _, site := range sites {
			args = append(args, site)
		}
	}
	rows, err := q.QueryContext(ctx, `SELECT site, severity, count(*) FROM incidents WHERE handling IN ('open', 'handling') AND shadow = 0 AND `+in+` GROUP BY site, severity`, args...)
	if err != nil {
		return nil, fmt.Errorf("count open incidents: %w", err)
	}
	defer rows.Close()
	out := map[string]org.Open{}
	for rows.Next() {
		var site, severity string
		var n int
		if err := rows.Scan(&site, &severity, &n); err != nil {
			return nil, fmt.Errorf("count open incidents: %w", err)
		}
		o := out[site]
		switch severity {
		case "A":
			o.A = n
		case "B":
			o.B = n
		default:
			o.C += n
		}
		out[site] = o
	}
	return out, rows.Err()
}

// Timeline answers what happened, oldest first.
func Timeline(ctx context.Context, q db.Querier, id string) ([]Entry, error) {
	rows, err := q.QueryContext(ctx, `SELECT at, kind, zh, en, who FROM timeline WHERE incident = ? ORDER BY at, id`, id)
	if err != nil {
		return nil, fmt.Errorf("read timeline of %s: %w", id, err)
	}
	defer rows.Close()
	out := []Entry{}
	for rows.Next() {
		var e Entry
		if err := rows.Scan(&e.At, &e.Kind, &e.Text.ZH, &e.Text.EN, &e.By); err != nil {
			return nil, fmt.Errorf("read timeline of %s: %w", id, err)
		}
		out = append(out, e)
	}
	return out, rows.Err()
}

func addEntry(ctx context.Context, tx *sql.Tx, incident string, e Entry) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO timeline (incident, at, kind, zh, en, who) VALUES (?, ?, ?, ?, ?, ?)`,
		incident, e.At, e.Kind, e.Text.ZH, e.Text.EN, e.By)
	if err != nil {
		return fmt.Errorf("add to timeline of %s: %w", incident, err)
	}
	return nil
}

// insert makes the row; what an event tells of it, save writes.
func insert(ctx context.Context, tx *sql.Tx, in Incident) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO incidents (id, gateway, alert, site, device, rule, severity, title_zh, title_en, message_zh,
		message_en, detail, shadow, active, handling, since, opened_at, graded, deadline, previous, late,
		step, step_at, step_due, source, category, node, reporter, alerts)
		VALUES (?, ?, ?, ?, ?, ?, ?, '', '', '', '', '{}', ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		in.ID, in.Gateway, in.Alert, in.Site, in.Device, in.Rule, in.Severity, in.Shadow, in.Handling, in.Since, in.OpenedAt, in.Graded, in.Deadline, in.Previous, in.Late,
		in.Step, in.StepAt, in.StepDue, in.Source, in.Category, in.Node, in.Reporter, in.AlertCount); err != nil {
		return fmt.Errorf("insert incident %s: %w", in.ID, err)
	}
	if err := noteChange(ctx, tx, in.ID); err != nil {
		return err
	}
	return in.setTimer(ctx, tx)
}

// save writes all that an event or a person can change. With it, it is judged anew whether the handling is behind.
func save(ctx context.Context, tx *sql.Tx, in Incident) error {
	detail, err := json.Marshal(in.Detail)
	if err != nil {
		return fmt.Errorf("encode detail of incident %s: %w", in.ID, err)
	}
	var to Assignee
	if in.Assignee != nil {
		to = *in.Assignee
	}
	var cause Cause
	if in.Cause != nil {
		cause = *in.Cause
	}
	if _, err := tx.ExecContext(ctx, `UPDATE incidents SET severity = ?, title_zh = ?, title_en = ?, message_zh = ?, message_en = ?, detail = ?,
		active = ?, handling = ?, deadline = ?, recovered_at = ?, taken_by = ?, taken_at = ?, closed_by = ?, closed_at = ?, outcome = ?, graded = ?, judge_at = 0,
		step = ?, step_at = ?, step_due = ?, step_late = ?, finished_by = ?, finished_at = ?, category = ?, whistle = ?, assignee_kind = ?, assignee = ?,
		assignee_name = ?, urged = ?, reworked = ?, disputed = ?, suspended_at = ?, suspended_until = ?, rating = ?,
		alerts = ?, cause = ?, cause_key = ?, cause_zh = ?, cause_en = ?, merged_into = ?, unsaid_since = ?, say_at = ?, quiet = ? WHERE id = ?`,
		in.Severity, in.Title.ZH, in.Title.EN, in.Message.ZH, in.Message.EN, string(detail), in.Condition == Active, in.Handling, in.Deadline,
		in.RecoveredAt, in.TakenBy, in.TakenAt, in.ClosedBy, in.ClosedAt, in.Outcome, in.Graded,
		in.Step, in.StepAt, in.StepDue, in.StepLate, in.FinishedBy, in.FinishedAt, in.Category, in.Whistle, to.Kind, to.ID, to.Name,
		in.Urged, in.Reworked, in.Disputed, in.SuspendedAt, in.SuspendedUntil, in.Rating,
		in.AlertCount, cause.Kind, cause.Key, cause.Text.ZH, cause.Text.EN, in.MergedInto, in.unsaid, in.sayAt, in.quiet(), in.ID); err != nil {
		return fmt.Errorf("save incident %s: %w", in.ID, err)
	}
	if err := noteChange(ctx, tx, in.ID); err != nil {
		return err
	}
	return in.setTimer(ctx, tx)
}

// quiet says that it came in a window or a snooze, and nobody was told of it yet.
func (in *Incident) quiet() bool {
	return (in.Window || in.Snooze != nil) && in.Shelved && !in.Detail.Told
}

// number gives the next number of a day: GJ-20261122-0001.
func number(ctx context.Context, tx *sql.Tx, day time.Time) (string, error) {
	prefix := "GJ-" + day.Format("20060102")
	var n int
	if err := tx.QueryRowContext(ctx, `INSERT INTO counters (name, value) VALUES (?, 1)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value`, prefix).Scan(&n); err != nil {
		return "", fmt.Errorf("count incidents of the day: %w", err)
	}
	return fmt.Sprintf("%s-%04d", prefix, n), nil
}

// before finds the newest incident with an alert of the same rule and subject within a day.
func before(ctx context.Context, q db.Querier, a *Alert) (string, error) {
	var id string
	err := q.QueryRowContext(ctx, `SELECT incident FROM incident_alerts WHERE gateway = ? AND device = ? AND rule = ? AND at >= ?
		ORDER BY at DESC, came DESC, incident DESC LIMIT 1`, a.Gateway, a.Device, a.Rule, a.at-linked.Milliseconds()).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("find incident before: %w", err)
	}
	return id, nil
}

// PreviousOf answers what a link to an earlier incident shows; nil without one.
func PreviousOf(ctx context.Context, q db.Querier, in Incident) (*Previous, error) {
	if in.Previous == "" {
		return nil, nil
	}
	p := Previous{ID: in.Previous}
	err := q.QueryRowContext(ctx, `SELECT closed_at, outcome FROM incidents WHERE id = ?`, in.Previous).Scan(&p.ClosedAt, &p.Outcome)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("read incident before: %w", err)
	}
	return &p, nil
}

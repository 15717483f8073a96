package incident

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/rules"
)

// An Alert is one of the alerts of an incident. Times are Unix ms.
type Alert struct {
	ID          string `json:"id"`
	Gateway     string `json:"gateway"`
	Device      string `json:"device"`
	DeviceName  string `json:"deviceName"`
	Place       string `json:"place"`
	Zone        string `json:"zone,omitempty"`
	Rule        string `json:"rule"`
	Severity    string `json:"severity" enum:"A,B,C" doc:"the worst that it has been"`
	SeverityNow string `json:"severityNow" enum:"A,B,C"`
	Title       Text   `json:"title"`
	Message     Text   `json:"message"`
	Condition   string `json:"condition" enum:"active,recovered"`
	Since       int64  `json:"since"`
	RecoveredAt int64  `json:"recoveredAt,omitempty"`
	FirstOut    bool   `json:"firstOut,omitempty" doc:"it came first: the incident has its name and its device"`
	Joined      string `json:"joined,omitempty" enum:"bus,gateway,zone,flood,device,hand" doc:"by which cause it came into the incident; absent: it opened it"`
	Chattering  bool   `json:"chattering,omitempty" doc:"the third within a minute, or a later one"`
	Fleeting    bool   `json:"fleeting,omitempty" doc:"it was over within a minute"`
	Latched     bool   `json:"latched,omitempty" doc:"it ends only when a person resets it on site, whatever the readings say"`

	incident, site, channel, danger string
	shelved, told, counts           bool
	at, came                        int64
	burst                           int
	detail                          Detail
}

// Alerts that come so often are chatter, and what is over so soon is fleeting (ISA-18.2).
const (
	chatter      = 3
	chatterIn    = 60_000 // ms
	fleetingIn   = 60_000
	alertColumns = `a.gateway, a.alert, a.incident, a.site, a.device, a.rule, a.zone, a.channel, a.danger, a.joined, a.severity, a.severity_now, a.active, a.shelved,
	a.told, a.counts, a.since, a.at, a.came, a.recovered_at, a.burst, a.title_zh, a.title_en, a.message_zh, a.message_en, a.detail`
)

func scanAlert(row scanner, more ...any) (Alert, error) {
	var a Alert
	var active bool
	var detail string
	err := row.Scan(append([]any{&a.Gateway, &a.ID, &a.incident, &a.site, &a.Device, &a.Rule, &a.Zone, &a.channel, &a.danger, &a.Joined, &a.Severity, &a.SeverityNow,
		&active, &a.shelved, &a.told, &a.counts, &a.Since, &a.at, &a.came, &a.RecoveredAt, &a.burst, &a.Title.ZH, &a.Title.EN, &a.Message.ZH, &a.Message.EN, &detail}, more...)...)
	if errors.Is(err, sql.ErrNoRows) {
		return a, ErrUnknown
	}
	if err != nil {
		return a, fmt.Errorf("read alert: %w", err)
	}
	a.Condition = Recovered
	if active {
		a.Condition = Active
	}
	if err := json.Unmarshal([]byte(detail), &a.detail); err != nil {
		return a, fmt.Errorf("read detail of alert %s: %w", a.ID, err)
	}
	a.Latched = a.detail.Latched
	a.Chattering, a.Fleeting = a.burst >= chatter, a.RecoveredAt > 0 && a.RecoveredAt-a.Since < fleetingIn
	return a, nil
}

// alertOf reads one alert; ErrUnknown when it never came.
func alertOf(ctx context.Context, q db.Querier, gateway, alert string) (Alert, error) {
	return scanAlert(q.QueryRowContext(ctx, `SELECT `+alertColumns+` FROM incident_alerts a WHERE a.gateway = ? AND a.alert = ?`, gateway, alert))
}

// AlertsOf lists the alerts of an incident, the first-out first, then as they came.
func AlertsOf(ctx context.Context, q db.Querier, in Incident) ([]Alert, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+alertColumns+`, CASE WHEN d.id IS NULL AND a.device = 'site' THEN '' ELSE coalesce(d.name, a.device) END, coalesce(d.place, '')
		FROM incident_alerts a LEFT JOIN devices d ON d.gateway = a.gateway AND d.id = a.device
		WHERE a.incident = ? ORDER BY CASE WHEN a.gateway = ? AND a.alert = ? THEN 0 ELSE 1 END, a.at, a.gateway, a.alert`, in.ID, in.Gateway, in.Alert)
	if err != nil {
		return nil, fmt.Errorf("list alerts of %s: %w", in.ID, err)
	}
	defer rows.Close()
	out := []Alert{}
	for rows.Next() {
		var name, place string
		a, err := scanAlert(rows, &name, &place)
		if err != nil {
			return nil, err
		}
		a.DeviceName, a.Place, a.FirstOut = name, place, a.Gateway == in.Gateway && a.ID == in.Alert
		out = append(out, a)
	}
	return out, rows.Err()
}

// saveAlert writes an alert, whether it is there or not.
func saveAlert(ctx context.Context, tx *sql.Tx, a Alert) error {
	detail, err := json.Marshal(a.detail)
	if err != nil {
		return fmt.Errorf("encode detail of alert %s: %w", a.ID, err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO incident_alerts (gateway, alert, incident, site, device, rule, zone, channel, danger, joined, severity, severity_now,
		active, shelved, told, counts, since, at, came, recovered_at, burst, title_zh, title_en, message_zh, message_en, detail)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (gateway, alert) DO UPDATE SET incident = excluded.incident, joined = excluded.joined, severity = excluded.severity,
		severity_now = excluded.severity_now, active = excluded.active, shelved = excluded.shelved, told = excluded.told, recovered_at = excluded.recovered_at,
		title_zh = excluded.title_zh, title_en = excluded.title_en, message_zh = excluded.message_zh, message_en = excluded.message_en, detail = excluded.detail`,
		a.Gateway, a.ID, a.incident, a.site, a.Device, a.Rule, a.Zone, a.channel, a.danger, a.Joined, a.Severity, a.SeverityNow, a.Condition == Active, a.shelved,
		a.told, a.counts, a.Since, a.at, a.came, a.RecoveredAt, a.burst, a.Title.ZH, a.Title.EN, a.Message.ZH, a.Message.EN, string(detail)); err != nil {
		return fmt.Errorf("save alert %s of %s: %w", a.ID, a.Gateway, err)
	}
	return nil
}

// follow takes over what an event says of the alert, and answers it as it was before.
func (a *Alert) follow(e rules.AlertEvent, fresh bool) (before Alert) {
	before = *a
	if e.State == rules.Firing || fresh { // a resolution says how it ended, not what it was
		a.describe(e)
	}
	switch {
	case e.State == rules.Firing:
		a.Condition, a.RecoveredAt = Active, 0
	case fresh || a.Condition == Active:
		a.Condition, a.RecoveredAt = Recovered, e.At.UnixMilli()
	}
	return before
}

func (a *Alert) describe(e rules.AlertEvent) {
	a.Title, a.Message, a.SeverityNow, a.shelved = text(e.Title), text(e.Message), string(e.Severity), e.Shelved
	a.told = a.told || !e.Shelved
	if a.Severity == "" || a.SeverityNow < a.Severity { // A is worst
		a.Severity = a.SeverityNow
	}
	window, snooze := a.detail.Window, a.detail.Snooze
	a.detail = detailOf(e)
	a.detail.Window, a.detail.Snooze = window, snooze
	a.detail.Told = a.told
}

package org

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/drivers/device"
)

// mostPast bounds each list of a past.
const mostPast = 500

// A DevicePast is what a device did over a time. Times are Unix ms.
type DevicePast struct {
	From        int64         `json:"from"`
	To          int64         `json:"to"`
	States      []DeviceSpan  `json:"states" doc:"when it answered its gateway and when not, oldest first; before the first nothing is known"`
	Alerts      []DeviceAlert `json:"alerts" doc:"newest first"`
	Limit       *DeviceLimit  `json:"limit,omitempty" doc:"that of its newest alert that was about a limit"`
	Calibrated  string        `json:"calibrated,omitempty" doc:"day of its last calibration"`
	Due         string        `json:"calibrationDue,omitempty"`
	Calibration string        `json:"calibrationNote,omitempty"`
}

// A DeviceSpan is a time in which a device answered, or did not.
type DeviceSpan struct {
	From   int64  `json:"from"`
	To     int64  `json:"to"`
	Online bool   `json:"online"`
	Reason string `json:"reason,omitempty" doc:"why it did not"`
}

// A DeviceAlert is an alert of a device.
type DeviceAlert struct {
	Incident string `json:"incident"`
	Rule     string `json:"rule"`
	Severity string `json:"severity" enum:"A,B,C"`
	Since    int64  `json:"since"`
	End      int64  `json:"end,omitempty" doc:"absent: it still is"`
	Title    struct {
		ZH string `json:"zh"`
		EN string `json:"en"`
	} `json:"title"`
}

// A DeviceLimit is the limit that an alert was about.
type DeviceLimit struct {
	Rule  string  `json:"rule"`
	Point string  `json:"point"`
	Unit  string  `json:"unit"`
	Value float64 `json:"value"`
	Above bool    `json:"above" doc:"it is dangerous above, else below"`
}

// PastOf answers what a device did between two times.
func PastOf(ctx context.Context, q db.Querier, gateway, id string, from, to int64) (DevicePast, error) {
	p := DevicePast{From: from, To: to, States: []DeviceSpan{}, Alerts: []DeviceAlert{}}
	for _, read := range []func(context.Context, db.Querier, string, string) error{p.readStates, p.readAlerts, p.readCalibration} {
		if err := read(ctx, q, gateway, id); err != nil {
			return p, fmt.Errorf("read past of %s/%s: %w", gateway, id, err)
		}
	}
	return p, nil
}

func (p *DevicePast) readStates(ctx context.Context, q db.Querier, gateway, id string) error {
	rows, err := q.QueryContext(ctx, `SELECT at_ms, online, reason FROM device_states WHERE gateway = ? AND device = ? AND at_ms < ? AND at_ms >=
		coalesce((SELECT max(b.at_ms) FROM device_states b WHERE b.gateway = ? AND b.device = ? AND b.at_ms <= ?), 0) ORDER BY at_ms DESC LIMIT ?`,
		gateway, id, p.To, gateway, id, p.From, mostPast)
	if err != nil {
		return err
	}
	defer rows.Close()
	end := p.To
	var back []DeviceSpan
	for rows.Next() {
		var at int64
		var reason uint8
		s := DeviceSpan{To: end}
		if err := rows.Scan(&at, &s.Online, &reason); err != nil {
			return err
		}
		s.From, end = max(at, p.From), at
		if !s.Online {
			s.Reason = device.Reason(reason).String()
		}
		back = append(back, s)
	}
	for i := len(back) - 1; i >= 0; i-- {
		p.States = append(p.States, back[i])
	}
	return rows.Err()
}

func (p *DevicePast) readAlerts(ctx context.Context, q db.Querier, gateway, id string) error {
	rows, err := q.QueryContext(ctx, `SELECT incident, rule, severity, since, CASE WHEN active = 1 THEN 0 ELSE recovered_at END, title_zh, title_en, detail FROM incident_alerts
		WHERE gateway = ? AND device = ? AND since < ? AND (active = 1 OR recovered_at >= ?) ORDER BY since DESC LIMIT ?`, gateway, id, p.To, p.From, mostPast)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var a DeviceAlert
		var detail string
		if err := rows.Scan(&a.Incident, &a.Rule, &a.Severity, &a.Since, &a.End, &a.Title.ZH, &a.Title.EN, &detail); err != nil {
			return err
		}
		p.Alerts = append(p.Alerts, a)
		var of struct {
			Limit *DeviceLimit `json:"limit"`
		}
		if p.Limit == nil && json.Unmarshal([]byte(detail), &of) == nil && of.Limit != nil {
			p.Limit = of.Limit
			p.Limit.Rule = a.Rule
		}
	}
	return rows.Err()
}

func (p *DevicePast) readCalibration(ctx context.Context, q db.Querier, gateway, id string) error {
	err := q.QueryRowContext(ctx, `SELECT done_on, due_on, note FROM calibrations WHERE gateway = ? AND device = ?`, gateway, id).Scan(&p.Calibrated, &p.Due, &p.Calibration)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

package incident

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/rules"
)

// An AlertID names an alert of an incident.
type AlertID struct {
	Gateway string `json:"gateway" maxLength:"80"`
	Alert   string `json:"alert" maxLength:"300"`
}

// A regrouping is people's change of which alerts are one incident.
type regrouping struct {
	now    time.Time
	who    Person
	reason string
}

// Split takes alerts out of an incident into a new one, which begins at the first step and whose number it answers. The
// machine puts nothing of the same devices and dangers back. What is not possible is a *Refusal.
func (s *Service) Split(ctx context.Context, id string, alerts []AlertID, who Person, reason string) (split string, err error) {
	err = s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		g := regrouping{s.cfg.Now(), who, strings.TrimSpace(reason)}
		in, err := g.open(ctx, tx, id)
		if err != nil {
			return err
		}
		all, err := AlertsOf(ctx, tx, in)
		if err != nil {
			return err
		}
		taken, err := pick(all, alerts)
		if err != nil {
			return err
		}
		split, err = s.split(ctx, tx, in, taken, g)
		return err
	})
	return split, err
}

// pick answers those alerts that are named: some, but not all.
func pick(all []Alert, named []AlertID) ([]Alert, error) {
	var taken []Alert
	for _, a := range all {
		if slices.Contains(named, AlertID{a.Gateway, a.ID}) {
			taken = append(taken, a)
		}
	}
	switch {
	case len(taken) == 0 || len(taken) < len(named):
		return nil, &Refusal{Text{"要拆出的告警不在这个事件里", "an alert to take out is not in this incident"}}
	case len(taken) == len(all):
		return nil, &Refusal{Text{"不能拆出全部告警：至少留下一条", "not all alerts can be taken out: one must stay"}}
	}
	return taken, nil
}

func (s *Service) split(ctx context.Context, tx *sql.Tx, in Incident, taken []Alert, g regrouping) (string, error) {
	if err := s.release(ctx, tx, &in, taken); err != nil {
		return "", err
	}
	first := taken[0]
	out := Incident{Gateway: first.Gateway, Alert: first.ID, Site: in.Site, Device: first.Device, Rule: first.Rule, Severity: first.Severity, Shadow: in.Shadow,
		Condition: Recovered, Handling: Open, Since: first.Since, OpenedAt: g.now.UnixMilli(), Graded: g.now.UnixMilli(), Previous: in.ID, AlertCount: len(taken),
		Progress: Progress{Step: Reported, StepAt: g.now.UnixMilli(), Source: FromSensor, Category: in.Category, Whistle: 1}}
	out, err := s.found(ctx, tx, out)
	if err != nil {
		return "", err
	}
	if out.portray(&first); len(taken) > 1 {
		out.Cause = &Cause{CauseHand, in.ID, key{kind: CauseHand}.text()}
	}
	for i := range taken {
		if err := s.part(ctx, tx, &in, &out, &taken[i]); err != nil {
			return "", err
		}
	}
	if err := out.total(ctx, tx); err != nil {
		return "", err
	}
	if err := s.takeLimit(ctx, tx, &out, g.now.UnixMilli()); err != nil {
		return "", err
	}
	if err := save(ctx, tx, out); err != nil {
		return "", err
	}
	if err := g.note(ctx, tx, "split", out, in); err != nil {
		return "", err
	}
	return out.ID, s.tell(ctx, tx, out, KindOpened)
}

// part moves one alert from an incident to another that was split from it.
func (s *Service) part(ctx context.Context, tx *sql.Tx, from, to *Incident, a *Alert) error {
	a.incident, a.Joined = to.ID, ""
	if to.Alert != a.ID || to.Gateway != a.Gateway {
		a.Joined = CauseHand
	}
	if err := saveAlert(ctx, tx, *a); err != nil {
		return err
	}
	if err := addEntry(ctx, tx, to.ID, Entry{a.Since, "fired", a.fired(), ""}); err != nil {
		return err
	}
	device := key{kind: CauseDevice, of: []string{a.Gateway, a.Device, a.danger}}
	if _, err := tx.ExecContext(ctx, `UPDATE incident_keys SET incident = ? WHERE key = ? AND incident = ?`, to.ID, device.String(), from.ID); err != nil {
		return fmt.Errorf("split incident %s: %w", from.ID, err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO incident_apart (incident, gateway, device, danger) VALUES (?, ?, ?, ?) ON CONFLICT (incident, gateway, device, danger) DO NOTHING`,
		from.ID, a.Gateway, a.Device, a.danger); err != nil {
		return fmt.Errorf("split incident %s: %w", from.ID, err)
	}
	return nil
}

// Merge puts all alerts of an incident into another one, where the work on them goes on. What is not possible is a *Refusal:
// other sites, other dangers, closed incidents.
func (s *Service) Merge(ctx context.Context, id, into string, who Person, reason string) error {
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		g := regrouping{s.cfg.Now(), who, strings.TrimSpace(reason)}
		from, err := g.open(ctx, tx, id)
		if err != nil {
			return err
		}
		to, err := g.open(ctx, tx, into)
		if err != nil {
			return err
		}
		if err := s.alike(ctx, tx, from, to); err != nil {
			return err
		}
		return s.merge(ctx, tx, from, to, g)
	})
}

// alike refuses to merge what is not one thing.
func (s *Service) alike(ctx context.Context, tx *sql.Tx, from, to Incident) error {
	switch {
	case from.ID == to.ID:
		return &Refusal{Text{"不能并入自己", "an incident cannot be merged into itself"}}
	case from.Site != to.Site:
		return &Refusal{Text{"不同小区的事件不能合并", "incidents of two sites are not merged"}}
	case from.Shadow != to.Shadow:
		return &Refusal{Text{"试运行规则的事件不能与正式事件合并", "an incident of a rule on trial is not merged with others"}}
	}
	groups := map[string]bool{}
	for _, in := range []Incident{from, to} {
		list, err := AlertsOf(ctx, tx, in)
		if err != nil {
			return err
		}
		for _, a := range list {
			if a.danger == "" { // of before there were dangers
				a.danger = s.cfg.Merging.ofRule(a.Rule)
			}
			groups[group(a.danger)] = true
		}
	}
	if len(groups) > 1 || from.Category != to.Category {
		return &Refusal{Text{"不同的危险、危险与设备故障不能合并", "different dangers, or a danger and a device fault, are not merged"}}
	}
	return nil
}

func (s *Service) merge(ctx context.Context, tx *sql.Tx, from, to Incident, g regrouping) error {
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{`DELETE FROM incident_apart WHERE incident = ? AND EXISTS (SELECT 1 FROM incident_alerts a WHERE a.incident = ? AND a.gateway = incident_apart.gateway
			AND a.device = incident_apart.device AND a.danger = incident_apart.danger)`, []any{to.ID, from.ID}},
		{`UPDATE incident_alerts SET incident = ?, joined = CASE WHEN joined = '' THEN 'hand' ELSE joined END WHERE incident = ?`, []any{to.ID, from.ID}},
		{`UPDATE incident_keys SET incident = ? WHERE incident = ?`, []any{to.ID, from.ID}},
		{`UPDATE timeline SET incident = ? WHERE incident = ? AND kind = 'action'`, []any{to.ID, from.ID}},
	} {
		if _, err := tx.ExecContext(ctx, step.sql, step.args...); err != nil {
			return fmt.Errorf("merge incident %s into %s: %w", from.ID, to.ID, err)
		}
	}
	if err := from.follow(ctx, tx); err != nil {
		return err
	}
	now := g.now.UnixMilli()
	from.AlertCount, from.Condition, from.MergedInto, from.unsaid, from.sayAt = 0, Recovered, to.ID, 0, 0
	from.Handling, from.ClosedBy, from.ClosedAt, from.Step, from.StepAt, from.StepDue, from.Deadline = Closed, g.who.Name, now, Archived, now, 0, 0
	from.StepLate, from.SuspendedAt, from.SuspendedUntil, from.Disputed = false, 0, 0, false
	if err := save(ctx, tx, from); err != nil {
		return err
	}
	worst := to.Severity
	to.widen(key{kind: CauseHand})
	if err := to.total(ctx, tx); err != nil {
		return err
	}
	kind := ""
	if to.Severity = min(to.Severity, from.Severity); to.Severity < worst {
		kind, to.Graded = KindSeverity, now
		if err := s.worse(ctx, tx, &to, now); err != nil {
			return err
		}
	}
	if err := save(ctx, tx, to); err != nil {
		return err
	}
	if err := g.note(ctx, tx, "merge", from, to); err != nil {
		return err
	}
	if err := s.tell(ctx, tx, from, KindClosed); err != nil || kind == "" {
		return err
	}
	return s.tell(ctx, tx, to, kind)
}

// open reads an incident that may still be changed.
func (g regrouping) open(ctx context.Context, tx *sql.Tx, id string) (Incident, error) {
	in, err := Get(ctx, tx, id)
	if err == nil && in.MergedInto != "" {
		return in, &Refusal{Text{id + " 已并入 " + in.MergedInto, id + " was merged into " + in.MergedInto}}
	}
	if err == nil && in.Handling == Closed {
		return in, &Refusal{Text{id + " 已办结，不能合并或拆分", id + " is closed: it is neither split nor merged"}}
	}
	return in, err
}

// note writes what was done to one incident (moved) beside another into both timelines and the audit log.
func (g regrouping) note(ctx context.Context, tx *sql.Tx, act string, moved, other Incident) error {
	here, there := Text{"从 " + other.ID + " 拆出", "Split from " + other.ID}, Text{"拆出 " + moved.ID, "Split off: " + moved.ID}
	if act == "merge" {
		here, there = Text{"并入 " + other.ID, "Merged into " + other.ID}, Text{moved.ID + " 并入", moved.ID + " was merged into it"}
	}
	for id, t := range map[string]Text{moved.ID: here, other.ID: there} {
		if g.reason != "" {
			t.ZH, t.EN = t.ZH+"："+g.reason, t.EN+": "+g.reason
		}
		if err := addEntry(ctx, tx, id, Entry{g.now.UnixMilli(), "note", t, g.who.Name}); err != nil {
			return err
		}
	}
	return audit.Add(ctx, tx, audit.Entry{Act: "incident." + act, Kind: "incident", About: moved.ID, Site: moved.Site, Node: moved.Node, At: g.now,
		Text: rules.Text(here), Detail: map[string]string{"other": other.ID, "reason": g.reason}})
}

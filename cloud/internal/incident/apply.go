package incident

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/rules"
)

// Apply takes over an alert event of a gateway. The caller makes sure that each event comes once. It answers the id of
// the incident that changed; empty when none did: a pending alert is nobody's work yet.
func (s *Service) Apply(ctx context.Context, tx *sql.Tx, gateway string, e rules.AlertEvent) (string, error) {
	return s.apply(ctx, tx, gateway, e, false)
}

// ApplyLate is Apply of an event that was held back: its gateway was cut off. What has come of the alert since then stands.
func (s *Service) ApplyLate(ctx context.Context, tx *sql.Tx, gateway string, e rules.AlertEvent) (string, error) {
	return s.apply(ctx, tx, gateway, e, true)
}

func (s *Service) apply(ctx context.Context, tx *sql.Tx, gateway string, e rules.AlertEvent, late bool) (string, error) {
	if e.State != rules.Firing && e.State != rules.Resolved {
		return "", nil
	}
	in, err := byAlert(ctx, tx, gateway, e.Alert)
	fresh := errors.Is(err, ErrUnknown)
	if fresh {
		in, err = s.create(ctx, tx, gateway, e, late)
	}
	if err != nil {
		return "", err
	}
	if late && !fresh && e.At.UnixMilli() < in.RecoveredAt { // it is told after its own end
		return in.ID, addEntry(ctx, tx, in.ID, Entry{e.At.UnixMilli(), "note", Text{"补传的报警记录", "A record of the alert that came late"}, ""})
	}
	kind, err := s.change(ctx, tx, &in, e, fresh)
	if err != nil {
		return "", err
	}
	if late && in.Late && in.Condition == Recovered && in.Handling == Open {
		in.Deadline, in.StepDue = 0, 0 // it was over before anybody could know
	}
	if err := save(ctx, tx, in); err != nil {
		return "", err
	}
	if kind != "" {
		if err := s.tell(ctx, tx, in, kind); err != nil {
			return "", err
		}
	}
	return in.ID, nil
}

func (s *Service) create(ctx context.Context, tx *sql.Tx, gateway string, e rules.AlertEvent, late bool) (Incident, error) {
	now := s.cfg.Now()
	site, err := org.SiteOf(ctx, tx, gateway)
	if err != nil {
		return Incident{}, err
	}
	in := Incident{Gateway: gateway, Alert: e.Alert, Site: site, Device: e.Subject, Rule: e.Rule, Severity: string(e.Severity), Shadow: e.Shadow,
		Condition: Recovered, Handling: Open, Since: e.Since.UnixMilli(), OpenedAt: now.UnixMilli(), Graded: now.UnixMilli(), Late: late, Shelved: e.Shelved,
		Progress: Progress{Step: Reported, StepAt: now.UnixMilli(), Source: FromSensor, Category: Danger, Whistle: 1}}
	if err := s.takeLimit(ctx, tx, &in, now.UnixMilli()); err != nil {
		return Incident{}, err
	}
	zone, err := s.zone(ctx, tx, site)
	if err != nil {
		return Incident{}, err
	}
	if in.ID, err = number(ctx, tx, now.In(zone)); err != nil {
		return Incident{}, err
	}
	if in.Previous, err = before(ctx, tx, in); err != nil {
		return Incident{}, err
	}
	if err := insert(ctx, tx, in); err != nil {
		return Incident{}, err
	}
	if _, err := record(ctx, tx, &in, Step{Deed: Report, To: Reported, At: in.StepAt}); err != nil {
		return Incident{}, err
	}
	// What the gateway did may have arrived before the alert it did it for.
	if _, err := tx.ExecContext(ctx, `UPDATE timeline SET incident = ? WHERE incident = ?`, in.ID, orphan(gateway, e.Alert)); err != nil {
		return Incident{}, fmt.Errorf("adopt timeline of %s: %w", in.ID, err)
	}
	if late {
		if err := addEntry(ctx, tx, in.ID, Entry{now.UnixMilli(), "note", Text{"发生在网关断网期间，网络恢复后补传", "It happened while the gateway was cut off; told when it came back"}, ""}); err != nil {
			return Incident{}, err
		}
	}
	return Get(ctx, tx, in.ID)
}

// zone of a site. An error of the database is passed on: the transaction may be over with it, and must be run again.
func (s *Service) zone(ctx context.Context, tx *sql.Tx, site string) (*time.Location, error) {
	_, name, err := org.Zone(ctx, tx, site)
	if err != nil {
		return nil, err
	}
	if zone, err := time.LoadLocation(name); err == nil && name != "" {
		return zone, nil
	}
	return s.cfg.Zone, nil
}

// change moves the incident along its condition axis and writes the timeline. It answers what others are told.
func (s *Service) change(ctx context.Context, tx *sql.Tx, in *Incident, e rules.AlertEvent, fresh bool) (kind string, err error) {
	at := e.At.UnixMilli()
	if e.State == rules.Resolved {
		if fresh { // its firing is in a gap: the incident must not be missing
			describe(in, e)
			err = addEntry(ctx, tx, in.ID, Entry{in.Since, "fired", fired(*in), ""})
		}
		if err == nil && (fresh || in.Condition == Active) {
			kind = KindRecovered
			in.Condition, in.RecoveredAt = Recovered, at
			err = addEntry(ctx, tx, in.ID, Entry{at, "recovered", Text{"报警条件已消失", "The alert's condition is gone"}, ""})
		}
		return kind, err
	}
	was, severity, shelved, told, rung := in.Condition, in.Severity, in.Shelved, in.Detail.Told, in.Rung
	if in.Detail.Severity != "" {
		severity = in.Detail.Severity
	}
	describe(in, e)
	in.Condition, in.RecoveredAt = Active, 0
	if was != Active {
		if err := addEntry(ctx, tx, in.ID, Entry{at, "fired", fired(*in), ""}); err != nil {
			return "", err
		}
		kind = KindOpened
	}
	if new := string(e.Severity); !fresh && new != severity {
		if err := addEntry(ctx, tx, in.ID, Entry{at, "severity", Text{fmt.Sprintf("级别由 %s 变为 %s", severity, new), fmt.Sprintf("Severity changed from %s to %s", severity, new)}, ""}); err != nil {
			return "", err
		}
		if new < in.Severity { // A is worst: only getting worse is news, and the limit to take it runs anew
			in.Severity, in.Graded, kind = new, s.cfg.Now().UnixMilli(), KindSeverity
			if err := s.worse(ctx, tx, in, in.Graded); err != nil {
				return "", err
			}
		}
	}
	if e.Level != rung && !fresh && string(e.Severity) == severity {
		if err := addEntry(ctx, tx, in.ID, Entry{at, "severity", climbed(rung, e.Level), ""}); err != nil {
			return "", err
		}
	}
	in.told()
	if in.Shelved == shelved {
		return kind, nil
	}
	if shelved && !told { // people hear of it now for the first time
		kind, in.Graded = KindOpened, s.cfg.Now().UnixMilli()
		if err := s.takeLimit(ctx, tx, in, in.Graded); err != nil {
			return "", err
		}
	}
	return kind, addEntry(ctx, tx, in.ID, Entry{at, "note", shelving(in.Shelved), ""})
}

// climbed words a change of the rung that changes no severity.
func climbed(from, to int) Text {
	if to > from {
		return Text{fmt.Sprintf("情况加重，升到第 %d 档", to+1), fmt.Sprintf("It has got worse: step %d", to+1)}
	}
	return Text{fmt.Sprintf("情况缓和，降到第 %d 档", to+1), fmt.Sprintf("It has got better: step %d", to+1)}
}

func shelving(on bool) Text {
	if on {
		return Text{"频繁告警，已搁置：只记录，暂不通知", "Fires too often, shelved: recorded, and nobody is told for a while"}
	}
	return Text{"搁置结束，恢复通知", "No longer shelved: people are told again"}
}

// describe takes over what the event says of the alert.
func describe(in *Incident, e rules.AlertEvent) {
	in.Title, in.Message, in.Shelved = text(e.Title), text(e.Message), e.Shelved
	d := Detail{Evidence: []Evidence{}, Card: []Text{}, Severity: string(e.Severity), Rung: e.Level, Shelved: e.Shelved, Told: in.Detail.Told || !e.Shelved, Watch: in.Detail.Watch}
	for _, line := range e.Card {
		d.Card = append(d.Card, text(line))
	}
	for _, line := range e.Why[:min(len(e.Why), mostLines)] {
		d.Why = append(d.Why, text(line))
	}
	for _, v := range e.Evidence {
		one := Evidence{Name: v.Name, Unit: v.Unit, Quality: v.Quality.String(), Reason: v.Reason.String()}
		if !math.IsNaN(v.Value) && !math.IsInf(v.Value, 0) {
			one.Value = &v.Value
		}
		d.Evidence = append(d.Evidence, one)
	}
	if l := e.Limit; l != nil && !math.IsNaN(l.Value) && !math.IsInf(l.Value, 0) {
		d.Limit = &Limit{Point: l.Point, Unit: l.Unit, Value: l.Value, Above: l.Above}
	}
	in.Detail, in.Value = d, valueOf(d)
}

// mostLines bounds what a gateway tells of why: it tells fewer.
const mostLines = 32

func orphan(gateway, alert string) string { return gateway + " " + alert }

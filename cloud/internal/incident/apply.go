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
	t := turn{e: e, gateway: gateway, late: late, now: s.cfg.Now()}
	a, err := alertOf(ctx, tx, gateway, e.Alert)
	switch {
	case errors.Is(err, ErrUnknown):
		t.fresh = true
		err = s.begin(ctx, tx, gateway, &t)
	case err == nil:
		t.alert = a
		if t.in, err = Get(ctx, tx, a.incident); err == nil {
			err = s.hush(ctx, tx, &t)
		}
	}
	if err != nil {
		return "", err
	}
	if late && !t.fresh && e.At.UnixMilli() < t.alert.RecoveredAt { // it is told after its own end
		return t.in.ID, addEntry(ctx, tx, t.in.ID, Entry{e.At.UnixMilli(), "note", Text{"补传的报警记录", "A record of the alert that came late"}, ""})
	}
	if err := s.rescue(ctx, tx, &t); err != nil {
		return "", err
	}
	if err := s.change(ctx, tx, &t); err != nil {
		return "", err
	}
	in := &t.in
	if late && in.Late && in.Condition == Recovered && in.Handling == Open {
		in.Deadline, in.StepDue = 0, 0 // it was over before anybody could know
	}
	s.say(&t)
	if err := save(ctx, tx, *in); err != nil {
		return "", err
	}
	if t.kind != "" {
		if err := s.tell(ctx, tx, *in, t.kind); err != nil {
			return "", err
		}
	}
	return in.ID, nil
}

// begin takes a new alert into the incident of its cause, or opens one for it.
func (s *Service) begin(ctx context.Context, tx *sql.Tx, gateway string, t *turn) error {
	a := &t.alert
	site, err := org.SiteOf(ctx, tx, gateway)
	if err != nil {
		return err
	}
	a.site = site
	if err := s.hush(ctx, tx, t); err != nil {
		return err
	}
	e := t.e
	*a = Alert{ID: e.Alert, Gateway: gateway, site: site, Device: e.Subject, Rule: e.Rule, Severity: string(e.Severity), SeverityNow: string(e.Severity), Zone: e.Zone,
		Condition: Recovered, Since: e.Since.UnixMilli(), danger: s.cfg.Merging.dangerOf(e), counts: !e.Shadow && !e.Shelved,
		at: min(t.at(), t.now.UnixMilli()), came: t.now.UnixMilli()} // a clock that is ahead must not keep what comes later apart
	w, err := s.look(ctx, tx, a)
	if err != nil {
		return err
	}
	a.burst, t.where = w.burst+1, w.where(a)
	a.Title = text(e.Title)
	if a.Zone == "" {
		a.Zone = w.zone
	}
	if a.danger == faultSilence {
		a.channel = w.channel
	}
	if err := s.settle(ctx, tx, t, w); err != nil {
		return err
	}
	// What the gateway did may have arrived before the alert it did it for.
	if _, err := tx.ExecContext(ctx, `UPDATE timeline SET incident = ? WHERE incident = ?`, t.in.ID, orphan(gateway, e.Alert)); err != nil {
		return fmt.Errorf("adopt timeline of %s: %w", t.in.ID, err)
	}
	return nil
}

// settle puts an alert that is in no incident into one.
func (s *Service) settle(ctx context.Context, tx *sql.Tx, t *turn, w surroundings) error {
	a := &t.alert
	var h home
	var err error
	if !t.e.Shadow {
		if h, err = s.place(ctx, tx, a, w); err != nil {
			return err
		}
	}
	if t.anew = h.incident == ""; t.anew {
		t.in, err = s.create(ctx, tx, a, t)
	} else {
		t.in, err = Get(ctx, tx, h.incident)
		a.Joined, t.joined = h.by.kind, h.by
	}
	if err != nil {
		return err
	}
	a.incident = t.in.ID
	t.in.AlertCount++
	t.in.widen(h.by)
	if t.e.Shadow {
		return nil
	}
	return s.remember(ctx, tx, a, h.by)
}

func (s *Service) create(ctx context.Context, tx *sql.Tx, a *Alert, t *turn) (Incident, error) {
	in := Incident{Gateway: a.Gateway, Alert: a.ID, Site: a.site, Device: a.Device, Rule: a.Rule, Severity: a.Severity, Shadow: t.e.Shadow, Condition: Recovered,
		Handling: Open, Since: a.Since, OpenedAt: t.now.UnixMilli(), Graded: t.now.UnixMilli(), Late: t.late, Shelved: t.e.Shelved,
		Progress: Progress{Step: Reported, StepAt: t.now.UnixMilli(), Source: FromSensor, Category: category(a.danger), Whistle: 1}}
	err := s.takeLimit(ctx, tx, &in, t.now.UnixMilli())
	if err != nil {
		return in, err
	}
	if in.Previous, err = before(ctx, tx, a); err != nil {
		return Incident{}, err
	}
	if in, err = s.found(ctx, tx, in); err != nil || !t.late {
		return in, err
	}
	return in, addEntry(ctx, tx, in.ID, Entry{t.now.UnixMilli(), "note", Text{"发生在网关断网期间，网络恢复后补传", "It happened while the gateway was cut off; told when it came back"}, ""})
}

// found gives a new incident its number and its row, and answers it with its names.
func (s *Service) found(ctx context.Context, tx *sql.Tx, in Incident) (Incident, error) {
	zone, err := s.zone(ctx, tx, in.Site)
	if err != nil {
		return Incident{}, err
	}
	if in.ID, err = number(ctx, tx, time.UnixMilli(in.OpenedAt).In(zone)); err != nil {
		return Incident{}, err
	}
	if err := insert(ctx, tx, in); err != nil {
		return Incident{}, err
	}
	if _, err := record(ctx, tx, &in, Step{Deed: Report, To: Reported, At: in.StepAt}); err != nil {
		return Incident{}, err
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

// detailOf is what an event says of its alert that lists do not show.
func detailOf(e rules.AlertEvent) Detail {
	d := Detail{Evidence: []Evidence{}, Card: []Text{}, Severity: string(e.Severity), Rung: e.Level, Shelved: e.Shelved, Latched: e.Latched}
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
	return d
}

// mostLines bounds what a gateway tells of why: it tells fewer.
const mostLines = 32

func orphan(gateway, alert string) string { return gateway + " " + alert }

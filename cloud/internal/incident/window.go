package incident

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/linshao/linshao/rules"
)

// hush makes an event that comes while its site is under maintenance one of those that nobody is told of. Class A is always
// told, and what people know of already goes on being told.
func (s *Service) hush(ctx context.Context, tx *sql.Tx, t *turn) error {
	if s.cfg.Quiet == nil || t.e.Severity == rules.SeverityA || t.e.Shelved || t.alert.told {
		return nil
	}
	quiet, err := s.cfg.Quiet(ctx, tx, t.alert.site)
	if err != nil {
		return err
	}
	t.window, t.e.Shelved = quiet, quiet
	return nil
}

// Release tells of the alerts of a site that came while it was under maintenance and that still last, inside the transaction
// that ends the maintenance. Their limits begin now. It answers the incidents.
func (s *Service) Release(ctx context.Context, tx *sql.Tx, site string) ([]string, error) {
	kept, err := keptQuiet(ctx, tx, site)
	if err != nil {
		return nil, err
	}
	var out []string
	for _, a := range kept {
		in, err := Get(ctx, tx, a.incident)
		if err != nil {
			return nil, err
		}
		was := in.Detail.Told
		a.shelved, a.told, a.detail.Shelved, a.detail.Told = false, true, false, true
		if err := saveAlert(ctx, tx, a); err != nil {
			return nil, err
		}
		if err := project(ctx, tx, &in, &a); err != nil {
			return nil, err
		}
		if err := s.letKnow(ctx, tx, &in, was); err != nil {
			return nil, err
		}
		out = append(out, in.ID)
	}
	return out, nil
}

// letKnow tells people of one incident, unless they do.
func (s *Service) letKnow(ctx context.Context, tx *sql.Tx, in *Incident, known bool) error {
	now := s.cfg.Now().UnixMilli()
	first := !known && in.Detail.Told && in.Handling != Closed
	if first {
		in.Graded = now
		if err := s.takeLimit(ctx, tx, in, now); err != nil {
			return err
		}
		if err := addEntry(ctx, tx, in.ID, Entry{now, "note", Text{"检修结束，告警仍在持续，开始通知", "The maintenance is over and the alert still lasts: people are told"}, ""}); err != nil {
			return err
		}
	}
	if err := save(ctx, tx, *in); err != nil || !first {
		return err
	}
	return s.tell(ctx, tx, *in, KindOpened)
}

// keptQuiet are the alerts of a site that still last and came in a window.
func keptQuiet(ctx context.Context, tx *sql.Tx, site string) ([]Alert, error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+alertColumns+` FROM incident_alerts a JOIN incidents i ON i.id = a.incident
		WHERE a.site = ? AND a.active = 1 AND a.shelved = 1 AND i.handling <> 'closed' ORDER BY a.at, a.gateway, a.alert`, site)
	if err != nil {
		return nil, fmt.Errorf("list quiet alerts of %s: %w", site, err)
	}
	defer rows.Close()
	var out []Alert
	for rows.Next() {
		a, err := scanAlert(rows)
		if err != nil {
			return nil, err
		}
		if a.detail.Window {
			out = append(out, a)
		}
	}
	return out, rows.Err()
}

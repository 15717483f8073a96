package evidence

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/linshao/linshao/cloud/internal/audit"
	"github.com/linshao/linshao/cloud/internal/db"
)

// A Hold keeps an incident's evidence beyond its time: a dispute may last longer than the incident.
type Hold struct {
	Reason string `json:"reason"`
	Who    string `json:"who"`
	At     int64  `json:"at" doc:"Unix ms"`
}

// HoldOf answers the hold of an incident; nil: nobody holds its evidence.
func HoldOf(ctx context.Context, q db.Querier, incident string) (*Hold, error) {
	var h Hold
	err := q.QueryRowContext(ctx, `SELECT reason, who, at_ms FROM evidence_holds WHERE incident = ?`, incident).Scan(&h.Reason, &h.Who, &h.At)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up hold of %s: %w", incident, err)
	}
	return &h, nil
}

// Hold keeps the evidence of an incident until Release; of one that is held already the first reason stays.
func (s *Service) Hold(ctx context.Context, incident, site, reason string) error {
	now := s.cfg.Now()
	return s.holding(ctx, audit.Entry{At: now, Act: "evidence.hold", About: incident, Site: site, Detail: map[string]string{"reason": reason}},
		`INSERT INTO evidence_holds (incident, reason, who, at_ms) VALUES (?, ?, ?, ?) ON CONFLICT (incident) DO NOTHING`, incident, reason, audit.Who(ctx).Name, now.UnixMilli())
}

// Release lets the evidence of an incident go when its time comes.
func (s *Service) Release(ctx context.Context, incident, site string) error {
	return s.holding(ctx, audit.Entry{At: s.cfg.Now(), Act: "evidence.release", About: incident, Site: site}, `DELETE FROM evidence_holds WHERE incident = ?`, incident)
}

// holding changes a hold and notes who did; what changes nothing is not noted.
func (s *Service) holding(ctx context.Context, e audit.Entry, statement string, args ...any) error {
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		changed, err := db.Changed(tx.ExecContext(ctx, statement, args...))
		if err != nil || !changed {
			return err
		}
		e.Kind = "incident"
		return audit.Add(ctx, tx, e)
	})
	if err != nil {
		return fmt.Errorf("hold evidence of %s: %w", e.About, err)
	}
	s.cfg.Changed(e.About)
	return nil
}

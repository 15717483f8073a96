package health

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// leastBreakdown is how long a device is offline or faulty before that is a breakdown: shorter ones mend by themselves.
const leastBreakdown = 10 * time.Minute

// breakdowns begins and ends the breakdowns of a gateway's devices, and ends those of devices that are gone. While the gateway
// is silent nobody knows.
func (s *Service) breakdowns(ctx context.Context, tx *sql.Tx, gateway string, sensors, gone []sensor) error {
	var site string
	var online bool
	err := tx.QueryRowContext(ctx, `SELECT site, online FROM gateways WHERE id = ?`, gateway).Scan(&site, &online)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read gateway %s: %w", gateway, err)
	}
	now := s.cfg.Now().UnixMilli()
	for _, g := range gone {
		if g.brokenMs == 0 {
			continue
		}
		if _, err := tx.ExecContext(ctx, `UPDATE breakdowns SET to_ms = ?, what = 'removed' WHERE gateway = ? AND device = ? AND from_ms = ?`,
			now, gateway, g.id, g.brokenMs); err != nil {
			return fmt.Errorf("end breakdown of %s: %w", g.id, err)
		}
	}
	for i := range sensors {
		if online {
			if err := sensors[i].turn(ctx, tx, breakdown{gateway: gateway, site: site, now: now}); err != nil {
				return err
			}
		}
	}
	return nil
}

type breakdown struct {
	gateway, site string
	now           int64
}

// turn begins a breakdown of a sensor, or ends it.
func (s *sensor) turn(ctx context.Context, tx *sql.Tx, b breakdown) error {
	v := s.see(b.now, 0, 0)
	down := v.state == Offline || v.state == Faulty
	switch {
	case down && s.brokenMs == 0 && v.sinceMs > 0 && b.now-v.sinceMs >= leastBreakdown.Milliseconds():
		s.brokenMs = v.sinceMs
		_, err := tx.ExecContext(ctx, `INSERT INTO breakdowns (gateway, device, from_ms, site, kind, what) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (gateway, device, from_ms) DO UPDATE SET to_ms = NULL`, b.gateway, s.id, s.brokenMs, b.site, s.kind, v.state)
		if err != nil {
			return fmt.Errorf("begin breakdown of %s: %w", s.id, err)
		}
	case !down && v.trust == Fresh && s.brokenMs > 0:
		_, err := tx.ExecContext(ctx, `UPDATE breakdowns SET to_ms = ? WHERE gateway = ? AND device = ? AND from_ms = ?`,
			max(s.brokenMs, s.sinceMs, s.turnMs), b.gateway, s.id, s.brokenMs)
		if err != nil {
			return fmt.Errorf("end breakdown of %s: %w", s.id, err)
		}
		s.brokenMs = 0
	}
	return nil
}

// A Repair says how long devices were broken down that were well again within a time.
type Repair struct {
	Repairs int   `json:"repairs" doc:"breakdowns that ended within the time"`
	MeanMs  int64 `json:"meanMs" doc:"their mean length; 0: there were none"`
	Open    int   `json:"open" doc:"breakdowns that have not ended"`
}

// Repairs answers how long the devices that a question is about were broken down that were well again between two times, Unix ms.
func Repairs(ctx context.Context, q db.Querier, a Ask, from, to int64) (Repair, error) {
	where, args := a.sites("site")
	var r Repair
	var sum int64
	if err := q.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(to_ms - from_ms), 0) FROM breakdowns WHERE to_ms >= ? AND to_ms < ? AND what <> 'removed' AND `+where,
		append([]any{from, to}, args...)...).Scan(&r.Repairs, &sum); err != nil {
		return r, fmt.Errorf("sum up repairs: %w", err)
	}
	if r.Repairs > 0 {
		r.MeanMs = sum / int64(r.Repairs)
	}
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM breakdowns WHERE to_ms IS NULL AND `+where, args...).Scan(&r.Open); err != nil {
		return r, fmt.Errorf("count breakdowns: %w", err)
	}
	return r, nil
}

package health

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// gateways lists those that are this worker's.
func (s *Service) gateways(ctx context.Context) ([]string, error) {
	var out []string
	err := each(ctx, s.cfg.DB.Reader(), `SELECT id FROM gateways WHERE retired = 0 ORDER BY id`, nil, func(rows *sql.Rows) error {
		var g string
		err := rows.Scan(&g)
		if s.cfg.Lease == nil || s.cfg.Lease.Mine(g) {
			out = append(out, g)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list gateways: %w", err)
	}
	return out, nil
}

// take hands out what was sighted of a gateway; put gives it back when it could not be written.
func (s *Service) take(gateways []string) map[string]map[string]Sighting {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]map[string]Sighting{}
	for _, g := range gateways {
		out[g] = s.heard[g]
		delete(s.heard, g)
		delete(s.dirty, g)
	}
	return out
}

func (s *Service) put(back map[string]map[string]Sighting) {
	now := s.cfg.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for g, of := range back {
		if len(of) == 0 {
			continue
		}
		if s.heard[g] == nil {
			s.heard[g] = map[string]Sighting{}
		}
		for id, n := range of {
			s.heard[g][id] = newer(n, s.heard[g][id].of(id))
		}
		if s.dirty[g].IsZero() {
			s.dirty[g] = now
		}
	}
}

func (n Sighting) of(device string) Sighting {
	n.Device = device
	return n
}

// writeSightings notes when devices were heard, in the digests that there are.
func (s *Service) writeSightings(ctx context.Context, gateways []string) error {
	if len(gateways) == 0 {
		return nil
	}
	seen := s.take(gateways)
	err := s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		for _, g := range gateways {
			if err := keepRoom(ctx, tx, g, seen[g][RoomDevice]); err != nil {
				return err
			}
			sensors, known, err := digestOf(ctx, tx, g)
			if err != nil {
				return err
			}
			if !known {
				continue // the next look makes it, and has them from the readings that follow
			}
			for i := range sensors {
				sensors[i].sight(seen[g])
			}
			if err := s.write(ctx, tx, g, sensors); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		s.put(seen)
	}
	return err
}

// sight takes over what was sighted of the sensor.
func (s *sensor) sight(seen map[string]Sighting) {
	n, ok := seen[s.id]
	if !ok {
		return
	}
	s.heardMs = max(s.heardMs, n.HeardMs)
	if n.ScoreMs <= s.scoreMs {
		return
	}
	if failing := s.failing(n.Score); failing != (s.score != noScore && s.failing(int(s.score))) {
		s.turnMs = n.ScoreMs
	}
	s.score, s.scoreMs = int64(n.Score), n.ScoreMs
}

// look makes the digests of some gateways anew: their devices and states, what was sighted, and of the last day how long each
// was offline. Breakdowns begin and end with it.
func (s *Service) look(ctx context.Context, gateways []string) error {
	now := s.cfg.Now()
	s.mu.Lock()
	for _, g := range gateways {
		delete(s.woken, g) // what changes from here on is looked at again
	}
	s.mu.Unlock()
	seen := s.take(gateways)
	err := s.lookAt(ctx, gateways, seen, now)
	if err != nil {
		s.put(seen)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range gateways {
		if err != nil {
			s.woken[g] = true
		} else if s.due(g, now) {
			s.looked[g] = now
		}
	}
	return err
}

// due says whether all of a gateway is to be looked at by the clock. The caller holds the lock.
func (s *Service) due(gateway string, now time.Time) bool {
	last := s.looked[gateway]
	return now.Sub(last) >= lookEvery || now.Before(last)
}

func (s *Service) lookAt(ctx context.Context, gateways []string, seen map[string]map[string]Sighting, now time.Time) error {
	fresh := map[string][]sensor{}
	for _, g := range gateways {
		p, err := readPast(ctx, s.cfg.DB.Reader(), g, now.Add(-24*time.Hour), now)
		if err != nil {
			return err
		}
		fresh[g] = p.sensors(s.cfg.Delivery)
		s.mu.Lock()
		due := s.due(g, now)
		s.mu.Unlock()
		if !due {
			continue
		}
		if err := s.keepDays(ctx, g, now); err != nil {
			return err
		}
	}
	return s.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		for _, g := range gateways {
			if err := s.renew(ctx, tx, g, slices.Clone(fresh[g]), seen[g]); err != nil {
				return err
			}
		}
		return nil
	})
}

// renew joins what was read with the digest before, and writes it.
func (s *Service) renew(ctx context.Context, tx *sql.Tx, gateway string, sensors []sensor, seen map[string]Sighting) error {
	if err := keepRoom(ctx, tx, gateway, seen[RoomDevice]); err != nil {
		return err
	}
	before, _, err := digestOf(ctx, tx, gateway)
	if err != nil {
		return err
	}
	old := map[string]sensor{}
	for _, b := range before {
		old[b.id] = b
	}
	for i := range sensors {
		n := &sensors[i]
		if b, ok := old[n.id]; ok {
			n.heardMs, n.score, n.scoreMs, n.turnMs, n.brokenMs = b.heardMs, b.score, b.scoreMs, b.turnMs, b.brokenMs
		}
		n.sight(seen)
		delete(old, n.id)
	}
	if err := s.breakdowns(ctx, tx, gateway, sensors, slices.Collect(maps.Values(old))); err != nil {
		return err
	}
	return s.write(ctx, tx, gateway, sensors)
}

func (s *Service) write(ctx context.Context, tx *sql.Tx, gateway string, sensors []sensor) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO health_digests (gateway, at_ms, body) VALUES (?, ?, ?)
		ON CONFLICT (gateway) DO UPDATE SET at_ms = excluded.at_ms, body = excluded.body`, gateway, s.cfg.Now().UnixMilli(), encode(sensors))
	if err != nil {
		return fmt.Errorf("write health of %s: %w", gateway, err)
	}
	return nil
}

// digestOf reads the digest of a gateway. A damaged one is none: it is made anew.
func digestOf(ctx context.Context, q db.Querier, gateway string) (sensors []sensor, known bool, err error) {
	var body []byte
	err = q.QueryRowContext(ctx, `SELECT body FROM health_digests WHERE gateway = ?`, gateway).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read health of %s: %w", gateway, err)
	}
	sensors, err = decode(body)
	return sensors, err == nil, nil
}

func each(ctx context.Context, q db.Querier, query string, args []any, row func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

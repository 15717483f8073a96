package dock

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// notice is one queued state of a device, with what a target calls the device.
type notice struct {
	id              int64
	gateway, device string
	site            string
	name, kind      string
	model, place    string
	status          Status
	at, created     int64
	attempts        int
	address         uint32
	installed       bool
}

// A change is a device whose state is another than the target was last told.
type change struct {
	gateway, device, site, kind, incident string
	status                                Status
	at                                    int64
}

// catchUp queues the states that a target does not know of: of one device, or of all. A device is in the worst state of its
// alerts, and normal without one.
func (s *sender) catchUp(ctx context.Context, tx *sql.Tx, gateway, device string) error {
	list, err := s.changes(ctx, tx, gateway, device)
	if err != nil {
		return err
	}
	for _, c := range list {
		if !s.target.wants(c.site, c.kind) {
			continue
		}
		if err := s.enqueue(ctx, tx, c); err != nil {
			return err
		}
	}
	return nil
}

func (s *sender) changes(ctx context.Context, q db.Querier, gateway, device string) ([]change, error) {
	rows, err := q.QueryContext(ctx, `SELECT x.gateway, x.device, g.site, d.kind, x.status, x.at, x.incident FROM (
		SELECT a.gateway, a.device, min(CASE i.category WHEN 'maintenance' THEN 3 ELSE 2 END) AS status, min(a.since) AS at, min(a.incident) AS incident
		FROM incident_alerts a JOIN incidents i ON i.id = a.incident WHERE a.active = 1 AND i.shadow = 0 AND (? = '' OR (a.gateway = ? AND a.device = ?)) GROUP BY a.gateway, a.device
		UNION ALL
		SELECT p.gateway, p.device, 1, coalesce((SELECT max(a.recovered_at) FROM incident_alerts a WHERE a.gateway = p.gateway AND a.device = p.device), 0), ''
		FROM dock_parts p WHERE p.target = ? AND p.status <> 1 AND (? = '' OR (p.gateway = ? AND p.device = ?)) AND NOT EXISTS (SELECT 1 FROM incident_alerts a
		JOIN incidents i ON i.id = a.incident WHERE a.gateway = p.gateway AND a.device = p.device AND a.active = 1 AND i.shadow = 0)) x
		JOIN gateways g ON g.id = x.gateway JOIN devices d ON d.gateway = x.gateway AND d.id = x.device
		LEFT JOIN dock_parts p ON p.target = ? AND p.gateway = x.gateway AND p.device = x.device WHERE coalesce(p.status, 1) <> x.status ORDER BY x.at, x.gateway, x.device`,
		device, gateway, device, s.target.ID, device, gateway, device, s.target.ID)
	if err != nil {
		return nil, fmt.Errorf("find what %s does not know: %w", s.target.ID, err)
	}
	defer rows.Close()
	var list []change
	for rows.Next() {
		var c change
		if err := rows.Scan(&c.gateway, &c.device, &c.site, &c.kind, &c.status, &c.at, &c.incident); err != nil {
			return nil, fmt.Errorf("find what %s does not know: %w", s.target.ID, err)
		}
		list = append(list, c)
	}
	return list, rows.Err()
}

// enqueue queues a state, and gives the device its number at the target.
func (s *sender) enqueue(ctx context.Context, tx *sql.Tx, c change) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO dock_parts (target, gateway, device, address, status, installed)
		SELECT ?, ?, ?, coalesce(max(address), 0) + 1, CAST(? AS INTEGER), 0 FROM dock_parts WHERE target = ?
		ON CONFLICT (target, gateway, device) DO UPDATE SET status = excluded.status`, s.target.ID, c.gateway, c.device, int(c.status), s.target.ID); err != nil {
		return fmt.Errorf("number device %s for %s: %w", c.device, s.target.ID, err)
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO dock_queue (target, gateway, device, incident, status, at, created, state, attempts, next_at, answer)
		VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', 0, 0, '')`, s.target.ID, c.gateway, c.device, c.incident, int(c.status), c.at, s.service.cfg.Now().UnixMilli()); err != nil {
		return fmt.Errorf("queue state of %s for %s: %w", c.device, s.target.ID, err)
	}
	return nil
}

// lookAll queues what changed without an incident of its own. Most often there is nothing, and nothing is written.
func (s *sender) lookAll(ctx context.Context) error {
	list, err := s.changes(ctx, s.service.cfg.DB.Reader(), "", "")
	if err != nil || !slices.ContainsFunc(list, func(c change) bool { return s.target.wants(c.site, c.kind) }) {
		return err
	}
	return s.service.cfg.DB.Update(ctx, func(tx *sql.Tx) error { return s.catchUp(ctx, tx, "", "") })
}

// next answers the oldest state that waits; nil when there is none, or it has its rest.
func (s *sender) next(ctx context.Context) (*notice, error) {
	if err := s.lookAll(ctx); err != nil {
		return nil, err
	}
	var n notice
	var due int64
	err := s.service.cfg.DB.Reader().QueryRowContext(ctx, `SELECT q.id, q.gateway, q.device, q.status, q.at, q.created, q.attempts, q.next_at, p.address, p.installed,
		coalesce(g.site, ''), coalesce(d.name, q.device), coalesce(d.kind, ''), coalesce(d.model, ''), coalesce(d.place, '')
		FROM dock_queue q JOIN dock_parts p ON p.target = q.target AND p.gateway = q.gateway AND p.device = q.device
		LEFT JOIN gateways g ON g.id = q.gateway LEFT JOIN devices d ON d.gateway = q.gateway AND d.id = q.device
		WHERE q.target = ? AND q.state = 'waiting' ORDER BY q.id LIMIT 1`, s.target.ID).Scan(&n.id, &n.gateway, &n.device, &n.status, &n.at, &n.created,
		&n.attempts, &due, &n.address, &n.installed, &n.site, &n.name, &n.kind, &n.model, &n.place)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read states for %s: %w", s.target.ID, err)
	}
	if time.UnixMilli(due).After(s.service.cfg.Now()) {
		return nil, nil
	}
	return &n, nil
}

// How often a target may refuse one state before it is left behind, and how long a state waits for a target that is away.
const (
	mostRefusals = 5
	noticeLife   = 30 * 24 * time.Hour
	firstRest    = time.Second
	lastRest     = 5 * time.Minute
)

// An outcome is what a target made of a state.
type outcome struct {
	ok      bool
	refused bool // it answered, and did not take it; without: it did not answer
	answer  string
}

// keep writes down what became of a state.
func (s *sender) keep(ctx context.Context, n *notice, o outcome) error {
	now := s.service.cfg.Now()
	state, result := "waiting", "failed"
	switch {
	case o.ok:
		state, result = "sent", "ok"
	case o.refused && n.attempts+1 >= mostRefusals:
		state, result = "refused", "refused"
		s.service.cfg.Log.Error("another platform refuses a state", "target", s.target.ID, "gateway", n.gateway, "device", n.device, "answer", o.answer)
	case now.UnixMilli()-n.created > noticeLife.Milliseconds():
		state = "expired"
	}
	rest := min(firstRest<<min(n.attempts, 10), lastRest)
	s.service.sent.WithLabelValues(s.target.ID, result).Inc()
	return s.service.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE dock_queue SET state = ?, attempts = attempts + 1, next_at = ?, answer = ? WHERE id = ?`,
			state, now.Add(rest).UnixMilli(), o.answer, n.id); err != nil {
			return fmt.Errorf("keep state of notice for %s: %w", s.target.ID, err)
		}
		return nil
	})
}

// introduced notes that a target knows what and where a device is.
func (s *sender) introduced(ctx context.Context, n *notice) error {
	return s.service.cfg.DB.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE dock_parts SET installed = 1 WHERE target = ? AND gateway = ? AND device = ?`, s.target.ID, n.gateway, n.device)
		return err
	})
}

package org

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/wire"
)

// Connect notes a new session of a gateway and makes the gateway known. Until its inventory comes, its site is named as itself.
func Connect(ctx context.Context, tx *sql.Tx, h *wire.Hello, now time.Time) error {
	if _, err := tx.ExecContext(ctx, `
		INSERT INTO gateways (id, site, session, boot, version, online, since, last_seen) VALUES (?, ?, ?, ?, ?, 0, ?, ?)
		ON CONFLICT (id) DO UPDATE SET previous = CASE WHEN gateways.session <> excluded.session THEN gateways.session ELSE gateways.previous END,
		site = CASE WHEN gateways.site = '' THEN excluded.site ELSE gateways.site END,
		session = excluded.session, boot = excluded.boot, version = excluded.version`,
		h.GetGateway(), h.GetGateway(), int64(h.GetSession()), h.GetBoot(), h.GetVersion(), now.UnixMilli(), now.UnixMilli()); err != nil {
		return fmt.Errorf("note session of %s: %w", h.GetGateway(), err)
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO sites (id, name, timezone)
		SELECT id, id, '' FROM gateways WHERE id = ? AND site = id ON CONFLICT (id) DO NOTHING`, h.GetGateway())
	if err != nil {
		return fmt.Errorf("note site of %s: %w", h.GetGateway(), err)
	}
	return nil
}

// A Contact is what is known of a gateway's connections.
type Contact struct {
	Session, Previous uint64    // the newest session, and the one before it
	Seen              time.Time // when the newest session last sent something
	Online            bool
	Watched           time.Time // until when somebody looks at its site
}

// ContactOf answers the contact with a gateway; ok is false when it never said hello.
func ContactOf(ctx context.Context, q db.Querier, gateway string) (c Contact, ok bool, err error) {
	var session, previous, seen, watched int64
	err = q.QueryRowContext(ctx, `SELECT g.session, g.previous, g.last_seen, g.online, coalesce(w.until_ms, 0)
		FROM gateways g LEFT JOIN watches w ON w.gateway = g.id WHERE g.id = ?`, gateway).Scan(&session, &previous, &seen, &c.Online, &watched)
	if errors.Is(err, sql.ErrNoRows) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("read session of %s: %w", gateway, err)
	}
	c.Session, c.Previous, c.Seen, c.Watched = uint64(session), uint64(previous), time.UnixMilli(seen), time.UnixMilli(watched)
	return c, true, nil
}

// Watch notes until when somebody looks at the site of a gateway. One that there is not is nothing to note.
func Watch(ctx context.Context, tx *sql.Tx, gateway string, until time.Time) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO watches (gateway, until_ms) SELECT id, CAST(? AS BIGINT) FROM gateways WHERE id = ?
		ON CONFLICT (gateway) DO UPDATE SET until_ms = CASE WHEN excluded.until_ms > watches.until_ms THEN excluded.until_ms ELSE watches.until_ms END`,
		until.UnixMilli(), gateway)
	return wrap(err, "note who looks at", gateway)
}

// Seen notes that a gateway was heard. It answers whether that brought it back online.
func Seen(ctx context.Context, tx *sql.Tx, gateway string, now time.Time) (back bool, err error) {
	ms := now.UnixMilli()
	var online bool
	err = tx.QueryRowContext(ctx, `UPDATE gateways SET last_seen = CASE WHEN last_seen < ? THEN ? ELSE last_seen END WHERE id = ? RETURNING online`, ms, ms, gateway).Scan(&online)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && online) {
		return false, nil
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `UPDATE gateways SET online = 1, since = ? WHERE id = ?`, ms, gateway)
	}
	if err != nil {
		return false, wrap(err, "note return of", gateway)
	}
	_, err = tx.ExecContext(ctx, `UPDATE outages SET to_ms = ? WHERE gateway = ? AND to_ms IS NULL`, ms, gateway)
	return true, wrap(err, "end outage of", gateway)
}

// Lost notes that a gateway is silent since the given time. It answers whether it was online until now.
func Lost(ctx context.Context, tx *sql.Tx, gateway string, since time.Time) (bool, error) {
	ms := since.UnixMilli()
	lost, err := db.Changed(tx.ExecContext(ctx, `UPDATE gateways SET online = 0, since = ? WHERE id = ? AND online = 1`, ms, gateway))
	if err != nil || !lost {
		return false, wrap(err, "note loss of", gateway)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO outages (gateway, from_ms) VALUES (?, ?) ON CONFLICT (gateway, from_ms) DO UPDATE SET to_ms = NULL`, gateway, ms)
	return true, wrap(err, "begin outage of", gateway)
}

// Online lists the gateways that are told as online and when each was last heard.
func Online(ctx context.Context, q db.Querier) (map[string]time.Time, error) {
	rows, err := q.QueryContext(ctx, `SELECT id, last_seen FROM gateways WHERE online = 1`)
	if err != nil {
		return nil, fmt.Errorf("list gateways: %w", err)
	}
	defer rows.Close()
	out := map[string]time.Time{}
	for rows.Next() {
		var id string
		var seen int64
		if err := rows.Scan(&id, &seen); err != nil {
			return nil, fmt.Errorf("read gateway: %w", err)
		}
		out[id] = time.UnixMilli(seen)
	}
	return out, rows.Err()
}

// Apply takes over an inventory: names, devices and points. State of devices that stay is kept. Several gateways may be in
// one site; its name and time zone are those that its owner tells, which is the first of them. A large inventory comes in
// parts with the same config_hash: the first of a new configuration replaces the one before, all others add to it.
func Apply(ctx context.Context, tx *sql.Tx, gateway string, inv *wire.Inventory) error {
	site := inv.GetSite()
	if site == "" {
		site = gateway
	}
	name := inv.GetName()
	if name == "" {
		name = site
	}
	more, at, err := continues(ctx, tx, gateway, inv.GetConfigHash())
	if err != nil {
		return err
	}
	if err := nameSite(ctx, tx, gateway, siteName{site, name, inv.GetTimezone()}); err != nil {
		return err
	}
	steps := []step{
		{`UPDATE gateways SET site = ?, config = ? WHERE id = ?`, []any{site, inv.GetConfigHash(), gateway}},
	}
	place := `CASE WHEN ? = 1 THEN devices.position ELSE excluded.position END` // in a part that comes again devices keep theirs
	if !more {
		steps = append(steps, step{`DELETE FROM points WHERE gateway = ?`, []any{gateway}}, step{`DELETE FROM outputs WHERE gateway = ?`, []any{gateway}})
	}
	for i, d := range inv.GetDevices() {
		steps = append(steps, step{`
			INSERT INTO devices (gateway, id, position, name, kind, model, place, zone, channel, poll_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (gateway, id) DO UPDATE SET position = ` + place + `, name = excluded.name, kind = excluded.kind,
			model = excluded.model, place = excluded.place, zone = excluded.zone, channel = excluded.channel, poll_ms = excluded.poll_ms`,
			[]any{gateway, d.GetId(), at + i, d.GetName(), d.GetKind(), d.GetModel(), d.GetPlace(), d.GetZone(), d.GetChannel(), d.GetPollMs(), more}})
	}
	for _, m := range inv.GetModels() {
		for i, p := range m.GetPoints() {
			labels, err := json.Marshal(maps.Clone(p.GetLabels()))
			if err != nil {
				return fmt.Errorf("encode labels of %s %s: %w", m.GetName(), p.GetName(), err)
			}
			steps = append(steps, step{`INSERT INTO points (gateway, model, name, position, unit, labels, report_ms) VALUES (?, ?, ?, ?, ?, ?, ?)
				ON CONFLICT (gateway, model, name) DO UPDATE SET position = excluded.position, unit = excluded.unit, labels = excluded.labels,
				report_ms = excluded.report_ms`, []any{gateway, m.GetName(), p.GetName(), i, p.GetUnit(), string(labels), int64(p.GetReportMs())}})
		}
	}
	outputs, err := outputSteps(gateway, inv)
	if err != nil {
		return err
	}
	for _, s := range append(steps, outputs...) {
		if _, err := tx.ExecContext(ctx, s.sql, s.args...); err != nil {
			return fmt.Errorf("apply inventory of %s: %w", gateway, err)
		}
	}
	if more {
		return nil
	}
	return forget(ctx, tx, gateway, inv)
}

// continues says whether an inventory of the configuration adds to what is there, and the position of its first new device.
func continues(ctx context.Context, tx *sql.Tx, gateway, config string) (more bool, at int, err error) {
	if config == "" {
		return false, 0, nil
	}
	err = tx.QueryRowContext(ctx, `SELECT count(*) > 0, coalesce(max(d.position) + 1, 0) FROM gateways g
		LEFT JOIN devices d ON d.gateway = g.id WHERE g.id = ? AND g.config = ?`, gateway, config).Scan(&more, &at)
	return more, at, wrap(err, "find configuration of", gateway)
}

type step struct {
	sql  string
	args []any
}

// forget removes devices that the inventory no longer names. Their readings and incidents stay.
func forget(ctx context.Context, tx *sql.Tx, gateway string, inv *wire.Inventory) error {
	keep := map[string]bool{}
	for _, d := range inv.GetDevices() {
		keep[d.GetId()] = true
	}
	rows, err := tx.QueryContext(ctx, `SELECT id FROM devices WHERE gateway = ?`, gateway)
	if err != nil {
		return fmt.Errorf("list devices of %s: %w", gateway, err)
	}
	var gone []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			rows.Close()
			return fmt.Errorf("read device of %s: %w", gateway, err)
		}
		if !keep[id] {
			gone = append(gone, id)
		}
	}
	if err := rows.Close(); err != nil {
		return fmt.Errorf("list devices of %s: %w", gateway, err)
	}
	for _, id := range gone {
		if _, err := tx.ExecContext(ctx, `DELETE FROM devices WHERE gateway = ? AND id = ?`, gateway, id); err != nil {
			return fmt.Errorf("remove device %s of %s: %w", id, gateway, err)
		}
	}
	return nil
}

// DeviceState notes that a device answers or does not.
func DeviceState(ctx context.Context, tx *sql.Tx, gateway string, s *wire.DeviceState) error {
	_, err := tx.ExecContext(ctx, `UPDATE devices SET online = ?, reason = ?, since = ? WHERE gateway = ? AND id = ?`,
		s.GetOnline(), s.GetReason()&0xff, s.GetAtMs(), gateway, s.GetDevice())
	return wrap(err, "note device state of", gateway)
}

// Rename gives sites the names of the cloud's own configuration, which win over what gateways tell.
func Rename(ctx context.Context, tx *sql.Tx, names map[string]string) error {
	for id, name := range names {
		if _, err := tx.ExecContext(ctx, `UPDATE sites SET name = ? WHERE id = ?`, name, id); err != nil {
			return fmt.Errorf("name site %s: %w", id, err)
		}
	}
	return nil
}

func wrap(err error, act, gateway string) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %s: %w", act, gateway, err)
}

package org

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/rules"
)

type siteName struct{ id, name, timezone string }

// nameSite takes over name and time zone of a site when the gateway owns it: as the first that is in it, or because its
// owner has left it. The configuration of one compound must not be able to rename another one's.
func nameSite(ctx context.Context, tx *sql.Tx, gateway string, s siteName) error {
	var name, zone, owner string
	err := tx.QueryRowContext(ctx, `SELECT s.name, s.timezone, coalesce(g.id, '') FROM sites s
		LEFT JOIN gateways g ON g.id = s.owner AND g.site = s.id WHERE s.id = ?`, s.id).Scan(&name, &zone, &owner)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("find owner of site %s: %w", s.id, err)
	}
	if owner != "" && owner != gateway {
		if name == s.name && zone == s.timezone {
			return nil
		}
		_, err := NoteOnce(ctx, tx, Entry{At: time.Now(), Gateway: gateway, Kind: ForeignSite, Text: rules.Text{
			ZH: fmt.Sprintf("网关要把站点 %s 改名为“%s”（时区 %s），该站点由网关 %s 命名，未采纳", s.id, s.name, s.timezone, owner),
			EN: fmt.Sprintf("the gateway calls site %s %q (time zone %s); gateway %s names that site, so it keeps its name", s.id, s.name, s.timezone, owner)}})
		return err
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO sites (id, name, timezone, owner) VALUES (?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET name = excluded.name, timezone = excluded.timezone, owner = excluded.owner`, s.id, s.name, s.timezone, gateway)
	return wrap(err, "name site of", gateway)
}

// Decommission takes a gateway out of service: its site may be named by another gateway and shows its devices no more, and
// when it comes back with new logs, the old ones count as given up, not as lost. Readings and incidents stay.
func Decommission(ctx context.Context, tx *sql.Tx, gateway string, now time.Time) error {
	var site string
	err := tx.QueryRowContext(ctx, `SELECT site FROM gateways WHERE id = ?`, gateway).Scan(&site)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("decommission %s: %w", gateway, ErrUnknown)
	}
	if err != nil {
		return fmt.Errorf("decommission %s: %w", gateway, err)
	}
	ms := now.UnixMilli()
	for _, s := range []step{
		{`UPDATE gateways SET retired = 1, site = '', online = 0, since = ? WHERE id = ?`, []any{ms, gateway}},
		{`UPDATE sites SET owner = '' WHERE owner = ?`, []any{gateway}},
		{`UPDATE outages SET to_ms = ? WHERE gateway = ? AND to_ms IS NULL`, []any{ms, gateway}},
		{`DELETE FROM watches WHERE gateway = ?`, []any{gateway}},
	} {
		if _, err := tx.ExecContext(ctx, s.sql, s.args...); err != nil {
			return fmt.Errorf("decommission %s: %w", gateway, err)
		}
	}
	return Note(ctx, tx, Entry{At: now, Gateway: gateway, Kind: Retired, Text: rules.Text{
		ZH: fmt.Sprintf("网关已停用，站点 %s 不再归它", site), EN: fmt.Sprintf("the gateway was decommissioned; site %s is not its own any more", site)}})
}

// Returned says whether a gateway was decommissioned, and ends that: its next new log is a loss again.
func Returned(ctx context.Context, tx *sql.Tx, gateway string) (bool, error) {
	res, err := tx.ExecContext(ctx, `UPDATE gateways SET retired = 0 WHERE id = ? AND retired = 1`, gateway)
	if err != nil {
		return false, fmt.Errorf("end retirement of %s: %w", gateway, err)
	}
	n, err := res.RowsAffected()
	return n > 0, err
}

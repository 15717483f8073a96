package window

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
	"github.com/linshao/linshao/cloud/internal/org/tree"
)

const columns = `w.id, w.site, w.gateway, w.device, coalesce(d.name, w.device), coalesce(d.place, ''), w.from_ms, w.until_ms, w.reason, w.crew, w.who, w.ended_by
	FROM windows w LEFT JOIN devices d ON w.device <> '' AND d.gateway = w.gateway AND d.id = w.device `

type scanner interface{ Scan(dest ...any) error }

func (w *Window) scan(row scanner) error {
	return row.Scan(&w.ID, &w.Site, &w.Gateway, &w.Device, &w.Name, &w.Place, &w.From, &w.Until, &w.Reason, &w.Crew, &w.Who, &w.EndedBy)
}

func one(ctx context.Context, q db.Querier, id int64) (Window, error) {
	var w Window
	err := w.scan(q.QueryRowContext(ctx, `SELECT `+columns+`WHERE w.id = ?`, id))
	if errors.Is(err, sql.ErrNoRows) {
		return w, fmt.Errorf("window %d: %w", id, org.ErrUnknown)
	}
	if err != nil {
		return w, fmt.Errorf("read window %d: %w", id, err)
	}
	return w, nil
}

// InForce says whether a site is under maintenance at a time.
func InForce(ctx context.Context, q db.Querier, site string, at time.Time) (bool, error) {
	var n int
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM windows WHERE site = ? AND device = '' AND until_ms > ? AND from_ms <= ?`, site, at.UnixMilli(), at.UnixMilli()).Scan(&n); err != nil {
		return false, fmt.Errorf("read windows of site %s: %w", site, err)
	}
	return n > 0, nil
}

// InForceAt lists what keeps a device quiet at a time: the windows of its site, then its own snooze.
func InForceAt(ctx context.Context, q db.Querier, of Window, at time.Time) ([]Window, error) {
	return list(ctx, q, `WHERE w.site = ? AND (w.device = '' OR w.gateway = ? AND w.device = ?) AND w.until_ms > ? AND w.from_ms <= ? ORDER BY w.device, w.id`,
		of.Site, of.Gateway, of.Device, at.UnixMilli(), at.UnixMilli())
}

// Of lists the windows of a site, and the snoozes of its devices: those that run or will, the next first, then those that are
// over, newest first; limit of each.
func Of(ctx context.Context, q db.Querier, site string, at time.Time, limit int) ([]Window, error) {
	now := at.UnixMilli()
	out, err := list(ctx, q, `WHERE w.site = ? AND w.until_ms > ? ORDER BY w.from_ms, w.id LIMIT ?`, site, now, limit)
	if err != nil {
		return nil, err
	}
	over, err := list(ctx, q, `WHERE w.site = ? AND w.until_ms <= ? ORDER BY w.until_ms DESC, w.id DESC LIMIT ?`, site, now, limit)
	return append(out, over...), err
}

// Running lists all windows and snoozes that are in force at some time between two times, by site.
func Running(ctx context.Context, q db.Querier, from, to time.Time) ([]Window, error) {
	return list(ctx, q, `WHERE w.until_ms > ? AND w.from_ms <= ? ORDER BY w.site, w.id`, from.UnixMilli(), to.UnixMilli())
}

// Now lists the windows and snoozes of a part of the street that are in force, the oldest first.
func Now(ctx context.Context, q db.Querier, part tree.Scope, at time.Time) ([]Window, error) {
	in, args := part.Sites("w.site")
	return list(ctx, q, `WHERE w.until_ms > ? AND w.from_ms <= ? AND `+in+` ORDER BY w.from_ms, w.id`, append([]any{at.UnixMilli(), at.UnixMilli()}, args...)...)
}

func list(ctx context.Context, q db.Querier, where string, args ...any) ([]Window, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+columns+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list windows: %w", err)
	}
	defer rows.Close()
	out := []Window{}
	for rows.Next() {
		var w Window
		if err := w.scan(rows); err != nil {
			return nil, fmt.Errorf("list windows: %w", err)
		}
		out = append(out, w)
	}
	return out, rows.Err()
}

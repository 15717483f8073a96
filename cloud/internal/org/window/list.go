package window

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org"
)

const columns = `id, site, from_ms, until_ms, reason, crew, who, ended_by`

func one(ctx context.Context, q db.Querier, id int64) (Window, error) {
	var w Window
	err := q.QueryRowContext(ctx, `SELECT `+columns+` FROM windows WHERE id = ?`, id).Scan(&w.ID, &w.Site, &w.From, &w.Until, &w.Reason, &w.Crew, &w.Who, &w.EndedBy)
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
	if err := q.QueryRowContext(ctx, `SELECT count(*) FROM windows WHERE site = ? AND until_ms > ? AND from_ms <= ?`, site, at.UnixMilli(), at.UnixMilli()).Scan(&n); err != nil {
		return false, fmt.Errorf("read windows of site %s: %w", site, err)
	}
	return n > 0, nil
}

// Of lists the windows of a site: those that run or will, the next first, then those that are over, newest first; limit of
// each.
func Of(ctx context.Context, q db.Querier, site string, at time.Time, limit int) ([]Window, error) {
	now := at.UnixMilli()
	out, err := list(ctx, q, `WHERE site = ? AND until_ms > ? ORDER BY from_ms, id LIMIT ?`, site, now, limit)
	if err != nil {
		return nil, err
	}
	over, err := list(ctx, q, `WHERE site = ? AND until_ms <= ? ORDER BY until_ms DESC, id DESC LIMIT ?`, site, now, limit)
	return append(out, over...), err
}

// Running lists all windows that are in force at some time between two times, by site.
func Running(ctx context.Context, q db.Querier, from, to time.Time) ([]Window, error) {
	return list(ctx, q, `WHERE until_ms > ? AND from_ms <= ? ORDER BY site, id`, from.UnixMilli(), to.UnixMilli())
}

func list(ctx context.Context, q db.Querier, where string, args ...any) ([]Window, error) {
	rows, err := q.QueryContext(ctx, `SELECT `+columns+` FROM windows `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list windows: %w", err)
	}
	defer rows.Close()
	out := []Window{}
	for rows.Next() {
		var w Window
		if err := rows.Scan(&w.ID, &w.Site, &w.From, &w.Until, &w.Reason, &w.Crew, &w.Who, &w.EndedBy); err != nil {
			return nil, fmt.Errorf("list windows: %w", err)
		}
		out = append(out, w)
	}
	return out, rows.Err()
}

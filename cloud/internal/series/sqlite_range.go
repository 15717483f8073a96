package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sort"
	"time"

	"github.com/linshao/linshao/drivers/device"
)

// Range implements Store.
func (s *SQLite) Range(ctx context.Context, q Query) (Result, error) {
	if h := time.UnixMilli(s.horizon.Load()); q.From.Before(h) {
		q.From = h
	}
	var id int64
	err := s.db.Reader().QueryRowContext(ctx, `SELECT id FROM series WHERE gateway = ? AND device = ? AND point = ?`, q.Gateway, q.Device, q.Point).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return Result{Gaps: []Gap{}}, nil
	}
	if err != nil {
		return Result{}, fmt.Errorf("find series: %w", err)
	}
	from, to := q.From.UnixMilli(), q.To.UnixMilli()
	// Bundles first: what becomes blocks meanwhile is then seen twice, not missed.
	var loose, c Column
	if err := s.collect(ctx, &loose, from, to, func(data []byte) (Column, error) {
		columns, err := openBundle(data, id)
		if err != nil || len(columns) == 0 {
			return Column{}, err
		}
		return columns[0].Column, nil
	}, `SELECT first_ms, last_ms, data FROM bundles WHERE gateway = ? AND last_ms >= ? AND first_ms <= ? ORDER BY id`, q.Gateway, from, to); err != nil {
		return Result{}, err
	}
	if err := s.collect(ctx, &c, from, to, openRow,
		`SELECT first_ms, last_ms, data FROM blocks WHERE series = ? AND last_ms >= ? AND first_ms <= ? ORDER BY id`, id, from, to); err != nil {
		return Result{}, err
	}
	c.AddAll(&loose)
	return thin(q, c.ordered()), nil
}

// collect appends the readings of rows between two times. Of a damaged row only its times are known: they become bad
// readings, so that a chart shows what is missing and why.
func (s *SQLite) collect(ctx context.Context, into *Column, from, to int64, open func([]byte) (Column, error), query string, args ...any) error {
	rows, err := s.db.Reader().QueryContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("read blocks: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var first, last int64
		var data sql.RawBytes
		if err := rows.Scan(&first, &last, &data); err != nil {
			return fmt.Errorf("read block: %w", err)
		}
		c, err := open(data)
		if err != nil {
			c = Column{}
			for _, at := range []int64{first, last} {
				c.Add(at, 0, statusOf(device.Bad, device.Corrupt))
			}
			c = c.ordered()
		}
		i := sort.Search(len(c.Times), func(i int) bool { return c.Times[i] >= from })
		j := sort.Search(len(c.Times), func(i int) bool { return c.Times[i] > to })
		if i < j {
			c = c.part(i, j)
			into.AddAll(&c)
		}
	}
	return rows.Err()
}

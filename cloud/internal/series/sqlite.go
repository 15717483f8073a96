package series

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/drivers/device"
)

//go:embed migrations/*.sql
var migrations embed.FS

// SQLite is the embedded store: one file, good for a street of some hundred sites. What is written together becomes one
// bundle a gateway; when enough have come together they become blocks of a point each, of about a thousand readings.
type SQLite struct {
	db      *db.DB
	horizon atomic.Int64 // readings before it are not shown, Unix ms

	mu    sync.Mutex // one write at a time
	ids   map[seriesKey]int64
	loose map[string]looseOf
}

// looseOf is how much of a gateway lies in bundles.
type looseOf struct{ bundles, readings, points int }

// OpenSQLite opens the store's file, which is its own: readings must not delay the cloud's other transactions. Readings
// of the first version's table are brought into blocks, at some hundred thousand a second.
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("find migrations: %w", err)
	}
	d, err := db.Open(ctx, path, sub)
	if err != nil {
		return nil, err
	}
	s := &SQLite{db: d, ids: map[seriesKey]int64{}, loose: map[string]looseOf{}}
	for _, step := range []func(context.Context) error{s.convert, s.load} {
		if err := step(ctx); err != nil {
			d.Close()
			return nil, fmt.Errorf("open readings %s: %w", path, err)
		}
	}
	return s, nil
}

// load reads what is kept in memory.
func (s *SQLite) load(ctx context.Context) error {
	var before int64
	if err := s.db.Reader().QueryRowContext(ctx, `SELECT before_ms FROM horizon`).Scan(&before); err != nil {
		return fmt.Errorf("read horizon: %w", err)
	}
	s.horizon.Store(before)
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT gateway, count(*), sum(readings), max(points) FROM bundles WHERE readings > 0 GROUP BY gateway`)
	if err != nil {
		return fmt.Errorf("count bundles: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var gateway string
		var l looseOf
		if err := rows.Scan(&gateway, &l.bundles, &l.readings, &l.points); err != nil {
			return fmt.Errorf("count bundles: %w", err)
		}
		s.loose[gateway] = l
	}
	return rows.Err()
}

// Close closes the file.
func (s *SQLite) Close() error { return s.db.Close() }

// Latest implements Store.
func (s *SQLite) Latest(ctx context.Context, gateway, dev string) ([]device.Reading, error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT s.device, s.point, l.time_ms, l.value, l.status
		FROM latest l JOIN series s ON s.id = l.series WHERE s.gateway = ? AND (? = '' OR s.device = ?) ORDER BY s.id`, gateway, dev, dev)
	if err != nil {
		return nil, fmt.Errorf("read latest of %s: %w", gateway, err)
	}
	defer rows.Close()
	var out []device.Reading
	for rows.Next() {
		var r device.Reading
		var at, st int64
		var v sql.NullFloat64
		if err := rows.Scan(&r.Device, &r.Point, &at, &v, &st); err != nil {
			return nil, fmt.Errorf("read latest of %s: %w", gateway, err)
		}
		r.Time, r.Value = time.UnixMilli(at), v.Float64
		r.Quality, r.Reason = fromStatus(byte(st))
		if !v.Valid {
			r.Value = math.NaN()
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// pruneSeries is how many series one transaction of Prune looks at.
const pruneSeries = 256

// Prune deletes the blocks whose readings are all older than the time, some series at a time, so that no transaction is
// long. Older readings in other blocks are not shown any more.
func (s *SQLite) Prune(ctx context.Context, before time.Time) error {
	at := before.UnixMilli()
	var last int64
	if err := s.db.Reader().QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM series`).Scan(&last); err != nil {
		return fmt.Errorf("list series: %w", err)
	}
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE horizon SET before_ms = ? WHERE before_ms < ?`, at, at); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM bundles WHERE last_ms < ?`, at)
		return err
	})
	for id := int64(1); id <= last && err == nil; id += pruneSeries {
		err = s.db.Update(ctx, func(tx *sql.Tx) error {
			for n := id; n < id+pruneSeries && n <= last; n++ {
				if _, err := tx.ExecContext(ctx, `DELETE FROM blocks WHERE series = ? AND last_ms < ?`, n, at); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err != nil {
		return fmt.Errorf("prune readings: %w", err)
	}
	s.horizon.Store(max(at, s.horizon.Load()))
	return nil
}

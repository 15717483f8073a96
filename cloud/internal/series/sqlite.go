package series

import (
	"cmp"
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/drivers/device"
)

//go:embed migrations/*.sql
var migrations embed.FS

// SQLite is the embedded store: one file, good for a street of some hundred sites.
type SQLite struct {
	db  *db.DB
	mu  sync.Mutex
	ids map[seriesKey]int64
}

type seriesKey struct{ gateway, device, point string }

// OpenSQLite opens the store's file, which is its own: readings must not delay the cloud's other transactions.
func OpenSQLite(ctx context.Context, path string) (*SQLite, error) {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, fmt.Errorf("find migrations: %w", err)
	}
	d, err := db.Open(ctx, path, sub)
	if err != nil {
		return nil, err
	}
	return &SQLite{db: d, ids: map[seriesKey]int64{}}, nil
}

// Close closes the file.
func (s *SQLite) Close() error { return s.db.Close() }

// row is one reading of one series as stored.
type row struct {
	series, at int64
	value      sql.NullFloat64
	status     int64
}

// Write implements Store.
func (s *SQLite) Write(ctx context.Context, gateway string, rs []device.Reading) error {
	found := map[seriesKey]int64{}
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		rows := make([]row, 0, len(rs))
		for _, r := range rs {
			key := seriesKey{gateway, r.Device, r.Point}
			id, ok := found[key]
			if !ok {
				var err error
				if id, err = s.id(ctx, tx, key); err != nil {
					return err
				}
				found[key] = id
			}
			rows = append(rows, toRow(id, r))
		}
		rows = sortRows(rows)
		for chunk := range slices.Chunk(rows, 500) {
			if err := insert(ctx, tx, `readings`, `ON CONFLICT (series, time_ms) DO UPDATE SET value = excluded.value, status = excluded.status`, chunk); err != nil {
				return err
			}
		}
		for chunk := range slices.Chunk(newest(rows), 500) {
			if err := insert(ctx, tx, `latest`, `ON CONFLICT (series) DO UPDATE SET time_ms = excluded.time_ms, value = excluded.value,
				status = excluded.status WHERE excluded.time_ms >= latest.time_ms`, chunk); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// Only now: a rolled-back transaction must not leave the id of a series behind that does not exist.
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.ids, found)
	return nil
}

func toRow(id int64, r device.Reading) row {
	r = clean(r)
	return row{id, r.Time.UnixMilli(), sql.NullFloat64{Float64: r.Value, Valid: r.Quality != device.Bad}, status(r)}
}

// clean makes a reading bad whose value no store can hold.
func clean(r device.Reading) device.Reading {
	if r.Quality != device.Bad && (math.IsNaN(r.Value) || math.IsInf(r.Value, 0)) {
		r.Quality, r.Reason = device.Bad, device.Corrupt
	}
	return r
}

func status(r device.Reading) int64 { return int64(r.Quality)<<6 | int64(r.Reason)&0x3f }

func fromStatus(n int64) (device.Quality, device.Reason) {
	return device.Quality(n >> 6 & 3), device.Reason(n & 0x3f)
}

// sortRows orders by series and time and keeps the last of two rows with the same key.
func sortRows(rows []row) []row {
	slices.SortStableFunc(rows, func(a, b row) int {
		return cmp.Or(cmp.Compare(a.series, b.series), cmp.Compare(a.at, b.at))
	})
	out := rows[:0]
	for i, r := range rows {
		if i+1 < len(rows) && rows[i+1].series == r.series && rows[i+1].at == r.at {
			continue
		}
		out = append(out, r)
	}
	return out
}

// newest keeps the last row of each series of sorted rows.
func newest(rows []row) []row {
	var out []row
	for i, r := range rows {
		if i+1 == len(rows) || rows[i+1].series != r.series {
			out = append(out, r)
		}
	}
	return out
}

func insert(ctx context.Context, tx *sql.Tx, table, conflict string, rows []row) error {
	args := make([]any, 0, 4*len(rows))
	for _, r := range rows {
		args = append(args, r.series, r.at, r.value, r.status)
	}
	values := strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?), ", len(rows)), ", ")
	if _, err := tx.ExecContext(ctx, `INSERT INTO `+table+` (series, time_ms, value, status) VALUES `+values+` `+conflict, args...); err != nil {
		return fmt.Errorf("insert into %s: %w", table, err)
	}
	return nil
}

// id of a series, made when it is new.
func (s *SQLite) id(ctx context.Context, tx *sql.Tx, k seriesKey) (int64, error) {
	s.mu.Lock()
	id, ok := s.ids[k]
	s.mu.Unlock()
	if ok {
		return id, nil
	}
	err := tx.QueryRowContext(ctx, `SELECT id FROM series WHERE gateway = ? AND device = ? AND point = ?`, k.gateway, k.device, k.point).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRowContext(ctx, `INSERT INTO series (gateway, device, point) VALUES (?, ?, ?) RETURNING id`, k.gateway, k.device, k.point).Scan(&id)
		if err != nil {
			return 0, fmt.Errorf("make series %v: %w", k, err)
		}
		return id, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find series %v: %w", k, err)
	}
	return id, nil
}

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
		r.Quality, r.Reason = fromStatus(st)
		if !v.Valid {
			r.Value = math.NaN()
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

// Prune deletes readings older than the time, a series at a time, so that no transaction is long.
func (s *SQLite) Prune(ctx context.Context, before time.Time) error {
	var last int64
	if err := s.db.Reader().QueryRowContext(ctx, `SELECT coalesce(max(id), 0) FROM series`).Scan(&last); err != nil {
		return fmt.Errorf("list series: %w", err)
	}
	for id := int64(1); id <= last; id++ {
		err := s.db.Update(ctx, func(tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, `DELETE FROM readings WHERE series = ? AND time_ms < ?`, id, before.UnixMilli())
			return err
		})
		if err != nil {
			return fmt.Errorf("prune series %d: %w", id, err)
		}
	}
	return nil
}

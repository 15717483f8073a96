package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Range implements Store. Few readings are read one by one; many are thinned inside SQLite, which is ten times faster
// than carrying them out of it.
func (s *SQLite) Range(ctx context.Context, q Query) (Result, error) {
	var id int64
	err := s.db.Reader().QueryRowContext(ctx, `SELECT id FROM series WHERE gateway = ? AND device = ? AND point = ?`, q.Gateway, q.Device, q.Point).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return Result{Gaps: []Gap{}}, nil
	}
	if err != nil {
		return Result{}, fmt.Errorf("find series: %w", err)
	}
	var n int
	if err := s.db.Reader().QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM readings WHERE series = ? AND time_ms BETWEEN ? AND ? LIMIT ?)`,
		id, q.From.UnixMilli(), q.To.UnixMilli(), 2*q.Max+1).Scan(&n); err != nil {
		return Result{}, fmt.Errorf("count readings: %w", err)
	}
	if n <= 2*q.Max {
		return s.raw(ctx, id, q)
	}
	return s.thinned(ctx, id, q)
}

func (s *SQLite) raw(ctx context.Context, id int64, q Query) (Result, error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT time_ms, coalesce(value, 0), status FROM readings
		WHERE series = ? AND time_ms BETWEEN ? AND ? ORDER BY time_ms`, id, q.From.UnixMilli(), q.To.UnixMilli())
	if err != nil {
		return Result{}, fmt.Errorf("read readings: %w", err)
	}
	defer rows.Close()
	var samples []sample
	for rows.Next() {
		var p sample
		var st int64
		if err := rows.Scan(&p.at, &p.value, &st); err != nil {
			return Result{}, fmt.Errorf("read reading: %w", err)
		}
		p.quality, p.reason = fromStatus(st)
		samples = append(samples, p)
	}
	if err := rows.Err(); err != nil {
		return Result{}, fmt.Errorf("read readings: %w", err)
	}
	return thin(q, samples), nil
}

func (s *SQLite) thinned(ctx context.Context, id int64, q Query) (Result, error) {
	rows, err := s.db.Reader().QueryContext(ctx, `SELECT value IS NULL, min(time_ms), max(time_ms), coalesce(min(value), 0), coalesce(max(value), 0), count(*), max(status),
		coalesce(min(CASE WHEN status / 64 = 1 THEN time_ms END), 0), coalesce(max(CASE WHEN status / 64 = 1 THEN time_ms END), 0),
		coalesce(max(CASE WHEN status / 64 = 1 THEN status END), 0)
		FROM readings WHERE series = ? AND time_ms BETWEEN ? AND ? GROUP BY (time_ms - ?) / ?, value IS NULL ORDER BY min(time_ms)`,
		id, q.From.UnixMilli(), q.To.UnixMilli(), q.From.UnixMilli(), bucketWidth(q))
	if err != nil {
		return Result{}, fmt.Errorf("thin readings: %w", err)
	}
	defer rows.Close()
	res := Result{Downsampled: true}
	for rows.Next() {
		var b Bucket
		var doubt Gap
		var none bool
		var st, doubtful int64
		if err := rows.Scan(&none, &b.First, &b.Last, &b.Min, &b.Max, &b.N, &st, &doubt.From, &doubt.To, &doubtful); err != nil {
			return Result{}, fmt.Errorf("read bucket: %w", err)
		}
		if none {
			_, reason := fromStatus(st)
			res.Bad = append(res.Bad, Gap{b.First, b.Last, reason.String()})
			continue
		}
		if doubtful > 0 {
			_, reason := fromStatus(doubtful)
			doubt.Reason = reason.String()
			res.doubt(b, doubt)
		}
		res.Buckets = append(res.Buckets, b)
	}
	if err := rows.Err(); err != nil {
		return Result{}, fmt.Errorf("read buckets: %w", err)
	}
	res.Gaps = gaps(q, res.Buckets, res.Bad)
	return res, nil
}

// doubt adds the uncertain readings of a bucket, or prolongs the run that reaches up to the bucket.
func (r *Result) doubt(b Bucket, d Gap) {
	if n, m := len(r.Uncertain), len(r.Buckets); n > 0 && m > 0 && d.From == b.First && r.Uncertain[n-1].To == r.Buckets[m-1].Last && r.Uncertain[n-1].Reason == d.Reason {
		r.Uncertain[n-1].To = d.To
		return
	}
	r.Uncertain = append(r.Uncertain, d)
}

package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// bundleReadings is about how many readings one bundle holds.
const bundleReadings = 1 << 16

// bundle is one row to be written.
type bundle struct {
	gateway string
	columns []numbered
	looseOf
}

// Write implements Store.
func (s *SQLite) Write(ctx context.Context, columns []Column) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	columns = joined(columns)
	found := map[seriesKey]int64{}
	var bundles []*bundle
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		bundles = bundles[:0]
		open := map[string]*bundle{}
		all := make([]numbered, len(columns))
		for i, c := range columns {
			id, err := s.id(ctx, tx, c.key(), found)
			if err != nil {
				return err
			}
			all[i] = numbered{id, c}
			b := open[c.Gateway]
			if b == nil || b.readings > bundleReadings {
				b = &bundle{gateway: c.Gateway}
				bundles, open[c.Gateway] = append(bundles, b), b
			}
			b.columns, b.readings, b.points = append(b.columns, all[i]), b.readings+len(c.Times), b.points+1
		}
		for _, b := range bundles {
			if err := b.insert(ctx, tx); err != nil {
				return err
			}
		}
		return remember(ctx, tx, all)
	})
	if err != nil {
		return err
	}
	maps.Copy(s.ids, found) // only now: a rolled-back transaction must not leave the id of a series behind that does not exist
	for _, b := range bundles {
		l := s.loose[b.gateway]
		s.loose[b.gateway] = looseOf{l.bundles + 1, l.readings + b.readings, max(l.points, b.points)}
	}
	for _, b := range bundles {
		if s.loose[b.gateway].enough() {
			if err := s.settle(ctx, b.gateway); err != nil {
				return err
			}
		}
	}
	return nil
}

// joined brings the columns of each point together, in order of time.
func joined(columns []Column) []Column {
	out, place, mixed := make([]Column, 0, len(columns)), make(map[seriesKey]int, len(columns)), map[int]bool{}
	for _, c := range columns {
		if len(c.Times) == 0 {
			continue
		}
		i, ok := place[c.key()]
		if !ok {
			place[c.key()] = len(out)
			out = append(out, c)
			continue
		}
		if !mixed[i] { // the first time: what the caller gave stays as it is
			mixed[i] = true
			first := out[i]
			out[i] = Column{Gateway: c.Gateway, Device: c.Device, Point: c.Point}
			out[i].AddAll(&first)
		}
		out[i].AddAll(&c)
	}
	for i := range out {
		out[i] = out[i].normal()
	}
	return out
}

func (b *bundle) insert(ctx context.Context, tx *sql.Tx) error {
	first, last := b.columns[0].Times[0], b.columns[0].Times[0]
	for _, c := range b.columns {
		first, last = min(first, c.Times[0]), max(last, c.Times[len(c.Times)-1])
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO bundles (gateway, first_ms, last_ms, readings, points, data) VALUES (?, ?, ?, ?, ?, ?)`,
		b.gateway, first, last, b.readings, b.points, packBundle(b.columns)); err != nil {
		return fmt.Errorf("insert bundle of %s: %w", b.gateway, err)
	}
	return nil
}

// remember keeps the newest reading of each point.
func remember(ctx context.Context, tx *sql.Tx, all []numbered) error {
	for chunk := range slices.Chunk(all, 200) {
		args := make([]any, 0, 4*len(chunk))
		for _, c := range chunk {
			i := len(c.Times) - 1
			value := sql.NullFloat64{Float64: c.Values[i], Valid: !isBad(c.at(i))}
			args = append(args, c.series, c.Times[i], value, int64(c.at(i)))
		}
		values := strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?), ", len(chunk)), ", ")
		if _, err := tx.ExecContext(ctx, `INSERT INTO latest (series, time_ms, value, status) VALUES `+values+` ON CONFLICT (series) DO UPDATE
			SET time_ms = excluded.time_ms, value = excluded.value, status = excluded.status WHERE excluded.time_ms >= latest.time_ms`, args...); err != nil {
			return fmt.Errorf("keep newest readings: %w", err)
		}
	}
	return nil
}

// id of a series, made when it is new.
func (s *SQLite) id(ctx context.Context, tx *sql.Tx, k seriesKey, found map[seriesKey]int64) (int64, error) {
	if id, ok := s.ids[k]; ok {
		return id, nil
	}
	var id int64
	err := tx.QueryRowContext(ctx, `SELECT id FROM series WHERE gateway = ? AND device = ? AND point = ?`, k.gateway, k.device, k.point).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.QueryRowContext(ctx, `INSERT INTO series (gateway, device, point) VALUES (?, ?, ?) RETURNING id`, k.gateway, k.device, k.point).Scan(&id)
		if err != nil {
			return 0, fmt.Errorf("make series %v: %w", k, err)
		}
	}
	if err != nil {
		return 0, fmt.Errorf("find series %v: %w", k, err)
	}
	found[k] = id
	return id, nil
}

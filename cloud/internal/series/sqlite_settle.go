package series

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

const (
	blockReadings = 1024    // of a full block
	settleFactor  = 512     // readings a point, on average, that are worth making blocks of
	settleBundles = 256     // more are not read for one chart
	settleMost    = 1 << 19 // readings that are brought into blocks at once
)

func (l looseOf) enough() bool {
	return l.bundles >= settleBundles || l.readings >= min(settleFactor*l.points, settleMost)
}

// settle brings the bundles of a gateway into blocks. It is one transaction: readings are in one place or in the other.
func (s *SQLite) settle(ctx context.Context, gateway string) error {
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		columns, err := takeBundles(ctx, tx, gateway)
		if err != nil {
			return err
		}
		for _, c := range columns {
			if err := appendBlocks(ctx, tx, c); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("make blocks of %s: %w", gateway, err)
	}
	delete(s.loose, gateway)
	return nil
}

// takeBundles deletes the bundles of a gateway and answers what they hold, a column a series. A damaged one is set aside.
func takeBundles(ctx context.Context, tx *sql.Tx, gateway string) ([]numbered, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, data FROM bundles WHERE gateway = ? AND readings > 0 ORDER BY id`, gateway)
	if err != nil {
		return nil, fmt.Errorf("read bundles: %w", err)
	}
	defer rows.Close()
	var out []numbered
	var damaged []int64
	place := map[int64]int{}
	for rows.Next() {
		var id int64
		var data []byte
		if err := rows.Scan(&id, &data); err != nil {
			return nil, fmt.Errorf("read bundle: %w", err)
		}
		columns, err := openBundle(data, 0)
		if err != nil {
			damaged = append(damaged, id)
			continue
		}
		for _, c := range columns {
			if i, ok := place[c.series]; ok {
				out[i].AddAll(&c.Column)
			} else {
				place[c.series] = len(out)
				out = append(out, c)
			}
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read bundles: %w", err)
	}
	for _, id := range damaged {
		if _, err := tx.ExecContext(ctx, `UPDATE bundles SET readings = 0 WHERE id = ?`, id); err != nil {
			return nil, fmt.Errorf("set bundle %d aside: %w", id, err)
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM bundles WHERE gateway = ? AND readings > 0`, gateway); err != nil {
		return nil, fmt.Errorf("delete bundles: %w", err)
	}
	return out, nil
}

// appendBlocks stores a column behind the blocks of its series. The newest block is filled up when all of the column is
// newer; otherwise the column becomes blocks of its own, whose larger ids make them count.
func appendBlocks(ctx context.Context, tx *sql.Tx, c numbered) error {
	c.Column = c.normal()
	var id, last int64
	var n int
	var data []byte
	err := tx.QueryRowContext(ctx, `SELECT id, last_ms, readings, data FROM blocks WHERE series = ? ORDER BY last_ms DESC LIMIT 1`, c.series).Scan(&id, &last, &n, &data)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("read newest block: %w", err)
	}
	if err == nil && n < blockReadings && last < c.Times[0] {
		if tail, err := openRow(data); err == nil { // a damaged one stays as it is, and shows as such
			tail.AddAll(&c.Column)
			c.Column = tail
			fill := min(blockReadings, len(c.Times))
			if err := putBlock(ctx, tx, id, c.series, c.part(0, fill)); err != nil {
				return err
			}
			c.Column = c.part(fill, len(c.Times))
		}
	}
	return insertBlocks(ctx, tx, c)
}

func insertBlocks(ctx context.Context, tx *sql.Tx, c numbered) error {
	for i := 0; i < len(c.Times); i += blockReadings {
		if err := putBlock(ctx, tx, 0, c.series, c.part(i, min(i+blockReadings, len(c.Times)))); err != nil {
			return err
		}
	}
	return nil
}

// putBlock writes a block, a new one when id is 0.
func putBlock(ctx context.Context, tx *sql.Tx, id, series int64, c Column) error {
	first, last, n, data := c.Times[0], c.Times[len(c.Times)-1], len(c.Times), sealed(appendBlock(nil, &c))
	var err error
	if id == 0 {
		_, err = tx.ExecContext(ctx, `INSERT INTO blocks (series, first_ms, last_ms, readings, data) VALUES (?, ?, ?, ?, ?)`, series, first, last, n, data)
	} else {
		_, err = tx.ExecContext(ctx, `UPDATE blocks SET last_ms = ?, readings = ?, data = ? WHERE id = ?`, last, n, data, id)
	}
	if err != nil {
		return fmt.Errorf("write block: %w", err)
	}
	return nil
}

// convert brings the readings of the first version's table into blocks. It goes on where it was interrupted.
func (s *SQLite) convert(ctx context.Context) error {
	for {
		done := false
		err := s.db.Update(ctx, func(tx *sql.Tx) error {
			c, err := oldReadings(ctx, tx)
			if err != nil || len(c.Times) == 0 {
				done = true
				return err
			}
			if err := insertBlocks(ctx, tx, c); err != nil {
				return err
			}
			_, err = tx.ExecContext(ctx, `DELETE FROM readings WHERE series = ? AND time_ms <= ?`, c.series, c.Times[len(c.Times)-1])
			return err
		})
		if err != nil {
			return fmt.Errorf("bring old readings into blocks: %w", err)
		}
		if done {
			return nil
		}
	}
}

func oldReadings(ctx context.Context, tx *sql.Tx) (numbered, error) {
	var c numbered
	rows, err := tx.QueryContext(ctx, `SELECT series, time_ms, coalesce(value, 0), status FROM readings
		WHERE series = (SELECT min(series) FROM readings) ORDER BY time_ms LIMIT ?`, bundleReadings)
	if err != nil {
		return c, fmt.Errorf("read: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var at, status int64
		var value float64
		if err := rows.Scan(&c.series, &at, &value, &status); err != nil {
			return c, fmt.Errorf("read: %w", err)
		}
		c.Add(at, value, byte(status))
	}
	return c, rows.Err()
}

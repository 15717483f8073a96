package db_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/linshao/linshao/cloud/internal/db"
)

// What is prepared once and used again gives what a new statement would: inside its own rows, after the tables changed, after
// a failure, after an end in the middle, and when there are more statements than are kept.
func TestStatementsAreUsedAgain(t *testing.T) {
	ctx := t.Context()
	d, err := db.Open(ctx, filepath.Join(t.TempDir(), "x.db"), fstest.MapFS{"001_a.sql": file(`CREATE TABLE a (n INTEGER PRIMARY KEY); INSERT INTO a VALUES (1), (2), (3)`)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const list, insert = `SELECT n FROM a WHERE n >= ? ORDER BY n`, `INSERT INTO a (n) VALUES (?)`
	nested := func(tx *sql.Tx, depth int) (sum int, err error) {
		var walk func(from, depth int) error
		walk = func(from, depth int) error {
			rows, err := tx.QueryContext(ctx, list, from)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				var n int
				if err := rows.Scan(&n); err != nil {
					return err
				}
				sum += n
				if depth > 1 {
					if err := walk(n, depth-1); err != nil {
						return err
					}
				}
				if n == 3 {
					return nil // in the middle: those behind are left
				}
			}
			return rows.Err()
		}
		err = walk(1, depth)
		return sum, err
	}
	for round := range 3 {
		if err := d.Update(ctx, func(tx *sql.Tx) error {
			if sum, err := nested(tx, 2); err != nil || sum != 6+(6+5+3) {
				t.Errorf("round %d: sum %d, %v", round, sum, err)
			}
			for i := range 600 { // more than are kept, while one of them is being read
				var n int
				rows, err := tx.QueryContext(ctx, list, 2)
				if err != nil {
					return err
				}
				rows.Next()
				if err := tx.QueryRowContext(ctx, fmt.Sprintf(`SELECT n + %d FROM a WHERE n = ?`, i), 2).Scan(&n); err != nil || n != 2+i {
					t.Errorf("statement %d: %d, %v", i, n, err)
				}
				if err := errors.Join(rows.Scan(&n), rows.Close()); err != nil || n != 2 {
					t.Errorf("the rows around it: %d, %v", n, err)
				}
			}
			if _, err := tx.ExecContext(ctx, insert, 2); err == nil {
				t.Error("a second 2")
			}
			if _, err := tx.ExecContext(ctx, insert, 10+round); err != nil {
				t.Errorf("after a failure: %v", err)
			}
			_, err := tx.ExecContext(ctx, fmt.Sprintf(`ALTER TABLE a ADD COLUMN c%d BIGINT`, round))
			return err
		}); err != nil {
			t.Fatal(err)
		}
	}
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := d.Reader().QueryContext(over, list, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
	var n int
	if err := d.Reader().QueryRowContext(ctx, `SELECT count(*) FROM a`).Scan(&n); err != nil || n != 6 {
		t.Errorf("%d rows, %v", n, err)
	}
}

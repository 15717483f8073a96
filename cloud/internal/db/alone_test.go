package db_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"

	"github.com/linshao/linshao/cloud/internal/db/dbtest"
)

// A change of many rows does not lose again and again to small ones of the same rows: where others are in its way it is
// alone at its second run.
func TestALargeChangeComesToItsEnd(t *testing.T) {
	const rows, rounds = 40, 6
	d := dbtest.Postgres(t).Open(t)
	for i := range rows {
		exec(t, d, `INSERT INTO counters (name, value) VALUES (?, 0)`, string(rune('A'+i)))
	}
	step := func(tx *sql.Tx, i int) error {
		var n int
		if err := tx.QueryRowContext(t.Context(), `SELECT value FROM counters WHERE name = ?`, string(rune('A'+i%rows))).Scan(&n); err != nil {
			return err
		}
		_, err := tx.ExecContext(t.Context(), `UPDATE counters SET value = ? WHERE name = ?`, n+1, string(rune('A'+i%rows)))
		return err
	}
	ctx, stop := context.WithCancel(t.Context())
	var small sync.WaitGroup
	for w := range 4 {
		small.Go(func() {
			for i := w; ctx.Err() == nil; i += 7 {
				if err := d.Update(t.Context(), func(tx *sql.Tx) error { return step(tx, i) }); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	met := 0
	for range rounds {
		runs := 0
		if err := d.Update(t.Context(), func(tx *sql.Tx) error {
			runs++
			for i := range rows {
				if err := step(tx, i); err != nil {
					return err
				}
			}
			return nil
		}); err != nil || runs > 2 {
			t.Errorf("%d runs: %v", runs, err)
		}
		met += runs - 1
	}
	stop()
	small.Wait()
	if met == 0 {
		t.Error("nothing was in its way: this proves nothing")
	}
}

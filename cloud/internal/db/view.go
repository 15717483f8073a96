package db

import (
	"context"
	"database/sql"
	"fmt"
)

// View runs fn on one moment of the database: whatever is committed meanwhile, all that fn reads belongs together.
func (d *DB) View(ctx context.Context, fn func(Querier) error) error {
	o := &sql.TxOptions{ReadOnly: d.postgres} // SQLite's readers are read-only by their connections
	if d.postgres {
		o.Isolation = sql.LevelRepeatableRead
	}
	tx, err := d.read.BeginTx(ctx, o)
	if err != nil {
		return fmt.Errorf("begin to read: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was changed
	return fn(tx)
}

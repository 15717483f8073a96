package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Prune deletes the oldest entries, those before a time and before every younger one. An entry of its own tells so, by
// which Verify knows that nobody else did it. It answers how many there were.
func Prune(ctx context.Context, tx *sql.Tx, before, now time.Time) (int64, error) {
	var first sql.NullInt64
	if err := tx.QueryRowContext(ctx, `SELECT min(seq) FROM audit WHERE at >= ?`, before.UnixMilli()).Scan(&first); err != nil {
		return 0, fmt.Errorf("find old entries of audit: %w", err)
	}
	if !first.Valid {
		return 0, nil // even the newest is old: then the chain must keep its end
	}
	base := Mark{Seq: first.Int64 - 1}
	err := tx.QueryRowContext(ctx, `SELECT hash FROM audit WHERE seq = ?`, base.Seq).Scan(&base.Hash)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("find old entries of audit: %w", err)
	}
	res, err := tx.ExecContext(ctx, `DELETE FROM audit WHERE seq <= ?`, base.Seq)
	if err != nil {
		return 0, fmt.Errorf("delete old entries of audit: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("delete old entries of audit: %w", err)
	}
	if _, err := tx.ExecContext(ctx, `UPDATE audit_marks SET seq = ?, hash = ? WHERE name = 'base'`, base.Seq, base.Hash); err != nil {
		return 0, fmt.Errorf("move base of audit: %w", err)
	}
	return n, Add(ctx, tx, Entry{At: now, Act: ActPrune, Kind: "audit", About: base.String()})
}

package org

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/linshao/linshao/cloud/internal/db"
)

// A NumberedEntry is an entry with its place in the journal.
type NumberedEntry struct {
	ID int64
	Entry
}

// JournalPage answers the newest entries before the one with the number, of one gateway or, when it is empty, of all;
// newest first. Before 0: from the newest.
func JournalPage(ctx context.Context, q db.Querier, gateway string, before int64, limit int) ([]NumberedEntry, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	rows, err := q.QueryContext(ctx, `SELECT id, at, gateway, kind, zh, en FROM journal WHERE (? = '' OR gateway = ?) AND id < ? ORDER BY id DESC LIMIT ?`,
		gateway, gateway, before, limit)
	if err != nil {
		return nil, fmt.Errorf("read journal: %w", err)
	}
	defer rows.Close()
	out := []NumberedEntry{}
	for rows.Next() {
		var e NumberedEntry
		var at int64
		if err := rows.Scan(&e.ID, &at, &e.Gateway, &e.Kind, &e.Text.ZH, &e.Text.EN); err != nil {
			return nil, fmt.Errorf("read journal entry: %w", err)
		}
		e.At = time.UnixMilli(at)
		out = append(out, e)
	}
	return out, rows.Err()
}

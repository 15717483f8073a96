// Package memotest takes memos in tests, in the place of package notify.
package memotest

import (
	"context"
	"database/sql"

	"github.com/linshao/linshao/cloud/internal/db"
	"github.com/linshao/linshao/cloud/internal/org/memo"
)

// Told are the memos that went out, those that ended, and how many messages of each arrived.
type Told struct {
	Memos   []string // "kind name name text"
	Ended   []string // "kind about"
	Arrived int
}

// Tell notes a memo.
func (t *Told) Tell(_ context.Context, _ *sql.Tx, m memo.Memo) error {
	to := ""
	for _, p := range m.To {
		to += " " + p.Name
	}
	t.Memos = append(t.Memos, m.Kind+to+" "+m.Text.ZH)
	return nil
}

// End notes that a memo has ended.
func (t *Told) End(_ context.Context, _ *sql.Tx, kind, about string) error {
	t.Ended = append(t.Ended, kind+" "+about)
	return nil
}

// Reached answers Arrived.
func (t *Told) Reached(context.Context, db.Querier, string, string) (int, error) {
	return t.Arrived, nil
}
